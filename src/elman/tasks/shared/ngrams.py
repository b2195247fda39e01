"""N-gram counts beside a network: a mixture of both predictions of the next token.

    P(w) = λ P_counts(w) + (1 − λ) P_network(w)

λ depends on how long the longest known context is and on how often it was seen. The weights are fitted on the
validation part by expectation maximisation, towards one weight for all (Jelinek & Mercer 1980).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from elman.baselines.counts import Follower, Level, NgramCounts
from elman.data.tokens.corpus import Corpus
from elman.errors import InputError
from elman.tasks.shared.arrays import reading_arrays, save_arrays

LARGEST = 5_000_000
"""Tokens of the training part up to which "auto" counts: of more text, a network alone learns as much."""
ORDERS = range(2, 9)
"""Orders that "auto" chooses from, on the validation part."""
_OFTEN = (2, 10)  # where the classes of contexts by their counts begin: once, a few times, often
_PRIOR = 20.0  # tokens that pull a class towards the weight for all
_ITERATIONS = 30
_LEAST_LOG_P = -700.0  # whose exponential is not 0
_LACKS = "must hold counts for each length and their weights"
_BLOCKS = 20  # pieces of the validation part, to know how far its gain is noise


@dataclass(frozen=True, eq=False)
class Mixture:
    """Counts, and their weight in the mixture.

    Attributes:
        counts: of the training part.
        weights: [order, 3] λ by the length of the longest known context, and by its count (1; 2 to 9; more).

    Raises:
        InputError: a weight is not in [0, 1], or there are not as many as contexts.
    """

    counts: NgramCounts
    weights: np.ndarray

    def __post_init__(self) -> None:
        expected = (self.counts.order, len(_OFTEN) + 1)
        if self.weights.shape != expected or not ((self.weights >= 0) & (self.weights <= 1)).all():
            raise InputError(f"the weights of the n-grams must be in [0, 1], of shape {list(expected)}")

    def __eq__(self, other: object) -> bool:
        """Whether both have the same weights and the same counts."""
        return (
            isinstance(other, Mixture)
            and np.array_equal(self.weights, other.weights)
            and self.counts == other.counts
        )

    __hash__ = None  # type: ignore[assignment]

    def log_p(self, network: np.ndarray, corpus: Corpus) -> np.ndarray:
        """Returns ln P [M] of a text's tokens from the network's; NaN stays NaN."""
        *_, (counted, known, followed) = self.counts.probabilities(corpus.tokens, corpus.starts)
        return np.log(_mixed(self.weights[known, _class(followed)], counted, np.exp(network)))

    def stream(self, step: Callable[[Tensor], Tensor], opening: np.ndarray) -> "MixedStream":
        """Returns a stream of the mixture.

        Args:
            step: of the network's stream, of one row.
            opening: tokens that it has read.
        """
        return MixedStream(self, step, self.counts.follow(opening))

    def save(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes a safetensors file, atomically."""
        arrays = {"weights": self.weights} | arrays_of(self.counts)
        save_arrays(path, arrays, check)

    @classmethod
    def load(cls, path: Path, size: int) -> Self:
        """Reads a file that ``save`` wrote; it need not be trusted.

        Args:
            path: the file.
            size: V.

        Raises:
            InputError: the file is damaged or does not fit the vocabulary.
        """
        with reading_arrays(path, "the n-grams of this run") as arrays:
            weights = arrays.pop("weights")
            counts = counts_of(arrays, size)
            if weights.dtype != np.float64:
                raise InputError(_LACKS)
            return cls(counts, weights)


class MixedStream:
    """Reads one token at a time; made by ``mixture.stream()``."""

    def __init__(self, mixture: Mixture, step: Callable[[Tensor], Tensor], follower: Follower) -> None:
        self._weights, self._step, self._follower = mixture.weights, step, follower

    def logits(self, network: Tensor) -> Tensor:
        """Returns the mixture's ln P [1, V] from the network's logits [1, V]."""
        p, known, followed = self._follower.distribution()
        weight = float(self._weights[known, int(_class(followed))])
        counted = torch.from_numpy(p).to(network.device, torch.float32)
        return torch.log(_mixed(weight, counted, torch.softmax(network.float(), -1)))

    def step(self, token: Tensor) -> Tensor:
        """Reads a token [1]; returns ln P of the next [1, V]."""
        self.read(int(token))
        return self.logits(self._step(token))

    def read(self, token: int) -> None:
        """Reads a token without the network, whose logits come from elsewhere."""
        self._follower.push(token)


def vars_of(level: Level) -> dict[str, np.ndarray]:
    """Returns the arrays of a level by name."""
    return {"tokens": level.tokens, "counts": level.counts, "children": level.children}


def arrays_of(counts: NgramCounts) -> dict[str, np.ndarray]:
    """Returns the arrays of counts by name and length, as ``counts_of`` takes them."""
    return {
        f"{name}/{k}": array
        for k, level in enumerate(counts.levels, 1)
        for name, array in vars_of(level).items()
    }


def counts_of(arrays: dict[str, np.ndarray], size: int) -> NgramCounts:
    """Returns the counts in arrays of a file, which need not be trusted; takes the arrays out.

    Args:
        arrays: those of ``arrays_of`` and no others.
        size: V.

    Raises:
        InputError, LookupError: an array is absent or none of counts, or they do not fit together.
    """
    levels = []
    for k in range(1, len(arrays) // 3 + 1):
        level = Level(*(arrays.pop(f"{name}/{k}") for name in ("tokens", "counts", "children")))
        if any(a.ndim != 1 or a.dtype.kind != "u" or a.itemsize > 4 for a in vars_of(level).values()):
            raise InputError(f"the n-grams of length {k} must be three rows of whole numbers")
        levels.append(level)
    if arrays or not levels:
        raise InputError(_LACKS)
    return NgramCounts(size, levels)


def choose(
    wanted: str, training: Corpus, validation: Corpus, network: np.ndarray
) -> tuple[Mixture | None, dict[str, Any]]:
    """Counts the training part and fits the weights on the validation part.

    Args:
        wanted: ``auto`` or an order.
        training: the training part.
        validation: the validation part.
        network: [M] ln P of each token of the validation part by the network; NaN where it is no target.

    Returns:
        The mixture, or None if ``auto`` finds no gain beyond two standard errors; and what was found:
        ``order``, ``ngrams`` (their number), ``weight`` (mean λ), ``gain_bits`` a token of validation that
        did not choose the weights, its ``standard_error``, and ``kept``.
    """
    size = len(training.vocabulary)
    most = ORDERS[-1] if wanted == "auto" else int(wanted)
    counts = NgramCounts.of(training.tokens, training.starts, size, most)
    at = np.flatnonzero(~np.isnan(network))
    best = -math.inf
    for k, (counted, known, followed) in enumerate(
        counts.probabilities(validation.tokens, validation.starts), 1
    ):
        mean = float(np.log(counted[at]).mean()) if len(at) else 0.0
        if (k >= ORDERS[0] and mean > best) if wanted == "auto" else k == most:
            best, order = mean, k
            p, classes = counted[at], known[at] * (len(_OFTEN) + 1) + _class(followed[at])
    counts, own = counts.up_to(order), np.exp(network[at].clip(_LEAST_LOG_P))
    number = counts.order * (len(_OFTEN) + 1)
    blocks = np.arange(len(at)) * _BLOCKS // max(len(at), 1)
    gains = np.zeros(len(at))
    for half in (0, 1):
        fitted = blocks % 2 == half
        weights = fit_weights(p[fitted], own[fitted], classes[fitted], number)
        other = ~fitted
        gains[other] = np.log2(_mixed(weights[classes[other]], p[other], own[other]) / own[other])
    means = np.array([gains[blocks == block].mean() for block in np.unique(blocks)])
    error = float(means.std(ddof=1) / math.sqrt(len(means))) if len(means) > 1 else math.inf
    weights = fit_weights(p, own, classes, number)
    gain = float(gains.mean()) if len(at) else 0.0
    is_kept = wanted != "auto" or gain > 2 * error
    found = {
        "order": counts.order,
        "ngrams": len(counts),
        "weight": float(weights[classes].mean()) if len(at) else 0.0,
        "gain_bits": gain,
        "standard_error": error if math.isfinite(error) else None,
        "kept": is_kept,
    }
    return (Mixture(counts, weights.reshape(counts.order, -1)) if is_kept else None), found


def fit_weights(counted: np.ndarray, network: np.ndarray, classes: np.ndarray, number: int) -> np.ndarray:
    """Fits λ for each class of contexts by expectation maximisation.

    Args:
        counted: [M] probability of each token by the counts.
        network: [M] by the network.
        classes: [M] class of each token's context.
        number: C, of classes.

    Returns:
        [C] weights of the counts; that of a class with few tokens is near the weight for all.
    """
    overall, weights = 0.5, np.full(number, 0.5)
    tokens = np.bincount(classes, minlength=number)
    for _ in range(_ITERATIONS):
        overall = (
            float((overall * counted / _mixed(overall, counted, network)).mean()) if len(counted) else 0.5
        )
    weights[:] = overall
    for _ in range(_ITERATIONS):
        own = weights[classes]
        shares = np.bincount(classes, own * counted / _mixed(own, counted, network), minlength=number)
        weights = (shares + _PRIOR * overall) / (tokens + _PRIOR)
    return weights


def _mixed(weight: Any, counted: Any, network: Any) -> Any:
    """Returns the mixture of two probabilities."""
    return weight * counted + (1 - weight) * network


def _class(followed: Any) -> Any:
    """Returns the class of contexts by how often something followed them."""
    return np.searchsorted(_OFTEN, followed, side="right")
