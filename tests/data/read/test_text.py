import bz2
import gzip
import lzma
import re
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.read.builtin import python_reference
from elman.data.read.opening import kind_of
from elman.data.read.reading import Reading
from elman.data.read.text import BLOCK, find_text_files, lines_of, read_lines, read_text, whole_words
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


# Reading


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(1, 9))
def test_no_character_is_torn_at_a_border(tmp_path_factory, text, block_bytes):
    path = written(tmp_path_factory.getbasetemp() / "any.txt", text)
    blocks = list(read_text(path, block_bytes))
    assert "".join(blocks) == re.sub("\r\n?", "\n", text.removeprefix("\ufeff"))
    assert "" not in blocks


@pytest.mark.parametrize("character", ["é", "€", "🙂"])
def test_a_character_across_the_border_of_two_blocks(tmp_path, character):
    width = len(character.encode())
    for inside in range(width + 1):
        text = "a" * (BLOCK - inside) + character + "\nb"
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


# Line ends, encodings, archives

LINES = ["first", "", "žluť €", "last"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block_bytes", [1, 7, BLOCK])
def test_every_kind_of_line_end_is_read(tmp_path, end, block_bytes):
    path = written(tmp_path / "lines.txt", (end.join(LINES) + end).encode())
    texts = read_text(path, block_bytes)
    assert [line for lines in lines_of(texts) for line in lines] == LINES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_names_the_encoding(tmp_path, encoding):
    path = written(tmp_path / "lines.txt", "\ufeff".join(["", "\r\n".join(LINES)]).encode(encoding))
    assert read_lines(path) == LINES == read_lines(path, Reading(encoding="cp1250"))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe und Maß, naïve Übung", "cp1252"),
        ("この店のラーメンは最高でした", "shift_jis"),
        ("服务态度很好，下次还来", "gb18030"),
        ("배송이 정말 빨라요", "euc_kr"),
        ("Очень довольна покупкой", "cp1251"),
        ("Очень довольна покупкой", "koi8-r"),
        ("plain words", "utf-16-le"),
    ],
)
def test_the_likely_encoding_is_named_and_reads_the_file(tmp_path, text, encoding):
    path = written(tmp_path / "lines.txt", f"1\tfine\n0\t{text}\n".encode(encoding))
    with pytest.raises(InputError, match=rf"lines\.txt: line [12]: .*--encoding {encoding}\b"):
        read_lines(path)
    assert read_lines(path, Reading(encoding=encoding)) == ["1\tfine", f"0\t{text}"]


def _zstd(content):
    return subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True).stdout


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
if shutil.which("zstd"):
    PACKERS["zst"] = _zstd


def test_of_two_encodings_in_a_file_none_is_advised(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("naïve;1\nGröße;2\n".encode() + "Maß;3\n".encode("cp1252"))
    with pytest.raises(
        InputError, match=r"line 3: .* what stands before is UTF-8, so the file mixes"
    ) as error:
        "".join(read_text(path, in_lines=True))
    assert "--encoding" not in str(error.value)
    with pytest.raises(InputError, match="mixes encodings"):
        "".join(read_text(path, 4, in_lines=True))
    path.write_bytes("模型很好用，我们都喜欢它\n".encode("gb18030"))  # begins like UTF-8
    with pytest.raises(InputError, match="--encoding gb18030 is likely"):
        "".join(read_text(path, in_lines=True))


@pytest.mark.parametrize("ending", PACKERS)
def test_archives_are_unpacked_and_damaged_ones_refused(tmp_path, ending):
    content = PACKERS[ending](("\n".join(LINES) * 3000 + "\n").encode())
    path = written(tmp_path / f"lines.txt.{ending}", content)
    assert read_lines(path)[:3] == LINES[:3]
    assert kind_of(path) == ".txt"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=rf"lines\.txt\.{ending}: .*cannot be"):
        read_lines(path)


def test_a_zip_archive_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(InputError, match=r"texts\.zip: is a ZIP archive"):
        read_lines(tmp_path / "texts.zip")


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
