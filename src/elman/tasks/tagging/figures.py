"""Figures of predicted tags."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from elman.data.tagged.sequences import Tagged, Words
from elman.metrics.label_figures import figures_by_label, indicator
from elman.metrics.spans import span_counts

_KEPT, _LONGEST = 10, 60  # confusions and sentences in the results, and words of each


def tag_figures(
    truth: Sequence[Words], predicted: Sequence[Words], unknown: Sequence[np.ndarray], are_spans: bool
) -> dict[str, Any]:
    """Returns the accuracy over all words, that over unknown ones, and the figures of spans.

    Args:
        truth: tags of N sentences.
        predicted: as many tags for each.
        unknown: whether each word is unknown; without any there is no figure of them.
        are_spans: whether tags mark spans.
    """
    right = _right(truth, predicted)
    new = np.concatenate(unknown)
    figures: dict[str, Any] = {"accuracy": float(right.mean())}
    if new.any():
        figures["accuracy_unknown"] = float(right[new].mean())
    if are_spans:
        figures |= span_counts(truth, predicted).figures()
    return figures | {"words": len(right), "unknown_words": int(new.sum()), "sentences": len(truth)}


def _right(truth: Sequence[Words], predicted: Sequence[Words]) -> np.ndarray:
    """Returns whether each tag is right, over the words of all sentences."""
    return np.array([a == b for a, b in zip(chain(*truth), chain(*predicted), strict=True)])


def figures_by_name(
    truth: Sequence[Words], predicted: Sequence[Words], *, are_spans: bool
) -> dict[str, dict[str, float]]:
    """Returns precision, recall, F1 and number of each tag or, where tags mark spans, of each type."""
    if are_spans:
        found = span_counts(truth, predicted).figures_by_kind()
        return {
            kind: {"number" if k == "spans" else k: v for k, v in row.items()} for kind, row in found.items()
        }
    names = sorted({*chain(*truth), *chain(*predicted)})
    number = {name: k for k, name in enumerate(names)}
    own, other = (
        indicator(np.array([number[tag] for tag in chain(*tags)]), len(names)) for tags in (truth, predicted)
    )
    table = figures_by_label(own, other.astype(np.float64), names)
    return {
        name: {"number" if k == "examples" else k: v for k, v in row.items()} for name, row in table.items()
    }


def confusions(truth: Sequence[Words], predicted: Sequence[Words]) -> list[dict[str, Any]]:
    """Returns the pairs of tags that are confused most often."""
    pairs = Counter(
        (a, b) for a, b in zip(chain(*truth), chain(*predicted), strict=True) if a != b
    ).most_common(_KEPT)
    return [{"tag": a, "predicted": b, "words": count} for (a, b), count in pairs]


def worst_sentences(part: Tagged, predicted: Sequence[Words]) -> list[dict[str, Any]]:
    """Returns the sentences with the most wrong tags, with their words and both tags."""
    wrong = [
        sum(a != b for a, b in zip(*both, strict=True)) for both in zip(part.tags, predicted, strict=True)
    ]
    order = np.argsort([-count for count in wrong], kind="stable")[:_KEPT]
    return [
        {
            "place": part.places[k],
            "wrong": wrong[k],
            "words": list(part.words[k][:_LONGEST]),
            "tags": list(part.tags[k][:_LONGEST]),
            "predicted": list(predicted[k][:_LONGEST]),
        }
        for k in order
        if wrong[k]
    ]
