"""Tail probabilities of the normal distribution, on a logarithmic scale that does not saturate."""

import math

import numpy as np

_ASYMPTOTIC = 25.0  # beyond it the series is exact to 1e-5 decades; the tail itself underflows at 38


def tail_decades(z: float, among: int = 1) -> float:
    """Returns −log₁₀ of the probability that the largest of ``among`` normal values reaches ``z``.

        Q(z) = ½ erfc(z / √2),    decades = −log₁₀ min(1, among · Q(z))

    Args:
        z: standard deviations above the mean; −inf has probability 1.
        among: number of values (Bonferroni's bound).

    Units:
        decades: 3 is one in a thousand.
    """
    if z < _ASYMPTOTIC:
        log_tail = math.log10(0.5 * math.erfc(z / math.sqrt(2)))
    else:
        log_tail = -(z * z / 2 + math.log(z * math.sqrt(2 * math.pi)) - math.log1p(-1 / (z * z))) / math.log(
            10
        )
    return max(0.0, -log_tail - math.log10(among))


def normal_deviates(t: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Returns the normal deviates whose upper tails equal those of Student's t, nearly.

        z = (8f + 1) / (8f + 3) · √(f · ln(1 + t² / f))

    Args:
        t: at least 0, in deviations.
        freedom: degrees of freedom f, positive, of each. From 4, deviates up to 6 are right to 0.03.

    Source: Wallace 1959, Bounds on normal approximations to Student's and the chi-square distributions,
    Annals of Mathematical Statistics 30.
    """
    stretch = (8 * freedom + 1) / (8 * freedom + 3)
    deviates: np.ndarray = stretch * np.sqrt(freedom * np.log1p(t * t / freedom))
    return deviates
