"""MiniRocket: shares of positive values of convolutions, as features of numeric sequences.

84 kernels of nine weights, three of which are 2 and six −1, in up to 32 dilations. A feature is the share of
a sequence's steps at which a convolution exceeds a bias. The biases are quantiles of convolutions of training
sequences, so that nothing but their choice is random.

Source: Dempster, Schmidt & Webb 2021, "MiniRocket", arXiv:2012.08791. Here a sequence counts its own steps
only, past which it is 0; there all are of one length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from elman.baselines.linear import Linear
from elman.baselines.ridge import ridge
from elman.data.scale import scaled, standard

MOST = 9_996
"""Features that the paper's authors take."""
_STEPS, _MOST_STEPS = 1_000_000, 100_000_000  # that have all features, and that have any
_MANY = 4_000  # examples, which have fewer features, since a ridge regression's time is cubic in both
_OF_MANY = 4_032  # features of these
_LENGTH, _MOST_DILATIONS, _MOST_COLUMNS = 9, 32, 9
_KERNELS = 84
_AT_ONCE = 1_000  # examples whose features are kept at once
_BLOCK = 4_000_000  # values of convolutions at once
_ABOVE = 1e-5  # of a quantile, so that rounding does not decide where sequences are constant
_GOLDEN = (np.sqrt(5) + 1) / 2


@dataclass(frozen=True, eq=False)
class MiniRocket:
    """The dilations, columns and biases of the features.

    Attributes:
        dilations: [D] steps between the weights of a kernel, rising.
        counts: [D] biases of each kernel in this dilation.
        columns: [D, 84, I] whether the kernel reads the column in this dilation.
        biases: [Σ counts · 84], by dilation, kernel and bias.

    Raises:
        ValueError: the sizes do not fit each other, or a number is not finite.
    """

    kind: ClassVar[str] = "minirocket"

    dilations: np.ndarray
    counts: np.ndarray
    columns: np.ndarray
    biases: np.ndarray

    def __post_init__(self) -> None:
        sizes = len(self.dilations), _KERNELS
        fits = (
            self.dilations.ndim == 1
            and self.counts.shape == self.dilations.shape
            and self.columns.ndim == 3
            and self.columns.shape[:2] == sizes
            and self.columns.dtype == bool
            and all(array.dtype == np.int64 and (array > 0).all() for array in (self.dilations, self.counts))
            and self.biases.shape == (_KERNELS * int(self.counts.sum()),)
        )
        if not fits or self.biases.dtype != np.float32 or not np.isfinite(self.biases).all():
            raise ValueError("dilations, columns and biases must fit each other")

    def __len__(self) -> int:
        return len(self.biases)

    @classmethod
    def learn(cls, items: Sequence[np.ndarray], most: int = MOST, seed: int = 0) -> Self:
        """Chooses dilations for the longest sequence, and biases from sequences drawn at random.

        Args:
            items: N arrays [T, I], float32, in units of deviations from each column's mean.
            most: features; at least 84.
            seed: of the draws.
        """
        random = np.random.default_rng(seed)
        dilations, counts = _dilations(max(map(len, items)), max(1, most // _KERNELS))
        width = items[0].shape[1]
        columns = np.zeros((len(dilations), _KERNELS, width), bool)
        for kernel in columns.reshape(-1, width):
            share = random.uniform(0, np.log2(min(width, _MOST_COLUMNS) + 1))
            kernel[random.choice(width, int(2**share), replace=False)] = True
        quantiles = np.arange(1, _KERNELS * counts.sum() + 1) * _GOLDEN % 1  # evenly spread
        biases = []
        for dilation, count, own in zip(dilations, counts, columns, strict=True):
            chosen = [items[k] for k in random.integers(len(items), size=_KERNELS)]
            values = _convolved_by_one_each(chosen, own, int(dilation))
            for row, item in zip(values, chosen, strict=True):
                at, quantiles = quantiles[:count], quantiles[count:]
                biases.append(np.quantile(row[: len(item)], at))
        return cls(dilations, counts, columns, (np.concatenate(biases) + _ABOVE).astype(np.float32))

    def rows(self, items: Sequence[np.ndarray]) -> Tensor:
        """Returns features [N, F], from 0 to 1, of N sequences [T, I] as ``learn`` takes them."""
        features = torch.empty(len(items), len(self))
        lengths = np.array([len(item) for item in items], np.int64)
        order, begin = np.argsort(lengths, kind="stable"), 0
        while begin < len(items):
            # the longest of a block decides its size
            rows = order[begin : begin + max(1, _BLOCK // (_KERNELS * int(lengths[order[begin]])))]
            rows = rows[: max(1, _BLOCK // (_KERNELS * int(lengths[rows[-1]])))]
            features[rows] = self._of_block([items[k] for k in rows], torch.from_numpy(lengths[rows]))
            begin += len(rows)
        return features

    def _of_block(self, items: Sequence[np.ndarray], lengths: Tensor) -> Tensor:
        """Returns the features of a few sequences, with lengths [B], the longest last."""
        steps, begin, parts = int(lengths[-1]), 0, []
        values = torch.zeros(len(items), items[0].shape[1], steps)
        for row, item in zip(values, items, strict=True):
            row[:, : len(item)] = torch.from_numpy(item).T
        at = torch.arange(steps)
        of_kernels = torch.arange(_KERNELS)
        for number, (dilation, count) in enumerate(zip(self.dilations, self.counts, strict=True)):
            reach = _LENGTH // 2 * int(dilation)
            weights = _weights()[:, None] * torch.from_numpy(self.columns[number])[..., None]
            found = F.conv1d(values, weights, padding=reach, dilation=int(dilation))  # [B, 84, T]
            # half of the kernels also count steps from which they reach beyond an end
            margin = reach * ((number + of_kernels) % 2)  # [84]
            counted = (lengths[:, None] - 2 * margin).clamp(min=1)  # [B, 84]
            inside = (at >= margin[:, None]) & (at < (lengths[:, None] - margin)[..., None])
            found.masked_fill_(~inside, -torch.inf)
            end = begin + _KERNELS * int(count)
            biases = torch.from_numpy(self.biases[begin:end]).view(_KERNELS, -1)
            above = torch.empty_like(found)
            sums = [torch.gt(found, bias[:, None], out=above).sum(-1) for bias in biases.T]
            parts.append((torch.stack(sums, -1) / counted[..., None]).flatten(1))
            begin = end
        return torch.cat(parts, 1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the attributes by name, for a file."""
        return {name: getattr(self, name) for name in ("dilations", "counts", "columns", "biases")}


def features_for(items: Sequence[np.ndarray]) -> int:
    """Returns how many features a minute or two has time for; 0: not even the fewest."""
    steps = sum(map(len, items))
    if steps > _MOST_STEPS:
        return 0
    most = _OF_MANY if len(items) > _MANY else MOST
    return max(_KERNELS, min(most, MOST * _STEPS // max(steps, 1)))


class Predictions(NamedTuple):
    """Predictions [N, O] of a ridge regression.

    Attributes:
        left_out: for each example that it learnt, by a regression on the rest.
        others: for the others.
    """

    left_out: np.ndarray
    others: np.ndarray


def minirocket_ridge(
    items: Sequence[np.ndarray], targets: np.ndarray, others: Sequence[np.ndarray], seed: int = 0
) -> Predictions | None:
    """Learns MiniRocket's features and a ridge regression on them, as the paper does.

    Args:
        items: N sequences [T, I], in any units.
        targets: [N, O].
        others: sequences to predict.
        seed: of the features.

    Returns:
        The predictions; None if there are too many steps.
    """
    most = features_for(items)
    if not most:
        return None
    mean, scale = (np.array(numbers) for numbers in standard(np.concatenate(items)))
    known, unknown = ([scaled(item, mean, scale) for item in part] for part in (items, others))
    features = MiniRocket.learn(known, most, seed)
    fit = ridge(features.rows(known), targets)
    return Predictions(fit.left_out, predicted(features, fit.linear, unknown))


def predicted(features: MiniRocket, linear: Linear, items: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the predictions [N, O] of a linear model on the features of sequences."""
    parts = [items[k : k + _AT_ONCE] for k in range(0, len(items), _AT_ONCE)]
    return np.concatenate([linear.logits(features.rows(part)).numpy() for part in parts])


def _weights() -> Tensor:
    """Returns the kernels [84, 9]."""
    weights = torch.full((_KERNELS, _LENGTH), -1.0)
    for row, places in zip(weights, combinations(range(_LENGTH), 3), strict=True):
        row[list(places)] = 2.0
    return weights


def _dilations(steps: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the dilations, and how many of ``most`` biases a kernel has in each.

    They rise exponentially from 1 to what the steps have room for.
    """
    number = min(most, _MOST_DILATIONS)
    highest = np.log2(max(1.0, (steps - 1) / (_LENGTH - 1)))
    each = np.logspace(0, highest, number, base=2).astype(np.int64)
    dilations, times = np.unique(each, return_counts=True)
    counts = (times * (most / number)).astype(np.int64)
    counts[: most - counts.sum()] += 1  # what rounding left: fewer than there are dilations
    return dilations, counts


def _convolved_by_one_each(items: Sequence[np.ndarray], columns: np.ndarray, dilation: int) -> np.ndarray:
    """Returns the convolution of each of 84 sequences [T, I] with another kernel: [84, T]."""
    values = torch.zeros(_KERNELS, columns.shape[1], max(map(len, items)))
    for row, item, read in zip(values, items, columns, strict=True):
        row[:, : len(item)] = torch.from_numpy(item * read).T
    sums = values.sum(1)[None]  # a kernel has the same weights for each column that it reads
    reach = _LENGTH // 2 * dilation
    found = F.conv1d(sums, _weights()[:, None], padding=reach, dilation=dilation, groups=_KERNELS)
    return np.asarray(found[0].numpy())
