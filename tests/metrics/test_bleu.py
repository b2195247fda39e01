"""BLEU by hand, and what stands beside it."""

import logging
import math
import sys

import pytest

from elman.errors import InputError
from elman.metrics.bleu import signatures, translation_scores
from elman.registry import load_module


def test_bleu_by_hand():
    """What matches is "The cat sat on" and "today ."; two words are missing."""
    scores = translation_scores(["The cat sat on mats today ."], ["The cat sat on a red mat today ."])
    precisions = [6 / 7, 4 / 6, 2 / 5, 1 / 4]
    wanted = 100 * math.exp(1 - 9 / 7) * math.prod(precisions) ** 0.25
    assert scores["bleu"] == pytest.approx(wanted)


def test_case_counts_only_where_it_is_said_to():
    scores = translation_scores(["the Cat sat on a mat"], ["The cat sat on a mat"])
    assert scores["bleu_lowercase"] == pytest.approx(100)
    assert scores["bleu"] < 60
    assert 50 < scores["chrf"] < 100


def test_text_without_spaces_needs_another_tokenizer():
    found, reference = ["私は猫が好きです"], ["私は犬が好きです"]
    assert translation_scores(found, reference, "char")["bleu"] > 40
    assert translation_scores(found, reference)["bleu"] == 0


def test_signatures_say_how_it_was_measured():
    found = signatures("zh")
    assert set(found) == set(translation_scores(["a"], ["a"]))
    assert "tok:zh" in found["bleu"]
    assert "case:mixed" in found["bleu"]
    assert "case:lc" in found["bleu_lowercase"]


def test_advice_of_sacrebleu_on_its_own_flags_stays_inside(caplog):
    tokenized = ["The cat sat ."] * 200  # texts for which sacrebleu asks whether they were tokenized
    translation_scores(tokenized, tokenized)
    assert caplog.records == []
    logging.getLogger("sacrebleu").warning("another caller's")
    assert [record.message for record in caplog.records] == ["another caller's"]


def test_what_is_missing_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "sacrebleu"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    monkeypatch.delitem(sys.modules, "elman.metrics.bleu")
    with pytest.raises(
        InputError, match=r"^sacrebleu is not installed; install it with: pip install 'elman\[text\]'$"
    ):
        load_module("elman.metrics.bleu")
