"""Which units keep track of which nameable thing, by a measure that says how well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elman.diagnose import HiddenStates
from elman.inspect.text import YES_OR_NO

_LEAST = 30  # steps on either side; of fewer, the best of many units would be good by chance


@dataclass(frozen=True)
class Tracker:
    """A unit, and how well it tells a property of the text.

    Attributes:
        name: of the property, as "inside quotes".
        measure: "AUC" where the property is yes or no, otherwise "|correlation|".
        value: of the measure. AUC: the probability that the unit's value at a step with the property is on
            its own side of its value at a step without, 0.5 by chance; |correlation|: Pearson's, 0 by chance.
        layer: index of the layer and direction.
        part: name of the state that the unit is in.
        unit: its number.
        sign: 1 where the unit rises with the property, −1 where it falls.
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
    """The units that track each property best, best first.

    Args:
        layers: the states; left out are those of a layer of another number of steps, and of a reverse
            direction, which has read what follows and not what came before.
        properties: values [T, B] by name; NaN where a row has no such step.
        most: units of each property.

    Returns:
        The ranking by the property's name. A property that hardly varies here has none: yes-or-no ones need
        30 steps of either kind, the others 30 steps that differ from the most frequent value.
    """
    found: dict[str, list[Tracker]] = {}
    forward = [(k, layer) for k, layer in enumerate(layers) if not layer.layer.endswith(" reverse")]
    for name, values in properties.items():
        ranked: list[Tracker] = []
        for index, layer in forward:
            for part, states in layer.states.items():
                if states.shape[:2] == values.shape:
                    ranked += _of_units(name, values, states, index, part, most)
        if ranked:
            found[name] = sorted(ranked, key=lambda tracker: -tracker.value)[:most]
    return found


def _of_units(
    name: str, values: np.ndarray, states: np.ndarray, layer: int, part: str, most: int
) -> list[Tracker]:
    """The best units of one state."""
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
    """Of each column the area under the ROC curve: P(score of a true one > of a false one), ties half.

    Shapes:
        scores [N, U], truth [N] bool → [U]

    Source: Mann & Whitney 1947, whose U it is, divided by the number of pairs.
    """
    positive, negative = int(truth.sum()), int((~truth).sum())
    found = np.empty(scores.shape[1])
    for unit, column in enumerate(scores.T):
        others = np.sort(column[~truth])
        below, upto = (np.searchsorted(others, column[truth], side) for side in ("left", "right"))
        found[unit] = (below.sum() + upto.sum()) / 2 / (positive * negative)
    return found


def correlation(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each column with the truth, 0 where a column is constant.

    Shapes:
        scores [N, U], truth [N] → [U]
    """
    x, y = scores - scores.mean(0), truth - truth.mean()
    size = np.sqrt(np.square(x).sum(0) * np.square(y).sum())
    # of a constant column rounding may leave a little
    varies = np.ptp(scores, axis=0) > 0
    return np.divide(y @ x, size, out=np.zeros(len(size)), where=varies & (size > 0))
