"""Texts without labels: read from every form of file, and told apart from those with labels."""

import gzip
import logging

import numpy as np
import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled
from elman.data.labelled.unlabelled import (
    load_unlabelled,
    new_texts,
    read_unlabelled,
    save_unlabelled,
    texts_in_memory,
)
from elman.errors import InputError

TEXTS = ["a good cat", "the bad dog ran", "it sat on a mat"]
SINGLE = [Columns()]


def texts(path, columns=SINGLE):
    return [text for _, text in read_unlabelled([path], columns)]


def test_every_form_of_file(tmp_path):
    import polars as pl

    frame = pl.DataFrame({"text": TEXTS})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_ndjson(tmp_path / "a.jsonl")
    frame.write_parquet(tmp_path / "a.parquet")
    lines = "".join(f"{text}\n\n" for text in TEXTS)
    (tmp_path / "a.txt").write_text(lines)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(lines.encode()))
    for name in ("a.csv", "a.jsonl", "a.parquet", "a.txt", "a.txt.gz"):
        assert texts(tmp_path / name) == TEXTS, name


def test_in_a_folder_a_file_is_a_text_unless_it_is_a_table(tmp_path):
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    (tmp_path / "texts" / "1.txt").write_text("two\nlines\n")
    (tmp_path / "texts" / "2.txt").write_text(" \n")
    (tmp_path / "texts" / "deep" / "3.csv").write_text("text\nof a table\nand another\n")
    assert texts(tmp_path / "texts") == ["two\nlines\n", "of a table", "and another"]


def test_columns_of_the_training_file_and_others(tmp_path):
    (tmp_path / "a.csv").write_text("review,title\na good cat here,the best of cats\n")
    (tmp_path / "b.csv").write_text("words\na good cat here\nand a dog\n")
    columns = [Columns(text="review"), Columns()]
    assert texts(tmp_path / "a.csv", columns) == ["a good cat here"]
    assert texts(tmp_path / "b.csv", columns) == ["a good cat here", "and a dog"]
    (tmp_path / "p.txt").write_text("one\ttwo\n")
    assert texts(tmp_path / "p.txt", [Columns(pair="pair")]) == ["one", "two"]


def test_what_holds_no_text_is_refused(tmp_path):
    (tmp_path / "blank.txt").write_text("\n \n")
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 1)))
    for name, message in (
        ("blank.txt", "blank.txt: holds no text"),
        ("a.npy", "a.npy: must hold texts. Got sequences of numbers"),
        ("absent.txt", "absent.txt: no such file"),
    ):
        with pytest.raises(InputError, match=message):
            texts(tmp_path / name)
    for odd, got in ((["a", " "], r"unlabelled\[1\]"), ([3], r"unlabelled\[0\].*Got 3"), ("a", "one text")):
        with pytest.raises(InputError, match=got):
            list(texts_in_memory(odd))


def parts(training, validation=(), test=()):
    named = {"training": training, "validation": validation, "test": test}
    return {
        name: Labelled([(text,) for text in own], [("a",)] * len(own), [""] * len(own))
        for name, own in named.items()
    }


def test_texts_of_labelled_parts_are_left_out_and_told(caplog):
    caplog.set_level(logging.INFO, "elman")
    found = [("u: 1", "A  good cat"), ("u: 2", "new"), ("u: 3", "new"), ("u: 4", "tested"), ("u: 5", "seen")]
    assert new_texts(found, parts(["a good cat"], ["seen"], ["tested", "never"])) == ["new"]
    (line,) = caplog.messages
    assert "5 unlabelled texts" in line
    assert "1 of the training part, 1 of the validation part, 1 of the test part; the first: u: 4" in line
    caplog.clear()
    assert new_texts(found[1:3], parts(["other"])) == ["new"]
    assert not caplog.messages


@pytest.mark.parametrize(
    ("line", "end"), [("{1}\t{0}", "before"), ("{0}\t{1}", "behind"), ("__label__{1} {0}", "before")]
)
def test_labels_beside_the_texts_are_left_out_and_told(caplog, line, end):
    caplog.set_level(logging.INFO, "elman")
    labelled = parts(["known"])
    label = labelled["training"].labels[0][0]
    texts = ["a new one", "another", "and a third"]
    found = [(f"u: line {k}", line.format(text, label)) for k, text in enumerate(texts)]
    assert new_texts([*found, ("u: line 3", "no\tlabel")], labelled) == [*texts, "no\tlabel"]
    told = f"the labels {end} the texts are left out, of 3 of 4 texts; the first: u: line 0: {label!r}"
    assert caplog.messages == [f"--unlabelled: {told}"]
    assert new_texts([*found[:1], *[("u", f"{k}\tx") for k in range(2)]], labelled)[0] == found[0][1]


def test_lines_of_a_text_that_are_test_texts_are_left_out():
    found = [("u", "one\nTested\ntwo"), ("v", "tested\n seen\n")]
    assert new_texts(found, parts(["one"], ["seen"], ["tested"])) == ["one\ntwo"]
    with pytest.raises(InputError, match="--unlabelled: all of its 1 texts are texts with labels"):
        new_texts(found[1:], parts(["one"], ["seen"], ["tested"]))


def test_a_run_folder_keeps_them(tmp_path):
    assert load_unlabelled(tmp_path) == []
    odd = ["one\ntwo", 'a "quoted" text', "line\u2028end", "日本"]
    save_unlabelled(tmp_path, odd)
    assert load_unlabelled(tmp_path) == odd
    (tmp_path / "unlabelled.jsonl").write_text('"a"\n7\n')
    with pytest.raises(InputError, match=r"unlabelled.jsonl: line 2: is not a text of this run"):
        load_unlabelled(tmp_path)
