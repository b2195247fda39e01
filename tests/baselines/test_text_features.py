"""N-grams of texts, beside scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from elman.baselines.text_features import Ngrams, Rows, word_pattern

TEXTS = [
    "The cat sat on the mat.",
    "the dog ate\tthe mat!",
    "",
    "猫が好き。 cat",
    "A cat, a dog and a cat; e\u0301t\u00e9",
    "   ",
]
ITEMS = [(text,) for text in TEXTS]


def dense(rows: Rows) -> np.ndarray:
    return (rows @ torch.eye(rows.width)).numpy()


def test_words_are_weighted_as_by_scikit_learn():
    ngrams = Ngrams.learn("words", ITEMS, 10**6)
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=word_pattern())
    expected = theirs.fit_transform(TEXTS).toarray()
    ours = dense(ngrams.rows(ITEMS))
    assert ours.shape == expected.shape
    # the columns are in another order
    np.testing.assert_allclose(np.sort(ours, 1), np.sort(expected, 1), atol=1e-6)
    np.testing.assert_allclose(ours @ ours.T, expected @ expected.T, atol=1e-6)
    others = ["a mat and the cat", "unseen words alone", "the"]
    np.testing.assert_allclose(
        dense(ngrams.rows([(text,) for text in others])) @ ours.T,
        theirs.transform(others).toarray() @ expected.T,
        atol=1e-6,
    )


def test_characters_are_weighted_as_by_scikit_learn():
    texts = ["the cat sat", "a  dog\nate mats", "cats"]
    theirs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    found = theirs.fit_transform(texts).toarray()
    names = theirs.get_feature_names_out()
    ours = Ngrams.learn("characters", [(text,) for text in texts], 10**6)
    assert len(ours) == len(names)
    rows = dense(ours.rows([(text,) for text in texts]))
    np.testing.assert_array_equal((rows > 0).sum(1), (found > 0).sum(1))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)


def test_no_n_gram_crosses_texts_spaces_or_items():
    words = Ngrams.learn("words", [("a b",), ("c d",)], 99)
    assert len(words) == 6  # a, b, a b, c, d, c d
    pairs = Ngrams.learn("words", [("a b", "a b")], 99)
    assert len(pairs) == 6  # the second text has n-grams of its own
    characters = Ngrams.learn("characters", [("ab cd",)], 99)
    # " a" "ab" "b " " ab" "ab " " ab ", and the same of cd
    assert len(characters) == 12


def test_the_most_frequent_are_kept():
    ngrams = Ngrams.learn("words", [("a b",), ("a c",), ("a b",)], 2)
    assert len(ngrams) == 2
    rows = dense(ngrams.rows([("a",), ("b",), ("c",)]))
    assert [row.any() for row in rows] == [True, True, False]


def test_occurrences_tell_where_they_are():
    text = "The cat."
    ngrams = Ngrams.learn("words", [(text,)], 99)
    found = ngrams.occurrences((text,))
    assert sorted(text[a:b] for a, b in zip(found.begins, found.ends, strict=True)) == sorted(
        ["The", "cat", ".", "The cat", "cat."]
    )
    characters = Ngrams.learn("characters", [(text,)], 99).occurrences((text,))
    assert characters.begins.min() == -1
    assert characters.ends.max() == len(text) + 1


def test_keys_do_not_depend_on_the_process_or_on_blocks(monkeypatch):
    whole = Ngrams.learn("characters", ITEMS, 10**6)
    monkeypatch.setattr("elman.baselines.text_features._BLOCK", 5)
    parts = Ngrams.learn("characters", ITEMS, 10**6)
    np.testing.assert_array_equal(whole.keys, parts.keys)
    np.testing.assert_array_equal(dense(whole.rows(ITEMS)), dense(parts.rows(ITEMS)))
    assert Ngrams.learn("words", [("cat",)], 9).keys[0] == 3686158003148265519


def test_rows_are_a_matrix():
    generator = torch.Generator().manual_seed(0)
    matrix = torch.rand(7, 5, generator=generator) * (torch.rand(7, 5, generator=generator) > 0.6)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), (matrix > 0).sum(1).cumsum(0)])
    at, columns = matrix.nonzero(as_tuple=True)
    rows = Rows(starts, columns, matrix[at, columns], 5)
    weights = torch.rand(5, 3, generator=generator)
    torch.testing.assert_close(rows @ weights, matrix @ weights)
    back = rows.T
    assert len(back) == 5
    torch.testing.assert_close(back @ torch.eye(7), matrix.T)
    chosen = np.array([3, 0, 0, 6])
    torch.testing.assert_close(rows.rows(chosen) @ torch.eye(5), matrix[chosen])


@pytest.mark.parametrize(
    ("keys", "idf"),
    [
        (np.array([2, 1], np.uint64), np.ones(2)),
        (np.array([1, 1], np.uint64), np.ones(2)),
        (np.array([1, 2], np.int64), np.ones(2)),
        (np.array([1, 2], np.uint64), np.array([1, np.nan])),
        (np.array([1, 2], np.uint64), np.ones(3)),
    ],
)
def test_keys_that_no_file_has_are_refused(keys, idf):
    with pytest.raises(ValueError, match="must"):
        Ngrams("words", keys, idf)
