import pytest

from elman.data.tokens.vocab import ByteVocabulary, vocabulary_from_json
from elman.errors import InputError


def test_a_token_is_a_byte():
    vocabulary = ByteVocabulary()
    assert vocabulary.encode("a€").tolist() == [0x61, 0xE2, 0x82, 0xAC]
    assert vocabulary.pieces([0x61, 0xE2]) == ["a", "\ufffd"]
    assert vocabulary.encode_bytes(b"\0\xff").tolist() == [0, 255]
    assert ByteVocabulary(specials=("<s>", "</s>")).encode("a").tolist() == [0x63]


def test_bytes_come_out_when_their_character_is_complete():
    decoder = ByteVocabulary().decoder()
    assert [decoder.push(byte) for byte in "a€".encode()] == ["a", "", "", "€"]
    assert decoder.push(0xE2) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.push(ord("b")) == "b"
    assert [decoder.push(0xE2), decoder.push(ord("c"))] == ["", "\ufffdc"]
    assert ByteVocabulary().decode([0x61, 0xFF, 0x62]) == "a\ufffdb"


def test_a_lone_surrogate_has_no_bytes():
    with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\) at position 1"):
        ByteVocabulary().encode("a\udc80")


def test_json_of_the_first_run_folders():
    assert vocabulary_from_json({"level": "bytes"}) == ByteVocabulary()
