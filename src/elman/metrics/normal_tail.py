"""Tail probabilities of the normal distribution, on a logarithmic scale that does not saturate."""

import math

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
