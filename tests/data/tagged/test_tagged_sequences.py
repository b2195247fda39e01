"""Sentences are divided, stored and checked."""

import json

import numpy as np
import pytest

from elman.data.tagged.sequences import (
    Tagged,
    check_are_tags,
    divided,
    load_parts,
    save_parts,
    tag_names,
    warn_of_repeats,
)
from elman.errors import InputError


def tagged(number=10, tag="O"):
    words = [(f"w{k}", "and", "some", "more", "words", "here") for k in range(number)]
    tags = [(tag, "X", tag, tag, tag, tag)] * number
    return Tagged(words, tags, [(each,) for each in tags], [f"a: line {k}" for k in range(number)], ("2",))


def test_parts_hold_every_sentence_once():
    parts = divided(tagged(20), {}, (0.6, 0.2, 0.2), seed=1)
    assert [len(part) for part in parts.values()] == [12, 4, 4]
    assert sorted(w for part in parts.values() for w in part.words) == sorted(tagged(20).words)
    own = divided(tagged(20), {"test": tagged(3)}, (0.6, 0.2, 0.2), seed=1)
    assert [len(part) for part in own.values()] == [16, 4, 3]


def test_few_sequences_of_numbers_are_divided_by_time(tmp_path):
    tags = ("a", "b") * 5
    items = [np.arange(10.0)[:, None], np.arange(10.0, 20.0)[:, None]]
    one = Tagged(items, [tags] * 2, [()] * 2, ["f: row 2", "g: row 2"], (), ("x",), ("f", "g"))
    parts = divided(one, {}, (0.6, 0.2, 0.2), seed=0)
    assert [len(item) for item in parts["training"].items] == [6, 6]
    assert parts["test"].items[1].tolist() == [[18.0], [19.0]]
    assert parts["test"].tags == [("a", "b")] * 2
    assert parts["validation"].places == ["f: row 2, step 7", "g: row 2, step 7"]
    save_parts(tmp_path, parts)
    again = load_parts(tmp_path, parts, (), ("x",))
    assert [each.tolist() for each in again["test"].items] == [each.tolist() for each in parts["test"].items]
    assert len(divided(one, {"test": one}, (0.8, 0.0, 0.2), seed=0)["validation"]) == 0


def test_stored_parts_come_back(tmp_path):
    parts = divided(tagged(), {}, (0.6, 0.2, 0.2), seed=0)
    save_parts(tmp_path, parts)
    assert load_parts(tmp_path, parts, ("2",)) == parts


@pytest.mark.parametrize(
    "change",
    [
        {"part": "other"},
        {"words": ["a"]},
        {"words": [1] * 6},
        {"inputs": []},
        {"place": 3},
        {"words": "abcdef"},
    ],
)
def test_refuses_stored_lines_that_are_none(tmp_path, change):
    save_parts(tmp_path, {"training": tagged(1)})
    path = tmp_path / "sequences.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match="line 1: is not a sequence of this run"):
        load_parts(tmp_path, ["training"], ("2",))


def test_tags_must_repeat_and_differ():
    one = tagged(tag="X")
    with pytest.raises(InputError, match="a: line 0: there must be at least two different tags"):
        tag_names(one)
    words = Tagged([("w",) * 300], [tuple(f"t{k}" for k in range(300))], [()], ["a: line 1"])
    with pytest.raises(InputError, match="nearly as many tags"):
        check_are_tags(words)
    check_are_tags(tagged())


def test_warns_of_sentences_that_are_in_training_too():
    with pytest.warns(UserWarning, match="3 of the 3 sequences of the test part"):
        warn_of_repeats({"training": tagged(5), "test": tagged(3)})
