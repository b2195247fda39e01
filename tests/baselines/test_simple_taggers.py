"""Simple taggers: what they learn, from training alone."""

from pathlib import Path

from elman.baselines.simple_taggers import Features, most_frequent_tags, regression_tags, simple_tags
from elman.data.tagged.columns import Columns
from elman.data.tagged.files import read_tagged
from elman.data.tagged.sequences import Tagged


def tagged(*sentences, columns=()):
    """Sentences as ``word/tag word/tag``; further columns stand behind the tag."""
    cells = [[token.split("/") for token in sentence.split()] for sentence in sentences]
    return Tagged(
        [tuple(cell[0] for cell in each) for each in cells],
        [tuple(cell[1] for cell in each) for each in cells],
        [tuple(tuple(cell[2 + k] for cell in each) for k in range(len(columns))) for each in cells],
        [f"line {k}" for k in range(len(cells))],
        columns,
    )


def test_the_most_frequent_tag_of_a_word_its_ending_or_all():
    training = tagged("run/V run/V run/N a/D", "walking/V talking/V king/N ring/N sing/N", "x/N y/N")
    words = [("run", "Run", "king", "joking", "wing", "zzz"), ()]
    assert most_frequent_tags(training, words) == [("V", "V", "N", "V", "N", "N"), ()]


def test_the_regression_reads_affixes_neighbours_and_case():
    training = tagged(
        *["the/D walked/V dog/N", "the/D talked/V cat/N", "a/D King/P barked/V", "a/D Kong/P howled/V"] * 5,
        *["to/T match/V", "the/D match/N"] * 5,
    )
    test = tagged("a/? jumped/?", "to/? match/?", "the/? match/?", "Kang/?")
    assert regression_tags(training, test) == [("D", "V"), ("T", "V"), ("D", "N"), ("P",)]


def test_further_columns_are_read_of_the_word_and_its_neighbours():
    rows = ["a/X/1 b/Y/1", "a/Z/2 b/W/1"] * 10
    training = tagged(*rows, columns=("number",))
    test = tagged("a/?/2 b/?/1", "a/?/1 b/?/1", columns=("number",))
    assert regression_tags(training, test) == [("Z", "W"), ("X", "Y")]


def test_features_are_those_of_training_and_the_most_frequent():
    training = tagged("a/X a/X b/Y", "a/X b/Y")
    features = Features.learn(training, 100)
    assert set(features.known[0]) == {"a", "b"}
    unknown = features.rows(tagged("q/? q/? q/?"))
    assert len(unknown) == 3
    assert unknown.width == features.size
    words = features.rows(training)
    assert words.columns.max() < features.size
    few = Features.learn(training, 3)
    assert few.size == 3
    assert sum(map(len, few.known)) == 3
    assert few.rows(training).lengths.tolist() == [
        sum(int(column) < 3 for column in words.columns[a:b])
        for a, b in zip(words.starts[:-1], words.starts[1:], strict=True)
    ]


def test_nothing_is_learnt_from_the_sentences_to_tag():
    training = tagged(*["the/D dog/N runs/V", "the/D cat/N"] * 3)
    test = tagged("the/D bird/N runs/V")
    other = tagged("the/N bird/D runs/D")
    for first, second in zip(
        simple_tags(training, test).values(), simple_tags(training, other).values(), strict=True
    ):
        assert first == second
        assert [len(each) for each in first] == [3]


def test_english_words(shared: Path):
    whole = read_tagged([shared / "ud_english_ewt" / "en_ewt-ud-dev.conllu"], Columns())
    training, test = whole.rows(range(400)), whole.rows(range(1800, 2001))
    shares = [
        sum(a == b for one, two in zip(test.tags, tags, strict=True) for a, b in zip(one, two, strict=True))
        / test.steps
        for tags in simple_tags(training, test).values()
    ]
    assert shares[1] > shares[0] > 0.7
