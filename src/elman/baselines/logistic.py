"""Logistic regression on features or on the tf-idf of texts, by scikit-learn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from elman.baselines.text_features import word_pattern
from elman.metrics.label_figures import log_loss
from elman.notice import without_warnings

_STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation; the first if there is no validation part


def tfidf_logistic(
    texts: Sequence[Sequence[str]],
    truth: tuple[np.ndarray, np.ndarray],
    *,
    multi_label: bool = False,
) -> np.ndarray:
    """Fits logistic regression on the tf-idf of words and word pairs; returns probabilities of the test part.

    Args:
        texts: texts of training, validation (which may be empty) and test.
        truth: labels of training and validation, [M, V] of 0 and 1.
        multi_label: whether an example has any number of labels.
    """
    training, validation, test = texts
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=word_pattern())
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
    """Fits logistic regression on features [·, F]; see ``tfidf_logistic`` for parts and results."""
    mean, deviation = features[0].mean(0), features[0].std(0)
    unit = np.where(deviation > 0, deviation, 1)
    scaled = [(x - mean) / unit if len(x) else x for x in features]
    return _logistic((scaled[0], scaled[1] if len(scaled[1]) else None, scaled[2]), truth, multi_label)


def _logistic(x: tuple[Any, Any, Any], truth: tuple[np.ndarray, np.ndarray], multi_label: bool) -> np.ndarray:
    """Applies the model with the least validation loss, or the first strength, to the test part."""
    training, validation, test = x
    fitted: list[tuple[float, int, Any]] = []
    for strength in _STRENGTHS if validation is not None else _STRENGTHS[:1]:
        model: Any = LogisticRegression(C=strength, max_iter=1000)
        if multi_label:
            model = OneVsRestClassifier(model)
        with without_warnings():  # of labels that all or no examples have, and of too few iterations
            model.fit(training, truth[0] if multi_label else truth[0].argmax(1))
        loss = (
            0.0
            if validation is None
            else log_loss(truth[1], model.predict_proba(validation), multi_label=multi_label)
        )
        fitted.append((loss, len(fitted), model))
    probabilities: np.ndarray = min(fitted)[2].predict_proba(test)
    return probabilities
