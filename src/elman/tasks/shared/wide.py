"""The wide part of a model: linear layers over fixed features, whose outputs join the network's.

    outputs = a · network + b · Σ_kind x_kind W_kind + b · c

Source: Cheng et al. 2016, arXiv:1606.07792 (a wide part beside a deep one, there trained together).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from elman.baselines.linear import Linear
from elman.baselines.minirocket import MiniRocket
from elman.baselines.summaries import Summaries
from elman.baselines.text_features import LENGTHS, Ngrams, Rows
from elman.tasks.shared.arrays import reading_arrays, save_arrays

_AT_ONCE = 1_000  # examples whose features are kept at once
_DOUBTED = 100  # validation examples of which half is believed


class Features(Protocol):
    """What turns examples into rows of F numbers.

    Attributes:
        kind: its name in files and reports.
    """

    @property
    def kind(self) -> str:
        """Its name in files and reports."""

    def __len__(self) -> int:
        """Returns F."""

    def rows(self, items: Sequence[Any]) -> Rows | Tensor:
        """Returns the features [N, F]."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns what a file keeps of it."""


_OF_ARRAYS: dict[str, Callable[[Mapping[str, np.ndarray]], Features]] = {
    **{kind: (lambda arrays, kind=kind: Ngrams(kind, **arrays)) for kind in LENGTHS},  # type: ignore[misc]
    MiniRocket.kind: lambda arrays: MiniRocket(**arrays),
    Summaries.kind: lambda arrays: Summaries(**arrays),
}


class Part(NamedTuple):
    """Features of one kind, and their weights [F, V]."""

    features: Features
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Wide:
    """Linear layers over features, and the weights of both parts of a model.

    Attributes:
        parts: by kind; at least one.
        bias: [V].
        shares: the factors a of the network's outputs and b of the features'.

    Raises:
        ValueError: the sizes do not fit each other, or a number is not finite.
    """

    parts: tuple[Part, ...]
    bias: np.ndarray
    shares: np.ndarray

    def __post_init__(self) -> None:
        sizes = all(part.weights.shape == (len(part.features), len(self.bias)) for part in self.parts)
        if not self.parts or self.bias.ndim != 1 or self.shares.shape != (2,) or not sizes:
            raise ValueError("there must be weights for each feature and output, and two shares")
        arrays = (*(part.weights for part in self.parts), self.bias, self.shares)
        if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays):
            raise ValueError("the weights must be finite numbers of 32 bits")

    def __eq__(self, other: object) -> bool:
        """Whether both have the same features and the same weights."""
        if not isinstance(other, Wide) or len(self.parts) != len(other.parts):
            return False
        ours, theirs = self._arrays(), other._arrays()
        return ours.keys() == theirs.keys() and all(np.array_equal(a, theirs[k]) for k, a in ours.items())

    __hash__ = None  # type: ignore[assignment]

    @property
    def size(self) -> int:
        """The number of features."""
        return sum(len(part.features) for part in self.parts)

    def outputs(self, items: Sequence[Any]) -> np.ndarray:
        """Returns the outputs of the features alone [N, V]."""
        found = np.tile(self.bias, (len(items), 1))
        for begin in range(0, len(items), _AT_ONCE):
            own = slice(begin, begin + _AT_ONCE)
            for features, layer in self._layers:
                found[own] += layer.logits(features.rows(items[own])).numpy()
        return found

    def join(self, network: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Returns the outputs of both parts [N, V] from those of each alone [N, V]."""
        return np.asarray(self.shares[0] * network + self.shares[1] * features)

    @cached_property
    def _layers(self) -> list[tuple[Features, Linear]]:
        none = torch.zeros(len(self.bias))
        return [(part.features, Linear(torch.from_numpy(part.weights), none)) for part in self.parts]

    def save(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        """Writes a safetensors file, atomically."""
        save_arrays(path, self._arrays(), check)

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"bias": self.bias, "shares": self.shares}
        for features, weights in self.parts:
            own = {**features.arrays(), "weights": weights}
            arrays |= {f"{features.kind}/{name}": array for name, array in own.items()}
        return arrays

    @classmethod
    def load(cls, path: Path, outputs: int, what: str) -> Self:
        """Reads a file that ``save`` wrote; it need not be trusted.

        Args:
            path: the file.
            outputs: V.
            what: what it should be, for messages: "the n-grams of this run".

        Raises:
            InputError: the file is damaged, or was written for other outputs.
        """
        with reading_arrays(path, what) as arrays:
            bias, shares = arrays.pop("bias"), arrays.pop("shares")
            parts = []
            for kind, of_arrays in _OF_ARRAYS.items():
                prefix = f"{kind}/"
                own = {k.removeprefix(prefix): arrays.pop(k) for k in list(arrays) if k.startswith(prefix)}
                if own:
                    weights = own.pop("weights")
                    parts.append(Part(of_arrays(own), weights))
            if arrays or bias.shape != (outputs,):
                raise ValueError(f"must hold weights for {outputs} outputs")
            return cls(tuple(parts), bias, shares)


def trust(validation: int) -> float:
    """Returns how far to believe what a validation part says of a network, from 0 to 1.

    The part has chosen the network's epoch, so the network looks better there than it is: the fewer examples,
    the more so. The features were judged by examples that chose nothing.

    Args:
        validation: its number of examples; if 0, it chose nothing.
    """
    return validation / (validation + _DOUBTED) if validation else 1.0


def wide_line(found: Mapping[str, Any], what: str, outputs: str = "logits") -> str:
    """Returns a report's line about the wide part.

    Args:
        found: the number of ``features``, their ``kinds``, and the ``shares`` of network and wide part.
        what: what the features are called.
        outputs: what is added.
    """
    network, own = found["shares"]
    return (
        f"{found['features']:,} {what} of {' and '.join(found['kinds'])}; their {outputs} count {own:.2f} "
        f"times, those of the network {network:.2f} times"
    )
