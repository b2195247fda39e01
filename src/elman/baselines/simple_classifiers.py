"""What simple methods reach at classification: the baselines beside a network's figures.

Each gives probabilities [N, V] for the test part from the training part. What has to be chosen is chosen on
the validation part.
"""

import numpy as np

from elman.data.labelled.examples import Labelled
from elman.errors import InputError
from elman.registry import load_module


def simple_probabilities(
    parts: tuple[Labelled, Labelled, Labelled],
    truth: tuple[np.ndarray, np.ndarray],
    *,
    multi_label: bool = False,
) -> dict[str, np.ndarray]:
    """What each simple method says of the test part, by name; logistic regression if scikit-learn is there.

    Args:
        parts: training, validation (which may be empty) and test.
        truth: of training and validation, [M, V] of 0 and 1.
        multi_label: whether an example has any number of labels.
    """
    test = parts[-1]
    found = {"most frequent label": majority(truth[0], len(test))}
    try:
        regression = load_module("elman.baselines.logistic")
    except InputError:  # without scikit-learn; the report says how to get it
        return found
    if test.texts:
        texts = [[" ".join(item) for item in part.items] for part in parts]
        found["tf-idf + logistic regression"] = regression.tfidf_logistic(
            texts, truth, multi_label=multi_label
        )
    else:
        x = [np.array([[*item.mean(0), *item[-1]] for item in part.items]) for part in parts]
        found["logistic regression on mean and last step"] = regression.logistic(
            x, truth, multi_label=multi_label
        )
    return found


def majority(train: np.ndarray, test_size: int) -> np.ndarray:
    """How often each class, or each label, occurs in training.

    Shapes:
        train [M, V] of 0 and 1 → [N, V]
    """
    return np.broadcast_to(train.mean(0), (test_size, train.shape[1]))


def nearest_mean(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The class whose mean is nearest.

    Shapes:
        train [M, F], labels [M] of class ids, test [N, F] → class ids [N]
    """
    classes = np.unique(labels)
    means = np.stack([train[labels == each].mean(0, dtype=np.float64) for each in classes])
    # |x − m|² = |x|² − 2 x · m + |m|², of which the first is the same for all classes
    distances = np.square(means).sum(1) - 2 * test.astype(np.float64) @ means.T
    return classes[distances.argmin(1)]
