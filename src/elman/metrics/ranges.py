"""Compares detected ranges with labelled ranges."""

from collections.abc import Sequence

import numpy as np

Range = tuple[int, int]
"""First and last row, inclusive."""


def runs(flags: np.ndarray) -> list[Range]:
    """Returns the ranges of consecutive true rows.

    Shapes:
        flags [N]
    """
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def marks(ranges: Sequence[Range], rows: int) -> np.ndarray:
    """Returns whether each of ``rows`` rows is in a range [rows], bool."""
    marked = np.zeros(rows, dtype=bool)
    for first, last in ranges:
        marked[first : last + 1] = True
    return marked


def point_scores(found: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Returns precision, recall and F1 over single rows; 0 if no row is detected or labelled.

    Shapes:
        found [N], real [N], both bool
    """
    both = float((found & real).sum())
    return _figures(both / max(found.sum(), 1), both / max(real.sum(), 1), "")


def range_scores(found: Sequence[Range], real: Sequence[Range]) -> dict[str, float]:
    """Returns precision, recall and F1 over ranges, which match if they overlap.

    All ranges count the same, regardless of length and overlap: a labelled window is often much longer than
    the anomaly in it.

    Source: the evaluation of Hundman et al. 2018, arXiv:1802.04431, section 4.2, as shares.
    """
    return _figures(_met(found, real), _met(real, found), "range_")


def _met(ranges: Sequence[Range], others: Sequence[Range]) -> float:
    """Returns the share of ranges that overlap one of the others."""
    is_met = [any(a <= last and b >= first for a, b in others) for first, last in ranges]
    return float(np.mean(is_met)) if is_met else 0.0


def _figures(precision: float, recall: float, prefix: str) -> dict[str, float]:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        f"{prefix}precision": float(precision),
        f"{prefix}recall": float(recall),
        f"{prefix}f1": float(f1),
    }
