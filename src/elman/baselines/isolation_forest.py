"""The isolation forest of scikit-learn on single rows, a baseline for anomaly detection."""

import numpy as np
from sklearn.ensemble import IsolationForest

ISOLATION_THRESHOLD = 0.5
"""Score from which a row is an anomaly, as in the paper and by default in scikit-learn."""


def isolation_forest(training: np.ndarray, values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Scores rows by how few random cuts separate them from the rows of the training part.

    Args:
        training: rows that count as normal.
        values: rows to score; a missing value is read as its column's median in the training part.
        seed: seed of the cuts.

    Shapes:
        training [M, D], values [N, D] → scores [N], in (0, 1]; each column of training has a value

    Source: Liu, Ting & Zhou 2008, Isolation forest; scikit-learn with its default options.
    """
    middle = np.nanmedian(training, axis=0)
    known, asked = (np.where(np.isnan(part), middle, part) for part in (training, values))
    scores: np.ndarray = -IsolationForest(random_state=seed).fit(known).score_samples(asked)
    return scores
