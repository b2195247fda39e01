"""Options that follow from the amount of data: who chooses them, and where they are written down."""

import contextlib
import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import sentences, text
from tiny_classifier import numbers

import elman
from elman.cli import main
from elman.errors import InputError
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.classification.task import SequenceClassifier
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.sizing import (
    commands,
    labelled,
    networks,
    pairs,
    pieces,
    sequences,
    sized,
    sizes_text,
    streams,
    windows,
)
from elman.tasks.translation.options import TranslationConfig

QUICK = {"hidden_size": 8, "epochs": 1, "bptt": 20, "ngrams": "none"}


def options(run: Path) -> dict:
    return json.loads((run / "config.json").read_text())


def test_what_the_user_gives_stays():
    config = LanguageModelConfig(epochs=3)
    sizes = streams(config, 50_000, 256)
    after, chosen = sized(config, sizes)
    assert after == replace(config, **sizes | {"epochs": 3})
    assert set(chosen) == set(LanguageModelConfig.sized) - {"epochs"}
    assert sized(after, streams(config, 10**8, 256)) == (after, ())


@pytest.mark.parametrize("tokens", [1, 999, 50_000, 200_000, 700_000, 10**6, 10**9])
def test_streams_have_sizes_for_any_amount(tokens):
    sizes = streams(LanguageModelConfig(), tokens, 256)
    assert set(sizes) == set(LanguageModelConfig.sized)
    replace(LanguageModelConfig(), **sizes)


def test_few_words_are_learnt_with_more_noise_than_characters():
    config = LanguageModelConfig()
    words, characters = (streams(config, 40_000, 256, has_words=has) for has in (True, False))
    assert words["dropout"] > characters["dropout"]
    many = streams(config, 10**8, 256, has_words=True)
    assert many["dropout"] < words["dropout"]
    assert many["label_smoothing"] == characters["label_smoothing"] == 0 < words["label_smoothing"]


def test_less_text_is_read_more_often_in_smaller_batches_and_with_more_noise():
    little, much = (streams(LanguageModelConfig(), tokens, 256) for tokens in (50_000, 5_000_000))
    assert little["epochs"] > much["epochs"]
    assert little["batch_size"] < much["batch_size"]
    assert little["dropout"] > much["dropout"]


@pytest.mark.parametrize("texts", [0, 1, 999, 5_000, 10_000, 10**6])
@pytest.mark.parametrize("length", [1, 10_000])
def test_classifiers_have_sizes_for_any_amount(texts, length):
    sizes = labelled(texts, texts * length)
    assert set(sizes) == set(ClassificationConfig.sized) - {"frame", "ensemble"}  # which only numbers have
    replace(ClassificationConfig(), **sizes)


@pytest.mark.parametrize("number", [1, 399, 999, 20_000, 10**6])
@pytest.mark.parametrize("model", ["direct", "es-rnn", "recursive", "direct+es-rnn"])
def test_forecasters_have_sizes_for_any_amount(model, number):
    sizes = windows(model, number, 60)
    assert set(sizes) == set(ForecastingConfig.sized) - {"model"}
    replace(ForecastingConfig(model=model), **sizes)


def test_es_rnn_stands_beside_a_direct_network_while_both_are_quick():
    assert networks(1, 24) == networks(1_000, 150) == "direct+es-rnn"
    assert networks(1_001, 24) == networks(1, 151) == "direct"


def test_a_forecaster_says_which_sizes_were_chosen():
    task = elman.Forecaster(horizon=2, season=(1,), hidden_size=2, epochs=1, combination="none")
    task.fit([[float(k % 5) for k in range(20)]])
    assert task.origin.sized == ("model", "dropout", "batch_size", "ensemble")
    assert task.config.model == "direct+es-rnn"
    assert [(kind, len(own.members)) for kind, own in task.model.kinds.items()] == [
        ("direct", 3),
        ("es-rnn", 1),
    ]


def test_fewer_windows_are_read_more_often_in_smaller_batches_by_more_networks():
    few, many = (windows("direct", number, 60) for number in (100, 50_000))
    assert few["epochs"] > many["epochs"]
    assert few["batch_size"] < many["batch_size"]
    assert few["ensemble"] > many["ensemble"]


@pytest.mark.parametrize("number", [1, 99, 999, 10_000, 10**6])
@pytest.mark.parametrize("steps", [1, 100, 10_000])
def test_networks_of_numeric_sequences_have_sizes_for_any_amount(number, steps):
    sizes = sequences(number, steps)
    assert set(sizes) == set(ClassificationConfig.sized)
    assert steps <= 100 * sizes["frame"]
    replace(ClassificationConfig(), **sizes)


def test_recordings_are_read_more_often_the_fewer_they_are():
    epochs = [commands(number, 100.0)["epochs"] for number in (10, 1_000, 2_500, 100_000)]
    assert epochs == [40, 40, 16, 5]
    assert [commands(1_000, frames)["frame"] for frames in (1.0, 50.0, 98.0, 250.0)] == [1, 1, 2, 5]


def test_few_sequences_have_several_networks_unless_they_start_from_a_run(tmp_path):
    x, y, lengths = numbers()
    small = {"hidden_size": 4, "epochs": 1, "rocket": "none"}
    task = SequenceClassifier(**small).fit(x, y, lengths, out=tmp_path / "run")
    assert len(task.model.each) == task.config.ensemble == 3
    np.testing.assert_array_equal(
        elman.load(tmp_path / "run").predict_proba(x, lengths), task.predict_proba(x, lengths)
    )
    later = SequenceClassifier(epochs=1, rocket="none", pretrained=tmp_path / "run").fit(x, y, lengths)
    assert len(later.model.each) == later.config.ensemble == 1
    assert sequences(1_000, 50)["ensemble"] == 1


def test_texts_have_no_frames_and_say_nothing_of_them(caplog):
    task = SequenceClassifier(epochs=1, ngrams="none").fit(["a b", "c d"] * 10, [0, 1] * 10)
    assert task.config.frame is None
    assert task.config.ensemble is None
    assert task.config.members == 1
    assert "frame" not in caplog.text


def test_fewer_texts_have_fewer_units_and_more_noise_and_long_ones_fewer_passes():
    few, many = labelled(500, 50_000), labelled(50_000, 5_000_000)
    assert few["hidden_size"] < many["hidden_size"]
    assert few["dropout"] > many["dropout"]
    assert few["word_dropout"] > many["word_dropout"]
    assert few["epochs"] > many["epochs"]
    assert labelled(50_000, 10**8)["epochs"] < many["epochs"]
    assert labelled(500, 50_000, has_words=False)["word_dropout"] == 0
    assert labelled(500, 50_000, 20)["dropout"] < few["dropout"]  # many labels are learnt slowly


def test_a_classifier_of_numbers_or_from_a_run_keeps_its_sizes():
    assert labelled() == {
        "hidden_size": 128,
        "dropout": 0.3,
        "word_dropout": 0.0,
        "batch_size": 32,
        "epochs": 10,
        "learning_rate": 0.002,
    }


def test_a_run_has_numbers_and_says_which_were_chosen(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "elman"):
        task = elman.LanguageModel(**QUICK, dropout=0.25).fit(texts=[text()], out=tmp_path / "run")
    sizes = streams(task.config, round(0.9 * len(text())), 8) | {"epochs": 1, "dropout": 0.25}
    written = options(tmp_path / "run")
    chosen = [name for name in LanguageModelConfig.sized if name not in ("epochs", "dropout")]
    assert {name: written["config"][name] for name in sizes} == sizes
    assert written["origin"]["sized"] == chosen
    assert f"{len(text()):,} characters, 1 document: {sizes_text(task.config, chosen)}" in caplog.text
    loaded = elman.load(tmp_path / "run")
    assert loaded.config == task.config
    with contextlib.redirect_stdout(io.StringIO()) as output:
        main(["show", str(tmp_path / "run")])
    assert f"from the amount of data: {sizes_text(task.config, chosen)}\n" in output.getvalue()
    assert "batch_size" not in output.getvalue()


@pytest.mark.parametrize("number", [1, 999, 2_000, 10_000, 30_000, 10**6])
def test_pairs_have_sizes_for_any_amount(number):
    sizes = pairs(number, 700)
    assert set(sizes) == set(TranslationConfig.sized)
    replace(TranslationConfig(), **sizes)
    assert pieces(number) >= 300  # all bytes and some pieces
    assert pieces(number) <= pieces(10 * number)


def test_fewer_pairs_have_a_smaller_model_that_reads_them_more_often():
    few, many = pairs(2_000, 700), pairs(200_000, 700)
    for name in ("hidden_size", "embedding_size", "batch_size"):
        assert few[name] < many[name]
    assert few["epochs"] > many["epochs"]


def small_translator(**options):
    asked = {"hidden_size": 8, "epochs": 1, "split": (0.8, 0.1, 0.1)} | options
    sources, targets = zip(*(line.split("\t") for line in sentences(60).splitlines()), strict=True)
    return elman.Translator(**asked), sources, targets


@pytest.mark.parametrize("level", ["subwords", "words", "characters", "bytes"])
def test_a_translation_has_numbers_and_says_which_were_chosen(level, tmp_path, caplog):
    task, sources, targets = small_translator(level=level)
    with caplog.at_level(logging.INFO, "elman"):
        task.fit(sources, targets, out=tmp_path / "run")
    chosen = [name for name in TranslationConfig.sized if name not in ("hidden_size", "epochs")]
    sizes = pairs(48, len(task.target_vocabulary))
    written = options(tmp_path / "run")
    assert {name: written["config"][name] for name in chosen} == {name: sizes[name] for name in chosen}
    assert written["origin"]["sized"] == chosen
    assert f"60 pairs: {sizes_text(task.config, chosen)}" in caplog.text
    assert f"vocab size {len(task.target_vocabulary)}, " in caplog.text
    assert elman.load(tmp_path / "run").config == task.config
    if level == "subwords":
        assert len(task.target_vocabulary) <= pieces(48)


def test_pieces_follow_from_the_training_pairs_unless_the_user_says_how_many(monkeypatch):
    monkeypatch.setattr("elman.tasks.translation.data.pieces", lambda number: 260 + number // 4)
    for asked, size in (({}, 272), ({"vocab_size": 265}, 265), ({"split": (0.5, 0.25, 0.25)}, 267)):
        task, sources, targets = small_translator(**asked)
        assert len(task.fit(sources, targets).target_vocabulary) == size
        assert task.config.vocab_size == size


def test_a_translation_of_a_run_keeps_its_sizes(tmp_path):
    task, sources, targets = small_translator(embedding_size=12)
    task.fit(sources, targets, out=tmp_path / "run")
    later = elman.Translator(pretrained=tmp_path / "run", epochs=1).fit(sources, targets)
    assert (later.config.hidden_size, later.config.embedding_size) == (8, 12)
    assert {"hidden_size", "embedding_size", "vocab_size"}.isdisjoint(later.origin.sized)
    assert later.config.vocab_size == task.config.vocab_size
    # a folder of an earlier version has no number of tokens
    content = options(tmp_path / "run")
    content["config"]["vocab_size"] = None
    content["origin"]["sized"] = []
    (tmp_path / "run" / "config.json").write_text(json.dumps(content))
    old = elman.load(tmp_path / "run")
    assert old.config.vocab_size is None
    assert old.translate(["the cat"]) == task.translate(["the cat"])
    assert elman.Translator(pretrained=tmp_path / "run", epochs=1).fit(sources, targets).config.vocab_size


def test_a_task_that_is_fitted_again_chooses_again():
    task = elman.LanguageModel(**QUICK)
    for seed in (0, 1):
        task.fit(texts=[text(seed=seed)])
        assert set(task.origin.sized) == set(LanguageModelConfig.sized) - {"epochs"}
        assert task.get_params()["batch_size"] is None
        assert task.config.batch_size > 0


def test_a_recipe_counts_as_given(tmp_path):
    Path(tmp_path / "text.txt").write_text(text())
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("batch-size: 5\nhidden-size: 8\nepochs: 1\n")
    run = tmp_path / "run"
    command = [
        "train",
        "language-model",
        str(tmp_path / "text.txt"),
        "--config",
        str(recipe),
        "--out",
        str(run),
    ]
    assert main(command) == 0
    assert options(run)["config"]["batch_size"] == 5
    assert not {"batch_size", "epochs"} & set(options(run)["origin"]["sized"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"dropout": None}}, "config.json: dropout must have a value. Got None."),
        ({"origin": {"sized": ["seed"]}}, "origin: sized must name .*dropout.* Got 'seed'."),
    ],
)
def test_a_folder_without_numbers_is_refused(tmp_path, change, message):
    elman.LanguageModel(**QUICK).fit(texts=[text()], out=tmp_path / "run")
    content = options(tmp_path / "run")
    for key, values in change.items():
        content[key] |= values
    (tmp_path / "run" / "config.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        elman.load(tmp_path / "run")
