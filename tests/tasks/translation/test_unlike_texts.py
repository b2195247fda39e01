"""Texts unlike the training sources are noticed and told once."""

import io
import sys
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny import GERMAN, WORDS, sentences

import elman
from elman.cli import main
from elman.decode.options import SearchOptions
from elman.errors import InputError
from elman.tasks.translation.habits import FILE, Habits, Watch

USUAL = ["the big cat sat on the mat", "a dog ran", "red mat", "", "a cat"]


def told(habits, texts, lowercase=False):
    """The warnings for texts that come one after the other."""
    watch = Watch(habits, lowercase)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number, text in enumerate(texts):
            watch.look(text, f"text {number}")
    return [str(warning.message) for warning in caught]


def lines(number, seed=0, side=0):
    return [line.split("\t")[side] for line in sentences(number, seed).splitlines()]


@pytest.fixture(scope="module")
def habits():
    return Habits.of(lines(300))


def test_usual_texts_are_not_told(habits):
    assert told(habits, [*USUAL, *lines(300, seed=1)]) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("THE CAT SAT", "it is written in capitals, as 0.0% of them are: 'THE CAT SAT'"),
        ("кот сел на коврик", "100% of its characters stand in none of them: 'котселнаври'"),
        ("?! ?! ... 12", "100% of its characters stand in none of them: '?!.12'"),
        ("a cat (€ 12.50)", "67% of its characters stand in none of them: '(€12.50)'"),
        (" ".join(GERMAN[word] for word in WORDS).lower(), "its characters follow one another as in another"),
    ],
)
def test_each_kind_of_unlike_text_is_told_once_with_its_reason(habits, text, reason):
    (message,) = told(habits, ["a cat", text, text.upper(), text])
    assert message.startswith(
        f"text 1 is unlike the training sources, so its translation may be poor: {reason}"
    )


def test_case_is_told_only_where_the_sources_have_another():
    texts = lines(300)
    capital = Habits.of([text.capitalize() for text in texts])
    (message,) = told(capital, texts)
    assert "text" in message
    assert "it has no capitals, as 0.0% of them are" in message
    some = Habits.of([text.upper() if k % 19 == 0 else text for k, text in enumerate(texts)])
    assert told(some, ["THE CAT SAT"]) == []
    assert told(Habits.of(texts), ["THE CAT SAT"], lowercase=True) == []
    assert told(Habits.of([*texts, *["DVD ran"] * 30]), ["DVD"]) == []  # too few letters to say anything


def test_several_texts_tell_of_a_language_that_one_does_not():
    rng = np.random.default_rng(0)

    def drawn(number, shares):
        return ["".join(rng.choice([*"abcd"], 10, p=shares)) for _ in range(number)]

    own, other = (0.7, 0.2, 0.07, 0.03), (0.4, 0.35, 0.15, 0.1)
    habits = Habits.of(drawn(400, own))
    assert told(habits, drawn(400, own)) == []
    texts = drawn(40, other)
    hidden = [text for text in texts if not told(habits, [text])]
    assert len(hidden) > 20
    (message,) = told(habits, hidden)
    assert "another language" in message


def test_the_surprise_of_a_text_is_that_of_its_characters(habits):
    nats, characters = habits.surprise("a cat")
    tokens = habits.vocabulary.encode("\na cat\n").astype(np.int64)
    follower = [habits.counts.follow(tokens[:k]).distribution()[0][tokens[k]] for k in range(1, len(tokens))]
    assert characters == 6
    assert nats == pytest.approx(-np.log(follower).sum())


def test_too_few_sources_have_no_habits():
    assert Habits.of(lines(19)) is None
    assert told(None, ["THE CAT SAT"]) == []


def test_translate_tells_on_standard_error_and_python_warns(folder, task, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat\nTHE CAT SAT\nTHE DOG RAN\n")))
    with warnings.catch_warnings():  # as on the command line
        warnings.simplefilter("default")
        assert main(["translate", str(folder)]) == 0
    out, error = capsys.readouterr()
    assert len(out.splitlines()) == 3
    (line,) = error.splitlines()
    assert line.startswith("elman: line 2 is unlike the training sources")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(["translate", str(folder), "--text", "THE CAT SAT", "--json"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("elman: --text is unlike the training sources")
    for call in (task.translate, task.nbest):
        with pytest.warns(UserWarning, match="^text 1 is unlike") as caught:
            call(["the cat", "THE CAT SAT", "кот"])
        assert len(caught) == 1
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task.translate(["the cat", "a dog ran"])


def test_a_run_keeps_the_habits(folder, task, tmp_path):
    task.save(tmp_path / "saved")
    again = elman.load(tmp_path / "saved").facts.habits
    own = task.facts.habits
    for text in ("the cat", "der Kater"):
        assert again.surprise(text) == own.surprise(text)
    assert (again.mean, again.spread, again.capitals) == (own.mean, own.spread, own.capitals)
    (tmp_path / "saved" / FILE).unlink()
    old = elman.load(tmp_path / "saved")
    assert old.facts.habits is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert old.translate(["THE CAT"]) == task.answers.writer.best(["THE CAT"], SearchOptions())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda arrays: arrays | {"mean": np.array([np.nan])}, "mean must be a number of at least 0"),
        (lambda arrays: arrays | {"capitals": np.array([1.5])}, r"capitals must be in \[0, 1\]. Got 1.5"),
        (lambda arrays: arrays | {"spread": np.zeros(0)}, "not the habits of this run's sources"),
        (lambda arrays: arrays | {"characters": np.zeros(3)}, "characters must be a row of code points"),
        (lambda arrays: arrays | {"characters": np.array([2**31], np.uint32)}, "not the habits of this"),
        (lambda arrays: arrays | {"tokens/1": np.full(9, 250, np.uint8)}, "n-grams of length 1"),
        (lambda arrays: arrays | {"more": np.zeros(1)}, "must hold counts for each length"),
        (lambda arrays: {k: v for k, v in arrays.items() if k != "counts/2"}, "not the habits of this run's"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(task, tmp_path, damage, message):
    task.save(tmp_path / "run")
    path = tmp_path / "run" / FILE
    save_file(damage(load_file(path)), path)
    with pytest.raises(InputError, match=message) as error:
        elman.load(tmp_path / "run")
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
