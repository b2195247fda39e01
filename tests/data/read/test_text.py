import os
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.read.builtin import python_reference
from elman.data.read.text import BLOCK, find_text_files, read_text, whole_words
from elman.errors import InputError


def written(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# Finding files


def test_files_as_named_and_folders_sorted_without_what_is_hidden(tmp_path):
    for name in ("b.txt", "a/z.txt", "a/deep/y", ".hidden", ".git/config", "a/.cache/x.txt"):
        written(tmp_path / "folder" / name, "text")
    hidden = tmp_path / "folder" / ".hidden"
    expected = [tmp_path / "folder" / name for name in ("a/deep/y", "a/z.txt", "b.txt")]
    assert find_text_files([tmp_path / "folder"]) == expected
    assert find_text_files([hidden, tmp_path / "folder", hidden]) == [hidden, *expected]


def test_a_folder_below_a_hidden_one_may_be_named(tmp_path):
    file = written(tmp_path / ".data" / "a.txt", "text")
    assert find_text_files([file.parent]) == [file]


def test_paths_that_give_nothing_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.txt: no such file or folder"):
        find_text_files([tmp_path / "missing.txt"])
    with pytest.raises(InputError, match="no such file or folder"):
        find_text_files([Path("To be, or not to be, " * 30)])
    written(tmp_path / "empty" / ".hidden", "text")
    with pytest.raises(InputError, match="empty: the folder holds no files"):
        find_text_files([tmp_path / "empty"])
    with pytest.raises(InputError, match="no file or folder given"):
        find_text_files([])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_cannot_be_read_twice(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: must be a file or a folder"):
        find_text_files([tmp_path / "pipe"])


# Reading


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(1, 9))
def test_no_character_is_torn_at_a_border(tmp_path_factory, text, block_bytes):
    path = written(tmp_path_factory.getbasetemp() / "any.txt", text)
    blocks = list(read_text(path, block_bytes))
    assert "".join(blocks) == text.removeprefix("\ufeff")
    assert "" not in blocks


@pytest.mark.parametrize("character", ["é", "€", "🙂"])
def test_a_character_across_the_border_of_two_blocks(tmp_path, character):
    width = len(character.encode())
    for inside in range(width + 1):
        text = "a" * (BLOCK - inside) + character + "\r\nb"
        blocks = list(read_text(written(tmp_path / "long.txt", text)))
        assert "".join(blocks) == text
        assert len(blocks) == 2


def test_a_byte_order_mark_is_dropped_only_at_the_start(tmp_path):
    path = written(tmp_path / "bom.txt", "\ufeff\ufeffa\ufeff\n")
    for block_bytes in (1, 2, 3, 4, 100):
        assert "".join(read_text(path, block_bytes)) == "\ufeffa\ufeff\n"


@pytest.mark.parametrize(
    ("before", "bad", "byte"),
    [
        (0, b"\xff", "0xFF"),
        (5, b"\x80", "0x80"),
        (BLOCK - 1, b"\xe2\x82a", "0xE2"),  # the border cuts a character that then turns out broken
        (BLOCK, b"\xff", "0xFF"),
        (2 * BLOCK + 7, b"\xc3", "0xC3"),  # cut off by the file's end
    ],
)
def test_the_first_byte_that_is_not_utf8_is_named(tmp_path, before, bad, byte):
    path = written(tmp_path / "latin.txt", b"a" * before + bad)
    with pytest.raises(InputError, match=rf"latin\.txt: .* Byte {before} is {byte} .*--level bytes"):
        list(read_text(path))


def test_the_offset_counts_the_byte_order_mark_and_wide_characters(tmp_path):
    path = written(tmp_path / "latin.txt", "\ufeffé€".encode() + b"\xff")
    for block_bytes in (1, 2, 4, 100):
        with pytest.raises(InputError, match="Byte 8 is 0xFF"):
            list(read_text(path, block_bytes))


def test_a_nul_looks_like_a_binary_file(tmp_path):
    path = written(tmp_path / "image", "é" * BLOCK + "\0")
    with pytest.raises(InputError, match=rf"image: byte {2 * BLOCK} is NUL.*binary file.*--level bytes"):
        list(read_text(path))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list(read_text(tmp_path))


# Blocks that cut no word


@given(st.lists(st.text("ab \n\t\u00a0.", max_size=4)))
def test_blocks_cut_anew_end_between_a_word_and_a_space(blocks):
    found = list(whole_words(blocks))
    assert "".join(found) == "".join(blocks)
    assert "" not in found
    for before, after in pairwise(found):
        assert not before[-1].isspace()
        assert after[0] in " \n"


def test_a_block_of_many_words_is_cut_at_the_last():
    assert list(whole_words(["one two thr", "ee four", " five"])) == ["one two", " three", " four five"]
    assert list(whole_words(["a" * 9] * 3)) == ["a" * 27]


# The text that comes with Python


def test_the_python_reference_repeats_no_paragraph():
    from pydoc_data.topics import topics

    documents = python_reference()
    paragraphs = [part for text in documents for part in text.strip("\n").split("\n\n")]
    assert len(paragraphs) == len(set(paragraphs)) > 2000
    original = {part.strip("\n") for text in topics.values() for part in re.split(r"\n\s*\n", text)}
    assert set(paragraphs) == original - {""}
    size, whole = sum(map(len, documents)), sum(map(len, topics.values()))
    assert size > 300_000
    assert 0.7 < size / whole < 0.9
    assert all(text.endswith("\n") and text[-2] != "\n" for text in documents)
    assert documents == python_reference()


def test_paragraphs_are_kept_at_their_first_place(monkeypatch):
    topics = {"b": "\n\nx\n  \ny\n", "c": "x\n\ny\n", "a": "y\n\n\n\n  z\nz\n\ny"}
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", SimpleNamespace(topics=topics))
    assert python_reference() == ["y\n\n  z\nz\n", "x\n"]


def test_a_python_without_its_reference(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(InputError, match=r"python-reference: .*pydoc_data"):
        python_reference()
