"""How to search, whatever for. No heavy import: the command line reads this to print its help."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from elman.config import check_types, require
from elman.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How sequences are looked for that answer others, as translations do."""

    beam: int = 5
    """hypotheses that are followed at once; 1: greedy"""
    nbest: int = 1
    """answers to each line, best first; at most --beam"""
    length_penalty: float = 1.0
    """over 0 favours longer answers (alpha of Wu et al. 2016, arXiv:1609.08144)"""
    repetition_penalty: float = 1.0
    """over 1 makes tokens that were written before less probable"""
    min_ratio: float = 0.0
    """least tokens of an answer for each of the source; one at least"""
    max_ratio: float = 2.0
    """most tokens of an answer for each of the source, and ten more"""
    temperature: float = 0.0
    """over 0 draws answers at random in place of searching: under 1 plays safe, over 1 risks more"""
    top_k: int = 0
    """of a drawn token: only the k most probable; 0: all"""
    top_p: float = 1.0
    """of a drawn token: only the most probable that together reach this probability"""
    seed: int | None = None
    """the same seed draws the same answers to the same line, whatever stands around it; none: new ones"""

    @classmethod
    def of(cls, options: dict[str, Any], call: str) -> Self:
        """From options by name; InputError where ``call``, whose they are, has no such option."""
        unknown = sorted(set(options) - {f.name for f in dataclasses.fields(cls)})
        if unknown:
            raise InputError(f"{call} has no option {unknown[0]!r}")
        return cls(**options)

    def __post_init__(self) -> None:
        """Checks every type and range."""
        check_types(self)
        require("--beam", 1 <= self.beam <= 1000, "an int in [1, 1000]", self.beam)
        most = 1000 if self.temperature else self.beam
        require("--nbest", 1 <= self.nbest <= most, f"an int in [1, {most}]", self.nbest)
        require("--length-penalty", 0 <= self.length_penalty <= 10, "in [0, 10]", self.length_penalty)
        penalty = self.repetition_penalty
        require("--repetition-penalty", 1 <= penalty <= 100, "in [1, 100]", penalty)
        require("--max-ratio", 0 <= self.max_ratio <= 100, "in [0, 100]", self.max_ratio)
        require("--min-ratio", 0 <= self.min_ratio <= self.max_ratio, "in [0, --max-ratio]", self.min_ratio)
        require("--temperature", 0 <= self.temperature < float("inf"), "in [0, inf)", self.temperature)
        require("--top-k", self.top_k >= 0, "an int in [0, inf)", self.top_k)
        require("--top-p", 0 < self.top_p <= 1, "in (0, 1]", self.top_p)
        require("--seed", self.seed is None or 0 <= self.seed < 2**63, "an int in [0, 2^63)", self.seed)
