"""The recipes in Python: how they end, their runs, and what their parts are made of."""

import csv
import importlib
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tiny import SMALL, text

from elman import LanguageModel, VideoPredictor
from elman.batch import Field, FrameBatch, Target
from elman.data.read.audio import read_audio
from elman.errors import InputError
from elman.train import files

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def opened(monkeypatch):
    """A function that imports recipes, which are no package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(RECIPES))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(RECIPES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def rows_of(manifest):
    with manifest.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def test_every_recipe_ends_as_a_command():
    for path in RECIPES.glob("*.py"):
        content = path.read_text("utf-8")
        if path.name not in ("recipe.py", "spoken.py"):
            assert re.search(r'^if __name__ == "__main__":\n    command\(main\)\n\Z', content, re.M), path


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "digits.py: interrupted"),
        (InputError("a.csv: row 2: must be a digit. Got x."), 2, "digits.py: a.csv: row 2: must be"),
        (FileNotFoundError(2, "No such file or directory", "an4.tar"), 2, "digits.py: an4.tar: No such file"),
    ],
)
def test_an_error_or_a_signal_ends_a_recipe_in_one_line(opened, monkeypatch, capsys, error, status, line):
    def main():
        raise error

    monkeypatch.setattr(sys, "argv", ["recipes/digits.py"])
    with pytest.raises(SystemExit) as ended:
        opened("recipe").command(main)
    assert ended.value.code == status
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith(line)


def test_a_run_is_trained_once_goes_on_and_keeps_its_options(opened, tmp_path, monkeypatch, capsys):
    trained = opened("recipe").trained
    (tmp_path / "a.txt").write_text(text())
    (tmp_path / "b.txt").write_text(text(seed=1))
    options = SMALL | {"embedding_size": 4, "ngrams": "none", "validation": (tmp_path / "b.txt",)}

    def again(**other):
        return trained(LanguageModel(**options | other), tmp_path / "a.txt", tmp_path / "run")

    first = again()
    weights = (tmp_path / "run" / files.WEIGHTS).read_bytes()
    for name in (files.WEIGHTS, files.RESULTS):  # as if it was stopped before its first checkpoint
        (tmp_path / "run" / name).unlink()
    assert again().results["test"] == first.results["test"]
    assert (tmp_path / "run" / files.WEIGHTS).read_bytes() == weights
    monkeypatch.setattr(LanguageModel, "train", None)
    assert again(validation=(tmp_path / "moved.txt",)).results["test"] == first.results["test"]
    with pytest.raises(InputError, match="run: is a run with epochs 2, not 3; name another folder"):
        again(epochs=3)
    assert capsys.readouterr().out.count("on the test part") == 3


def test_noise_has_the_ratio_that_is_asked_for(opened):
    random = np.random.default_rng(0)
    sound, noise = np.zeros(3000), random.normal(size=700) * 5
    sound[1000:2000] = np.sin(np.arange(1000))
    speech = sound != 0
    noisy = opened("recipe").in_noise(sound, speech, noise, 650, 10.0)
    added = noisy - sound
    assert np.mean(sound[speech] ** 2) / np.mean(added**2) == pytest.approx(10, rel=1e-3)
    assert np.allclose(added[:50] / added[700:750], 1, atol=1e-3)


def test_strings_of_digits_have_recordings_and_noise_of_their_part(opened, shared, tmp_path, monkeypatch):
    recipe: ModuleType = opened("digit_strings")
    rows = [row for row in recipe.digits(shared) if row[2] == "george" and row[3] in (0, 5, 10)]
    assert len(rows) == 30
    read: dict[Path, None] = {}

    def reading(path, rate):
        read[path] = None
        return read_audio(path, rate)

    monkeypatch.setattr(recipe, "read_audio", reading)
    monkeypatch.setattr(recipe, "STRINGS", {"training": 2, "validation": 2, "test": 4})
    noises = [shared / f"background_noise/{name}.ogg" for name in ("gsc_white_noise", "gsc_exercise_bike")]
    parts = recipe.parts_of(rows, noises, tmp_path)
    assert [*read] == [
        *[row[0] for row in rows if row[3] == 10],
        noises[0],
        *[row[0] for row in rows if row[3] == 5],
        *[row[0] for row in rows if row[3] == 0],
        noises[1],
    ]
    assert [len(rows_of(path)) for path in parts.values()] == [2, 2, 4]
    for row in rows_of(parts["test"]):
        words = row["text"].split()
        assert 3 <= len(words) <= 7
        sound = read_audio(parts["test"].parent / row["path"], 8000).samples
        assert 0.2 * len(words) < len(sound) / 8000 < 0.9 * len(words) + 0.5 * (len(words) + 1)


def test_a_tenth_of_mboshi_chooses_and_a_tenth_is_reported(opened, shared, tmp_path):
    parts = opened("mboshi").written(tmp_path, (shared / "mboshi").resolve())
    begins = {part: {row["start_sample"] for row in rows_of(path)} for part, path in parts.items()}
    assert {part: len(own) for part, own in begins.items()} == {
        "validation": 92,
        "test": 92,
        "training": 740,
    }
    assert len(set().union(*begins.values())) == 924


def test_synthetic_sentences_come_once_and_are_spelled_in_letters(opened):
    recipe = opened("synthetic_speech")
    every, again = recipe.sentences(), recipe.sentences()
    texts = [next(every) for _ in range(500)]
    assert texts == [next(again) for _ in range(500)]
    assert len({*texts}) == 500
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", each) for each in texts)
    voices = [voice for of_part in recipe.VARIANTS.values() for voice in of_part]
    assert len({*voices}) == len(voices)


def test_without_programs_that_speak_one_line_says_which(opened, monkeypatch, tmp_path, capsys):
    recipe = opened("synthetic_speech")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"espeak-ng reads the sentences aloud, and is not installed"):
        recipe.check_there()
    assert recipe.read_by_flite(tmp_path / "flite", ["one"]) is None
    assert capsys.readouterr().out == (
        "flite is not installed (apt install flite), so its voices are left out\n"
    )


def test_the_network_of_moving_digits_without_recurrence_is_as_large(opened):
    recipe = opened("moving_digits")
    config = VideoPredictor(**recipe.NETWORK).config
    peer = recipe.Convolutions(config, 480_000)
    assert sum(p.numel() for p in peer.parameters()) == pytest.approx(480_000, rel=0.05)
    frames = torch.rand(20, 2, 1, 64, 64)
    raw = peer.raw(frames)
    assert raw.shape == (10, 2, 1, 64, 64)
    changed = frames.clone()
    changed[10:] = 0
    assert torch.equal(peer.raw(changed), raw)  # it reads the given frames alone
    loss, _ = peer(FrameBatch(Field(frames), Target(frames[1:]), torch.ones(20, 2, dtype=torch.bool)))
    expected = torch.nn.functional.binary_cross_entropy(raw.sigmoid(), frames[10:])
    torch.testing.assert_close(loss.sum / loss.count, expected, rtol=1e-4, atol=1e-4)


def test_strings_of_yes_and_no_are_made_of_the_recordings_that_are_trained_on(
    opened, shared, tmp_path, monkeypatch
):
    recipe: ModuleType = opened("yesno")
    monkeypatch.setattr(recipe, "STRINGS", 3)
    read = []

    def reading(path, rate):
        read.append(path)
        return read_audio(path, rate)

    monkeypatch.setattr(recipe, "read_audio", reading)
    parts = {part: rows_of(path) for part, path in recipe.parts_of(shared / "yesno", tmp_path).items()}
    assert {part: len(rows) for part, rows in parts.items()} == {"training": 28, "validation": 6, "test": 29}
    paths = {part: {Path(row["path"]) for row in rows} for part, rows in parts.items()}
    assert {path.name[0] for path in paths["test"]} == {"1"}
    assert {path.name[0] for path in paths["validation"]} == {"0"}
    assert paths["training"] - {*read} == {tmp_path.resolve() / f"training/{k}.wav" for k in range(3)}
    assert not {*read} & (paths["validation"] | paths["test"])
    sound = read_audio(read[0], 8000).samples
    words = recipe.words_in(sound)
    assert np.array_equal(np.concatenate(words), sound)
    assert len(words) == len(read[0].stem.split("_")) == 8
    assert min(map(len, words)) > 0.2 * 8000


def test_a_row_of_state_tracking_has_both_lengths(opened):
    recipe = opened("state_tracking")
    row = recipe.row("lstm", 1, epochs=1, sequences=64, held_out=8, hidden_size=4, length=4)
    cell, short, long = row.strip("| ").split(" | ")
    assert cell == "lstm"
    assert 0 <= float(short) <= 1
    assert 0.4 < float(long) < 0.6  # 64 sequences teach nothing of 200 bits
