"""Options of the task reber."""

from dataclasses import dataclass

from elman.tasks.shared.laboratory_options import LaboratoryConfig


@dataclass(frozen=True, kw_only=True)
class ReberConfig(LaboratoryConfig):
    """Trains a model to predict the next symbol of strings that a grammar makes (embedded Reber grammar).

    Draws its own strings. The last symbol but one repeats the second; the others follow a small grammar.
    """

    problem = "reber"
    example = "elman train reber --length 20 --sequences 2000 --out runs/memory"

    length: int = 20
    """steps of a sequence; a string has one symbol more"""
