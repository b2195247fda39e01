"""Metrics of predicted labels and of the calibration of their probabilities.

Truth and probabilities are [N, V], for N examples and V labels; the truth is 0 or 1.
"""

from typing import Any

import numpy as np

_LEAST = 1e-12  # lower bound of a probability in a log loss
_BINS = 15


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts how often class i was predicted as class j.

    Shapes:
        truth [N], predicted [N] of class ids → [V, V], rows the truth
    """
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def precision_recall_f1(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Returns precision, recall, F1 and the number of examples of each class; a ratio 0 / 0 is 0.

    Shapes:
        truth [N, V], predicted [N, V] of 0 and 1 → [V, 4]
    """
    both, positive, true = (x.sum(0, dtype=np.float64) for x in (truth * predicted, predicted, truth))
    ratios = [
        np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
        for top, bottom in ((both, positive), (both, true), (2 * both, positive + true))
    ]
    return np.stack([*ratios, true], axis=1)


def log_loss(truth: np.ndarray, probabilities: np.ndarray, *, multi_label: bool = False) -> float:
    """Returns the mean of −log p of the truth: of an example's class, or of each label's presence or absence.

    Shapes:
        truth [N, V] of 0 and 1, probabilities [N, V]

    Units:
        nats per example, or per example and label.
    """
    p = probabilities.astype(np.float64)
    if multi_label:
        return float(-np.log(np.where(truth == 1, p, 1 - p).clip(_LEAST)).mean())
    return float(-np.log((truth * p).sum(1).clip(_LEAST)).mean())


def indicator(ids: np.ndarray, classes: int) -> np.ndarray:
    """Converts class ids [N] to one-hot rows [N, V]."""
    return np.eye(classes, dtype=np.int64)[ids]


def decide(probabilities: np.ndarray, *, multi_label: bool) -> np.ndarray:
    """Returns the prediction as [N, V] of 0 and 1: the most probable class, or each label above one half."""
    if multi_label:
        return (probabilities > 0.5).astype(np.int64)
    return indicator(probabilities.argmax(1), probabilities.shape[1])


def calibration_error(truth: np.ndarray, p: np.ndarray, *, multi_label: bool = False) -> float:
    """Returns the expected calibration error, between confidence and accuracy in 15 bins of confidence.

        Σ_b |B_b| / N · |accuracy(B_b) − confidence(B_b)|

    With several labels, each pair of example and label is one decision.

    Args:
        truth: 0 or 1.
        p: probabilities.
        multi_label: whether an example has any number of labels.

    Shapes:
        truth [N, V], p [N, V]

    Units:
        a probability.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    if multi_label:
        confidence = np.maximum(p, 1 - p).ravel()
        right = ((p > 0.5) == (truth == 1)).ravel()
    else:
        confidence = p.max(1)
        right = truth[np.arange(len(p)), p.argmax(1)] == 1
    bins = (confidence * _BINS).astype(int).clip(0, _BINS - 1)
    gaps = np.bincount(bins, right - confidence, _BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def label_figures(truth: np.ndarray, p: np.ndarray, *, multi_label: bool = False) -> dict[str, Any]:
    """Returns accuracy (with several labels: all of them right), macro F1, log loss and calibration error.

    Macro F1 is the mean over the labels that the truth has or that were predicted, as scikit-learn has it.

    Args:
        truth: 0 or 1; columns past those of ``p`` are labels of probability 0. The log loss, which they make
            infinite, leaves them out; it is None if nothing else remains.
        p: probabilities.
        multi_label: whether an example has any number of labels.

    Shapes:
        truth [N, V + U], p [N, V]
    """
    known = truth[:, : p.shape[1]]
    measured = slice(None) if multi_label else known.any(1)
    whole = np.pad(p, ((0, 0), (0, truth.shape[1] - p.shape[1])))
    predicted = decide(whole, multi_label=multi_label)
    return {
        "accuracy": float((predicted == truth).all(1).mean()),
        "macro_f1": _macro_f1(truth, predicted),
        "log_loss": log_loss(known[measured], p[measured], multi_label=multi_label)
        if len(known[measured])
        else None,
        "calibration_error": calibration_error(truth, whole, multi_label=multi_label),
        "examples": len(truth),
    }


def _macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Returns the mean F1 of the labels with an example or a prediction; 0 if there are none."""
    own = (truth + predicted).any(0)
    return float(precision_recall_f1(truth, predicted)[own, 2].mean()) if own.any() else 0.0


def figures_by_label(
    truth: np.ndarray, p: np.ndarray, names: list[str], *, multi_label: bool = False
) -> dict[str, dict[str, float]]:
    """Returns precision, recall, F1 and number of examples of each label, by its name."""
    table = precision_recall_f1(truth, decide(p, multi_label=multi_label)).tolist()
    columns = ("precision", "recall", "f1", "examples")
    return {name: dict(zip(columns, row, strict=True)) for name, row in zip(names, table, strict=True)}


def surest_mistakes(truth: np.ndarray, p: np.ndarray, most: int) -> np.ndarray:
    """Returns positions of wrong predictions, the most probable first, for single-label examples."""
    wrong = np.flatnonzero(p.argmax(1) != truth.argmax(1))
    return wrong[np.argsort(-p[wrong].max(1), kind="stable")][:most]
