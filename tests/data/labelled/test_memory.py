"""Labelled examples in memory: whatever holds them, the same examples; what is unclear is refused."""

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from elman.data.labelled.memory import labelled_from_memory, read_labels, texts_of_example
from elman.data.labelled.scheme import Scheme
from elman.errors import InputError

TEXTS = ["good film", "bad film", "odd"]
PAIRS = [("a", "b"), ("c", "d"), ("e", "f")]
NUMBERS = np.arange(6.0).reshape(3, 2)


def pandas(values: Any, **options: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame(values, **options)


FORMS = {
    "texts": (
        TEXTS,
        [
            tuple,
            iter,
            np.array,
            pl.Series,
            lambda x: np.array(x, object),
            lambda x: pandas(x)[0],
            pandas,
            lambda x: pl.DataFrame({"text": x}),
        ],
    ),
    "pairs": (
        PAIRS,
        [
            iter,
            np.array,
            lambda x: list(map(list, x)),
            lambda x: np.array(x, object),
            pl.Series,
            pandas,
            lambda x: pandas(x).to_numpy(),
            lambda x: pl.DataFrame(x, orient="row", schema=["a", "b"]),
        ],
    ),
    "numbers": (
        NUMBERS,
        [
            list,
            iter,
            np.ndarray.tolist,
            torch.tensor,
            lambda x: x.astype(object),
            lambda x: x[..., None],
            lambda x: pandas(x, columns=["a", "b"]),
            lambda x: pl.DataFrame(x, schema=["a", "b"]),
        ],
    ),
}


@pytest.mark.parametrize(
    ("given", "form"), [(given, form) for given, forms in FORMS.values() for form in forms]
)
def test_examples_are_the_same_in_whatever_form_they_come(given, form):
    wanted, found = labelled_from_memory(given), labelled_from_memory(form(given))
    assert (found.texts, found.features, found.places) == (wanted.texts, wanted.features, wanted.places)
    assert all(np.array_equal(a, b) for a, b in zip(found.items, wanted.items, strict=True))


BAD: list[tuple[Any, str]] = [
    ("one", r"X must be a list of texts. Got one text; give \[text\]"),
    (None, "X must be texts, pairs of texts or numbers .* Got None"),
    (5, "X must be texts, pairs of texts or numbers .* Got 5"),
    (b"text", "X must be texts, pairs of texts or numbers .* Got b'text'"),
    ({"text": TEXTS}, "X must be texts, pairs of texts or numbers .* Got {'text'"),
    (set(TEXTS), "X must be texts, pairs of texts or numbers .* Got {"),
    ([], "X must hold at least one example. Got none"),
    ([None, "good"], r"X\[0\] must be a text. Got None"),
    ([float("nan"), "good"], r"X\[0\] must be a text. Got nan"),
    ([b"good"], r"X\[0\] must be a text. Got b'good'"),
    (["good", ("a", "b")], r"X\[1\] must be a text. Got \('a', 'b'\)"),
    ([None], r"X\[0\] must be a text, a pair of texts or numbers \[steps, features\]. Got None"),
    ([float("nan")] * 2, r"X\[0\] must be a text, a pair of texts or numbers .* Got nan"),
    (np.array([1.0, np.nan]), r"X\[1\] must be a text, a pair .* Got "),
    ([1.5, 2], r"X must be texts, .* Got 2 single numbers; one sequence X is given as \[X\]\."),
    (torch.zeros(7), r"X must be texts, .* Got 7 single numbers; one sequence X is given as \[X\]\."),
    ([("a", None)], r"X\[0\] must be a pair of texts. Got \('a', None\)"),
    ([("a", "b"), "c"], r"X\[1\] must be a pair of texts. Got 'c'"),
    (
        [("a", "b", "c")],
        r"X must be texts or pairs of texts \(in a table, one column or two\). Got \('a', 'b', 'c'",
    ),
    (np.array([["a", "b", "c"]]), "X must be texts or pairs of texts"),
    (pl.DataFrame({"text": ["a"], "stars": [1]}), r"X\[0\] must be a pair of texts. Got \['a', 1\]"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[row[1][:40] for row in BAD])
def test_what_holds_no_examples_is_named(given, message):
    with pytest.raises(InputError, match=f"^{message}"):
        labelled_from_memory(given)
    with pytest.raises(InputError, match=f"^validation: {message}"):
        labelled_from_memory(given, where="validation: ")


def test_lengths_are_of_numbers_alone():
    with pytest.raises(InputError, match=r"^lengths must be None with texts. Got \[1, 1, 1\]"):
        labelled_from_memory(TEXTS, lengths=[1, 1, 1])
    assert [len(item) for item in labelled_from_memory(NUMBERS, lengths=[1, 2, 1]).items] == [1, 2, 1]


def test_the_texts_of_one_example():
    assert texts_of_example("a", 1, "text") == ("a",)
    assert texts_of_example(["a", "b"], 2, "text") == ("a", "b")
    for item, width, rule in ((["a", "b"], 1, "a text"), ("a", 2, "a pair of texts"), (None, 1, "a text")):
        with pytest.raises(InputError, match=f"^text must be {rule}. Got "):
            texts_of_example(item, width, "text")


# Labels

LABELS = [0, 1, 1]
SEVERAL = [["a"], [], ["a", "b"]]


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        iter,
        lambda y: map(int, y),
        np.array,
        torch.tensor,
        pl.Series,
        lambda y: pandas(y)[0],
        pandas,
        lambda y: np.array(y)[:, None],
        lambda y: list(np.array(y)),
        lambda y: list(torch.tensor(y)),
    ],
)
def test_one_label_each(form):
    labels = read_labels(form(LABELS))
    assert (labels.values, labels.multi_label) == ([(0,), (1,), (1,)], False)
    assert all(type(label) is int for row in labels.values for label in row)
    assert labels.names() == {0: "0", 1: "1"}


@pytest.mark.parametrize(
    "row", [list, tuple, set, frozenset, iter, pl.Series, lambda row: np.array(row, object)]
)
@pytest.mark.parametrize("form", [list, iter, pl.Series, lambda y: pandas({"y": y})["y"]])
def test_any_number_of_labels(form, row):
    given = SEVERAL if form is pl.Series else [row(labels) for labels in SEVERAL]
    labels = read_labels(form(given))
    assert (list(map(sorted, labels.values)), labels.multi_label) == (SEVERAL, True)


def test_lists_of_0_and_1_are_an_indicator_where_they_cannot_be_labels():
    for indicator in ([[0, 0, 1], [1, 1, 0]], [[1, 1], [0, 1]], ((True, True), (False, True))):
        assert read_labels(indicator).indicator == "array"
    for labels in ([[0, 1], [1, 0]], [[0, 0, 1], [1]], [[2, 2, 0], [1, 1, 0]], [[], []]):
        assert read_labels(labels).indicator == ""


def test_an_indicator_has_a_label_in_each_column():
    indicator = [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    for array in (
        np.array(indicator),
        np.array(indicator, bool),
        np.array(indicator, float),
        torch.tensor(indicator),
    ):
        labels = read_labels(array)
        assert (labels.values, labels.multi_label) == ([(0, 2), (1,), ()], True)
    for frame in (
        pandas(indicator, columns=["x", "y", "z"]),
        pl.DataFrame(indicator, ["x", "y", "z"], orient="row"),
    ):
        assert read_labels(frame).values == [("x", "z"), ("y",), ()]
    assert [*read_labels(np.array([[0, 1, 0], [1, 0, 0]])).names().values()] == ["0", "1", "2"]
    for cell in (2, -1, 0.5, float("nan"), "1", None):
        array = np.array([[1, 0], [1, cell]], object)
        with pytest.raises(
            InputError, match=r"^y\[1\] must be 0 or 1 in each column, one column per label. Got \[1, "
        ):
            read_labels(array)


@pytest.mark.parametrize(
    "given", ["010", b"010", 5, {0: 1}, {0, 1}, np.array(1), np.zeros((2, 2, 2))], ids=str
)
def test_what_is_no_list_of_labels(given):
    with pytest.raises(InputError, match=r"^validation: y must be a list of labels. Got "):
        read_labels(given, "validation: ")


@pytest.mark.parametrize("label", [None, "", " ", float("nan"), float("inf"), 1j, {"a": 1}, b"a"])
def test_what_is_no_label(label):
    with pytest.raises(InputError, match=r"^y\[1\]: a label must be a text or a finite number. Got "):
        read_labels(["a", label])
    with pytest.raises(InputError, match=r"^y\[1\]: "):
        read_labels([["a"], label])


@pytest.mark.parametrize(
    "given", [[1, 1.0], [1, "1"], ["True", True], [2, 1, True], [[1], [2, 1.0]]], ids=str
)
def test_labels_that_cannot_be_told_apart_are_not_learnt(given):
    with pytest.raises(
        InputError, match=r"^y\[\d\]: label .* cannot be distinguished from .*; labels must be of one type"
    ):
        read_labels(given).names()


def test_labels_of_unlike_types_may_stand_together():
    assert read_labels([0, "a", 2.5]).names() == {0: "0", "a": "a", 2.5: "2.5"}


def test_a_known_label_goes_by_its_name():
    part = labelled_from_memory(TEXTS, read_labels([True, 1.0, "1"]), names={1: "1"})
    assert part.labels == [("1",)] * 3
    with pytest.raises(
        InputError, match=r"^validation: y must have a label for each of 3 examples of X. Got 2"
    ):
        labelled_from_memory(TEXTS, read_labels([0, 1]), where="validation: ")


def test_missing_texts_of_pandas_are_named():
    frame = pandas({"text": [None, None]})
    with pytest.raises(InputError, match=r"^X\[0\] must be a text"):
        labelled_from_memory(frame["text"])
    with pytest.raises(InputError, match=r"^X\[0\] must be a text"):
        labelled_from_memory(frame["text"].astype("string"))


@pytest.mark.parametrize("X", [np.zeros((5, 3)), [np.zeros(5)]], ids=["one sequence", "one axis"])
def test_one_sequence_instead_of_a_list(X):
    training = labelled_from_memory(np.zeros((2, 4, 3)), read_labels(["p", "q"]))
    scheme = Scheme.learn(training, {}, standardise=False, balanced=False)
    rule = r"of 3 features, .* Got sequences of 1 feature\. A sequence is \[steps, 3\]; one .* given as \[X\]"
    with pytest.raises(InputError, match=rule):
        scheme.check(labelled_from_memory(X))


@pytest.mark.parametrize("X", [TEXTS, np.zeros((3, 4, 2))])
def test_labels_all_alike_are_those_of_y(X):
    training = labelled_from_memory(X, read_labels([7, 7, 7]))
    with pytest.raises(InputError, match=r"^y: there must be at least two different labels. Got 7\."):
        Scheme.learn(training, {}, standardise=False, balanced=False)
