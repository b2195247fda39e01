"""Copying memory: the model must repeat the first symbols many steps later."""

from elman.tasks.copy.options import CopyConfig
from elman.tasks.shared.laboratory import Laboratory


class CopyingMemory(Laboratory):
    """The copying problem; ``train()`` needs no data.

    Args:
        **options: fields of ``CopyConfig`` (``elman train copy --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = CopyConfig
