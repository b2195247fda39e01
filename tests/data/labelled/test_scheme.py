"""What a classifier learns of its examples, and which others fit it."""

import numpy as np
import pytest

from elman.data.labelled.examples import Labelled
from elman.data.labelled.scheme import Scheme
from elman.errors import InputError


def texts(*labels: tuple[str, ...], multi_label: bool = False) -> Labelled:
    places = [f"f.csv: row {k}" for k in range(len(labels))]
    return Labelled([("t",)] * len(labels), list(labels), places, (), multi_label)


def learn(part: Labelled, *, balanced: bool = False) -> Scheme:
    return Scheme.learn(part, {}, standardise=True, balanced=balanced)


def test_a_scheme_by_hand():
    part = Labelled(
        [np.array([[1, 5], [3, 5]], np.float32), np.array([[8, 5]], np.float32)],
        [("x",), ("7",)],
        ["", ""],
        ("p", "q"),
    )
    scheme = Scheme.learn(part, {"7": 7}, standardise=True, balanced=False)
    assert scheme.classes == (7, "x")  # numbers first
    assert scheme.truth(part).tolist() == [[0, 1], [1, 0]]
    assert scheme.input_mean == (4, 5)
    assert scheme.input_scale == pytest.approx([(26 / 3) ** 0.5, 1])  # a constant keeps its unit
    plain = Scheme.learn(part, {}, standardise=False, balanced=False)
    assert (plain.input_mean, plain.input_scale) == ((0, 0), (1, 1))
    three = Labelled([("t",)] * 4, [("x",), ("x",), ("x",), ("y",)], [""] * 4)
    assert Scheme.learn(three, {}, standardise=True, balanced=True).label_weights == (4 / 6, 4 / 2)
    several = Labelled([("t",)] * 4, [("x",), ("x", "y"), ("x",), ()], [""] * 4, (), True)
    assert Scheme.learn(several, {}, standardise=True, balanced=True).label_weights == (1 / 3, 3)


def test_a_large_mean_costs_no_precision():
    noise = np.random.default_rng(0).normal(size=(200, 2))
    far = [noise[:120] + 1e6, noise[120:] + 1e6]  # float32 would keep four bits of it
    scheme = learn(Labelled(far, [("x",), ("y",)], ["", ""], ("p", "q")))
    wanted = (noise - noise.mean(0)) / noise.std(0)
    found = np.concatenate([scheme.standardised(item) for item in far])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_list_of_labels_is_refused_where_each_example_has_one():
    one, several = learn(texts(("a",), ("b",))), learn(texts(("a",), ("a", "b"), multi_label=True))
    for labels in (("a",), ("a", "b"), ()):
        with pytest.raises(
            InputError, match=rf"^f.csv: row 0: must have one label, .* Got a list of {len(labels)}"
        ):
            one.check(texts(labels, multi_label=True))
    for part in (texts(("a",)), texts(("a",), (), multi_label=True), texts(())):
        assert several.check(part) is part


def test_a_label_is_found_by_its_value():
    part = texts(("1",), ("2.5",))
    scheme = Scheme.learn(part, {"1": 1, "2.5": 2.5}, standardise=True, balanced=False)
    assert [scheme.names_by_value.get(value) for value in (1.0, True, 2.5, "1")] == ["1", "1", "2.5", None]
