"""Texts of web pages: <br /> is the end of a line."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from tiny_classifier import TINY, fitted

import elman
from elman.tasks.classification.batches import inputs_of

BROKEN = ["fine film<br /><br />so good", "dull<BR>so bad", "fine<br/>good", "dull film, bad"] * 6
PLAIN = ["fine film\n\nso good", "dull\nso bad", "fine\ngood", "dull film, bad"] * 6
LABELS = ["pos", "neg"] * 12


@pytest.mark.parametrize("level", ["words", "characters"])
def test_a_line_break_is_the_end_of_a_line_in_training_and_prediction(level):
    task = fitted(BROKEN, LABELS, level=level)
    plain = fitted(PLAIN, LABELS, level=level)
    assert task.vocabulary == plain.vocabulary
    np.testing.assert_array_equal(task.predict_proba(BROKEN), plain.predict_proba(PLAIN))
    np.testing.assert_array_equal(task.predict_proba(BROKEN), task.predict_proba(PLAIN))
    assert [word for word, _ in task.explain("fine<br />film")[0]] == [
        word for word, _ in task.explain("fine\nfilm")[0]
    ]


def test_it_is_said_once_and_files_keep_their_texts(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = tmp_path / "reviews.csv"
    texts = [f"{text} {number}" for number, text in enumerate(BROKEN)]
    rows = [f'"{text}",{label}' for text, label in zip(texts, LABELS, strict=True)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    task = elman.SequenceClassifier(**TINY).train(path, out=tmp_path / "run")
    assert caplog.text.count("<br /> is read as the end of a line, in ") == 1
    stored = (tmp_path / "run" / "examples.jsonl").read_text().splitlines()
    assert {json.loads(line)["item"][0] for line in stored} == set(texts)
    caplog.clear()
    list(task.classify(path))
    assert "<br />" not in caplog.text


def test_runs_of_earlier_versions_read_it_as_before():
    task = fitted(BROKEN, LABELS)
    part = task.data.examples["training"]
    earlier = replace(task.facts, scheme=replace(task.scheme, line_breaks=False))
    new, old = (inputs_of(task.config, facts, part)[0][0] for facts in (task.facts, earlier))
    assert len(old) > len(new)
