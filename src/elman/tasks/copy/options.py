"""Options of the task copy."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class CopyConfig(LaboratoryConfig):
    """Trains a model to repeat symbols after many steps (copying memory).

    Draws its own sequences: by default ten symbols out of eight, blanks, a delimiter, and ten steps to repeat
    the symbols.
    """

    problem = "copying"
    example = "elman train copy --length 20 --sequences 2000 --out runs/memory"
    groups = {**LaboratoryConfig.groups, "problem": ("length", "symbols", "items")}

    length: int = 100
    """T, steps from the last symbol to the delimiter; a sequence has T + 2 × --items steps"""
    symbols: int = 8
    """number of different symbols"""
    items: int = 10
    """number of symbols to remember"""
