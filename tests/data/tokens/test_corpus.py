import os
from pathlib import Path

import numpy as np
import pytest

from elman.data.read.text import BLOCK, find_text_files
from elman.data.tokens.corpus import Corpus, load_corpus, texts, tokenise
from elman.data.tokens.vocab import ByteVocabulary, CharacterVocabulary, make_vocabulary
from elman.errors import InputError


def written(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def documents_of(corpus: Corpus) -> list[str]:
    return [corpus.vocabulary.decode(part) for part in np.split(corpus.tokens, corpus.starts[1:])]


def built(sources, level: str, folder: Path | None = None, **options) -> Corpus:
    vocabulary = make_vocabulary(level, texts(sources, level), **options)
    return tokenise(sources, vocabulary, folder)


# Building


@pytest.mark.parametrize("level", ["characters", "bytes"])
def test_files_and_documents_give_the_same_corpus(tmp_path, level):
    documents = ["zwei\r\nZeilen\n", "", "日本語 🙂", "a" * BLOCK + "é", "z"]
    folder = tmp_path / "texts"
    for index, text in enumerate(documents):
        written(folder / f"{index}.txt", text)
    corpora = [
        built(find_text_files([folder]), level, tmp_path / "one" / "deep"),
        built(documents, level, tmp_path / "two"),
        built(documents, level),
    ]
    for corpus in corpora:
        kept = documents if level == "bytes" else [text.replace("\r\n", "\n") for text in documents]
        assert documents_of(corpus) == [text for text in kept if text]
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
    corpus = built([text, text], "characters", tmp_path)
    assert corpus.tokens.dtype == np.uint16
    assert documents_of(corpus) == [text, text]


def test_bytes_take_any_file(tmp_path):
    content = bytes(range(256)) * 3 + b"\0\0\xff\xef\xbb\xbf"
    bom = b"\xef\xbb\xbf\0"
    paths = [written(tmp_path / "a", content), written(tmp_path / "b", bom)]
    corpus = built(paths, "bytes", tmp_path / "out")
    assert corpus.tokens.tobytes() == content + bom
    assert corpus.starts.tolist() == [0, len(content)]
    assert tokenise(paths[:1], corpus.vocabulary).tokens.tobytes() == content


def test_bad_input_writes_nothing(tmp_path):
    out = tmp_path / "out"
    empty = [written(tmp_path / "empty.txt", ""), written(tmp_path / "bom.txt", "\ufeff")]
    with pytest.raises(InputError, match=r"empty\.txt: a corpus needs text\. None of the 2 documents"):
        built(empty, "characters", out)
    with pytest.raises(InputError, match="latin"):
        built([written(tmp_path / "latin", b"a\xff")], "characters", out)
    with pytest.raises(InputError, match="None of the 0 documents"):
        built([], "bytes", out)
    assert not out.exists()


@pytest.mark.parametrize("interrupted", ["tokens.npy", "documents.npy"])
def test_an_interrupted_rewrite_is_not_taken_for_a_corpus(tmp_path, monkeypatch, interrupted):
    built(["ab", "ba"], "characters", tmp_path)
    replace = os.replace

    def break_off(source, target):
        if Path(target).name == interrupted:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", break_off)
    with pytest.raises(KeyboardInterrupt):
        built(["cd", "c", "d"], "characters", tmp_path)
    with pytest.raises(InputError, match=r"documents\.npy: the file cannot be read"):
        load_corpus(tmp_path, CharacterVocabulary("cd", has_unknown=True))
    assert not list(tmp_path.glob("*.partial"))


def test_no_word_is_cut_where_a_long_file_is_read_in_blocks(tmp_path):
    text = "x" * (BLOCK - 3) + " seven words\nhere, don't cut them!\n"
    path = written(tmp_path / "long.txt", text)
    for level in ("words", "subwords"):
        corpus = built([path], level, tmp_path / level, **({} if level == "words" else {"size": 256}))
        assert corpus.tokens.tolist() == corpus.vocabulary.encode(text).tolist()
        assert corpus.vocabulary.decode(corpus.tokens) == text
    names = corpus_words(built([path], "words"))
    assert names[1:] == ["seven", "words", "\n", "here", ",", "don't", "cut", "them", "!", "\n"]


def corpus_words(corpus: Corpus) -> list[str]:
    return corpus.vocabulary.pieces(corpus.tokens)


def test_several_corpora_in_one_folder(tmp_path):
    vocabulary = make_vocabulary("words", ["a b c"])
    tokenise(["a b", "", " ", "c"], vocabulary, tmp_path)
    tokenise(["b b"], vocabulary, tmp_path, "test-")
    assert documents_of(load_corpus(tmp_path, vocabulary)) == ["a b", "c"]
    assert documents_of(load_corpus(tmp_path, vocabulary, "test-")) == ["b b"]


# Parts


def test_parts_share_the_tokens_and_shift_the_starts():
    corpus = built(["abc", "de", "fghi"], "characters")  # starts 0, 3, 5
    assert [corpus.part(0, 9).starts.tolist(), corpus.part(0, 5).starts.tolist()] == [[0, 3, 5], [0, 3]]
    assert documents_of(corpus.part(3, 9)) == ["de", "fghi"]
    part = corpus.part(1, 6)
    assert documents_of(part) == ["bc", "de", "f"]
    assert part.starts.tolist() == [0, 2, 4]
    assert part.starts.dtype == np.int64
    assert np.shares_memory(part.tokens, corpus.tokens)
    assert documents_of(part.part(3, 5)) == ["e", "f"]
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
    assert documents_of(corpus) == ["ca", "b"]


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


def test_a_byte_order_mark_inside_a_text_is_a_character(tmp_path):
    vocabulary = CharacterVocabulary("ab🙂\n")
    path = written(tmp_path / "new.txt", "\ufeffba\n🙂" * BLOCK)
    with pytest.raises(InputError, match=r"new\.txt: character '\\ufeff' \(U\+FEFF\) at position 4 "):
        tokenise([path], vocabulary)
    tokens = tokenise([written(path, "ba\n🙂" * BLOCK)], vocabulary).tokens
    assert tokens.dtype == np.uint8
    assert vocabulary.decode(tokens) == "ba\n🙂" * BLOCK


def test_what_cannot_be_encoded_is_named(tmp_path):
    path = written(tmp_path / "new.txt", "é" * BLOCK + "ß")
    with pytest.raises(InputError, match=rf"new\.txt: character 'ß' \(U\+00DF\) at position {BLOCK} "):
        tokenise([path], CharacterVocabulary("é"))
    with pytest.raises(InputError, match=r"none\.txt: a corpus needs text"):
        tokenise([written(tmp_path / "none.txt", "")], ByteVocabulary())
    with pytest.raises(InputError, match=r"missing\.txt: the file cannot be read: No such file"):
        tokenise([tmp_path / "missing.txt"], ByteVocabulary())
