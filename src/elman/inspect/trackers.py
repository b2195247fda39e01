"""Ranks units by how well they track properties of a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elman.diagnose import HiddenStates
from elman.inspect.text import YES_OR_NO

_LEAST = 30  # steps on either side; with fewer, the best of many units would be good by chance


@dataclass(frozen=True)
class Tracker:
    """A unit, and how well it tracks a property of the text.

    Attributes:
        name: name of the property, such as "inside quotes".
        measure: "AUC" for a yes-or-no property, otherwise "|correlation|".
        value: value of the measure. AUC: the probability that the unit's value ranks a step with the property
            above one without (below, if ``sign`` is −1), 0.5 by chance; |correlation|: Pearson's, 0 by
            chance.
        layer: index of layer and direction.
        part: name of the state that the unit belongs to.
        unit: index of the unit.
        sign: 1 if the unit rises with the property, −1 if it falls.
    """

    name: str
    measure: str
    value: float
    layer: int
    part: str
    unit: int
    sign: int


def rank_trackers(
    layers: Sequence[HiddenStates], properties: Mapping[str, np.ndarray], most: int = 3
) -> dict[str, list[Tracker]]:
    """Ranks the units that track each property best, best first.

    Args:
        layers: the states. Layers with another number of steps are skipped, and reverse directions, which
            have read the text after a step instead of the text before it.
        properties: values [T, B] by name; NaN past a row's end.
        most: number of units for each property.

    Returns:
        The ranking by property name, without properties that hardly vary: yes-or-no ones need 30 steps of
        either kind, the others 30 steps that differ from the most frequent value.
    """
    trackers: dict[str, list[Tracker]] = {}
    forward = [(k, layer) for k, layer in enumerate(layers) if not layer.layer.endswith(" reverse")]
    for name, values in properties.items():
        ranked: list[Tracker] = []
        for index, layer in forward:
            for part, states in layer.states.items():
                if states.shape[:2] == values.shape:
                    ranked += _of_units(name, values, states, index, part, most)
        if ranked:
            trackers[name] = sorted(ranked, key=lambda tracker: -tracker.value)[:most]
    return trackers


def _of_units(
    name: str, values: np.ndarray, states: np.ndarray, layer: int, part: str, most: int
) -> list[Tracker]:
    """Returns the best units of one state."""
    units = states.reshape(*states.shape[:2], -1)
    there = ~np.isnan(values) & ~np.isnan(units).any(-1)
    truth, seen = values[there], units[there]
    if not len(truth) or np.unique(truth, return_counts=True)[1].max() > len(truth) - _LEAST:
        return []
    is_area = name in YES_OR_NO
    signed = 2 * area_under_curve(seen, truth > 0.5) - 1 if is_area else correlation(seen, truth)
    best = np.argsort(-abs(signed), kind="stable")[:most]
    return [
        Tracker(
            name,
            "AUC" if is_area else "|correlation|",
            float((abs(signed[unit]) + 1) / 2 if is_area else abs(signed[unit])),
            layer,
            part,
            int(unit),
            1 if signed[unit] >= 0 else -1,
        )
        for unit in best
    ]


def area_under_curve(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Computes the area under the ROC curve of each column: P(true score > false score), ties count half.

    Shapes:
        scores [N, U], truth [N] bool → [U]

    Source: Mann & Whitney 1947: their U divided by the number of pairs.
    """
    positive, negative = int(truth.sum()), int((~truth).sum())
    areas = np.empty(scores.shape[1])
    for unit, column in enumerate(scores.T):
        others = np.sort(column[~truth])
        below, upto = (np.searchsorted(others, column[truth], side) for side in ("left", "right"))
        areas[unit] = (below.sum() + upto.sum()) / 2 / (positive * negative)
    return areas


def correlation(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Computes Pearson's correlation of each column with the truth; 0 for a constant column.

    Shapes:
        scores [N, U], truth [N] → [U]
    """
    x, y = scores - scores.mean(0), truth - truth.mean()
    size = np.sqrt(np.square(x).sum(0) * np.square(y).sum())
    # rounding may leave a constant column with a small deviation
    varies = np.ptp(scores, axis=0) > 0
    return np.divide(y @ x, size, out=np.zeros(len(size)), where=varies & (size > 0))
