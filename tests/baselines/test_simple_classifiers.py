"""Simple methods of classification, by hand."""

import numpy as np

from elman.baselines.simple_classifiers import majority, nearest_mean
from elman.metrics.label_figures import indicator

TRUTH = indicator(np.array([0, 0, 1, 1, 1, 2]), 4)


def test_the_majority_is_counted_in_training():
    assert majority(TRUTH, 2).tolist() == [[2 / 6, 3 / 6, 1 / 6, 0]] * 2


def test_the_nearest_mean_is_the_class():
    train = np.array([[0.0, 0], [2, 0], [10, 10], [12, 10]])
    labels = np.array([4, 4, 7, 7])
    assert nearest_mean(train, labels, np.array([[1, 5], [5, 5], [7, 5.1]])).tolist() == [4, 4, 7]
