"""Sentences without tags: their words are known, and start from what stands near them."""

import numpy as np
import pytest
from tiny import activities, tagged

import elman
from elman.errors import InputError
from elman.tasks.tagging.data import TaggedData

SMALL = {"hidden_size": 8, "batch_size": 4, "epochs": 1, "embedding_size": 6, "character_features": 6}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.conll").write_text(tagged(20))
    (tmp_path / "more.txt").write_text("the Zoe ran on a mat\na Zoe sat on the big mat\nthe red moon\n" * 3)
    return tmp_path


def test_words_without_tags_are_known_and_stored(folder):
    options = {**SMALL, "unlabelled": (folder / "more.txt",)}
    task = elman.SequenceTagger(**options).train(folder / "train.conll", folder / "run")
    plain = elman.SequenceTagger(**SMALL).train(folder / "train.conll")
    words = task.facts.words
    assert task.facts.known == len(plain.facts.words) < len(words)
    assert {"zoe", "moon"} <= set(words.pieces(np.arange(task.facts.known, len(words))))
    assert task.facts.is_unknown(("Zoe", "the", "nobody")).tolist() == [True, False, True]
    assert plain.facts.is_unknown(("Zoe", "the", "nobody")).tolist() == [True, False, True]
    for part in ("test", "validation"):
        assert task.results[part]["unknown_words"] == plain.results[part]["unknown_words"]
    assert task.results["unlabelled"] == 9
    assert "words of 9 sentences without tags" in task.report()
    again = TaggedData.reopen(task.config, task.facts, folder / "run")
    for (name, one), other in zip(task.data.initial().items(), again.initial().values(), strict=True):
        assert name == "embedding.embedding.weight"
        assert (one == other).all()


def test_sentences_of_other_parts_are_left_out(folder, caplog):
    options = {**SMALL, "unlabelled": (folder / "train.conll",)}
    caplog.set_level("INFO", logger="elman")
    task = elman.SequenceTagger(**options).train(folder / "train.conll")
    assert task.results["unlabelled"] == 16
    assert "4 of 20 sentences are left out" in caplog.text


def test_refuses_sentences_that_nothing_is_learnt_from(folder):
    with pytest.raises(InputError, match="needs"):
        elman.SequenceTagger(unlabelled=(folder / "more.txt",), embedding_init="random")
    (folder / "numbers.csv").write_text(activities(4))
    (folder / "empty.txt").write_text("\n")
    task = elman.SequenceTagger(**SMALL, unlabelled=(folder / "more.txt",))
    with pytest.raises(InputError, match="is for words"):
        task.train(folder / "numbers.csv")
    with pytest.raises(InputError, match=r"empty.txt: holds no words"):
        elman.SequenceTagger(**SMALL, unlabelled=(folder / "empty.txt",)).train(folder / "train.conll")


def test_words_start_with_a_language_models_embedding(folder):
    sizes = {"hidden_size": 6, "embedding_size": 6, "tied": False, "batch_size": 4, "bptt": 10, "epochs": 1}
    options = {**sizes, "level": "words", "split": (1.0, 0.0, 0.0)}
    language = elman.LanguageModel(**options).train(folder / "more.txt", folder / "lm")
    still = {"hidden_size": 8, "epochs": 1, "learning_rate": 1e-12, "pretrained": folder / "lm"}
    task = elman.SequenceTagger(**still).train(folder / "train.conll", folder / "run")
    assert task.config.embedding_size == 6
    own = task.model.embedding.embedding.weight.detach()
    theirs = language.model.embedding.weight.detach()
    for word in ("the", "moon", "Zoe"):
        (token,) = task.facts.words.encode(word.lower())
        (known,) = language.vocabulary.encode(word)
        ratio = own[token] / theirs[known]
        assert (ratio - ratio.mean()).abs().max() < 1e-3 * ratio.mean()
    assert task.facts.is_unknown(("Zoe", "the")).tolist() == [True, False]
    assert elman.load(folder / "run").predict([["the", "Zoe"]]) == task.predict([["the", "Zoe"]])
    with pytest.raises(InputError, match="must be 6, as in"):
        elman.SequenceTagger(embedding_size=7, pretrained=folder / "lm").train(folder / "train.conll")
    with pytest.raises(InputError, match="must be a run of language-model"):
        elman.SequenceTagger(pretrained=folder / "run").train(folder / "train.conll")
