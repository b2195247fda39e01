"""The comparisons of ``elman.testing`` under the name by which the tests import them."""

from elman.testing.agreement import (
    PLANES,
    agree,
    draw,
    draw_side,
    leaves,
    planes_of,
    randomise,
    results,
    several,
    weighted_sum,
)

__all__ = [
    "PLANES",
    "agree",
    "draw",
    "draw_side",
    "leaves",
    "planes_of",
    "randomise",
    "results",
    "several",
    "weighted_sum",
]
