"""Head for any number of V labels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Target
from elman.dropout import dropout
from elman.heads.base import Loss, SetHead, linear


class MultiLabel(SetHead):
    """V labels, each present or absent, independent given the features.

        p = σ(W f + b),    loss = mean over the V labels of −y w log p − (1 − y) log(1 − p)

    With a hidden layer, f is relu(A f + a).

    Args:
        features: F, features of one prediction.
        labels: V.
        positive_weights: w [V], weight of present labels relative to absent ones; None: all 1.
        summed: whether the loss is the sum over the labels, −log of the probability of the set.
        hidden: H, units of a layer before; 0: there is none.
        dropout: probability on these units.

    Shapes:
        features [..., F], targets [..., V] of 0 and 1 → logits [..., V]; weight [V, F] or [V, H], bias [V]

    Units:
        nats per label; with ``summed``, nats per set.
    """

    def __init__(
        self,
        features: int,
        labels: int,
        positive_weights: Sequence[float] | None = None,
        summed: bool = False,
        hidden: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.context = linear(features, hidden) if hidden else None
        self.dropout = dropout
        self.weight = nn.Parameter(torch.empty(labels, hidden or features))
        self.bias = nn.Parameter(torch.zeros(labels))
        nn.init.xavier_uniform_(self.weight)
        self.positive_weights = positive_weights
        self.summed = summed

    def logits(self, features: Tensor) -> Tensor:
        """Computes the log-odds of each label [..., V]."""
        if self.context is not None:
            features = dropout(F.relu(self.context(features)), self.dropout, self.training)
        return F.linear(features, self.weight, self.bias)

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes binary cross-entropy, averaged or summed over the labels, summed over the targets."""
        weights = self.positive_weights
        losses = F.binary_cross_entropy_with_logits(
            self.logits(features),
            target.values,
            reduction="none",
            pos_weight=None if weights is None else features.new_tensor(weights),
        )
        return self.total(losses.sum(-1) if self.summed else losses.mean(-1), features, target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns 1 for labels more probable than not, otherwise 0 [..., V]."""
        logits = self.logits(features)
        return (logits > 0).to(logits.dtype)

    def draw(
        self,
        features: Tensor,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        allowed: Tensor | None = None,
        highest: Tensor | None = None,
    ) -> Tensor:
        """Draws each label by itself; see ``SetHead.draw``."""
        if temperature == 0:
            drawn = self.predict(features)
        else:
            p = (self.logits(features) / temperature).sigmoid()
            drawn = torch.bernoulli(p, generator=generator)
        drawn = drawn if allowed is None else drawn * allowed
        if highest is None:
            return drawn
        labels = torch.arange(drawn.shape[-1], device=drawn.device)
        below = (labels < highest[..., None]) & (highest[..., None] < len(labels))
        return torch.where(below, drawn, (labels == highest[..., None]).to(drawn.dtype))

    def log_p_of_highest(self, features: Tensor, highest: Tensor) -> Tensor:
        """Computes ln p; see ``SetHead.log_p_of_highest``."""
        logits = self.logits(features)
        labels = torch.arange(logits.shape[-1], device=logits.device)
        is_empty = highest[..., None] == len(labels)
        absent = F.logsigmoid(-logits) * ((labels > highest[..., None]) | is_empty)
        present = F.logsigmoid(logits) * (labels == highest[..., None])
        return (absent + present).sum(-1)
