"""Options of the task adding."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class AddingConfig(LaboratoryConfig):
    """Trains a model to add two marked numbers far apart (the adding problem).

    Draws its own sequences of numbers between 0 and 1. Two numbers are marked, one in each half.
    """

    problem = "adding"
    example = "elman train adding --length 20 --sequences 2000 --out runs/memory"
