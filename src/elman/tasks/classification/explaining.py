"""How much each piece of a text supports a label, by the network and by n-grams together."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from elman.baselines.text_features import Ngrams
from elman.metrics.calibration import probabilities
from elman.tasks.shared.wide import Wide


def explained(
    wide: Wide,
    item: tuple[str, ...],
    pieces: Sequence[Sequence[str]],
    network: Sequence[Sequence[float]],
    logits: np.ndarray,
    label: int,
    multi_label: bool,
) -> list[list[float]]:
    """Returns how much each piece of an item's texts supports a label, by network and n-grams together.

    An n-gram adds its value times its weight, as the log odds of the label change to first order. That is
    divided evenly among its occurrences, and there among its characters.

    Args:
        wide: the n-grams.
        item: one text, or two.
        pieces: of each text.
        network: what each piece adds by the network alone.
        logits: [V] of the item by both parts.
        label: the class that is explained.
        multi_label: whether an example has any number of labels.

    Units:
        nats of log odds.
    """
    direction = np.zeros(len(logits))
    if not multi_label:
        others = np.arange(len(logits)) != label
        direction[others] = -probabilities(logits[None, others])[0]
    direction[label] = 1.0
    own = support(wide, item, direction)
    explained = []
    for text, cut, by_network, by_character in zip(item, pieces, network, own, strict=True):
        sums = np.concatenate([[0.0], by_character.cumsum()])
        explained.append(
            [
                float(wide.shares[0]) * weight + float(sums[end] - sums[begin])
                for weight, (begin, end) in zip(by_network, places(text, cut), strict=True)
            ]
        )
    return explained


def support(wide: Wide, item: tuple[str, ...], direction: np.ndarray) -> list[np.ndarray]:
    """Returns what each character of an item's texts adds to a sum of logits with weights [V]."""
    added = [np.zeros(len(text.lower()) + 2) for text in item]  # and a space around each
    for part in wide.parts:
        ngrams = part.features
        assert isinstance(ngrams, Ngrams)
        found = ngrams.occurrences(item)
        at, known = ngrams.find(found.keys)
        row = ngrams.rows([item])
        values = dict(zip(row.columns.tolist(), row.values.tolist(), strict=True))
        counts = Counter(at[known].tolist())
        for k in np.flatnonzero(known):
            column = int(at[k])
            share = values[column] * float(part.weights[column] @ direction) / counts[column]
            begin, end = found.begins[k] + 1, found.ends[k] + 1
            added[found.texts[k]][begin:end] += float(wide.shares[1]) * share / (end - begin)
    return [each[1:-1] for each in added]


def places(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Returns begin and end of each piece in a text; it ends where the next one begins.

    A piece that is not found, such as the unknown word, gets what lies between its neighbours.
    """
    text, end, begins = text.lower(), 0, []
    for piece in pieces:
        own = piece.strip().lower()
        edge = r"(?<!\w){}(?!\w)" if own.isalnum() else "{}"
        found = re.compile(edge.format(re.escape(own))).search(text, end) if own else None
        if found is None and own and text.startswith(own, end):  # part of a word
            begins.append(end)
            end += len(own)
        else:
            begins.append(end if found is None else found.start())
            end = end if found is None else found.end()
    is_last_found = bool(begins) and begins[-1] < end
    return list(pairwise([*begins, end if is_last_found else len(text)]))
