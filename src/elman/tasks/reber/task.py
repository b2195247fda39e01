"""Reber: the next symbol of strings of the embedded Reber grammar."""

from elman.tasks.reber.options import ReberConfig
from elman.tasks.shared.laboratory import Laboratory


class ReberProblem(Laboratory):
    """The embedded Reber grammar; ``train()`` needs no data.

    Args:
        **options: fields of ``ReberConfig`` (``elman train reber --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = ReberConfig
