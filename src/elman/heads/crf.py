"""Head for a sequence of tags, each of which depends on the one before it."""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Target
from elman.heads.base import Head, Loss, linear

_FORBIDDEN = -1e4  # score of what may not follow; finite: one way is the best even if none is permitted


class CRF(Head):
    """A linear-chain conditional random field over V tags.

        p(y) ∝ exp Σ_t (A[y_t−1, y_t] + (W f_t + b)[y_t]),    loss = −log p(y) = −Σ_t log p(y_t | y_1 … y_t−1)

    A also has a row for the start, before the first tag, and a column for the end, after the last one. A
    step's own loss is that of its tag given those before it and all features.

    Steps of weight 0, and those past a row's length, are left out: the tags on both sides of them follow each
    other.

    Args:
        features: F, features of one step.
        tags: V.
        permitted: [V + 1, V + 1] bool, which tag may follow which, last row and column as in A; None: any.
            Predictions and probabilities keep to it; the loss does not, so that a target may break it.

    Shapes:
        features [T, B, F], targets [T, B] of tag ids → scores [T, B, V]; transitions A [V + 1, V + 1]

    Units:
        nats per tag.

    Source: Lafferty, McCallum & Pereira 2001; Lample et al. 2016, arXiv:1603.01360.
    """

    permitted: Tensor | None

    def __init__(self, features: int, tags: int, permitted: Tensor | None = None) -> None:
        super().__init__()
        self.linear = linear(features, tags)
        self.transitions = nn.Parameter(torch.zeros(tags + 1, tags + 1))
        self.register_buffer("permitted", permitted, persistent=False)

    def scores(self, features: Tensor) -> Tensor:
        """Computes the scores of each step's tags [T, B, V], in single precision at least."""
        scores: Tensor = self.linear(features)
        return scores.to(torch.promote_types(scores.dtype, torch.float32))

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes −log p of the tags, summed over all their sequences (the forward algorithm, reversed)."""
        scores = self.scores(features)
        own = _own(scores, target.lengths if lengths is None else lengths, target.weights)
        weights = own if target.weights is None else target.weights * own
        transitions = self.transitions.to(scores.dtype)
        ahead = look_ahead(scores, transitions, own)
        values = target.values.where(own, 0)
        before = _before(values, own, scores.shape[-1])
        path = transitions[before, values] + _at(ahead.through, values)
        losses = (_at(ahead.after, before) - path).where(own, 0)
        return self.total(losses, features, replace(target, weights=weights.to(scores.dtype)))

    def predict(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Returns the most probable permitted sequence of tags [T, B]; past a row's length, anything."""
        scores = self.scores(features)
        return viterbi(scores, self._rules(scores), lengths)

    def probabilities(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes each tag's probability at each step, over all permitted sequences [T, B, V].

        They sum to 1; past a row's length they are 0.
        """
        scores = self.scores(features)
        return marginals(scores, self._rules(scores), lengths)

    def _rules(self, scores: Tensor) -> Tensor:
        return forbid(self.transitions.to(scores.dtype), self.permitted)


def forbid(transitions: Tensor, permitted: Tensor | None) -> Tensor:
    """Returns transitions with so low a score for those that are not permitted that they do not occur."""
    return transitions if permitted is None else transitions.masked_fill(~permitted, _FORBIDDEN)


class Ahead(NamedTuple):
    """What follows each step, by the tag that stands at it.

    Attributes:
        through: [T, B, V] a tag's score at its own step, with all that follows.
        after: [T, B, V + 1] all from a step on, by the tag before it, the start being the last.
        best: [T, B, V + 1] the step's tag on the best way, by the tag before it; without it the sum is over
            all ways.

    Each step of a row is relative to a number of its own.
    """

    through: Tensor
    after: Tensor
    best: Tensor | None = None


def look_ahead(scores: Tensor, transitions: Tensor, own: Tensor, *, best: bool = False) -> Ahead:
    """Goes through the steps from the last to the first.

        after_t(i) = log Σ_j exp(A[i, j] + through_t(j)),    through_t(j) = scores_t(j) + after_t+1(j)

    Args:
        scores: of each step's tags.
        transitions: A.
        own: whether a step belongs to its row.
        best: takes the maximum over j instead of the sum.

    Shapes:
        scores [T, B, V], transitions [V + 1, V + 1], own [T, B] bool
    """
    T, B, V = scores.shape
    into, rest = transitions[:, :V], transitions[:V, V].expand(B, V)
    through, after, chosen = [], [], []
    for t in reversed(range(T)):
        here = scores[t] + rest
        here = here - here.detach().amax(-1, keepdim=True)  # long sequences lose no digits
        ways = into + here[:, None]  # [B, V + 1, V]
        if best:
            value, tag = ways.max(-1)
            chosen.append(tag)
        else:
            value = ways.logsumexp(-1)
        rest = value[:, :V].where(own[t, :, None], rest)
        through.append(here)
        after.append(value)

    def in_order(steps: list[Tensor], states: int) -> Tensor:
        return torch.stack(steps[::-1]) if steps else scores.new_zeros(0, B, states)

    return Ahead(in_order(through, V), in_order(after, V + 1), in_order(chosen, V + 1) if best else None)


def viterbi(scores: Tensor, transitions: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Returns the tags with the highest sum of scores and transitions.

    With log-probabilities as scores and ``forbid(zeros, permitted)`` as transitions it is the most probable
    permitted sequence of a softmax at every step.

    Args:
        scores: of each step's tags.
        transitions: from row to column; the last row is the start, the last column the end.
        lengths: [B]; None: all T. Steps past a row's end get any tag.

    Shapes:
        scores [T, B, V], transitions [V + 1, V + 1] → [T, B]

    Source: Viterbi 1967, "Error bounds for convolutional codes".
    """
    own = _own(scores, lengths)
    best = look_ahead(scores, transitions, own, best=True).best
    assert best is not None
    T, B, V = scores.shape
    tags = torch.empty(T, B, dtype=torch.long, device=scores.device)
    tag = torch.full((B, 1), V, device=scores.device)
    for t in range(T):  # rows begin at 0, so none goes on after a step that is not its own
        tag = best[t].gather(1, tag)
        tags[t] = tag[:, 0]
    return tags


def marginals(scores: Tensor, transitions: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Computes the probability of each tag at each step (the forward–backward algorithm).

        p_t(j) = Σ_i p_t−1(i) · p(j | i),    p(j | i) = softmax_j(A[i, j] + through_t(j))

    Args:
        scores: as for ``viterbi``.
        transitions: as for ``viterbi``.
        lengths: as for ``viterbi``; past a row's end all are 0.

    Shapes:
        scores [T, B, V], transitions [V + 1, V + 1] → [T, B, V]

    Source: Rabiner 1989, "A tutorial on hidden Markov models", III.
    """
    own = _own(scores, lengths)
    T, B, V = scores.shape
    through = look_ahead(scores, transitions, own).through
    p = scores.new_zeros(B, V + 1)
    p[:, V] = 1
    result = torch.zeros_like(scores)
    for t in range(T):
        moves = (transitions[:, :V] + through[t][:, None]).softmax(-1)  # [B, V + 1, V]
        now = (p[:, :, None] * moves).sum(1)
        result[t] = now.where(own[t, :, None], 0)
        p = F.pad(now, (0, 1))
    return result


def _own(scores: Tensor, lengths: Tensor | None, weights: Tensor | None = None) -> Tensor:
    """Returns whether each step belongs to its row [T, B]."""
    T, B, _ = scores.shape
    own = torch.ones(T, B, dtype=torch.bool, device=scores.device)
    if lengths is not None:
        own = torch.arange(T, device=scores.device)[:, None] < lengths.to(scores.device)
    return own if weights is None else own & (weights != 0)


def _before(values: Tensor, own: Tensor, start: int) -> Tensor:
    """Returns the tag before each step [T, B], among the steps of its own row; ``start`` before the first."""
    steps = torch.arange(1, len(own) + 1, device=own.device)[:, None]
    last = (steps * own).cummax(0).values  # 1 + the last own step up to each; 0: none
    known = torch.cat([torch.full_like(values[:1], start), values])
    return known.gather(0, torch.cat([torch.zeros_like(last[:1]), last[:-1]]))


def _at(values: Tensor, index: Tensor) -> Tensor:
    """Picks one of the last axis at each step: [T, B, N], [T, B] → [T, B]."""
    return values.gather(-1, index[..., None])[..., 0]
