"""How improbable a value is under a normal distribution, on a scale that does not run out."""

import math

_ASYMPTOTIC = 25.0  # from here on the series is exact to 1e-5 of a decade; the tail itself underflows at 38


def tail_decades(z: float, among: int = 1) -> float:
    """−log₁₀ of the probability that the largest of some normal values reaches ``z``, at least 0.

        Q(z) = ½ erfc(z / √2),    decades = −log₁₀ min(1, among · Q(z))

    Args:
        z: standard deviations above the mean; −inf is certain to be reached.
        among: values of which this is the largest (Bonferroni's bound).

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
