"""Parity: at every step, whether the number of ones so far is odd."""

from elman.tasks.parity.options import ParityConfig
from elman.tasks.shared.laboratory import Laboratory


class ParityProblem(Laboratory):
    """The parity problem; ``train()`` needs no data.

    Args:
        **options: fields of ``ParityConfig`` (``elman train parity --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = ParityConfig
