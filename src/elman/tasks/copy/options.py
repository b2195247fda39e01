"""Options of the problem."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class CopyConfig(LaboratoryConfig):
    """Trains a model to say symbols again after many steps (copying memory).

    Draws its own sequences: ten symbols out of eight, blanks, a delimiter, and ten steps to say them.
    """

    problem = "copying"
    example = "elman train copy --length 20 --sequences 2000 --out runs/memory"

    length: int = 100
    """T, steps from the last symbol to the delimiter; a sequence has T + 20"""
    symbols: int = 8
    """different symbols"""
    items: int = 10
    """symbols to remember"""
