import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.tokens.vocab import CharacterVocabulary, make_vocabulary, vocabulary_from_json
from elman.errors import InputError


def test_characters_are_numbered_by_code_point():
    vocabulary = CharacterVocabulary("hello")
    assert vocabulary.symbols == "ehlo"
    assert vocabulary.encode("hole").tolist() == [1, 3, 2, 0]
    assert vocabulary.decode([0, 1, 1]) == "ehh"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_encode_agrees_with_a_dictionary(text):
    number = {symbol: n for n, symbol in enumerate(sorted(set(text)))}
    assert CharacterVocabulary(text).encode(text).tolist() == [number[symbol] for symbol in text]


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


@pytest.mark.parametrize("unknown", ["B", "é", "🙂", "\n"])  # between, just above, far above, below
def test_an_unknown_character_is_named(unknown):
    with pytest.raises(InputError) as error:
        CharacterVocabulary("ACè").encode("ACC" + unknown + "A" + unknown, "a.txt", 10)
    message = str(error.value)
    assert f"a.txt: character {unknown!r} (U+{ord(unknown):04X}) at position 13 " in message
    assert "--level bytes" in message
    assert "\n" not in message


def test_where_characters_were_left_out_a_token_stands_for_them():
    text = "abracadabra"  # a 5, b 2, r 2, c 1, d 1
    vocabulary = make_vocabulary("characters", [text], min_count=2, specials=["<s>"])
    assert (len(vocabulary), vocabulary.unknown) == (5, 1)
    assert vocabulary.encode("abcé").tolist() == [2, 3, 1, 1]
    assert vocabulary.decode([0, 2, 1, 4]) == "a\ufffdr"
    assert vocabulary.pieces([0, 1, 2]) == ["<s>", "<unk>", "a"]
    assert make_vocabulary("characters", [text], size=3).symbols == "ab"  # b occurs before r
    assert make_vocabulary("characters", ["aA"], lowercase=True).encode("aA").tolist() == [1, 1]


def test_a_place_is_kept_for_characters_of_other_texts():
    vocabulary = make_vocabulary("characters", ["abracadabra"], specials=["<s>"])
    assert (vocabulary.unknown, vocabulary.untrained) == (1, 1)
    assert vocabulary.novelty == pytest.approx(3 / 13)  # c and d occur once
    assert vocabulary.unknown_in("abЖcЖ") == ["Ж", "Ж"]
    assert make_vocabulary("characters", ["abracadabra"], min_count=2).untrained is None
    assert vocabulary_from_json(vocabulary.to_json()) == vocabulary
    old = CharacterVocabulary("ab")
    assert (old.unknown, old.opening("aЖb")[0].tolist()) == (None, [0, 1])
    with pytest.raises(InputError, match=r"novelty must be in \[0, 1\). Got 1.0"):
        vocabulary_from_json(vocabulary.to_json() | {"novelty": 1.0})


def test_a_vocabulary_holds_characters():
    with pytest.raises(InputError, match="at least one character"):
        CharacterVocabulary("")
    with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\)"):
        CharacterVocabulary("a\udc80")
    with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\) at position 1"):
        CharacterVocabulary("a🙂").encode("a\udc80")


def test_json_of_the_first_run_folders():
    obj = {"level": "characters", "symbols": ["\n", "a"]}
    assert vocabulary_from_json(obj) == CharacterVocabulary("\na")
