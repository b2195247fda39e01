import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.tokens.vocab import WordVocabulary, make_vocabulary, vocabulary_from_json
from elman.errors import InputError


def split(text: str, how: str = "punctuation") -> list[str]:
    """The words of a text that is all the vocabulary knows."""
    vocabulary = make_vocabulary("words", [text], word_split=how)
    return vocabulary.pieces(vocabulary.encode(text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't stop!", "Don't|stop|!"),
        ("  a\tb\u00a0c  ", "a|b|c"),
        ("one\r\n\ntwo\n", "one|\n|\n|two|\n"),
        ("well-known rock--roll -- a - b-", "well-known|rock|--|roll|--|a|-|b|-"),
        ("$3.14, 2,000 at 12:30. 5.", "$|3.14|,|2,000|at|12:30|.|5|."),
        ("Oh... no!!! «Ja?»", "Oh|...|no|!!!|«|Ja|?|»"),
        ("a.b e.g. it’s dogs' 'tis", "a|.|b|e|.|g|.|it’s|dogs|'|'|tis"),
        ("x<unk>y <unk>! <<unk>", "x|<unk>|y|<unk>|!|<<|unk|>"),
        ("हिन्दी भाषा, می\u200cخواهم", "हिन्दी|भाषा|,|می\u200cخواهم"),
        ("snake_case 日本語。", "snake_case|日|本|語|。"),
        ("用Python写2024年", "用|Python|写|2024|年"),
        ("ភាសាខ្មែរ", "ភា|សា|ខ្មែ|រ"),
        ("ที่นี่ 3.5 บาท", "ที่|นี่|3.5|บ|า|ท"),
        ("안녕 세계", "안녕|세계"),  # Korean has spaces
        (
            "See https://a.b/c?d=1, or www.x.org. Mail a.b@c.de!",
            "See|https://a.b/c?d=1|,|or|www.x.org|.|Mail|a.b@c.de|!",
        ),
        ("one\rtwo\r\rthree", "one|\n|two|\n|\n|three"),
        ("cafe\u0301 caf\u00e9", "café|café"),
    ],
)
def test_words_and_punctuation_by_hand(text, found):
    assert split(text) == found.split("|")


def test_at_spaces_only_white_space_ends_a_word():
    assert split(" no it was n't <unk> N's, \n the\r\n", "spaces") == [
        *["no", "it", "was", "n't", "<unk>", "N's,"],
        *["\n", "the", "\n"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "He said, \"Don't stop!\" (really) and left: it's 3.14%; so what?",
        "A well-known $5 and/or £7 trick… «ja» “no” [x] #1 @home ¿qué?",
        'One line "open\nthe next "quoted" line.\n\n\nend',
        "rock -- and -- roll",
        "Read https://a.b/c/ first (or http://x.org/?q=1), then www.y.net.",
        "我在2024年用了3次。好好学习，天天向上！「是吗？」",
        "ที่นี่มีกาแฟ",
        "မြန်မာဘာသာ",
    ],
)
def test_usual_spacing_comes_back(text):
    vocabulary = make_vocabulary("words", [text])
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_text_split_at_spaces_comes_back_with_single_spaces():
    vocabulary = make_vocabulary("words", [" a ,  b \n c \n"], word_split="spaces")
    assert vocabulary.decode(vocabulary.encode(" a ,  b \n c \n")) == "a , b\nc\n"


@pytest.mark.parametrize("how", ["punctuation", "spaces"])
@given(text=st.text("aB3'’\".,!-(/$: \n<"))
def test_what_is_decoded_is_split_alike(how, text):
    vocabulary = make_vocabulary("words", [text + "a"], word_split=how)
    tokens = vocabulary.encode(text)
    assert vocabulary.encode(vocabulary.decode(tokens)).tolist() == tokens.tolist()


PARTS = [
    "https://a.b/c/",
    "www.x",
    "/",
    ".",
    ")",
    "日",
    "。",
    "ក",
    "\u17d2",
    "\u17b6",
    "2",
    "x",
    " ",
    "\n",
    "é",
    "\r",
]


@given(st.lists(st.sampled_from(PARTS)).map("".join))
def test_scripts_without_spaces_and_addresses_are_split_alike(text):
    vocabulary = make_vocabulary("words", [text + "a"])
    tokens = vocabulary.encode(text)
    assert vocabulary.encode(vocabulary.decode(tokens)).tolist() == tokens.tolist()


def test_lower_case_of_the_dotted_i_has_one_dot():
    vocabulary = make_vocabulary("words", ["İstanbul ISLAK istanbul"], lowercase=True)
    assert vocabulary.words == ("istanbul", "islak")


def test_a_vocabulary_of_the_first_version_keeps_its_rules():
    saved = make_vocabulary("words", ["x"]).to_json() | {"words": ["日本", "cafe\u0301", "https", ":"]}
    old = vocabulary_from_json({key: value for key, value in saved.items() if key != "version"})
    assert old.pieces(old.encode("日本 cafe\u0301 caf\u00e9\rhttps:")) == [
        "日本",
        "cafe\u0301",
        "<unk>",
        "https",
        ":",
    ]
    assert vocabulary_from_json(old.to_json()) == old
    with pytest.raises(InputError, match=r"every word must be a single word .* Got '日本'"):
        vocabulary_from_json(saved)
    with pytest.raises(InputError, match=r"version must be in \[1, 2\]. Got 3"):
        vocabulary_from_json(saved | {"version": 3})


@given(st.text('ab".( \n'), st.text('ab".( \n'))
def test_a_decoder_goes_on_from_a_text(before, after):
    vocabulary = make_vocabulary("words", ["a" + before + " " + after])
    decoder = vocabulary.decoder(before)
    text = before + "".join(map(decoder.push, vocabulary.encode(after).tolist()))
    assert (
        vocabulary.encode(text).tolist()
        == [
            *vocabulary.encode(before),
            *vocabulary.encode(after),
        ]
        or before[-1:].isspace()  # which is kept as it is, though two dots then read as one run
    )


def test_a_space_that_is_there_is_not_written_again():
    vocabulary = make_vocabulary("words", ["the cat , the dog ."])
    cat, comma = vocabulary.encode("cat ,").tolist()
    for before, text in (("the", " cat,"), ("the ", "cat,"), ("the\n", "cat,"), ("", "cat,"), ("(", "cat,")):
        decoder = vocabulary.decoder(before)
        assert decoder.push(cat) + decoder.push(comma) == text


def test_the_most_frequent_words_are_kept_ties_by_first_occurrence():
    texts = ["c b a b", "a d e a"]  # a 3, b 2, c 1, d 1, e 1
    assert make_vocabulary("words", texts).words == ("a", "b", "c", "d", "e")
    assert make_vocabulary("words", texts, size=4).words == ("a", "b", "c")
    assert make_vocabulary("words", texts, size=5, specials=["<s>"]).words == ("a", "b", "c")
    assert make_vocabulary("words", texts, min_count=2).words == ("a", "b")
    assert make_vocabulary("words", texts, min_count=2, size=2).words == ("a",)


def test_all_other_words_are_the_unknown_token():
    vocabulary = make_vocabulary("words", ["a <unk> a b <unk> <unk>"], specials=["<s>"], min_count=2)
    assert vocabulary.words == ("a",)  # the word <unk> is the unknown token itself
    assert (vocabulary.special("<s>"), vocabulary.unknown) == (0, 1)
    assert vocabulary.encode("a b <unk> <s>").tolist() == [2, 1, 1, 1, 1, 1]
    assert vocabulary.decode([2, 1, 0, 2]) == "a <unk> a"


def test_a_line_ends_only_where_the_vocabulary_knows_lines():
    lines = make_vocabulary("words", ["a b\n"])
    assert lines.pieces(lines.encode("a\nb")) == ["a", "\n", "b"]
    assert WordVocabulary(("a", "b")).encode("a\n\nb").tolist() == [1, 2]


def test_lower_case():
    vocabulary = make_vocabulary("words", ["The CAT the"], lowercase=True)
    assert vocabulary.words == ("the", "cat")
    assert vocabulary.encode("THE Cat").tolist() == [1, 2]


def test_the_penn_treebank(shared):
    training, validation = ((shared / "ptb" / f"ptb.{part}.txt").read_text() for part in ("train", "valid"))
    vocabulary = make_vocabulary("words", [training], word_split="spaces")
    assert len(vocabulary) == 10_000
    tokens = vocabulary.encode(validation)
    assert len(tokens) == 73_760
    decoded = vocabulary.decode(tokens)
    assert decoded == "".join(line.strip() + "\n" for line in validation.splitlines())
