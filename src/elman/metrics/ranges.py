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
    """Precision, recall and F1 over ranges: a range is right, or found, if one of the other kind overlaps.

    Each range counts the same however long it is, and however little of it is met: a labelled window often
    is much longer than what is odd in it.

    Source: the evaluation of Hundman et al. 2018, arXiv:1802.04431, section 4.2, as shares of either kind.
    """
    return _figures(_met(found, real), _met(real, found), "range_")


def _met(ranges: Sequence[Range], others: Sequence[Range]) -> float:
    """The share of ranges that one of the others overlaps."""
    met = [any(a <= last and b >= first for a, b in others) for first, last in ranges]
    return float(np.mean(met)) if met else 0.0


def _figures(precision: float, recall: float, prefix: str) -> dict[str, float]:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        f"{prefix}precision": float(precision),
        f"{prefix}recall": float(recall),
        f"{prefix}f1": float(f1),
    }
