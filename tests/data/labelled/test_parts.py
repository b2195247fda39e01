"""Examples divided into parts and folds, each of them once."""

import numpy as np
import pytest

from elman.data.labelled.examples import Labelled
from elman.data.labelled.parts import divided, other_folds
from elman.data.split import PARTS
from elman.errors import InputError

SHARES = (0.5, 0.25, 0.25)


def examples(count: int, name: str = "a", **options) -> Labelled:
    names = [f"{name} {k}" for k in range(count)]
    return Labelled([(each,) for each in names], [(str(k % 2),) for k in range(count)], names, **options)


def places(parts: dict[str, Labelled]) -> list[str]:
    return sorted(place for part in parts.values() for place in part.places)


def test_a_part_from_elsewhere_leaves_its_share_to_training():
    given, other = examples(16), examples(3, "b")
    parts = divided(given, {"test": other}, SHARES, folds=0, seed=1)
    assert list(parts) == list(PARTS)
    assert [len(part) for part in parts.values()] == [12, 4, 3]
    assert places(parts) == sorted(given.places + other.places)


def test_each_example_is_tested_in_one_fold():
    given = examples(12)
    first = divided(given, {}, SHARES, folds=3, seed=1)
    folds = [first, *other_folds(first, SHARES, folds=3, seed=1)]
    assert len(folds) == 3
    assert all(places(parts) == sorted(given.places) for parts in folds)
    tested = np.concatenate([parts["test"].places for parts in folds])
    assert sorted(tested) == sorted(given.places)


def test_what_cannot_be_divided():
    with pytest.raises(InputError, match="--folds must be 0 if examples have several labels"):
        divided(examples(12, multi_label=True), {}, SHARES, folds=3, seed=1)
    pairs = Labelled([("a", "b")], [("0",)], ["b 0"])
    with pytest.raises(InputError, match="texts must be as in the file before"):
        divided(examples(12), {"test": pairs}, SHARES, folds=0, seed=1)
