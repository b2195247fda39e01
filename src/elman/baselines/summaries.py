"""Summaries of numeric sequences: a few statistics of each column, as features of linear models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from elman.data.scale import scaled, standard


@dataclass(frozen=True, eq=False)
class Summaries:
    """Length, and mean, deviation, minimum, maximum, first and last value of each column, standardised.

    Attributes:
        mean: [F] of the statistics of the training sequences.
        scale: [F] their deviations.

    Raises:
        ValueError: these are not F finite numbers each, the scales positive.
    """

    kind: ClassVar[str] = "summaries"

    mean: np.ndarray
    scale: np.ndarray

    def __post_init__(self) -> None:
        arrays = (self.mean, self.scale)
        finite = all(a.dtype == np.float64 and a.ndim == 1 and np.isfinite(a).all() for a in arrays)
        if not finite or self.mean.shape != self.scale.shape or not (self.scale > 0).all():
            raise ValueError("each statistic must have a mean and a scale")

    def __len__(self) -> int:
        return len(self.mean)

    @classmethod
    def learn(cls, items: Sequence[np.ndarray]) -> Self:
        """Measures the statistics of N sequences [T, I]."""
        mean, scale = standard(_statistics(items))
        return cls(np.array(mean), np.array(scale))

    def rows(self, items: Sequence[np.ndarray]) -> Tensor:
        """Returns the features [N, F] of sequences [T, I]."""
        statistics = _statistics(items)
        if statistics.shape[1] != len(self):
            raise ValueError(f"sequences must have {(len(self) - 1) // 6} columns")
        return torch.from_numpy(scaled(statistics, self.mean, self.scale)).clamp(-_FARTHEST, _FARTHEST)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the attributes by name, for a file."""
        return {"mean": self.mean, "scale": self.scale}


_FARTHEST = 10.0  # deviations, so that one odd sequence does not decide alone


def _statistics(items: Sequence[np.ndarray]) -> np.ndarray:
    rows = [
        np.concatenate([[len(x)], x.mean(0), x.std(0), x.min(0), x.max(0), x[0], x[-1]], dtype=np.float64)
        for x in items
    ]
    return np.stack(rows)
