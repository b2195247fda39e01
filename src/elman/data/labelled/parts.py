"""Divides labelled examples into training, validation and test parts, for one split or several folds."""

from collections.abc import Iterator, Mapping

import numpy as np

from elman.config import require
from elman.data.labelled.examples import Labelled, joined
from elman.data.split import PARTS, stratified_folds, stratified_split, trained_on


def divided(
    given: Labelled,
    elsewhere: Mapping[str, Labelled],
    shares: tuple[float, float, float],
    *,
    folds: int,
    seed: int,
) -> dict[str, Labelled]:
    """Returns the three parts by name, drawn at random within each label.

    Args:
        given: the examples to divide.
        elsewhere: parts that come from elsewhere; training gets their share of ``given``.
        shares: shares of training, validation and test part.
        folds: number of folds of a cross-validation, whose first test part is drawn; 0: none.
        seed: seed of the draw.

    Raises:
        InputError: shares or folds are impossible for these examples, or the parts are of different kinds.
    """
    parts, rest = dict(elsewhere), given
    if folds:
        require("--folds", not given.multi_label, "0 if examples have several labels", folds)
        tested = stratified_folds(given.strata, folds, seed)[0]
        parts["test"] = given.rows(tested)
        rest = given.rows(np.setdiff1d(np.arange(len(given)), tested))
    split = stratified_split(rest.strata, trained_on(shares, parts), seed)
    for name, rows in zip(PARTS, split, strict=True):
        parts.setdefault(name, rest.rows(rows))
    joined([part for part in parts.values() if len(part)])  # raises InputError for parts of different kinds
    return {name: parts[name] for name in PARTS}


def other_folds(
    first: Mapping[str, Labelled], shares: tuple[float, float, float], *, folds: int, seed: int
) -> Iterator[dict[str, Labelled]]:
    """Yields the parts of the other folds, from those of the first; the test parts make up all examples."""
    tested = first["test"]
    others = joined([part for name, part in first.items() if name != "test" and len(part)])
    shares = trained_on(shares, ["test"])
    for rows in stratified_folds(others.strata, folds - 1, seed):
        untested = others.rows(np.setdiff1d(np.arange(len(others)), rows))
        rest = joined(
            [part for part in (tested, untested) if len(part)]
        )  # `untested` is empty with two folds
        training, validation, _ = stratified_split(rest.strata, shares, seed)
        yield {
            "training": rest.rows(training),
            "validation": rest.rows(validation),
            "test": others.rows(rows),
        }
