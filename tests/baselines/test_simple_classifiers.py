"""Simple classifiers, against numbers worked by hand."""

import numpy as np

from elman.baselines.simple_classifiers import majority
from elman.metrics.label_figures import indicator


def test_the_majority_is_counted_in_training():
    truth = indicator(np.array([0, 0, 1, 1, 1, 2]), 4)
    assert majority(truth, 2).tolist() == [[2 / 6, 3 / 6, 1 / 6, 0]] * 2
