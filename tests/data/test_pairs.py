"""Pairs from files and memory, lines as they arrive, and batches."""

import gzip
import io
import json
import logging
import os
import threading
from itertools import chain

import numpy as np
import polars as pl
import pytest
import torch

from elman.data.batches.pairs import PairBatches, padded
from elman.data.pairs import Pairs, check_pairs, checked_lines, is_blank, load_pairs, read_pairs, save_pairs
from elman.data.read.text import arriving_lines, decoded, lines_of
from elman.errors import InputError

ENGLISH = ["a dog", "two dogs run", "naïve café"]
GERMAN = ["ein Hund", "zwei Hunde laufen", "猫が好き"]


def write(path, lines):
    path.write_bytes(b"".join(line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines))
    return path


def test_two_files_one_file_and_packed_files_hold_the_same(tmp_path):
    two = [write(tmp_path / "a.en", ENGLISH), write(tmp_path / "a.de", GERMAN)]
    tabbed = write(tmp_path / "a.tsv", map("\t".join, zip(ENGLISH, GERMAN, strict=True)))
    packed = []
    for path in [*two, tabbed]:
        packed.append(tmp_path / f"{path.name}.gz")
        packed[-1].write_bytes(gzip.compress(path.read_bytes()))
    for paths in (two, packed[:2], [tabbed], packed[2:], [two[0], packed[1]]):
        assert read_pairs(paths) == Pairs(ENGLISH, GERMAN)


def test_tables_have_a_column_of_sources_and_one_of_translations(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    frame = pl.DataFrame({"en": ENGLISH, "de": GERMAN})
    frame.write_csv(tmp_path / "a.csv", separator=";")
    frame.write_ndjson(tmp_path / "a.jsonl")
    frame.with_columns(pl.lit(1).alias("score")).write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.jsonl"):
        assert read_pairs([tmp_path / name]) == Pairs(ENGLISH, GERMAN)
    assert "en is the source, de the translation" in caplog.text
    with pytest.raises(InputError, match=r"--source-column and --target-column must .* en, de, score"):
        read_pairs([tmp_path / "a.parquet"])
    assert read_pairs([tmp_path / "a.parquet"], names=("de", "en")) == Pairs(GERMAN, ENGLISH)
    (tmp_path / "b.csv").write_text("en,de\na,\nb,c\n")
    with pytest.raises(InputError, match=r"b\.csv: row 2, column 'de': must not be empty"):
        read_pairs([tmp_path / "b.csv"])
    assert read_pairs([tmp_path / "b.csv"], skip_bad_lines=True) == Pairs(["b"], ["c"], 1)


def test_rows_of_translations_as_hugging_face_writes_them(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    rows = [{"en": en, "de": de} for en, de in zip(ENGLISH, GERMAN, strict=True)]
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"id": str(k), "translation": row}) + "\n" for k, row in enumerate(rows))
    )
    assert read_pairs([path]) == Pairs(ENGLISH, GERMAN)
    assert "en is the source, de the translation; left out: id, which counts the rows" in caplog.text
    assert read_pairs([path], names=("de", "en")) == Pairs(GERMAN, ENGLISH)
    pl.DataFrame({"translation": rows}).write_parquet(tmp_path / "a.parquet")
    assert read_pairs([tmp_path / "a.parquet"]) == Pairs(ENGLISH, GERMAN)
    path.write_text(json.dumps({"translation": rows[0] | {"fr": "un chien"}}) + "\n")
    with pytest.raises(InputError, match="must choose among its columns en, de, fr"):
        read_pairs([path])


def test_a_first_line_like_the_others_is_no_header(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    sources = [f"The {colour} bird sings here." for colour in ("red", "blue", "grey", "old")]
    targets = [f"Der Vogel ist {colour} und singt" for colour in ("rot", "blau", "grau", "alt")]
    rows = [";".join(pair) for pair in zip(sources, targets, strict=True)]
    assert read_pairs([write(tmp_path / "a.csv", rows)]) == Pairs(sources, targets)
    assert "a.csv: the first line names no columns; they are column_1, column_2" in caplog.text
    assert read_pairs([tmp_path / "a.csv"], names=("column_2", "column_1")) == Pairs(targets, sources)
    for header in ("Text in English;Der deutsche Text", "bird;Vogel"):
        assert read_pairs([write(tmp_path / "b.csv", [header, *rows])]) == Pairs(sources, targets)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_column_that_counts_is_left_out_and_told(tmp_path, mark, caplog):
    caplog.set_level(logging.INFO, "elman")
    rows = zip(range(1, 1 + len(ENGLISH)), ENGLISH, GERMAN, strict=True)
    lines = [mark.join(("Nr", "Englisch", "Deutsch")), *(mark.join(map(str, row)) for row in rows)]
    assert read_pairs([write(tmp_path / "a.csv" if mark == ";" else tmp_path / "a.txt", lines)]) == Pairs(
        ENGLISH, GERMAN
    )
    assert "left out: " in caplog.text


def test_what_stands_around_a_text_is_taken_off(tmp_path):
    a = write(tmp_path / "a", [b"\xef\xbb\xbf", "  a dog \r", "two\r"])
    b = write(tmp_path / "b", ["ein Hund", b"zwei"])  # its last line has no end
    assert read_pairs([a, b]) == Pairs(["a dog", "two"], ["ein Hund", "zwei"])


BAD = {
    "empty": (["x", "", "z"], r"b: line 2: must not be empty"),
    "spaces": (["x", "  ", "z"], r"b: line 2: must not be empty"),
    "not UTF-8": (["x", "y", b"caf\xe9\n"], r"b: line 3: must be UTF-8\. Byte 4 is 0xE9"),
    "control": (["x\x07", "y", "z"], r"b: line 1: must not hold control characters\. Got U\+0007"),
    "form feed": (["x", "y\x0cy", "z"], r"b: line 2: .* Got U\+000C"),
    "Unicode's line": (["x", "y\u2028y", "z"], r"b: line 2: .* Got U\+2028"),
    "fewer": (["x", "y"], r"a and .*b: must have the same number of lines\. Got 3 and 2"),
    "more": (["x", "y", "z", ""], r"a and .*b: must have the same number of lines\. Got 3 and 4"),
}


@pytest.mark.parametrize(("lines", "message"), BAD.values(), ids=BAD)
def test_bad_lines_are_named(tmp_path, lines, message):
    a, b = write(tmp_path / "a", ["1", "2", "3"]), write(tmp_path / "b", lines)
    with pytest.raises(InputError, match=message) as error:
        read_pairs([a, b])
    assert "\n" not in str(error.value)
    if len(lines) == 3:
        kept = read_pairs([a, b], skip_bad_lines=True)
        assert (len(kept), kept.skipped) == (2, 1)
        bad = int(str(error.value).partition("line ")[2][0])
        assert kept.sources == [str(n) for n in (1, 2, 3) if n != bad]
    else:
        with pytest.raises(InputError, match="the same number of lines"):
            read_pairs([a, b], skip_bad_lines=True)


def test_texts_that_are_their_own_translations_are_refused_or_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    lines = [f"line {k}" for k in range(6)]
    one, other = write(tmp_path / "one.txt", lines), write(tmp_path / "other.txt", lines)
    for same in (one, other):
        with pytest.raises(
            InputError, match=r"one\.txt and .*: must hold translations. Got 6 pairs of a text"
        ):
            read_pairs([one, same])
    table = write(tmp_path / "t.csv", ["en,de", *(f"{line},{line.upper()}" for line in lines)])
    with pytest.raises(InputError, match=r"t\.csv: en and en: must hold translations"):
        read_pairs([table], names=("en", "en"))
    assert not caplog.messages
    write(other, [*lines[:4], "Zeile 4", "Zeile 5"])
    assert len(read_pairs([one, other])) == 6
    assert caplog.messages == [f"{one} and {other}: 4 of 6 translations are the same text as their source"]


def test_a_tab_in_one_of_two_files_is_no_flaw(tmp_path):
    a, b = write(tmp_path / "a", ["x\ty"]), write(tmp_path / "b", ["z"])
    assert read_pairs([a, b]).sources == ["x\ty"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\nc d\n", r"t\.tsv: line 2: must be two texts with a tab between them\. Got 1"),
        (b"a\tb\tc\n", r"t\.tsv: line 1: .* Got 3"),
        (b"a\t\n", r"t\.tsv: line 1: must not be empty"),
        (b"", r"t\.tsv: the file is empty"),
    ],
)
def test_a_bad_table_is_refused(tmp_path, content, message):
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_pairs([tmp_path / "t.tsv"])


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(b"not packed")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"x" * 10000)[:-9])
    for name in ("a.gz", "b.gz", "missing", "."):
        with pytest.raises(InputError, match=f"{tmp_path / name}: "):
            read_pairs([tmp_path / name])
    for paths in ([], [tmp_path] * 3):
        with pytest.raises(InputError, match=r"from one file or two\. Got"):
            read_pairs(paths)
    bad = write(tmp_path / "bad.tsv", ["x", "y"])
    with pytest.raises(InputError, match=r"holds no pair of texts \(2 were bad\)"):
        read_pairs([bad], skip_bad_lines=True)


def test_pairs_from_memory_keep_the_rules_of_files():
    assert check_pairs([" a ", "b"], ["c", "d"]) == Pairs(["a", "b"], ["c", "d"])
    assert check_pairs(iter("ab"), (text for text in "cd")) == Pairs(["a", "b"], ["c", "d"])
    assert check_pairs(["", "a", "b"], ["c", "d", None], True) == Pairs(["a"], ["d"], 2)
    with pytest.raises(InputError, match=r"sources and targets hold no pair of texts \(1 were bad\)"):
        check_pairs([""], ["a"], True)
    for sources, targets, message in [
        (["a"], [], "must have the same number of texts, at least one. Got 1 and 0"),
        (None, None, "sources must be a list of texts. Got NoneType"),
        (["a"], {"b": 1}, "targets must be a list of texts. Got dict"),
        ({"a"}, ["b"], "sources must be a list of texts. Got set, which has no order"),
        ([], [], "Got 0 and 0"),
        ("a", "b", "sources must be a list of texts"),
        (["a", "b"], ["c", " "], "target 1: must not be empty"),
        (["a\n"], ["c"], "source 0: must not hold control characters. Got U.000A"),
        ([3], ["c"], "source 0: must be a text. Got int"),
    ]:
        with pytest.raises(InputError, match=message):
            check_pairs(sources, targets)


def arriving(file, most):
    return checked_lines(arriving_lines(file, "it"), "it", most)


@pytest.mark.parametrize("most", [1, 2, 100])
def test_lines_keep_their_number(most):
    content = "one\n\ntwo\r\n  \nthree\n\n猫\u3000".encode()
    found = list(arriving(io.BytesIO(content), most))
    assert [*chain.from_iterable(found)] == ["one", "", "two", "  ", "three", "", "猫\u3000"]
    assert max(map(len, found)) == min(most, 6)  # the last has no end and is known for a line later
    assert list(arriving(io.BytesIO(b""), most)) == []
    with pytest.raises(InputError, match=r"it: line 3: must be UTF-8\. Byte 1 is 0xFF"):
        list(arriving(io.BytesIO(b"\na\n\xff\n"), most))
    with pytest.raises(InputError, match=r"it: line 2: must not hold control characters\. Got U\+0085"):
        list(arriving(io.BytesIO("a\n\x85\n".encode()), most))


def test_lines_cut_anywhere_are_joined():
    content = "".join(f"Zeile {k} äöü\n" for k in range(50))
    blocks = (content.encode()[k : k + 7] for k in range(0, len(content.encode()), 7))
    found = [line for lines in lines_of(decoded(blocks, "it")) for line in lines]
    assert found == content.splitlines()


def test_a_line_in_a_pipe_is_given_before_the_next_is_written():
    reading, writing = os.pipe()
    with open(reading, "rb") as file, open(writing, "wb", buffering=0) as pipe:
        lines = arriving(file, 10)
        found = []
        watch = threading.Timer(30, pipe.close)
        watch.start()
        for line in (b"one\n", b"two\n", b"three\nfour\n"):
            pipe.write(line)
            found.append(next(lines))
        watch.cancel()
        assert found == [["one"], ["two"], ["three", "four"]]


def test_what_was_saved_is_read_again(tmp_path):
    parts = (Pairs(ENGLISH, GERMAN), Pairs([], []), Pairs(["x"], ["y"]))
    save_pairs(tmp_path / "pairs.npz", parts)
    assert load_pairs(tmp_path / "pairs.npz", 3) == parts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("targets1"), "has no array 'targets1'"),
        (lambda arrays: arrays.update(sources0=np.zeros(3)), "has no array 'sources0' of bytes"),
        (
            lambda arrays: arrays.update(sources0=np.array([97, 10], np.uint8)),
            "the same number of sources and targets",
        ),
        (lambda arrays: arrays.update(sources2=np.array([255, 10], np.uint8)), "must be UTF-8"),
        (lambda arrays: arrays.update(sources2=np.array([10], np.uint8)), "must not be empty"),
    ],
)
def test_what_was_never_saved_is_refused(tmp_path, change, message):
    path = tmp_path / "pairs.npz"
    save_pairs(path, (Pairs(ENGLISH, GERMAN), Pairs([], []), Pairs(["x"], ["y"])))
    arrays = dict(np.load(path))
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=f"pairs.npz: .*{message}"):
        load_pairs(path, 3)


def test_tokens_side_by_side():
    field = padded([np.array([5, 6]), np.array([7], dtype=np.uint16), np.array([1, 2, 3])])
    assert field.values.tolist() == [[5, 7, 1], [6, 0, 2], [0, 0, 3]]
    assert field.lengths.tolist() == [2, 1, 3]


def sequences(number, seed):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 99, rng.integers(1, 12)) for _ in range(number)]


@pytest.mark.parametrize("seed", [None, 3])
def test_batches_hold_every_pair_once_and_little_padding(seed):
    sources, targets = sequences(103, 0), sequences(103, 1)
    batches = PairBatches(sources, targets, 10, seed)
    epoch = list(batches.epoch(1))
    assert len(epoch) == batches.steps == 11
    found = []
    for batch in epoch:
        for b, length in enumerate(batch.inputs.lengths.tolist()):
            real = batch.targets.weights[:, b] > 0
            size = int(real.sum())
            assert real[:size].all()
            found.append((batch.inputs.values[:length, b].tolist(), batch.targets.values[:size, b].tolist()))
    assert sorted(found) == sorted((s.tolist(), t.tolist()) for s, t in zip(sources, targets, strict=True))
    real = sum(float(batch.targets.weights.sum()) for batch in epoch)
    assert real / sum(batch.targets.values.numel() for batch in epoch) > 0.9


def test_an_epoch_goes_on_where_it_stopped():
    batches = PairBatches(sequences(50, 0), sequences(50, 1), 8, seed=1)
    whole, rest = list(batches.epoch(2)), list(batches.epoch(2, start=3))
    assert len(rest) == len(whole) - 3
    assert all(torch.equal(a.inputs.values, b.inputs.values) for a, b in zip(whole[3:], rest, strict=True))
    other = next(batches.epoch(3))
    assert other.inputs.values.shape != whole[0].inputs.values.shape or not torch.equal(
        other.inputs.values, whole[0].inputs.values
    )


@pytest.mark.parametrize("text", ["\u200b", " \u200b\ufeff ", "\u2060\u00ad", "", " "])
def test_what_shows_nothing_is_blank(text):
    assert is_blank(text)
    assert not is_blank(text + "a")
    with pytest.raises(InputError, match="source 1: must not be empty"):
        check_pairs(["a", text], ["b", "c"])


@pytest.mark.parametrize(
    "form", ["{0}\t{1}\tCC-BY {2}", "{2}\t{0}\t9{2}\t{1}", "{0}\t{1}\t\t", "{2}\t{0}\t{1}\tau {0}"]
)
def test_columns_beside_the_two_texts_are_left_out_and_named(tmp_path, form, caplog):
    caplog.set_level(logging.INFO, "elman")
    rows = [form.format(a, b, k) for k, (a, b) in enumerate(zip(ENGLISH, GERMAN, strict=True))]
    path = write(tmp_path / "fra.txt", rows)
    assert read_pairs([path]) == Pairs(ENGLISH, GERMAN)
    assert "is the source" in caplog.text
    assert "left out: " in caplog.text
    short = write(tmp_path / "short.txt", [*rows, "a\tb"])
    with pytest.raises(InputError, match=r"line 4: must have [34] columns, like most lines\. Got 2\."):
        read_pairs([short])
    assert read_pairs([short], skip_bad_lines=True) == Pairs(ENGLISH, GERMAN, 1)


@pytest.mark.parametrize("title", ["", "Sentence pairs of a course\n"])
def test_a_table_without_an_ending_is_read_as_one(tmp_path, title):
    path = tmp_path / "stdin"
    path.write_text(title + "english;german\n" + "".join(f"cat, {k};Katze, {k}\n" for k in range(12)))
    pairs = read_pairs([path])
    assert (pairs.sources[3], pairs.targets[3], len(pairs.sources)) == ("cat, 3", "Katze, 3", 12)
    path.write_text("".join(f"a, {k};\tein, {k};\n" for k in range(12)))
    assert read_pairs([path]).targets[3] == "ein, 3;"
