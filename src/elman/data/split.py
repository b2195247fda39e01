"""Which of the data are for training, validation and test."""

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
        shares: of training, validation and test. They sum to 1; the last two may be 0.
        unit: what there are N of, for messages.
        source: where they come from, likewise.

    Returns:
        (a, b): training is [0, a), validation [a, b), test [b, N).

    Raises:
        InputError: the shares are not three, not positive (training) or not negative (the others), or do
            not sum to 1; or a part that has a share would hold fewer than two tokens, and so no target.
    """
    name = _check_shares(shares)
    training, validation, test = shares
    # By the sum, so that a share of 0 gets exactly nothing.
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
    """The shares where parts come from elsewhere: what would have been theirs is trained on.

    Args:
        shares: of training, validation and test part.
        given: names of the parts that come from elsewhere.

    Raises:
        InputError: the shares are no such shares.
    """
    _check_shares(shares)
    validation, test = (
        0.0 if part in given else share for part, share in zip(PARTS[1:], shares[1:], strict=True)
    )
    return sum(shares) - validation - test, validation, test


def warn_of_repeats(
    parts: Mapping[str, Sequence[Hashable]], place: Callable[[str, int], str], unit: str = "examples"
) -> None:
    """Says in one line how much of another part stands in the training part too.

    Args:
        parts: of each part what is compared, by name.
        place: where that of a part and a position was read.
        unit: what is compared, for the message.
    """
    seen = set(parts["training"])
    for name, keys in parts.items():
        rows = [row for row, key in enumerate(keys) if key in seen]
        if name != "training" and rows:
            warnings.warn(
                f"{len(rows)} of the {len(keys)} {unit} of the {name} part are in the training part too, "
                f"and its figures too good by that; the first: {place(name, rows[0])}",
                stacklevel=2,
            )


def _check_shares(shares: tuple[float, float, float]) -> str:
    """What messages call the split."""
    name = f"split {'/'.join(f'{share:g}' for share in shares)}"
    # Worded so that NaN fails too.
    if not (len(shares) == 3 and shares[0] > 0 and min(shares[1:]) >= 0 and abs(sum(shares) - 1) <= 1e-6):
        raise InputError(f"{name}: must be three shares that sum to 1, of which only the last two may be 0")
    return name


def stratified_split(
    labels: Sequence[str], shares: tuple[float, float, float], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of training, validation and test examples, drawn at random within each label.

    Each label gets its share of each part, to within one example, and at least one in training, so that
    no label is met for the first time in another part.

    Args:
        labels: [N] of the examples.
        shares: of training, validation and test part. They sum to 1; the last two may be 0.
        seed: of the draw.

    Raises:
        InputError: the shares are no such shares, or a part that has one would get no example.
    """
    name = _check_shares(shares)
    order = _by_label(labels, seed)
    sorted_labels = np.asarray(labels, dtype=object)[order]
    # the first of each label trains, whatever is drawn
    is_first = np.concatenate([[True], sorted_labels[1:] != sorted_labels[:-1]])
    free = order[~is_first]
    wanted = [round(len(order) * share / sum(shares)) for share in shares[1:]]
    if sum(wanted) > len(free) or any(
        share and not count for share, count in zip(shares[1:], wanted, strict=True)
    ):
        raise InputError(
            f"{name}: of {len(order)} examples with {int(is_first.sum())} different labels, every part needs "
            "at least one, and training one of each label"
        )
    test, rest = _every(free, wanted[1])
    validation, rest = _every(rest, wanted[0])
    return np.sort(np.concatenate([order[is_first], rest])), np.sort(validation), np.sort(test)


def stratified_folds(labels: Sequence[str], folds: int, seed: int) -> list[np.ndarray]:
    """Positions of the test examples of each fold: all of them shared out, within each label, at random.

    Raises:
        InputError: there are fewer examples than folds, or a label has only one, so that the fold which
            tests on it could not train on it.
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
    """Positions sorted by label, at random within each."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    return shuffled[np.argsort(np.asarray(labels)[shuffled], kind="stable")]


def _every(order: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` of the positions at even distances, and the others."""
    taken = np.zeros(len(order), dtype=bool)
    taken[((np.arange(count) + 0.5) * len(order) / max(count, 1)).astype(int)] = True
    return order[taken], order[~taken]
