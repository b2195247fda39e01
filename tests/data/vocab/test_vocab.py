import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.vocab import (
    ByteVocabulary,
    CharacterVocabulary,
    Vocabulary,
    vocabulary_from_json,
)
from elman.errors import InputError

VOCABULARIES = [CharacterVocabulary("naïve 日本 🙂\n"), ByteVocabulary()]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_characters_are_numbered_by_code_point():
    vocabulary = CharacterVocabulary("hello")
    assert vocabulary.symbols == "ehlo"
    assert vocabulary.encode("hole").tolist() == [1, 3, 2, 0]
    assert vocabulary.decode([0, 1, 1]) == "ehh"


@given(TEXTS)
def test_encode_agrees_with_a_dictionary_and_decode_undoes_it(text):
    vocabulary = CharacterVocabulary(text)
    number = {symbol: n for n, symbol in enumerate(sorted(set(text)))}
    assert vocabulary.encode(text).tolist() == [number[symbol] for symbol in text]
    for each in (vocabulary, ByteVocabulary()):
        assert each.decode(each.encode(text)) == text


@given(TEXTS)
def test_a_decoder_gives_the_text_token_by_token(text):
    for vocabulary in (CharacterVocabulary(text), ByteVocabulary()):
        decoder = vocabulary.decoder()
        pieces = [decoder.push(token) for token in vocabulary.encode(text)]
        assert "".join(pieces) == text
        assert decoder.flush() == ""


def test_bytes_come_out_when_their_character_is_complete():
    decoder = ByteVocabulary().decoder()
    assert [decoder.push(byte) for byte in "a€".encode()] == ["a", "", "", "€"]
    assert decoder.push(0xE2) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.push(ord("b")) == "b"
    assert [decoder.push(0xE2), decoder.push(ord("c"))] == ["", "\ufffdc"]
    assert ByteVocabulary().decode([0x61, 0xFF, 0x62]) == "a\ufffdb"


@pytest.mark.parametrize(
    ("size", "dtype"),
    [(1, np.uint8), (256, np.uint8), (257, np.uint16), (55296, np.uint16), (65537, np.int32)],
)
def test_the_smallest_dtype_that_fits(size, dtype):
    symbols = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x20000)][:size]))
    vocabulary = CharacterVocabulary(symbols)
    assert len(vocabulary) == size
    tokens = vocabulary.encode(symbols)
    assert tokens.dtype == dtype
    assert np.array_equal(tokens, np.arange(size))
    assert ByteVocabulary().encode(symbols).dtype == np.uint8


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.level)
def test_empty_text(vocabulary: Vocabulary):
    assert vocabulary.encode("").tolist() == []
    assert vocabulary.encode("").dtype == vocabulary.dtype
    assert vocabulary.decode([]) == ""


@pytest.mark.parametrize("unknown", ["B", "é", "🙂", "\n"])  # between, just above, far above, below
def test_an_unknown_character_is_named(unknown):
    with pytest.raises(InputError) as error:
        CharacterVocabulary("ACè").encode("ACC" + unknown + "A" + unknown)
    message = str(error.value)
    assert f"{unknown!r} (U+{ord(unknown):04X}) at position 3 " in message
    assert "--level bytes" in message
    assert "\n" not in message


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.level)
@pytest.mark.parametrize(
    ("tokens", "found"), [([0, -1], "-1"), ([1, 256], "256"), (np.array([0.5]), "float64")]
)
def test_decode_refuses_what_is_no_token(vocabulary, tokens, found):
    with pytest.raises(InputError, match=rf"^tokens must .* Got {found}\.$"):
        vocabulary.decode(tokens)


def test_a_vocabulary_holds_characters():
    with pytest.raises(InputError, match="at least one character"):
        CharacterVocabulary("")
    with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\)"):
        CharacterVocabulary("a\udc80")
    with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\) at position 1"):
        ByteVocabulary().encode("a\udc80")
    with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\) at position 1"):
        CharacterVocabulary("a🙂").encode("a\udc80")


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.level)
def test_json_there_and_back(vocabulary):
    assert vocabulary_from_json(json.loads(json.dumps(vocabulary.to_json()))) == vocabulary


def characters(symbols):
    return {"level": "characters", "symbols": symbols}


@pytest.mark.parametrize(
    ("hostile", "rule"),
    [
        (None, "must be an object"),
        (["characters"], "must be an object"),
        ({}, "level must be one of"),
        ({"level": "words"}, "level must be one of"),
        ({"level": ["bytes"]}, "level must be one of"),
        ({"level": "characters"}, "fields must be"),
        ({"level": "bytes", "symbols": []}, "fields must be"),
        (characters(["a"]) | {"extra": 1}, "fields must be"),
        (characters("ab"), "must be a list"),
        (characters({"a": 0}), "must be a list"),
        (characters([]), "must number 1 to 1114112. Got 0"),
        (characters(["a"] * 1_114_113), "must number 1 to 1114112. Got 1114113"),
        (characters(["a", "bc"]), "one character. Got 'bc'"),
        (characters([""]), "one character"),
        (characters([1]), "one character. Got 1"),
        (characters(["\ud800"]), "one character"),
        (characters(["b", "a"]), "sorted by code point. Got ('b', 'a')"),
        (characters(["a", "a"]), "distinct"),
        (characters(["x" * 10_000]), "one character"),
        (characters(["\n\n"]), "one character"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_json_is_refused_in_one_short_line(hostile, rule):
    with pytest.raises(InputError) as error:
        vocabulary_from_json(hostile, "run/vocabulary.json")
    message = str(error.value)
    assert message.startswith("run/vocabulary.json: ")
    assert rule in message
    assert "\n" not in message
    assert len(message) < 200
