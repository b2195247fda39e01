"""Parity: whether the ones among the bits so far are odd, at every step."""

from elman.tasks.parity.options import ParityConfig
from elman.tasks.shared.laboratory import Laboratory


class ParityProblem(Laboratory):
    """Parity of the bits so far; ``train()`` needs no data.

    Args:
        **options: fields of ``ParityConfig`` (``elman train parity --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = ParityConfig
