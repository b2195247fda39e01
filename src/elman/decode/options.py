"""Search options, for any task. No heavy import: the command line reads this to print its help."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from elman.config import check_types, require
from elman.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How output sequences are searched or drawn for input sequences, as in translation."""

    beam: int = 5
    """hypotheses kept at each step of the beam search; 1: greedy search"""
    nbest: int = 1
    """answers to each line, best first; at most --beam, unless --temperature draws them"""
    length_penalty: float = 1.0
    """values above 0 favour longer answers (alpha of Wu et al. 2016, arXiv:1609.08144)"""
    repetition_penalty: float = 1.0
    """values above 1 make tokens that the answer already holds less probable"""
    min_ratio: float = 0.0
    """minimum length of an answer, as a multiple of the input's length in tokens; at least one token"""
    max_ratio: float = 2.0
    """maximum length of an answer, as a multiple of the input's length in tokens, plus ten tokens"""
    temperature: float = 0.0
    """above 0, answers are drawn at random instead of searched: below 1 safer, above 1 more varied"""
    top_k: int = 0
    """with --temperature: draw from the k most probable tokens only; 0: from all"""
    top_p: float = 1.0
    """with --temperature: draw from the most probable tokens that together reach this probability only"""
    seed: int | None = None
    """with --temperature: a line gets the same answers for the same seed, whatever other lines there are; if
    absent, every call draws new ones"""

    @classmethod
    def of(cls, options: dict[str, Any], call: str) -> Self:
        """Makes the options from names and values.

        Raises:
            InputError: an unknown name; the message names ``call``, the method that got the options.
        """
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
