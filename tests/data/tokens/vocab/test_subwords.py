import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import text

from elman.data.tokens.vocab import SubwordVocabulary, make_vocabulary, subwords, vocabulary_from_json

TEXT = text(200)
VOCABULARY = make_vocabulary("subwords", [TEXT], size=275)


def test_merges_by_hand():
    # "low low lower": after the 256 bytes, first l+o or o+w (3 times each), then what makes "low", then Ġ+low
    vocabulary = make_vocabulary("subwords", ["low low lower"], size=259)
    assert vocabulary.merges == ("l o", "lo w", "Ġ low")
    assert vocabulary.pieces(vocabulary.encode("low lower slow")) == [
        *["low", " low", "e", "r", " ", "s", "low"]
    ]
    assert make_vocabulary("subwords", ["low low lower"], min_count=3).merges == ("l o", "lo w")


def test_the_size_counts_all_pieces():
    assert len(VOCABULARY) == 275
    assert len(make_vocabulary("subwords", [TEXT], size=275, specials=["<s>", "</s>"])) == 275
    assert len(make_vocabulary("subwords", [TEXT], size=256)) == 256
    assert VOCABULARY.unknown is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_exactly(text):
    tokens = VOCABULARY.encode(text)
    assert VOCABULARY.decode(tokens) == text
    # the meaning of a token is that of the library
    assert VOCABULARY._tokenizer.decode(tokens.tolist(), skip_special_tokens=False) == text


def test_each_piece_is_a_token():
    for number, piece in enumerate(VOCABULARY.pieces(range(275))):
        if len(piece) > 1:
            assert piece in TEXT
            assert VOCABULARY.decode([number]) == piece


def test_learning_is_the_same_in_every_process():
    program = (
        "import hashlib, json, sys; from elman.data.tokens.vocab import make_vocabulary\n"
        "merges = make_vocabulary('subwords', json.load(sys.stdin), size=400).merges\n"
        "print(hashlib.sha256(repr(merges).encode()).hexdigest())"
    )
    own = make_vocabulary("subwords", [TEXT], size=400).merges
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(blocks),
            env={"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed, threads, blocks in [("1", "1", [TEXT]), ("2", "2", TEXT.splitlines(keepends=True))]
    ]
    assert found == [hashlib.sha256(repr(own).encode()).hexdigest()] * 2


def test_an_error_in_the_texts_comes_through():
    def broken():
        yield "a b c"
        raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="the disk is gone"):
        make_vocabulary("subwords", broken())


def test_two_merges_may_make_the_same_piece():
    vocabulary = SubwordVocabulary(("a b", "b c", "ab c", "a bc"))
    assert len(vocabulary) == 259
    assert vocabulary.pieces(vocabulary.encode("abc")) == ["abc"]


def test_lower_case():
    vocabulary = make_vocabulary("subwords", ["AaAa aaaa"], lowercase=True, size=257)
    assert vocabulary.merges == ("a a",)
    assert vocabulary.decode(vocabulary.encode("AA")) == "aa"


def test_a_space_at_the_end_of_a_prompt_is_left_to_the_next_token():
    tokens, others = VOCABULARY.opening("the cat ")
    assert tokens.tolist() == VOCABULARY.encode("the cat").tolist()
    first = set(range(len(VOCABULARY))) - set(others)
    assert {piece[0] for piece in VOCABULARY.pieces(sorted(first))} == {" "}
    assert len(first) > 3
    decoder = VOCABULARY.decoder("the cat ")
    assert "".join(map(decoder.push, VOCABULARY.encode(" sat on").tolist())) == "sat on"
    tokens, others = VOCABULARY.opening("the cat")
    assert (tokens.tolist(), len(others)) == (VOCABULARY.encode("the cat").tolist(), 0)


def test_a_text_without_a_space_is_learnt_and_read_in_pieces(monkeypatch):
    text = "".join(np.random.default_rng(0).choice([*"ACGT"], 20_000))
    monkeypatch.setattr("elman.data.tokens.vocab.subwords._MOST_OF_LONG_WORDS", 5000)
    vocabulary = make_vocabulary("subwords", ["a short word " * 3, text, "a second text"], size=300)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert max(map(len, vocabulary.meaning)) > 2
    # what is learnt from is short: the library's time grows with the square of a word
    seen = list(subwords._shortened(["a short word", text, text + " end", " " * 9000]))
    assert [len(part) for part in seen] == [12, 5000, 4, 9000]
    pieces = vocabulary._tokenizer.pre_tokenizer.pre_tokenize_str(text + " " + " " * 300 + "," * 300)
    assert max(len(piece) for piece, _ in pieces) <= 64


def test_a_vocabulary_of_before_keeps_its_words_whole():
    saved = make_vocabulary("subwords", ["aa aa"], size=260).to_json()
    old = vocabulary_from_json({key: value for key, value in saved.items() if key != "longest_word"})
    assert old.longest_word == 0
    assert len(old._tokenizer.pre_tokenizer.pre_tokenize_str("a" * 100)) == 1
    assert vocabulary_from_json(old.to_json()) == old


def test_learning_can_be_interrupted(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("threading.Thread.join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_vocabulary("subwords", ["a text " * 10_000])
