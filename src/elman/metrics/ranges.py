"""How well ranges that were found agree with ranges that are labelled."""

from collections.abc import Sequence

import numpy as np

Range = tuple[int, int]
"""The first and the last row."""


def runs(flags: np.ndarray) -> list[Range]:
    """The ranges of rows that are true.

    Shapes:
        flags [N]
    """
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def point_scores(found: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 over single rows; 0 where nothing was found or nothing is there.

    Shapes:
        found [N], real [N], both bool
    """
    both = float((found & real).sum())
    return _figures(both / max(found.sum(), 1), both / max(real.sum(), 1), "")


def range_scores(found: Sequence[Range], real: Sequence[Range]) -> dict[str, float]:
    """Precision, recall and F1 over ranges, each range counting the same however long it is.

        recall = mean over real ranges R of  γ(R) · (share of R's rows that were found)
        precision = the same with the two exchanged;  γ(R) = 1 / max(1, ranges of the other kind on R)

    A long range is worth no more than a short one, and one found in pieces less than one found whole.

    Args:
        found: ranges apart from each other.
        real: the same.

    Source: Tatbul, Lee, Zdonik, Alam & Gottschlich 2018, arXiv:1803.03639, with no reward for existence
    alone (α = 0), a flat bias δ and the cardinality factor γ = 1/x.
    """
    return _figures(_overlap(found, real), _overlap(real, found), "range_")


def _overlap(ranges: Sequence[Range], others: Sequence[Range]) -> float:
    rewards = []
    for first, last in ranges:
        shared = [min(last, b) - max(first, a) + 1 for a, b in others if a <= last and b >= first]
        rewards.append(sum(shared) / (last - first + 1) / max(1, len(shared)))
    return float(np.mean(rewards)) if rewards else 0.0


def _figures(precision: float, recall: float, prefix: str) -> dict[str, float]:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        f"{prefix}precision": float(precision),
        f"{prefix}recall": float(recall),
        f"{prefix}f1": float(f1),
    }
