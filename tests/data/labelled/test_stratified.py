"""Shares within each label, and folds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.split import stratified_folds, stratified_split
from elman.errors import InputError

LABELS = ["a"] * 60 + ["b"] * 30 + ["c"] * 10


def counts(rows):
    return [sum(LABELS[k] == name for k in rows) for name in "abc"]


def test_each_label_gets_its_share_of_each_part():
    parts = stratified_split(LABELS, (0.8, 0.1, 0.1), seed=0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(100))
    assert [len(part) for part in parts] == [80, 10, 10]
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        assert all(abs(n - share * whole) <= 1 for n, whole in zip(counts(part), (60, 30, 10), strict=True))


def test_the_seed_decides_and_no_order_in_the_file_matters():
    split = [stratified_split(LABELS, (0.8, 0.1, 0.1), seed=seed)[2].tolist() for seed in (0, 0, 1)]
    assert split[0] == split[1] != split[2]
    firsts = [stratified_split(LABELS, (0.5, 0.5, 0.0), seed=seed)[0][0] for seed in range(20)]
    assert len(set(firsts)) > 1


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=20, max_size=60),
    st.sampled_from([(0.6, 0.2, 0.2), (0.5, 0.5, 0.0), (1.0, 0.0, 0.0), (0.7, 0.0, 0.3)]),
    st.integers(0, 5),
)
def test_no_label_is_first_met_outside_training(labels, shares, seed):
    training, validation, test = stratified_split(labels, shares, seed)
    assert {labels[k] for k in training} == set(labels)
    assert sorted([*training, *validation, *test]) == list(range(len(labels)))
    assert len(test) == round(len(labels) * shares[2])
    assert (len(validation) > 0) == (shares[1] > 0)


@pytest.mark.parametrize(
    ("labels", "shares", "message"),
    [
        (LABELS, (0.5, 0.2, 0.2), "three shares that sum to 1"),
        (LABELS, (float("nan"), 0.5, 0.5), "three shares that sum to 1"),
        (["a", "a", "b"], (0.8, 0.1, 0.1), "every part needs .* Got 3 examples with 2 different labels"),
        (["a", "b", "c", "d"], (0.5, 0.5, 0.0), "Got 4 examples with 4 different labels"),
    ],
)
def test_what_cannot_be_split_is_refused(labels, shares, message):
    with pytest.raises(InputError, match=message):
        stratified_split(labels, shares, seed=0)


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_folds_share_out_all_within_each_label(folds):
    parts = stratified_folds(LABELS, folds, seed=3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(100))
    for part in parts:
        assert all(abs(n - whole / folds) < 1 for n, whole in zip(counts(part), (60, 30, 10), strict=True))


def test_folds_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="at most the number of examples, 2"):
        stratified_folds(["a", "a"], 3, 0)
    with pytest.raises(InputError, match="Label 'b' has one"):
        stratified_folds(["a", "a", "b"], 2, 0)
