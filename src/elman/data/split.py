"""Where a sequence is cut into its training, validation and test parts."""

from itertools import pairwise

from elman.errors import InputError

PARTS = ("training", "validation", "test")


def split_points(length: int, shares: tuple[float, float, float]) -> tuple[int, int]:
    """Return where validation and test begin, when a sequence is cut by position.

    Args:
        length: N, tokens in the whole sequence.
        shares: of training, validation and test. They sum to 1; the last two may be 0.

    Returns:
        (a, b): training is [0, a), validation [a, b), test [b, N).

    Raises:
        InputError: the shares are not three, not positive (training) or not negative (the others), or do
            not sum to 1; or a part that has a share would hold fewer than two tokens, and so no target.
    """
    name = f"split {'/'.join(f'{share:g}' for share in shares)}"
    # Worded so that NaN fails too.
    if not (len(shares) == 3 and shares[0] > 0 and min(shares[1:]) >= 0 and abs(sum(shares) - 1) <= 1e-6):
        raise InputError(f"{name}: must be three shares that sum to 1, of which only the last two may be 0")
    training, validation, test = shares
    # By the sum, so that a share of 0 gets exactly nothing.
    total = training + validation + test
    a, b = (round(length * share / total) for share in (training, training + validation))
    for part, share, (begin, end) in zip(PARTS, shares, pairwise((0, a, b, length)), strict=True):
        if share and end - begin < 2:
            raise InputError(
                f"{name}: every part needs at least 2 tokens. Of {length} tokens, {part} gets {end - begin}."
            )
    return a, b
