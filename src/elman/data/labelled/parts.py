"""Which labelled examples are for training, validation and test, of one division or of several folds."""

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
    """The three parts by name, drawn at random within each label.

    Args:
        given: the examples to divide.
        elsewhere: parts that are there already; their share of ``given`` is trained on.
        shares: of training, validation and test part.
        folds: of a cross-validation, whose first one's test part is drawn; 0: none.
        seed: of the draw.

    Raises:
        InputError: the shares or folds do not fit the examples, or the parts are not all of one kind.
    """
    parts, rest = dict(elsewhere), given
    if folds:
        require("--folds", not given.multi_label, "0 where examples have several labels", folds)
        tested = stratified_folds(given.strata, folds, seed)[0]
        parts["test"] = given.rows(tested)
        rest = given.rows(np.setdiff1d(np.arange(len(given)), tested))
    split = stratified_split(rest.strata, trained_on(shares, parts), seed)
    for name, rows in zip(PARTS, split, strict=True):
        parts.setdefault(name, rest.rows(rows))
    joined([part for part in parts.values() if len(part)])  # all of one kind
    return {name: parts[name] for name in PARTS}


def other_folds(
    first: Mapping[str, Labelled], shares: tuple[float, float, float], *, folds: int, seed: int
) -> Iterator[dict[str, Labelled]]:
    """The parts of each fold but the first, given that one's; together the test parts are all examples."""
    tested = first["test"]
    others = joined([part for name, part in first.items() if name != "test" and len(part)])
    shares = trained_on(shares, ["test"])
    for rows in stratified_folds(others.strata, folds - 1, seed):
        untested = others.rows(np.setdiff1d(np.arange(len(others)), rows))
        rest = joined([part for part in (tested, untested) if len(part)])  # of two folds nothing is untested
        training, validation, _ = stratified_split(rest.strata, shares, seed)
        yield {
            "training": rest.rows(training),
            "validation": rest.rows(validation),
            "test": others.rows(rows),
        }
