"""Baselines for the tags of numbers: each learns from training sequences and tags the steps of others."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch

from elman.baselines.linear import logistic_regression
from elman.data.scale import scaled, standard
from elman.data.tagged.sequences import Tagged, Words

_AROUND = 12  # steps on each side
_MOST_STEPS = 100_000  # that are learnt from, evenly spaced
_STRENGTH = 1.0  # inverse regularisation
_FARTHEST = 10.0  # deviations


def simple_step_tags(training: Tagged, test: Tagged) -> dict[str, list[Words]]:
    """Returns the tags of the test sequences by each simple method; the test part's own are not read."""
    most = Counter(tag for tag in chain(*training.tags) if tag).most_common(1)[0][0]
    around = f"logistic regression on means and deviations of {2 * _AROUND + 1} steps"
    return {
        "most frequent tag": [(most,) * len(item) for item in test.items],
        "logistic regression on the numbers of a step": _by_regression(training, training.items, test.items),
        around: _by_regression(
            training, list(map(_summaries, training.items)), list(map(_summaries, test.items))
        ),
    }


def _summaries(x: np.ndarray) -> np.ndarray:
    """Returns the numbers of each step, and their mean and deviation over the steps around it: [T, 3 I]."""
    at = np.arange(len(x))
    begin, end = np.maximum(at - _AROUND, 0), np.minimum(at + _AROUND + 1, len(x))
    level = x.mean(0)
    centred = x - level
    sums, squares = (np.concatenate([[0 * level], each.cumsum(0)]) for each in (centred, centred**2))
    number = (end - begin)[:, None]
    mean = (sums[end] - sums[begin]) / number
    variance = (squares[end] - squares[begin]) / number - mean**2
    return np.concatenate([x, mean + level, np.sqrt(np.maximum(variance, 0))], 1)


def _by_regression(
    training: Tagged, known: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> list[Words]:
    """Tags each step by logistic regression on its features [T, F]."""
    tags = np.array(list(chain(*training.tags)), dtype=object)
    rows = np.flatnonzero(tags != "")
    rows = rows[:: max(1, -(-len(rows) // _MOST_STEPS))]
    x = np.concatenate(list(known))[rows]
    mean, scale = (np.array(each) for each in standard(x))

    def features(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(scaled(values, mean, scale)).clamp(-_FARTHEST, _FARTHEST)

    names, ids = np.unique(tags[rows].astype(str), return_inverse=True)
    truth = torch.nn.functional.one_hot(torch.from_numpy(ids), len(names))
    model = logistic_regression(features(x), truth, _STRENGTH)
    return [tuple(names[model.logits(features(each)).argmax(1).numpy()].tolist()) for each in others]
