"""Piano rolls in JSON."""

import json
from fractions import Fraction
from itertools import chain, islice

import numpy as np
import pytest

from elman.data.music.piece import roll_of
from elman.data.read.rolls import read_rolls
from elman.errors import InputError


def read(tmp_path, content):
    (tmp_path / "a.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return list(read_rolls(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ([[60], [62.0, 64], []], [""]),
        ([[[60]], [[], [61]]], ["", ""]),
        ({"train": [[[60]]], "valid": [[[61]]], "test": []}, ["training", "validation"]),
    ],
)
def test_a_file_is_a_piece_several_or_parts(tmp_path, content, parts):
    assert [piece.part for piece in read(tmp_path, content)] == parts


def test_columns_with_silence_are_voices(tmp_path):
    (piece,) = read(tmp_path, [[[60, 48], [60, -1], [62, 60]]])
    assert piece.notes[:, [0, 1, 2, 4]].tolist() == [
        [0, 1, 48, 1],
        [0, 2, 60, 0],
        [2, 1, 60, 1],
        [2, 1, 62, 0],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"a\.json: must be a JSON file"),
        ({"train": 3}, r"a\.json: must be a list of pieces, or an object .* Got 'train': 3"),
        ({"songs": []}, "Got 'songs'"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize("step", [[128], [60.5], [-2], ["C"], 60, [True]])
def test_a_bad_step_is_named(tmp_path, step):
    good, bad = read(tmp_path, {"train": [[[60]], [[60], step]]})
    assert len(good) == 1
    assert "a.json: train piece 2: step 2: must be a list of whole numbers in [0, 127]" in str(bad)


def test_chorales_are_the_chords_of_the_file(shared):
    path = shared / "jsb_chorales" / "jsb-chorales-quarter.json"
    chorales = chain.from_iterable(json.loads(path.read_text()).values())
    for piece, steps in islice(zip(read_rolls(path), chorales, strict=False), 20):
        rows = roll_of(piece, Fraction(1))
        assert [np.flatnonzero(row).tolist() for row in rows] == [sorted({*step}) for step in steps]
