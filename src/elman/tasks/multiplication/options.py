"""Options of the task multiplication."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class MultiplicationConfig(LaboratoryConfig):
    """Trains a model to multiply two marked numbers far apart (the multiplication problem).

    Draws its own sequences of numbers between 0 and 1. Two numbers are marked, one in each half.
    """

    problem = "multiplication"
    example = "elman train multiplication --length 20 --sequences 2000 --out runs/memory"
