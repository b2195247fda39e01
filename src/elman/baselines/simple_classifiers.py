"""Baselines for classification.

Each learns from the training part and returns probabilities [N, V] for the test part. Options are chosen on
the validation part.
"""

import numpy as np

from elman.baselines.minirocket import minirocket_ridge
from elman.data.labelled.examples import Labelled
from elman.errors import InputError
from elman.metrics.calibration import probabilities
from elman.metrics.pool import fit_pool
from elman.registry import load_module

_LOG_ODDS = 4.0  # of a score of 1, before anything is seen


def simple_probabilities(
    parts: tuple[Labelled, Labelled, Labelled],
    truth: tuple[np.ndarray, np.ndarray],
    *,
    multi_label: bool = False,
) -> dict[str, np.ndarray]:
    """Returns the probabilities of each simple method by name; logistic regression needs scikit-learn.

    Args:
        parts: training, validation (which may be empty) and test.
        truth: labels of training and validation, [M, V] of 0 and 1.
        multi_label: whether an example has any number of labels.
    """
    test = parts[-1]
    found = {"most frequent label": majority(truth[0], len(test))}
    if not (test.texts or test.planes):
        found |= _by_minirocket(parts, truth[0], multi_label)
    try:
        regression = load_module("elman.baselines.logistic")
    except InputError:  # scikit-learn is missing; the report explains how to install it
        return found
    if test.texts:
        texts = [[" ".join(item) for item in part.items] for part in parts]
        found["tf-idf + logistic regression"] = regression.tfidf_logistic(
            texts, truth, multi_label=multi_label
        )
    elif test.planes:
        found["logistic regression on mean and motion-energy picture"] = regression.logistic(
            [np.array([*map(pictures, part.items)]) for part in parts], truth, multi_label=multi_label
        )
    else:
        x = [np.array([[*item.mean(0), *item[-1]] for item in part.items]) for part in parts]
        found["logistic regression on mean and last step"] = regression.logistic(
            x, truth, multi_label=multi_label
        )
    return found


def pictures(clip: np.ndarray) -> np.ndarray:
    """Returns the mean picture of a clip and its motion energy: the mean change of each pixel in a step.

    Shapes:
        clip [T, C, H, W] → [2 · C · H · W]

    Source: Bobick & Davis 2001, "The recognition of human movement using temporal templates" (there of
    differences beyond a threshold).
    """
    energy = np.abs(np.diff(clip.astype(np.float32), axis=0))
    return np.concatenate([clip.mean(0, dtype=np.float32).ravel(), energy.mean(0).ravel()])


def _by_minirocket(
    parts: tuple[Labelled, Labelled, Labelled], truth: np.ndarray, multi_label: bool
) -> dict[str, np.ndarray]:
    """Returns the probabilities of ridge regressions on MiniRocket's features, one for each label.

    Their distance from −1 to 1 counts as log odds, in a unit that fits the examples left out.
    """
    training, _, test = parts
    scores = minirocket_ridge(training.items, 2.0 * truth - 1, test.items)
    if scores is None:
        return {}
    (unit,) = fit_pool(truth, [scores.left_out], [_LOG_ODDS], multi_label=multi_label)
    return {"MiniRocket + ridge": probabilities(unit * scores.others, multi_label=multi_label)}


def majority(train: np.ndarray, test_size: int) -> np.ndarray:
    """Returns the frequency of each class or label in training.

    Shapes:
        train [M, V] of 0 and 1 → [N, V]
    """
    return np.broadcast_to(train.mean(0), (test_size, train.shape[1]))


def nearest_mean(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Returns the class with the nearest mean.

    Shapes:
        train [M, F], labels [M] of class ids, test [N, F] → class ids [N]
    """
    classes = np.unique(labels)
    means = np.stack([train[labels == name].mean(0, dtype=np.float64) for name in classes])
    # |x − m|² = |x|² − 2 x · m + |m|², where |x|² is the same for all classes
    distances = np.square(means).sum(1) - 2 * test.astype(np.float64) @ means.T
    return classes[distances.argmin(1)]
