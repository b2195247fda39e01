import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.builtin import python_reference
from elman.data.text import (
    BLOCK,
    Corpus,
    corpus_from_documents,
    corpus_from_files,
    encode_file,
    find_text_files,
    load_corpus,
    read_text,
)
from elman.data.vocab import ByteVocabulary, CharacterVocabulary
from elman.errors import InputError


def written(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(corpus: Corpus) -> list[str]:
    return [corpus.vocabulary.decode(part) for part in np.split(corpus.tokens, corpus.starts[1:])]


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


# Building


@pytest.mark.parametrize("level", ["characters", "bytes"])
def test_files_and_documents_give_the_same_corpus(tmp_path, level):
    documents = ["zwei\r\nZeilen\n", "", "日本語 🙂", "a" * BLOCK + "é", "z"]
    folder = tmp_path / "texts"
    for index, text in enumerate(documents):
        written(folder / f"{index}.txt", text)
    corpora = [
        corpus_from_files([folder], level, tmp_path / "one" / "deep"),
        corpus_from_documents(documents, level, tmp_path / "two"),
        corpus_from_documents(documents, level),
    ]
    for corpus in corpora:
        assert texts(corpus) == [text for text in documents if text]
        assert np.array_equal(corpus.tokens, corpora[0].tokens)
        assert corpus.vocabulary == corpora[0].vocabulary
        assert corpus.tokens.dtype == np.uint8
        assert corpus.starts.dtype == np.int64
        assert len(corpus) == len(corpus.tokens)
    assert isinstance(corpora[0].tokens, np.memmap)
    assert not corpora[0].tokens.flags.writeable
    assert sorted(os.listdir(tmp_path / "two")) == ["documents.npy", "tokens.npy"]
    reread = np.load(tmp_path / "two" / "tokens.npy", allow_pickle=False)
    assert np.array_equal(reread, corpora[0].tokens)


def test_a_wide_alphabet_is_written_in_a_wider_type(tmp_path):
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    corpus = corpus_from_documents([text, text], "characters", tmp_path)
    assert corpus.tokens.dtype == np.uint16
    assert texts(corpus) == [text, text]


def test_bytes_take_any_file(tmp_path):
    content = bytes(range(256)) * 3 + b"\0\0\xff\xef\xbb\xbf"
    bom = b"\xef\xbb\xbf\0"
    paths = [written(tmp_path / "a", content), written(tmp_path / "b", bom)]
    corpus = corpus_from_files(paths, "bytes", tmp_path / "out")
    assert corpus.tokens.tobytes() == content + bom
    assert corpus.starts.tolist() == [0, len(content)]
    assert encode_file(paths[0], corpus.vocabulary).tobytes() == content


def test_bad_input_writes_nothing(tmp_path):
    out = tmp_path / "out"
    empty = [written(tmp_path / "empty.txt", ""), written(tmp_path / "bom.txt", "\ufeff")]
    with pytest.raises(InputError, match=r"empty\.txt: a corpus needs text\. None of the 2 documents"):
        corpus_from_files(empty, "characters", out)
    with pytest.raises(InputError, match="latin"):
        corpus_from_files([written(tmp_path / "latin", b"a\xff")], "characters", out)
    with pytest.raises(InputError, match=r"level must be one of .*Got 'words'"):
        corpus_from_documents(["text"], "words", out)
    with pytest.raises(InputError, match="None of the 0 documents"):
        corpus_from_documents([], "bytes", out)
    with pytest.raises(InputError, match="put it in a list"):
        corpus_from_documents("text", "bytes", out)
    assert not out.exists()


def test_a_file_that_changes_between_the_two_readings(tmp_path, monkeypatch):
    path = written(tmp_path / "log.txt", "abc")
    learn = CharacterVocabulary.from_codes

    def learn_and_meddle(codes):
        written(path, "abcabc")
        return learn(codes)

    monkeypatch.setattr(CharacterVocabulary, "from_codes", learn_and_meddle)
    with pytest.raises(InputError, match=r"log\.txt: the file changed"):
        corpus_from_files([path], "characters", tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("interrupted", ["tokens.npy", "documents.npy"])
def test_an_interrupted_rewrite_is_not_taken_for_a_corpus(tmp_path, monkeypatch, interrupted):
    corpus_from_documents(["ab", "ba"], "characters", tmp_path)
    replace = os.replace

    def break_off(source, target):
        if Path(target).name == interrupted:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", break_off)
    with pytest.raises(KeyboardInterrupt):
        corpus_from_documents(["cd", "c", "d"], "characters", tmp_path)
    with pytest.raises(InputError, match=r"documents\.npy: the file cannot be read"):
        load_corpus(tmp_path, CharacterVocabulary("cd"))
    assert not list(tmp_path.glob("*.partial"))


# Parts


def test_parts_share_the_tokens_and_shift_the_starts():
    corpus = corpus_from_documents(["abc", "de", "fghi"], "characters")  # starts 0, 3, 5
    assert [corpus.part(0, 9).starts.tolist(), corpus.part(0, 5).starts.tolist()] == [[0, 3, 5], [0, 3]]
    assert texts(corpus.part(3, 9)) == ["de", "fghi"]
    part = corpus.part(1, 6)
    assert texts(part) == ["bc", "de", "f"]
    assert part.starts.tolist() == [0, 2, 4]
    assert part.starts.dtype == np.int64
    assert np.shares_memory(part.tokens, corpus.tokens)
    assert texts(part.part(3, 5)) == ["e", "f"]
    for empty in (0, 3, 4, 9):
        nothing = corpus.part(empty, empty)
        assert len(nothing) == 0
        assert nothing.starts.tolist() == [0]
    for begin, end in ((-1, 3), (4, 3), (0, 10)):
        with pytest.raises(InputError, match=f"9 tokens. Got {begin} to {end}"):
            corpus.part(begin, end)


# Loading


def saved(folder: Path, tokens, starts) -> Path:
    np.save(folder / "tokens.npy", tokens)
    np.save(folder / "documents.npy", starts)
    return folder


def test_a_saved_corpus_loads(tmp_path):
    folder = saved(tmp_path, np.array([2, 0, 1], ">u2"), np.array([0, 2]))
    corpus = load_corpus(folder, CharacterVocabulary("abc"))
    assert texts(corpus) == ["ca", "b"]


@pytest.mark.parametrize(
    ("tokens", "starts", "message"),
    [
        (np.array([0, 3], np.uint8), [0], r"tokens\.npy: tokens must be in \[0, 3\)\. Got 3"),
        (np.array([0, -1]), [0], r"tokens\.npy: tokens must be in \[0, 3\)\. Got -1"),
        (np.append(np.zeros(BLOCK, np.uint8), np.uint8(9)), [0], r"tokens must be .* Got 9"),
        (np.array([0.0, 1.0]), [0], r"one-dimensional array of integers.* Got float64"),
        (np.array([True]), [0], "Got bool"),
        (np.zeros((2, 2), np.uint8), [0], r"of shape \(2, 2\)"),
        (np.zeros(0, np.uint8), [0], "not empty"),
        (np.array([{}], object), [0], r"tokens\.npy: must be a whole \.npy file"),
        (np.zeros(4, np.uint8), [1], r"documents\.npy: document starts must rise from 0"),
        (np.zeros(4, np.uint8), [0, 2, 2], "document starts"),
        (np.zeros(4, np.uint8), [0, 3, 1], "document starts"),
        (np.zeros(4, np.uint8), [0, 4], "document starts"),
        (np.zeros(4, np.uint8), [0, 2**63 - 1, -2], "document starts"),
        (np.zeros(4, np.uint8), [[0]], r"documents\.npy: must be a one-dimensional"),
        (np.zeros(4, np.uint8), [0.0], "Got float64"),
    ],
)
def test_hostile_arrays_are_refused(tmp_path, tokens, starts, message):
    with pytest.raises(InputError, match=message) as error:
        load_corpus(saved(tmp_path, tokens, np.array(starts)), CharacterVocabulary("abc"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: b"PK\x03\x04" + content,
        lambda content: content.replace(b"{", b"("),
        lambda content: content.replace(b"(100,)", b"(-10,)"),
        lambda content: content.replace(b"'descr'", b"'\\xzzz'"),
    ],
)
def test_damaged_files_are_refused(tmp_path, damage):
    path = saved(tmp_path, np.zeros(100, np.uint8), np.array([0])) / "tokens.npy"
    written(path, damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"tokens\.npy: ") as error:
        load_corpus(tmp_path, ByteVocabulary())
    assert "\n" not in str(error.value)


# Encoding with a vocabulary made elsewhere


def test_encode_file(tmp_path):
    vocabulary = CharacterVocabulary("ab🙂\n")
    path = written(tmp_path / "new.txt", "\ufeffba\n🙂" * BLOCK)
    with pytest.raises(InputError, match=r"new\.txt: character '\\ufeff' \(U\+FEFF\) at position 4 "):
        encode_file(path, vocabulary)
    tokens = encode_file(written(path, "ba\n🙂" * BLOCK), vocabulary)
    assert tokens.dtype == np.uint8
    assert vocabulary.decode(tokens) == "ba\n🙂" * BLOCK


def test_encode_file_names_what_it_cannot_encode(tmp_path):
    path = written(tmp_path / "new.txt", "é" * BLOCK + "ß")
    with pytest.raises(InputError, match=rf"new\.txt: character 'ß' \(U\+00DF\) at position {BLOCK} "):
        encode_file(path, CharacterVocabulary("é"))
    with pytest.raises(InputError, match=r"none\.txt: the file is empty"):
        encode_file(written(tmp_path / "none.txt", ""), ByteVocabulary())
    with pytest.raises(InputError, match=r"missing\.txt: the file cannot be read: No such file"):
        encode_file(tmp_path / "missing.txt", ByteVocabulary())


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
