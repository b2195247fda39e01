"""Options of the task parity."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class ParityConfig(LaboratoryConfig):
    """Trains a model to decide at every step whether the number of ones so far is odd (parity).

    Draws its own sequences of random bits.
    """

    problem = "parity"
    example = "elman train parity --length 10 --sequences 2000 --out runs/memory"

    length: int = 50
    """bits in a sequence"""
