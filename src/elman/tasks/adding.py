"""Adding: the sum of two numbers that are marked somewhere in a long sequence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elman.tasks.laboratory import Laboratory, LaboratoryConfig

if TYPE_CHECKING:
    from elman.data.problems.adding import Adding


@dataclass(frozen=True, kw_only=True)
class AddingConfig(LaboratoryConfig):
    """Trains a model to add two marked numbers far apart (the adding problem).

    Draws its own sequences: numbers between 0 and 1, of which two are marked, one in each half.
    """


class AddingProblem(Laboratory):
    """The adding problem; ``train()`` needs no data.

    Args:
        **options: fields of ``AddingConfig`` (``elman train adding --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = AddingConfig
    example = "elman train adding --length 20 --sequences 2000 --out runs/memory"

    def problem(self, length: int) -> "Adding":
        """The problem at a length."""
        from elman.data.problems.adding import Adding

        return Adding(length)
