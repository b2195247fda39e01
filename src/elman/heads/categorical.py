"""Head for one of V classes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Target
from elman.heads.base import Head, Loss
from elman.kernels.cross_entropy import is_worthwhile, linear_cross_entropy


class Categorical(Head):
    """A distribution over V classes.

        p = softmax(W f + b),    loss = −log p[target]

    With label smoothing ε, in training: loss = −(1 − ε) log p[target] − ε/V Σ log p
    (Szegedy et al. 2015, arXiv:1512.00567).

    Args:
        features: F, features of one prediction.
        classes: V.
        tied: an embedding [V, F] whose weight is used as W (Press & Wolf 2016, arXiv:1608.05859; Inan,
            Khosravi & Socher 2016, arXiv:1611.01462); None: the head has its own W.
        label_smoothing: ε.
        class_weights: [V] factor for the loss of each class's targets, which does not change the count. None:
            all 1.

    Shapes:
        features [..., F], targets [...] of class ids → logits [..., V]; weight [V, F], bias [V]

    Units:
        nats per target.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        tied: nn.Embedding | None = None,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.bias = nn.Parameter(torch.zeros(classes))
        # inside a tuple the embedding is not a submodule: its weight is saved once, under its own name
        self._tied = (tied,)
        if tied is None:
            self.weight = nn.Parameter(torch.empty(classes, features))
            nn.init.xavier_uniform_(self.weight)

    def logits(self, features: Tensor) -> Tensor:
        """Computes unnormalised log-probabilities [..., V]."""
        return F.linear(features, self.weights, self.bias)

    @property
    def weights(self) -> Tensor:
        """W [V, F], the head's own or the embedding's."""
        (tied,) = self._tied
        return self.weight if tied is None else tied.weight

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes the cross-entropy."""
        values, smoothing = target.values.flatten(), self.label_smoothing if self.training else 0.0
        is_plain = self.class_weights is None and self._record is None
        flat = features.flatten(0, -2)
        if is_plain and is_worthwhile(flat, self.weights):
            counts = None if target.weights is None else target.weights.flatten()
            total = linear_cross_entropy(flat, self.weights, self.bias, values, counts, smoothing)
            return Loss(total, total.new_tensor(values.numel()) if counts is None else counts.sum())
        logits = self.logits(flat)
        if is_plain and target.weights is None:  # one pass over the logits
            total = F.cross_entropy(logits, values, reduction="sum", label_smoothing=smoothing)
            return Loss(total, total.new_tensor(float(values.numel())))
        weights = None if self.class_weights is None else logits.new_tensor(self.class_weights)
        losses = F.cross_entropy(logits, values, weights, reduction="none", label_smoothing=smoothing)
        return self.total(losses.view_as(target.values), features, target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns the most probable class [...]."""
        return self.logits(features).argmax(-1)
