"""Multiplication: the product of two marked numbers in a long sequence."""

from elman.tasks.multiplication.options import MultiplicationConfig
from elman.tasks.shared.laboratory import Laboratory


class MultiplicationProblem(Laboratory):
    """The multiplication problem; ``train()`` needs no data.

    Args:
        **options: fields of ``MultiplicationConfig`` (``elman train multiplication --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = MultiplicationConfig
