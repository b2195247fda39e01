"""Splits data into training, validation and test parts."""

import warnings
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from elman.errors import InputError

PARTS = ("training", "validation", "test")


def split_points(
    length: int, shares: tuple[float, float, float], unit: str = "tokens", source: str = ""
) -> tuple[int, int]:
    """Return where validation and test begin, when a sequence is cut by position.

    Args:
        length: N, tokens in the whole sequence.
        shares: shares of training, validation and test. They sum to 1; the last two may be 0.
        unit: what the sequence consists of, for messages.
        source: where the data come from, for messages.

    Returns:
        (a, b): training is [0, a), validation [a, b), test [b, N).

    Raises:
        InputError: the shares are invalid (see ``shares``); or a part with a share above 0 would hold fewer
            than two tokens, and so no target.
    """
    name = _check_shares(shares)
    training, validation, test = shares
    # divided by their sum, so that a share of 0 gets exactly no token
    total = training + validation + test
    a, b = (round(length * share / total) for share in (training, training + validation))
    for part, share, (begin, end) in zip(PARTS, shares, pairwise((0, a, b, length)), strict=True):
        if share and end - begin < 2:
            raise InputError(
                f"{source and source + ': '}{name}: every part needs at least 2 {unit}. "
                f"Of {length} {unit}, {part} gets {end - begin}."
            )
    return a, b


def trained_on(shares: tuple[float, float, float], given: Collection[str]) -> tuple[float, float, float]:
    """Returns the shares when some parts come from elsewhere: training gets the shares of these parts.

    Args:
        shares: shares of training, validation and test part.
        given: names of the parts that come from elsewhere.

    Raises:
        InputError: the shares are invalid.
    """
    _check_shares(shares)
    validation, test = (
        0.0 if part in given else share for part, share in zip(PARTS[1:], shares[1:], strict=True)
    )
    return sum(shares) - validation - test, validation, test


def warn_of_repeats(
    parts: Mapping[str, Sequence[Hashable]], place: Callable[[str, int], str], unit: str = "examples"
) -> None:
    """Warns in one line if another part repeats items of the training part.

    Args:
        parts: the keys to compare, by part.
        place: from the name of a part and a position to the place where that item was read.
        unit: what the items are, for the message.
    """
    seen = set(parts["training"])
    for name, keys in parts.items():
        rows = [row for row, key in enumerate(keys) if key in seen]
        if name != "training" and rows:
            warnings.warn(
                f"{len(rows)} of the {len(keys)} {unit} of the {name} part are also in the training part, "
                f"so its scores are optimistic; the first: {place(name, rows[0])}",
                stacklevel=2,
            )


def _check_shares(shares: tuple[float, float, float]) -> str:
    """Returns the name of the split for messages."""
    name = f"split {'/'.join(f'{share:g}' for share in shares)}"
    # written so that NaN fails too
    if not (len(shares) == 3 and shares[0] > 0 and min(shares[1:]) >= 0 and abs(sum(shares) - 1) <= 1e-6):
        raise InputError(f"{name}: must be three shares that sum to 1, of which only the last two may be 0")
    return name


def stratified_split(
    labels: Sequence[str], shares: tuple[float, float, float], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns positions of training, validation and test examples, drawn at random within each label.

    Each label gets its share of each part, to within one example, and at least one training example, so
    that no other part has a label that training lacks.

    Args:
        labels: [N] labels of the examples.
        shares: shares of training, validation and test part. They sum to 1; the last two may be 0.
        seed: seed of the draw.

    Raises:
        InputError: the shares are invalid, or a part with a share above 0 would get no example.
    """
    name = _check_shares(shares)
    order = _by_label(labels, seed)
    sorted_labels = np.asarray(labels, dtype=object)[order]
    # the first example of each label always goes to training
    is_first = np.concatenate([[True], sorted_labels[1:] != sorted_labels[:-1]])
    free = order[~is_first]
    counts = [round(len(order) * share / sum(shares)) for share in shares[1:]]
    if sum(counts) > len(free) or any(
        share and not count for share, count in zip(shares[1:], counts, strict=True)
    ):
        raise InputError(
            f"{name}: every part needs at least one example, and training one of each label. "
            f"Got {len(order)} examples with {int(is_first.sum())} different labels."
        )
    test, rest = _every(free, counts[1])
    validation, rest = _every(rest, counts[0])
    return np.sort(np.concatenate([order[is_first], rest])), np.sort(validation), np.sort(test)


def stratified_folds(labels: Sequence[str], folds: int, seed: int) -> list[np.ndarray]:
    """Returns positions of the test examples of each fold: a random partition, balanced within each label.

    Raises:
        InputError: there are fewer examples than folds, or a label has only one example, which cannot be
            both in training and in test.
    """
    if folds > len(labels):
        raise InputError(f"--folds must be at most the number of examples, {len(labels)}. Got {folds}.")
    counts = Counter(labels)
    for label, count in counts.items():
        if count < 2:
            raise InputError(f"--folds needs at least two examples of each label. Label {label!r} has one.")
    order = _by_label(labels, seed)
    return [np.sort(order[fold::folds]) for fold in range(folds)]


def _by_label(labels: Sequence[str], seed: int) -> np.ndarray:
    """Returns positions sorted by label, in random order within each label."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    return shuffled[np.argsort(np.asarray(labels)[shuffled], kind="stable")]


def _every(order: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns ``count`` evenly spaced positions, and the rest."""
    taken = np.zeros(len(order), dtype=bool)
    taken[((np.arange(count) + 0.5) * len(order) / max(count, 1)).astype(int)] = True
    return order[taken], order[~taken]
