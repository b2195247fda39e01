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
    truth: Sequence[Words],
    predicted: Sequence[Words],
    unknown: Sequence[np.ndarray] | None,
    *,
    are_spans: bool,
) -> dict[str, Any]:
    """Returns the accuracy over all steps, that over unknown words, and the figures of spans or macro F1.

    Args:
        truth: tags of N sequences; "" where one is unknown, which is left out.
        predicted: as many tags for each.
        unknown: whether each word is unknown; without any there is no figure of them. None: of numbers.
        are_spans: whether tags mark spans.
    """
    right, known = _right(truth, predicted), np.array([bool(tag) for tag in chain(*truth)])
    figures: dict[str, Any] = {"accuracy": float(right[known].mean()) if known.any() else 0.0}
    if unknown is not None:
        new = np.concatenate(unknown)
        figures |= {"accuracy_unknown": float(right[new].mean())} if new.any() else {}
        figures |= {"unknown_words": int(new.sum())}
    if are_spans:
        figures |= span_counts(truth, predicted).figures()
    else:
        each = figures_by_name(truth, predicted, are_spans=False)
        figures["macro_f1"] = float(np.mean([row["f1"] for row in each.values()]))
    steps, number = ("steps", "sequences") if unknown is None else ("words", "sentences")
    return figures | {steps: int(known.sum()), number: len(truth)}


def _right(truth: Sequence[Words], predicted: Sequence[Words]) -> np.ndarray:
    """Returns whether each tag is right, over the steps of all sequences."""
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
    pairs = [(a, b) for a, b in zip(chain(*truth), chain(*predicted), strict=True) if a]
    names = sorted({name for pair in pairs for name in pair})
    number = {name: k for k, name in enumerate(names)}
    ids = np.array([(number[a], number[b]) for a, b in pairs], np.int64).reshape(-1, 2)
    own, other = (indicator(each, len(names)) for each in ids.T)
    table = figures_by_label(own, other.astype(np.float64), names)
    return {
        name: {"number" if k == "examples" else k: v for k, v in row.items()} for name, row in table.items()
    }


def confusions(truth: Sequence[Words], predicted: Sequence[Words]) -> list[dict[str, Any]]:
    """Returns the pairs of tags that are confused most often."""
    pairs = Counter(
        (a, b) for a, b in zip(chain(*truth), chain(*predicted), strict=True) if a and a != b
    ).most_common(_KEPT)
    return [{"tag": a, "predicted": b, "times": count} for (a, b), count in pairs]


def worst_sequences(part: Tagged, predicted: Sequence[Words]) -> list[dict[str, Any]]:
    """Returns the sequences with the most wrong tags; of words, with these and both tags."""
    wrong = [
        sum(bool(a) and a != b for a, b in zip(*both, strict=True))
        for both in zip(part.tags, predicted, strict=True)
    ]
    found = []
    for k in np.argsort([-count for count in wrong], kind="stable")[:_KEPT]:
        own: dict[str, Any] = {"place": part.places[k], "wrong": wrong[k], "of": len(part.tags[k])}
        if not part.features:
            three = {"words": part.words[k], "tags": part.tags[k], "predicted": predicted[k]}
            own |= {name: list(each[:_LONGEST]) for name, each in three.items()}
        found += [own] if wrong[k] else []
    return found
