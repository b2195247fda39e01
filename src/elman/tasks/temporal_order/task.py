"""Temporal order: which two marks came, and which came first."""

from elman.tasks.shared.laboratory import Laboratory
from elman.tasks.temporal_order.options import TemporalOrderConfig


class TemporalOrderProblem(Laboratory):
    """The temporal order problem; ``train()`` needs no data.

    Args:
        **options: fields of ``TemporalOrderConfig`` (``elman train temporal-order --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = TemporalOrderConfig
