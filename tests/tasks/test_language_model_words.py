"""Language models of words and subwords, parts from files of their own, run folders of earlier versions."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SMALL, same_bits, text, weights

import elman
from elman.baselines.ngram import frequency_nats
from elman.cli import main
from elman.errors import InputError
from elman.tasks.language_model.options import Generate
from elman.tasks.language_model.task import LanguageModel
from elman.tasks.shared.run_folder import open_run, resume

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "level": "words", "ngrams": "none"}


@pytest.fixture(scope="module")
def task() -> LanguageModel:
    return fit()


def fit(texts: list[str] | None = None, **options: Any) -> LanguageModel:
    return LanguageModel(**OPTIONS | options).fit(texts=[text(90)] if texts is None else texts)


def flattened(task: LanguageModel, chances: dict[str, float]) -> LanguageModel:
    """The same task with a model that gives the pieces these probabilities, whatever came before."""
    pieces = task.vocabulary.pieces(range(len(task.vocabulary)))
    with torch.no_grad():
        task.model.head.weight.zero_()
        task.model.head.bias.copy_(torch.tensor([chances.get(piece, 0.0) for piece in pieces]).log())
    return task


# Figures


def test_the_figures_by_hand(tmp_path):
    task = flattened(fit(["one two two\n" * 60]), {"one": 0.25, "two": 0.5, "<unk>": 0.125, "\n": 0.125})
    (tmp_path / "new.txt").write_text("one two three one\n")  # targets two, the unknown one, one and the end
    bits = (1 + 3 + 2 + 3) / 4
    assert task.evaluate(tmp_path) == {
        "nats_per_token": pytest.approx(bits * math.log(2), rel=1e-6),
        "bits_per_token": pytest.approx(bits, rel=1e-6),
        "perplexity": pytest.approx(2**bits, rel=1e-6),
        "tokens": 4,
        "characters": len("one two <unk> one\n"),
        "bits_per_character": pytest.approx(bits * 5 / len("one two <unk> one\n"), rel=1e-6),
        "unknown": 1 / 5,
    }


def test_subwords_have_bits_per_character_and_no_unknown_ones(tmp_path):
    task = fit(level="subwords", vocab_size=270)
    (tmp_path / "new.txt").write_text("Whatever is new: naïve 日本.\n")
    figures = task.evaluate(tmp_path)
    assert figures["characters"] == len("Whatever is new: naïve 日本.\n")
    assert "unknown" not in figures
    tokens = len(task.vocabulary.encode("Whatever is new: naïve 日本.\n"))
    assert figures["tokens"] == tokens - 1
    assert figures["bits_per_character"] * figures["characters"] == pytest.approx(
        figures["bits_per_token"] * tokens
    )


def test_words_are_judged_by_their_perplexity(task):
    tokens = task.vocabulary.encode(text(90))
    train, test = tokens[: round(0.9 * len(tokens))], tokens[round(0.95 * len(tokens)) :]
    nats, count = frequency_nats(train, test, len(task.vocabulary))
    assert task.results["baselines"]["word frequency"] == pytest.approx(nats / count / math.log(2))
    report = task.report()
    assert f"perplexity, bits per char on the test part ({count} words)" in report
    assert f"{math.exp(nats / count):9.2f}" in report
    assert f"{task.results['test']['perplexity']:9.2f}" in report
    assert f"copied from the text is {task.results['sample']['longest_copy']} words" in report
    assert task.loss_unit()(math.log(7)) == pytest.approx(7)
    assert task.loss_unit()(1e6) < math.inf


def test_a_model_of_words_learns_what_counting_cannot():
    lines = "one two three\nfour five one six\n" * 100  # what follows "one" is told by the word before it
    task = fit([lines], epochs=20, learning_rate=0.03, hidden_size=16, ngram_order=2)
    counted = task.results["baselines"]["Witten–Bell, order 2"]
    assert task.results["test"]["bits_per_token"] < 0.5 * counted


# What is written


def test_words_come_one_by_one_with_their_spaces(task):
    pieces = list(task.generate("the cat", length=20, seed=1))
    assert len(pieces) == 20
    assert all(piece.strip() in (*task.vocabulary.words, "") for piece in pieces)
    written = "the cat" + "".join(pieces)
    tokens = task.vocabulary.encode(written)
    assert len(tokens) == 22
    assert task.vocabulary.decode(tokens) == written
    after_space = list(task.generate("the cat ", length=20, seed=1))
    assert after_space[0] == pieces[0].removeprefix(" ")
    assert after_space[1:] == pieces[1:]


def test_the_unknown_word_is_never_written():
    task = flattened(fit(["one two\n" * 100]), {"<unk>": 0.98, "one": 0.01, "two": 0.01})
    for temperature in (0, 1):
        assert set("".join(task.generate(length=50, temperature=temperature, seed=0)).split()) <= {
            "one",
            "two",
        }
    characters = fit(["a" * 99 + "b"], level="characters", min_count=2)
    flattened(characters, {"<unk>": 0.99, "a": 0.01})
    assert "".join(characters.generate("abc", length=9, seed=0)) == "a" * 9


def test_a_prompt_of_unknown_words_is_read(task):
    assert len(list(task.generate("Whatever this means", length=3, seed=0))) == 3


def test_unknown_words_of_a_prompt_are_told_once():
    task = fit(["one two three\n" * 100])
    assert task.unknown_in("one zebra two zebra\nlion") == ["zebra", "zebra", "lion"]
    with pytest.warns(UserWarning, match=r"^--prompt: 3 of 5 words are not known .*: 'zebra lion'$") as told:
        "".join(Generate(prompt="one zebra two zebra lion", length=3).text(task))
    assert len(told) == 1


def test_a_text_of_one_line_is_gone_on_from_nothing():
    task = fit(["one two three " * 50])
    assert "\n" not in task.vocabulary.words
    assert "".join(task.generate(length=9, seed=0))[0] != " "


def test_after_a_prompt_that_ends_in_a_space_a_subword_begins_a_word():
    task = fit(["one two\n" * 100], level="subwords", vocab_size=262)
    flattened(task, {"e": 0.9, " two": 0.05, "\n": 0.05})
    bias = task.model.head.bias.clone()
    for prompt in ("one ", " "):
        assert "".join(task.generate(prompt, length=1, seed=0)) == "two"
    assert "".join(task.generate("one", length=1, temperature=0)) == "e"
    assert torch.equal(task.model.head.bias, bias)


# Parts from files of their own


@pytest.fixture
def files(tmp_path, monkeypatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    Path("train.txt").write_text(text(60))
    Path("valid.txt").write_text(text(20, seed=1) + "Unheard of words.\n")
    Path("test.txt").write_text(text(20, seed=2) + "Others still.\n")
    return {"validation": (Path("valid.txt"),), "test": (Path("test.txt"),)}


def test_parts_are_read_from_their_files(files):
    task = LanguageModel(**OPTIONS | files | {"batch_size": 1}).train("train.txt", "run")
    assert {"Unheard", "Others"}.isdisjoint(task.vocabulary.words)
    assert set(task.vocabulary.words) <= set(text(60).replace(".", " . ").replace("\n", " \n ").split(" "))
    assert task.results["test"] == task.evaluate("test.txt")
    assert task.results["test"]["unknown"] > 0
    history = [json.loads(line) for line in Path("run/history.jsonl").read_text().splitlines()]
    last = min((line for line in history if line["kind"] == "validation"), key=lambda line: line["loss"])
    assert last["loss"] == pytest.approx(task.evaluate("valid.txt")["nats_per_token"], rel=1e-5)
    assert elman.load("run").config.test == (Path("test.txt"),)


def test_another_test_file_changes_nothing_else(files):
    first = LanguageModel(**OPTIONS | files).train("train.txt")
    Path("test.txt").write_text("Quite another text. The cat sat.\n" * 3)
    second = LanguageModel(**OPTIONS | files).train("train.txt")
    assert same_bits(weights(first.model), weights(second.model))
    assert first.vocabulary == second.vocabulary
    assert first.results["test"] != second.results["test"]


def test_a_run_is_resumed_on_the_parts_it_began_with(files):
    task = LanguageModel(**OPTIONS | files).train("train.txt", "run")
    for path in Path().glob("*.txt"):
        path.unlink()
    parts = (task.opened_data().parts(), open_run("run").opened_data().parts())
    for before, after in zip(*(vars(each).values() for each in parts), strict=True):
        assert np.array_equal(before.corpus.tokens, after.corpus.tokens)


def test_the_share_of_a_part_with_files_of_its_own_is_trained_on(files):
    def lengths(**own):
        task = LanguageModel(**OPTIONS | {"split": (0.5, 0.3, 0.2)} | own).train("train.txt")
        parts = task.data.parts()
        return [len(part.corpus) for part in (parts.training, parts.validation, parts.test)]

    tokens = sum(lengths())
    half, share = round(tokens * 0.5), round(tokens * 0.3)
    assert lengths() == [half, share, tokens - half - share]
    found = lengths(test=files["test"])
    assert found[0] == pytest.approx(tokens * 0.7, abs=1)
    assert found[0] + found[1] == tokens
    found = lengths(validation=files["validation"])
    assert found[0] + found[2] == tokens


def test_flags_and_recipe_name_them_alike(files, capsys):
    small = ["--level", "words", "--hidden-size", "8", "--epochs", "1"]
    flags = ["--validation", "valid.txt", "--test", "test.txt"]
    assert main(["train", "language-model", "train.txt", *flags, *small, "--out", "a"]) == 0
    Path("recipe.yaml").write_text("validation: [valid.txt]\ntest: [test.txt]\n")
    assert (
        main(["train", "language-model", "train.txt", "--config", "recipe.yaml", *small, "--out", "b"]) == 0
    )
    results = [json.loads((Path(run) / "results.json").read_text()) for run in ("a", "b")]
    assert results[0]["test"] == results[1]["test"]


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "bad.txt: no such file or folder"),
        ("", "bad.txt: a corpus needs text"),
        ("one", "must have a document of at least 2 tokens"),
    ],
)
def test_a_part_that_cannot_be_used_writes_nothing(files, capsys, part, content, message):
    if content is not None:
        Path("bad.txt").write_text(content)
    before = sorted(Path().iterdir())
    arguments = ["--level", "words", f"--{part}", "bad.txt", "--out", "run"]
    assert main(["train", "language-model", "train.txt", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(Path().iterdir()) == before


# How words start


def test_words_start_from_their_co_occurrences_in_the_training_part():
    still = {"learning_rate": 1e-30, "embedding_size": 6}
    texts = [text(90), "late words\n"]  # the last ones are in the test part

    def start(**options: Any) -> torch.Tensor:
        return fit(texts, **still | options).model.embedding.weight.detach()

    task = fit(texts, **still)
    embedding, random = task.model.embedding.weight.detach(), start(embedding_init="random")
    lengths = (embedding**2).mean(1)
    pieces, words = task.vocabulary.pieces(range(len(lengths))), set(text(90).split())
    known = [k for k, word in enumerate(pieces) if word in words]
    assert len(known) == len(words) > 5
    assert lengths[known] == pytest.approx(1, rel=1e-4)
    assert torch.equal(start(), embedding)
    assert not torch.equal(random, embedding)
    tied = {"tied": True, "embedding_size": SMALL["hidden_size"]}
    lengths = (start(**tied) ** 2).mean(1)
    assert lengths[known] == pytest.approx(0.1**2, rel=1e-4)  # as output weights they are nearer to 0
    assert not torch.equal(start(**tied), start(**tied, embedding_init="random"))


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_from_the_same_words(tmp_path, monkeypatch):
    wanted = fit()
    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "_train", lambda *_: None)
        LanguageModel(**OPTIONS).fit(texts=[text(90)], out=tmp_path / "run")
    resumed = resume(tmp_path / "run").model.state_dict()
    for name, weight in wanted.model.state_dict().items():
        assert torch.equal(resumed[name], weight)


# Sizes


def test_few_words_have_smoothed_targets_in_training_only():
    task = fit()
    assert task.config.label_smoothing == task.model.head.label_smoothing > 0
    assert fit(level="characters").model.head.label_smoothing == 0
    assert fit(label_smoothing=0.3).model.head.label_smoothing == 0.3
    with pytest.raises(InputError, match=r"label-smoothing must be in \[0, 1\)\. Got 1\.0"):
        fit(label_smoothing=1.0)


def test_words_and_subwords_have_tied_weights_unless_the_user_says_otherwise():
    def sizes(**options: Any) -> tuple[bool, int]:
        config = fit(**{"embedding_size": None} | options).config
        return config.tied, config.embedding_size

    units = SMALL["hidden_size"]
    assert sizes() == sizes(level="subwords", vocab_size=300) == (True, units)
    assert sizes(tied=False) == (False, 64)
    assert sizes(embedding_size=6) == (False, 6)
    assert sizes(level="characters") == (False, 64)
    assert sizes(level="characters", tied=True) == (True, units)
    assert sizes(cell="projected-lstm:proj_size=5") == (True, 5)
