"""Head for a sequence of symbols that is shorter than the steps it is read from."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from elman.batch import Target
from elman.heads.base import Loss, SequenceHead, linear


class Symbols(NamedTuple):
    """The symbols read from one row.

    Attributes:
        ids: [U] symbols.
        begins: [U] first step of each symbol.
        ends: [U] step after its last one.
        confidences: [U] highest probability of the symbol within these steps.
    """

    ids: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    confidences: np.ndarray


class CTC(SequenceHead):
    """Connectionist temporal classification: the probability of symbols, summed over all their alignments.

        p(path) = Π_t softmax(W f_t + b)[path_t],    loss = −log Σ p(path)

    The sum is over the paths [T] of symbols and blanks that become the target when repeated symbols are
    merged and then blanks left out. The loss of a row that is shorter than ``steps_needed`` is infinite.

    Args:
        features: F, features of a step.
        symbols: V; the blank is class V.

    Shapes:
        features [T, B, F], targets [U, B] of ids below V with lengths [B], weights [B] → log-probabilities
        [T, B, V + 1]

    Units:
        nats per symbol of the target; a weight counts for all symbols of its row.

    Source: Graves, Fernández, Gomez & Schmidhuber 2006, "Connectionist temporal classification".
    """

    def __init__(self, features: int, symbols: int) -> None:
        super().__init__()
        self.blank = symbols
        self.linear = linear(features, symbols + 1)

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Computes the log-probability of each symbol and of the blank at each step [..., V + 1]."""
        logits: Tensor = self.linear(features)
        wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
        return logits.to(wide).log_softmax(-1)

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes the loss of each row; without lengths a row has all T steps, and U symbols."""
        log_p = self.log_probabilities(features)
        steps, rows = log_p.shape[:2]
        device = log_p.device
        read = torch.full((rows,), steps, device=device) if lengths is None else lengths
        symbols = target.lengths
        if symbols is None:
            symbols = torch.full((rows,), len(target.values), device=device)
        values, weights = target.values.T.contiguous(), target.weights
        weights = log_p.new_ones(rows) if weights is None else weights.to(log_p)
        symbols = symbols.where(weights > 0, 0)  # a row without weight may be too short
        with torch.autocast(device.type, enabled=False):
            losses = F.ctc_loss(log_p, values, read, symbols, self.blank, "none")
        if self._record is not None:
            self._record.append((losses * weights).masked_fill(weights == 0, torch.nan))
        return Loss((losses * weights).sum(), (symbols * weights).sum())

    def predict(self, features: Tensor) -> Tensor:
        """Returns the most probable class of each step [...], blanks included: the best single path."""
        return self.log_probabilities(features).argmax(-1)

    def read(self, features: Tensor, lengths: Tensor | None = None) -> list[Symbols]:
        """Returns the symbols of each row's best path: repeated ones merged, blanks left out.

        Args:
            features: [T, B, F].
            lengths: [B] steps of each row; None: all T.
        """
        log_p = self.log_probabilities(features).float().numpy(force=True)
        steps = [len(log_p)] * log_p.shape[1] if lengths is None else lengths.tolist()
        return [best_symbols(log_p[:n, row], self.blank) for row, n in enumerate(steps)]


def best_symbols(log_p: np.ndarray, blank: int) -> Symbols:
    """Returns the symbols of the best path of one row, from its log-probabilities [T, V + 1]."""
    return symbols_of(log_p.argmax(-1), log_p, blank)


def symbols_of(path: np.ndarray, log_p: np.ndarray, blank: int) -> Symbols:
    """Returns the symbols of a path [T] of symbols and blanks, with the probabilities of ``log_p``."""
    cuts = np.flatnonzero(np.diff(path)) + 1
    bounds = [0, *cuts.tolist(), len(path)]
    runs = [(a, b) for a, b in pairwise(bounds) if a < b and path[a] != blank]
    begins, ends = (np.array([run[side] for run in runs], np.int64) for side in (0, 1))
    ids = path[begins].astype(np.int64)
    peaks = [log_p[a:b, path[a]].max() for a, b in runs]
    return Symbols(ids, begins, ends, np.exp(np.array(peaks, np.float32)))


def steps_needed(symbols: Sequence[int] | Sequence[str] | np.ndarray) -> int:
    """Returns the fewest steps that symbols can be read from: one each, and a blank between two alike."""
    return len(symbols) + sum(bool(a == b) for a, b in pairwise(symbols))


def align(log_p: np.ndarray, symbols: Sequence[int], blank: int) -> np.ndarray:
    """Returns the most probable path of given symbols, by Viterbi's algorithm.

    Args:
        log_p: [T, V + 1] log-probabilities of a row.
        symbols: U symbols.
        blank: class of the blank.

    Shapes:
        path [T] of symbols and blanks

    Raises:
        ValueError: T is below ``steps_needed``.
    """
    T, needed = len(log_p), steps_needed(symbols)
    if needed > T:
        raise ValueError(f"{len(symbols)} symbols need {needed} steps. Got {T}.")
    if not T:
        return np.zeros(0, np.int64)
    states = np.full(2 * len(symbols) + 1, blank, np.int64)  # a blank before, between and after the symbols
    states[1::2] = symbols
    may_skip = np.zeros(len(states), bool)  # the blank before a symbol unlike the one before
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = log_p[0, states[:2]]
    moves = np.zeros((T, len(states)), np.int64)
    for t in range(1, T):
        before = np.full((3, len(states)), -np.inf)
        before[0] = score
        before[1, 1:] = score[:-1]
        before[2, 2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        moves[t] = before.argmax(0)
        score = before.max(0) + log_p[t, states]
    state = len(states) - 1
    if len(states) > 1 and score[-2] > score[-1]:
        state -= 1
    path = np.zeros(T, np.int64)
    for t in range(T - 1, -1, -1):
        path[t] = states[state]
        state -= moves[t, state]
    return path
