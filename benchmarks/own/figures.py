"""Figures of each test row, the same for all methods."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from own.numbers import known_before


def accuracy_rows(labels: Sequence[str], predicted: Sequence[str]) -> list[float]:
    """Returns 1 for each right label, 0 for each wrong one."""
    return [float(label == guess) for label, guess in zip(labels, predicted, strict=True)]


def chrf_rows(translations: Sequence[str], references: Sequence[str]) -> list[float]:
    """Returns chrF of each sentence, 0 to 100."""
    from sacrebleu import sentence_chrf  # translation alone needs it

    pairs = zip(translations, references, strict=True)
    return [sentence_chrf(translation, [reference]).score for translation, reference in pairs]


def corpus_bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Returns BLEU of the test part, 0 to 100."""
    from sacrebleu import corpus_bleu as bleu

    return bleu(list(translations), [list(references)]).score


def squared_rows(
    targets: Sequence[float], predicted: Sequence[float], training: Sequence[float]
) -> list[float]:
    """Returns squared errors as a share of the variance of the training targets."""
    errors = np.asarray(targets, float) - np.asarray(predicted, float)
    return (errors**2 / np.var(np.asarray(training, float))).tolist()


def mase_row(history: np.ndarray, future: np.ndarray, forecast: np.ndarray, season: int) -> float | None:
    """Returns the mean absolute error of one forecast, in units of the seasonal naive's in the history.

    Args:
        history: values before the first test step.
        future: values that were forecast; NaN where one is missing.
        forecast: forecast of each of them.
        season: steps of the season; a history that is no longer has a season of one step.

    Returns:
        None if no value is known, or if the history repeats itself exactly.

    Source: Hyndman and Koehler 2006.
    """
    lag = season if len(history) > season else 1
    unit = np.nanmean(np.abs(history[lag:] - history[:-lag]))
    errors = np.abs(future - forecast)
    if np.isnan(forecast).any():  # its error would be left out, as that of a missing value is
        raise ValueError("a forecast has no value")
    return float(np.nanmean(errors) / unit) if unit > 0 and not np.isnan(errors).all() else None


def mase_rows(
    values: Mapping[str, np.ndarray], forecasts: Mapping[str, np.ndarray], about: Mapping[str, Any]
) -> list[float]:
    """Returns the figure of each forecast that has one, the same ones for every method.

    Args:
        values: each series with its test part.
        forecasts: of each series, [windows, horizon].
        about: of the set.
    """
    rows = []
    for name, one in values.items():
        history = one[: len(one) - known_before(about, 0)]
        for window in range(about["windows"]):
            end = len(one) - known_before(about, window)
            future = one[end : end + about["horizon"]]
            rows.append(mase_row(history, future, forecasts[name][window], about["season"]))
    return [row for row in rows if row is not None]


def vus_pr(scores: np.ndarray, labels: np.ndarray, period: int) -> float:
    """Returns the volume under the surface of precision and recall, by TSB-AD's own code.

    Args:
        scores: of the test rows, higher is more anomalous.
        labels: 1 at an anomaly.
        period: the widest margin around an anomaly, in rows.

    Source: Paparrizos et al. 2022, PVLDB 15(11); Liu and Paparrizos 2024 (TSB-AD).
    """
    from TSB_AD.evaluation.basic_metrics import generate_curve  # anomaly detection alone needs it

    known = np.nan_to_num(scores, nan=0.0)  # a row without a value may have no score
    return float(generate_curve(labels.astype(int), known, period)[-1])


def period_of(values: np.ndarray) -> int:
    """Returns the strongest period of a recording's first column: TSB-AD's width of margins."""
    from TSB_AD.utils.slidingWindows import find_length_rank

    column = np.asarray(values[:, 0], float)
    known = np.flatnonzero(~np.isnan(column))
    return int(find_length_rank(np.interp(np.arange(len(column)), known, column[known])[:, None], rank=1))
