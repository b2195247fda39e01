"""Parity: whether the ones among the bits so far are odd, at every step."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elman.tasks.laboratory import Laboratory, LaboratoryConfig

if TYPE_CHECKING:
    from elman.data.problems.parity import Parity


@dataclass(frozen=True, kw_only=True)
class ParityConfig(LaboratoryConfig):
    """Trains a model to say at every step whether the ones so far are odd (parity).

    Draws its own sequences of random bits.
    """

    length: int = 50
    """bits of a sequence"""


class ParityProblem(Laboratory):
    """Parity of the bits so far; ``train()`` needs no data.

    Args:
        **options: fields of ``ParityConfig`` (``elman train parity --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = ParityConfig
    example = "elman train parity --length 10 --sequences 2000 --out runs/memory"

    def problem(self, length: int) -> "Parity":
        """The problem at a length."""
        from elman.data.problems.parity import Parity

        return Parity(length)
