"""Labelled examples in the run folder: what is written comes back, and nothing else is taken."""

import json
from pathlib import Path

import numpy as np
import pytest

from elman.data.labelled.examples import Labelled, joined, label_names, load_parts, save_parts
from elman.errors import InputError

NAMES = ("training", "validation", "test")


def texts(*rows: tuple[str, ...], multi_label: bool = False) -> Labelled:
    labels = [("a", "b")[: 1 + k % 2] if multi_label else ("ab"[k % 2],) for k in range(len(rows))]
    return Labelled(list(rows), labels, [f"f.csv: row {k}" for k in range(len(rows))], (), multi_label)


def sequences(*lengths: int, kind: type = np.float64) -> Labelled:
    items = [np.random.default_rng(n).normal(size=(n, 2)).astype(kind) for n in lengths]
    return Labelled(items, [("x",)] * len(items), ["here"] * len(items), ("p", "q"))


ROWS = [("line\nbreak \u2028 é", "x"), ("", "\ud7ff")]
EXAMPLES = {
    "pairs": (texts(*ROWS), {"features": (), "texts": 2, "multi_label": False}),
    "several": (texts(("x",), ("y",), multi_label=True), {"features": (), "texts": 1, "multi_label": True}),
    "numbers": (sequences(3, 1, 4), {"features": ("p", "q"), "texts": 0, "multi_label": False}),
    "numbers of earlier versions": (
        sequences(3, 1, 4, kind=np.float32),
        {"features": ("p", "q"), "texts": 0, "multi_label": False},
    ),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_parts_come_back_to_the_bit(tmp_path, kind):
    part, facts = EXAMPLES[kind]
    none = part.rows(np.arange(0))
    save_parts(tmp_path, {"training": part, "validation": none, "test": part.rows(np.array([1]))})
    found = load_parts(tmp_path, NAMES, **facts)
    assert [len(found[name]) for name in NAMES] == [len(part), 0, 1]
    for one, wanted in ((found["training"], part), (found["test"], part.rows(np.array([1])))):
        assert (one.labels, one.places) == (wanted.labels, wanted.places)
        assert (one.features, one.multi_label) == (wanted.features, wanted.multi_label)
        assert all(np.array_equal(a, b) for a, b in zip(one.items, wanted.items, strict=True))


LINE = {"part": "training", "item": ["x", "y"], "labels": ["a"], "place": "here"}
ODD = {
    "no JSON": "{",
    "a list": "[1]",
    "another part": json.dumps(LINE | {"part": "tests"}),
    "no place": json.dumps({k: v for k, v in LINE.items() if k != "place"}),
    "one text": json.dumps(LINE | {"item": ["x"]}),
    "a number": json.dumps(LINE | {"item": [1, 2]}),
    "two labels": json.dumps(LINE | {"labels": ["a", "b"]}),
    "no label": json.dumps(LINE | {"labels": []}),
    "labels a text": json.dumps(LINE | {"labels": "a"}),
    "part a list": json.dumps(LINE | {"part": ["training"]}),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", ODD)
def test_what_no_run_writes_is_refused(tmp_path, name):
    (tmp_path / "examples.jsonl").write_text(json.dumps(LINE) + "\n" + ODD[name] + "\n")
    with pytest.raises(InputError, match=r"examples.jsonl: line 2: is not an example of this run"):
        load_parts(tmp_path, NAMES, (), 2, False)


def test_steps_that_do_not_fit_are_refused(tmp_path):
    save_parts(tmp_path, {"training": sequences(3, 2)})
    for steps, message in (
        (np.zeros((4, 2)), "must have 5 steps. Got 4"),
        (np.zeros((5, 2), np.int64), "must be float64"),
        (np.zeros((5, 3)), r"must be float64 \[steps, 2\]"),
    ):
        np.save(tmp_path / "steps.npy", steps)
        with pytest.raises(InputError, match=f"steps.npy: {message}"):
            load_parts(tmp_path, NAMES, ("p", "q"), 0, False)
    (tmp_path / "steps.npy").unlink()
    with pytest.raises(InputError, match=r"steps.npy: No such file"):
        load_parts(tmp_path, NAMES, ("p", "q"), 0, False)


def test_only_one_kind_can_be_joined():
    both = joined([texts(("x", "y")), texts(("z", "w"))])
    assert both.items == [("x", "y"), ("z", "w")]
    for other in (texts(("x",)), sequences(2), texts(("x", "y"), multi_label=True)):
        with pytest.raises(InputError, match="must be as in the file before"):
            joined([texts(("x", "y")), other])


def test_labels_are_in_the_order_of_numpy():
    labels = ["b", "10", "9", "-1.5", "a", "nan"]
    part = Labelled([("x",)] * 6, [(label,) for label in labels], [""] * 6)
    assert label_names(part) == np.unique(labels).tolist()


def test_a_folder_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"examples.jsonl"):
        load_parts(Path(tmp_path), NAMES, (), 1, False)
