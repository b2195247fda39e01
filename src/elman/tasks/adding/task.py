"""Adding: the sum of two marked numbers in a long sequence."""

from elman.tasks.adding.options import AddingConfig
from elman.tasks.shared.laboratory import Laboratory


class AddingProblem(Laboratory):
    """The adding problem; ``train()`` needs no data.

    Args:
        **options: fields of ``AddingConfig`` (``elman train adding --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = AddingConfig
