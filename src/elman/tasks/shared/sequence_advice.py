"""What a network's errors on numeric sequences, and the sequences, say is wrong: figures, and what to try."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from elman.diagnose.remedies import Remedy
from elman.tasks.shared.sizing import FRAMES

_UNLIKE = 10.0  # times that a column's size may differ from 1 where columns are not scaled
_LONG = 4  # times as many frames as a network of these sizes should read
_FEWEST_FRAMES = 5
_FEW = 30  # training sequences for each output
_SOME = 0.2  # share of sequences from which something is said
_EXPLAINED = 0.1  # share of an error's variance from which something is said
_SURE = 4.0  # standard errors of a correlation
_LEAST_RARE = 3  # test examples of a label


def sequence_figures(
    training: Sequence[np.ndarray], validation: Sequence[np.ndarray], errors: np.ndarray, limit: int = 0
) -> dict[str, Any]:
    """Returns what ``sequence_remedies`` needs to know.

    Args:
        training: at least one sequence, not scaled.
        validation: n sequences.
        errors: what the network's outputs for these miss; n may be 0.
        limit: steps that are read of each; 0: all.

    Shapes:
        training N × [T, I], validation n × [T, I], errors [n, O]

    Returns:
        ``sequences`` (N) and ``outputs`` (O); ``steps`` of a typical sequence as it is read; ``cut``: the
        share of sequences that are longer; ``largest``, ``smallest``: size of the columns, the root of the
        mean square; ``level``, ``changes``: the share of the errors' variance that a column's mean, and its
        mean change from step to step, explain in the validation part; 0 where chance could.
    """
    lengths = np.array([len(item) for item in training])
    total = sum(np.square(item, dtype=np.float64).sum(0) for item in training)
    sizes = np.sqrt(total / lengths.sum())
    return {
        "sequences": len(training),
        "outputs": errors.shape[1],
        "steps": float(np.median(np.minimum(lengths, limit or lengths))),
        "cut": float(np.mean(lengths > limit)) if limit else 0.0,
        "largest": float(sizes.max()),
        "smallest": float(sizes[sizes > 0].min(initial=sizes.max())),
        "level": _explained(errors, [item.mean(0) for item in validation]),
        "changes": _explained(errors, [_mean_change(item) for item in validation]),
    }


def sequence_remedies(config: Any, results: Mapping[str, Any]) -> Iterator[Remedy]:
    """Proposes options for what a run's results show, the surest first.

    Args:
        config: the run's options, of a classification or a regression.
        results: with ``sequence_figures`` as ``residuals``; without them, nothing is proposed.
    """
    found = results.get("residuals")
    if not found:
        return
    largest, smallest = found["largest"], found["smallest"]
    if not config.standardise and (largest > _UNLIKE or smallest < 1 / _UNLIKE):
        yield _remedy(
            {"standardise": True},
            f"the columns' values are of sizes from {smallest:.2g} to {largest:.2g}; a network learns from "
            "values near 1",
        )
    if found["cut"] > _SOME:
        why = f"{found['cut']:.0%} of the sequences are longer than what is read of them"
        yield _remedy({"max_length": 0}, why)
    explained = "of the errors' variance on the validation part follow from each sequence's"
    if config.centre == "own" and found["level"]:
        yield _remedy({"centre": "both"}, f"{found['level']:.0%} {explained} mean, which is not read")
    if not config.differences and found["changes"]:
        why = f"{found['changes']:.0%} {explained} mean change from step to step"
        yield _remedy({"differences": True}, why)
    yield from _frames(config.frame or 1, found["steps"])
    enough = _FEW * found["outputs"]
    if not config.augment and found["sequences"] < enough:
        yield _remedy(
            {"augment": 1.0},
            f"{found['sequences']:,} sequences are few: training varies them, so that fewer are learnt by "
            "heart",
        )


def rocket_remedies(config: Any, ahead: Sequence[str]) -> Iterator[Remedy]:
    """Proposes the features of MiniRocket if a network without them is behind it.

    Args:
        config: the run's options, of a classification or a regression.
        ahead: names of the simple methods that are ahead on the test part.
    """
    rocket = [name for name in ahead if name.startswith("MiniRocket")]
    if rocket and config.rocket == "none":
        why = f"{rocket[0]} is ahead; its features can stand beside the network"
        yield _remedy({"rocket": "auto"}, why)


def rare_remedies(labels: Mapping[str, Mapping[str, float]]) -> Iterator[Remedy]:
    """Proposes the same weight for all labels if a rare one is never found.

    Args:
        labels: of each label, its test ``examples`` and their ``recall``.
    """
    usual = float(np.mean([row["examples"] for row in labels.values()])) if labels else 0.0
    missed = [
        name
        for name, row in labels.items()
        if _LEAST_RARE <= row["examples"] < usual / 2 and row["recall"] == 0
    ]
    if missed:
        why = f"{missed[0]} is rare, and none of its examples is found: every label can count the same"
        yield _remedy({"class_weights": "balanced"}, why)


def _frames(frame: int, steps: float) -> Iterator[Remedy]:
    """Proposes frames of another size where a sequence has too many of them, or next to none."""
    frames, advised = steps / frame, max(1, math.ceil(steps / FRAMES))
    if frames > _LONG * FRAMES:
        why = f"a typical sequence has {frames:,.0f} frames, of which the first are forgotten"
        yield _remedy({"frame": advised}, why)
    elif frames < _FEWEST_FRAMES < steps:
        why = f"{frame} steps at once leave {math.ceil(frames)} of a typical sequence: nothing recurs"
        yield _remedy({"frame": advised}, why)


def _remedy(options: dict[str, Any], why: str) -> Remedy:
    return Remedy(options, why, of_the_data=True)


def _mean_change(item: np.ndarray) -> np.ndarray:
    """Returns the mean size [I] of the change from step to step."""
    return np.asarray(np.abs(np.diff(item, axis=0)).mean(0)) if len(item) > 1 else np.zeros(item.shape[1])


def _explained(errors: np.ndarray, summaries: Sequence[np.ndarray]) -> float:
    """Returns the largest share of an error's variance that one number of each sequence explains.

    It is 0 below ``_EXPLAINED``, or where the correlation could be chance.

    Shapes:
        errors [n, O], summaries n × [S]
    """
    number = len(errors)
    if number < _SURE**2:
        return 0.0
    x, e = _standard(np.stack(summaries)), _standard(errors)
    share = float(np.square(x.T @ e / number).max())
    return share if share > max(_EXPLAINED, _SURE**2 / number) else 0.0


def _standard(values: np.ndarray) -> np.ndarray:
    """Returns columns with mean 0 and variance 1; constant ones are 0."""
    centred = values.astype(np.float64) - values.mean(0)
    deviation = centred.std(0)
    return np.asarray(centred / np.where(deviation > 0, deviation, np.inf))
