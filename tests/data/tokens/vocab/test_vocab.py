"""What all kinds of vocabulary promise."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.tokens.vocab import VOCABULARIES, Vocabulary, make_vocabulary, vocabulary_from_json
from elman.errors import InputError

TEXT = 'Naïve 日本 🙂 isn\'t naïve, "is it"? (No.)\nहिन्दी costs £3.14 – and/or 2,000...\n' * 3
MADE = [
    make_vocabulary(level, [TEXT], **options)
    for level, options in [
        ("characters", {}),
        ("characters", {"size": 20, "specials": ["<s>", "</s>"]}),
        ("bytes", {"specials": ["<s>"]}),
        ("words", {}),
        ("words", {"word_split": "spaces", "lowercase": True, "min_count": 4}),
        ("words", {"specials": ["<s>", "</s>"], "size": 12}),
        ("subwords", {}),
        ("subwords", {"size": 300, "specials": ["<s>"], "lowercase": True}),
    ]
]
each_vocabulary = pytest.mark.parametrize("vocabulary", MADE, ids=lambda v: v.level)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_every_level_is_tried():
    assert {vocabulary.level for vocabulary in MADE} == set(VOCABULARIES)


@each_vocabulary
def test_tokens_are_numbers_of_the_smallest_type(vocabulary: Vocabulary):
    tokens = vocabulary.encode(TEXT)
    assert tokens.dtype == vocabulary.dtype == (np.uint8 if len(vocabulary) <= 256 else np.uint16)
    assert len(vocabulary.specials) <= tokens.min() <= tokens.max() < len(vocabulary)
    assert len(vocabulary.pieces(range(len(vocabulary)))) == len(vocabulary)
    assert vocabulary.encode("").tolist() == []
    assert vocabulary.encode("").dtype == vocabulary.dtype
    assert (vocabulary.decode([]), vocabulary.pieces([])) == ("", [])


@each_vocabulary
def test_a_decoder_gives_the_text_token_by_token(vocabulary: Vocabulary):
    tokens = vocabulary.encode(TEXT)
    decoder = vocabulary.decoder()
    assert "".join(map(decoder.push, tokens.tolist())) + decoder.flush() == vocabulary.decode(tokens)


@each_vocabulary
def test_decoded_text_is_read_as_the_same_tokens(vocabulary: Vocabulary):
    tokens = vocabulary.encode(TEXT)
    if vocabulary.unknown is None or vocabulary.level == "words":
        assert vocabulary.encode(vocabulary.decode(tokens)).tolist() == tokens.tolist()
    if vocabulary.unknown is None and not vocabulary.lowercase:
        assert vocabulary.decode(tokens) == TEXT


@each_vocabulary
def test_specials_come_first_and_no_text_contains_them(vocabulary: Vocabulary):
    for number, name in enumerate(vocabulary.specials):
        assert vocabulary.special(name) == number
        assert vocabulary.pieces([number]) == [name]
        assert vocabulary.decode([number]) == ""
        assert number not in vocabulary.encode(f"{name} {name}{name}")
    with pytest.raises(KeyError, match="<pad>"):
        vocabulary.special("<pad>")


@pytest.mark.parametrize("level", VOCABULARIES)
def test_specials_are_distinct_names(level):
    for specials in (["<s>", "<s>"], [""]):
        with pytest.raises(InputError, match="specials must be distinct names"):
            make_vocabulary(level, [TEXT], specials=specials)


@each_vocabulary
@pytest.mark.parametrize("tokens", [[0, -1], [10_000], np.array([0.5])])
def test_what_is_no_token_is_refused(vocabulary: Vocabulary, tokens):
    for use in (vocabulary.decode, vocabulary.pieces):
        with pytest.raises(InputError, match=r"^tokens must .* Got (-1|10000|float64)\.$"):
            use(tokens)


@each_vocabulary
def test_json_there_and_back(vocabulary: Vocabulary):
    loaded = vocabulary_from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert loaded == vocabulary
    assert loaded.encode(TEXT).tolist() == vocabulary.encode(TEXT).tolist()
    assert loaded.unknown == vocabulary.unknown


@pytest.mark.parametrize("level", VOCABULARIES)
@given(text=ANY_TEXT)
def test_any_text_is_encoded(level, text):
    known = make_vocabulary(level, [text + "a"], **({"size": 260} if level == "subwords" else {}))
    tokens = known.encode(text)
    assert known.encode(known.decode(tokens)).tolist() == tokens.tolist()
    if level != "words":
        assert known.decode(tokens) == text
    for vocabulary in MADE:
        if vocabulary.unknown is not None:
            vocabulary.decode(vocabulary.encode(text))


@pytest.mark.parametrize("level", VOCABULARIES)
def test_a_lone_surrogate_is_no_character(level):
    vocabulary = next(v for v in MADE if v.level == level)
    if vocabulary.unknown is None:
        with pytest.raises(InputError, match=r"'\\udc80' \(U\+DC80\) at position 1"):
            vocabulary.encode("a\udc80")
    else:
        assert vocabulary.encode("a \udc80").tolist()[-1] == vocabulary.unknown
    if level != "bytes":  # whose vocabulary is known beforehand
        with pytest.raises(InputError, match=r"udc80"):
            make_vocabulary(level, ["a\udc80"])


@pytest.mark.parametrize(
    ("level", "options", "message"),
    [
        ("letters", {}, "--level must be one of characters, bytes, words, subwords. Got 'letters'"),
        ("words", {"size": 0}, r"--vocab-size must be an int in \[1, 300000\]. Got 0"),
        ("words", {"size": 300_001}, r"--vocab-size must be .* Got 300001"),
        ("words", {"size": 2, "specials": ["<s>"]}, "--vocab-size must be at least 3 here. Got 2"),
        ("characters", {"size": 1}, "--vocab-size must be at least 2 here. Got 1"),
        ("subwords", {"size": 255}, "--vocab-size must be at least 256 here. Got 255"),
        ("words", {"min_count": 0}, r"--min-count must be an int in \[1, inf\). Got 0"),
        (
            "words",
            {"min_count": 9},
            "--min-count must be at most .*, the count of the most frequent word. Got 9",
        ),
        ("characters", {"min_count": 99}, "at least one character. Got none"),
        ("words", {"word_split": "lines"}, "--word-split must be punctuation or spaces. Got 'lines'"),
        ("bytes", {"size": 100}, "--vocab-size and --min-count must not be set with --level bytes"),
        ("bytes", {"min_count": 2}, "--vocab-size and --min-count must not be set with --level bytes"),
        ("bytes", {"lowercase": True}, "--lowercase must not be set with --level bytes"),
    ],
)
def test_options_that_do_not_fit_are_refused(level, options, message):
    with pytest.raises(InputError, match=message):
        make_vocabulary(level, [TEXT], **options)


def test_a_vocabulary_too_large_for_its_file_is_refused(monkeypatch):
    monkeypatch.setattr("elman.data.tokens.vocab.LARGEST", 4)
    assert len(make_vocabulary("words", ["one two three"])) == 4
    with pytest.raises(InputError, match="holds 5 different words, more than 4; --vocab-size or --min-count"):
        make_vocabulary("words", ["one two three four"])
    with pytest.raises(InputError, match="more than 4,000,000 characters; --min-count"):
        make_vocabulary("words", ["x" * 4_000_001])


def characters(symbols):
    return {"level": "characters", "symbols": symbols}


def words(*words, **fields):
    return {"level": "words", "words": list(words), "split": "punctuation"} | fields


def subwords(*merges, **fields):
    return {"level": "subwords", "merges": list(merges)} | fields


@pytest.mark.parametrize(
    ("hostile", "rule"),
    [
        (None, "must be an object"),
        (["characters"], "must be an object"),
        ({}, "level must be one of"),
        ({"level": "letters"}, "level must be one of"),
        ({"level": ["bytes"]}, "level must be one of"),
        ({"level": "characters"}, "fields must be"),
        ({"level": "words"}, "fields must be"),
        ({"level": "subwords"}, "fields must be"),
        ({"level": "bytes", "symbols": []}, "fields must be"),
        ({"level": "bytes", "lowercase": True}, "--lowercase must not be set with --level bytes"),
        (characters(["a"]) | {"extra": 1}, "fields must be"),
        (characters("ab"), "must be a list"),
        (characters({"a": 0}), "must be a list"),
        (characters([]), "at least one character. Got none"),
        (characters(["a"] * 300_001), "symbols must number at most 300000. Got 300001"),
        (characters(["a", "bc"]), "one character. Got 'bc'"),
        (characters([""]), "one character"),
        (characters([1]), "one character. Got 1"),
        (characters(["\ud800"]), "lone surrogate"),
        (characters(["b", "a"]), "sorted by code point. Got ('b', 'a')"),
        (characters(["a", "a"]), "distinct"),
        (characters(["x" * 10_000]), "one character"),
        (characters(["\n\n"]), "one character"),
        (characters(["a"]) | {"has_unknown": 1}, "has_unknown must be true or false. Got 1"),
        (characters(["a"]) | {"lowercase": None}, "lowercase must be true or false. Got None"),
        (characters(["a"]) | {"specials": "<s>"}, "specials must be a list. Got '<s>'"),
        (characters(["a"]) | {"specials": [1]}, "every special must be a text. Got 1"),
        (characters(["a"]) | {"specials": ["s", "s"]}, "specials must be distinct names"),
        (words(), "at least one word"),
        (words("a", "b", "a"), "words must be distinct. Got 'a'"),
        (words("a", 1), "every word must be a text. Got 1"),
        (words("a", ""), "every word must be a single word by --word-split punctuation. Got ''"),
        (words("a b"), "every word must be a single word"),
        (words("x" * 10_000 + " b"), "every word must be a single word"),
        (words("stop!"), "every word must be a single word"),
        (words("a\n", split="spaces"), "every word must be a single word by --word-split spaces"),
        (words("<unk>"), "every word must be a single word"),
        (words("\ud800"), "every word must be a single word"),
        (words("a", split="lines"), "split must be punctuation or spaces. Got 'lines'"),
        (words("a", split=3), "split must be a text. Got 3"),
        (words("a") | {"words": "abc"}, "words must be a list"),
        (subwords("a"), "every merge must be of two pieces made before it, once. Got 'a'"),
        (subwords("a b", "a b"), "once. Got 'a b'"),
        (subwords("ab c"), "two pieces made before it"),
        (subwords("a b", "ab c d"), "two pieces made before it"),
        (subwords("日 本"), "two pieces made before it"),
        (subwords("a \ud800"), "two pieces made before it"),
        (subwords(["a", "b"]), "every merge must be a text"),
        (subwords(*(f"{'a' * 2**n} {'a' * 2**n}" for n in range(8))), "at most 64 bytes"),
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


@pytest.mark.parametrize(
    ("level", "text", "pieces"),
    [
        (
            "words",
            "the old\ncat saw <unk>, the dog",
            ["the", "old", "cat", "saw", "<unk>", ",", "the", "dog"],
        ),
        ("characters", "a zebra", list("a zebra")),
        ("bytes", "zoo", list("zoo")),
    ],
)
def test_pieces_are_shown_as_typed_though_they_are_unknown(level, text, pieces):
    vocabulary = make_vocabulary(level, ["the cat sat"])
    assert vocabulary.as_typed(text) == pieces
