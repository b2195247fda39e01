"""What simple methods reach at classification: the baselines beside a network's figures.

Each gives probabilities [N, V] for the test part from the training part. What has to be chosen is chosen on
the validation part.
"""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from elman.data.labelled.examples import Labelled
from elman.metrics.label_figures import log_loss

_STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation; the first where there is no validation part


def simple_probabilities(
    parts: tuple[Labelled, Labelled, Labelled],
    truth: tuple[np.ndarray, np.ndarray],
    *,
    multi_label: bool = False,
) -> dict[str, np.ndarray]:
    """What each simple method says of the test part, by name; logistic regression if scikit-learn is there.

    Args:
        parts: training, validation (which may be empty) and test.
        truth: of training and validation, [M, V] of 0 and 1.
        multi_label: whether an example has any number of labels.
    """
    test = parts[-1]
    found = {"most frequent label": majority(truth[0], len(test))}
    with suppress(ImportError):  # the report says how to get it
        if test.texts:
            texts = [[" ".join(item) for item in part.items] for part in parts]
            found["tf-idf + logistic regression"] = tfidf_logistic(texts, truth, multi_label=multi_label)
        else:
            x = [np.array([[*item.mean(0), *item[-1]] for item in part.items]) for part in parts]
            found["logistic regression on mean and last step"] = logistic(x, truth, multi_label=multi_label)
    return found


def majority(train: np.ndarray, test_size: int) -> np.ndarray:
    """How often each class, or each label, occurs in training.

    Shapes:
        train [M, V] of 0 and 1 → [N, V]
    """
    return np.broadcast_to(train.mean(0), (test_size, train.shape[1]))


def nearest_mean(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The class whose mean is nearest.

    Shapes:
        train [M, F], labels [M] of class ids, test [N, F] → class ids [N]
    """
    classes = np.unique(labels)
    means = np.stack([train[labels == each].mean(0, dtype=np.float64) for each in classes])
    # |x − m|² = |x|² − 2 x · m + |m|², of which the first is the same for all classes
    distances = np.square(means).sum(1) - 2 * test.astype(np.float64) @ means.T
    return classes[distances.argmin(1)]


def tfidf_logistic(
    texts: Sequence[Sequence[str]],
    truth: tuple[np.ndarray, np.ndarray],
    *,
    multi_label: bool = False,
) -> np.ndarray:
    """Logistic regression on tf-idf of words and pairs of words.

    Args:
        texts: of training, validation (which may be empty) and test.
        truth: of training and validation, [M, V] of 0 and 1.
        multi_label: whether an example has any number of labels.

    Raises:
        ImportError: scikit-learn is not there.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    training, validation, test = texts
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\w+|[^\w\s]")
    x = (
        vectors.fit_transform(training),
        *(vectors.transform(part) if len(part) else None for part in (validation, test)),
    )
    return _logistic(x, truth, multi_label)


def logistic(
    features: Sequence[np.ndarray],
    truth: tuple[np.ndarray, np.ndarray],
    *,
    multi_label: bool = False,
) -> np.ndarray:
    """Logistic regression on the features [·, F] of training, validation (which may be empty) and test.

    Raises:
        ImportError: scikit-learn is not there.
    """
    mean, deviation = features[0].mean(0), features[0].std(0)
    scaled = [(x - mean) / np.where(deviation > 0, deviation, 1) for x in features]
    return _logistic((scaled[0], scaled[1] if len(scaled[1]) else None, scaled[2]), truth, multi_label)


def _logistic(x: tuple[Any, Any, Any], truth: tuple[np.ndarray, np.ndarray], multi_label: bool) -> np.ndarray:
    """The strength of least validation loss, or the first, fitted and applied to the test part."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    training, validation, test = x
    fitted: list[tuple[float, int, Any]] = []
    for strength in _STRENGTHS if validation is not None else _STRENGTHS[:1]:
        model: Any = LogisticRegression(C=strength, max_iter=1000)
        if multi_label:
            model = OneVsRestClassifier(model)
        with warnings.catch_warnings():
            # of a label that every example has or none, and of steps that did not suffice
            warnings.simplefilter("ignore")
            model.fit(training, truth[0] if multi_label else truth[0].argmax(1))
        loss = (
            0.0
            if validation is None
            else log_loss(truth[1], model.predict_proba(validation), multi_label=multi_label)
        )
        fitted.append((loss, len(fitted), model))
    return min(fitted)[2].predict_proba(test)
