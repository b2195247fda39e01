"""Options of the problem."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class ParityConfig(LaboratoryConfig):
    """Trains a model to say at every step whether the ones so far are odd (parity).

    Draws its own sequences of random bits.
    """

    problem = "parity"
    example = "elman train parity --length 10 --sequences 2000 --out runs/memory"

    length: int = 50
    """bits of a sequence"""
