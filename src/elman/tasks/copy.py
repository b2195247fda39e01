"""Copying memory: symbols that are shown first are to be said again many steps later."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elman.tasks.laboratory import Laboratory, LaboratoryConfig

if TYPE_CHECKING:
    from elman.data.problems.copying import Copying


@dataclass(frozen=True, kw_only=True)
class CopyConfig(LaboratoryConfig):
    """Trains a model to say symbols again after many steps (copying memory).

    Draws its own sequences: ten symbols out of eight, blanks, a delimiter, and ten steps to say them.
    """

    length: int = 100
    """T, steps from the last symbol to the delimiter; a sequence has T + 20"""
    symbols: int = 8
    """different symbols"""
    items: int = 10
    """symbols to remember"""


class CopyingMemory(Laboratory):
    """Copying memory; ``train()`` needs no data.

    Args:
        **options: fields of ``CopyConfig`` (``elman train copy --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = CopyConfig
    example = "elman train copy --length 20 --sequences 2000 --out runs/memory"

    def problem(self, length: int) -> "Copying":
        """The problem at a length."""
        from elman.data.problems.copying import Copying

        return Copying(length, self.config.symbols, self.config.items)
