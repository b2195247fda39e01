"""Options of the task temporal-order."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class TemporalOrderConfig(LaboratoryConfig):
    """Trains a model to say which two marks came in a long sequence, and in which order (temporal order).

    Draws its own sequences of symbols. A mark, X or Y, stands in each half; the answer comes at the end.
    """

    problem = "temporal-order"
    example = "elman train temporal-order --length 20 --sequences 2000 --out runs/memory"
