"""Ensemble of classifiers that differ in their initial weights."""

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from elman.batch import Batch, Field
from elman.heads.base import Loss
from elman.models.classifier import Classifier
from elman.state import State


class ClassifierEnsemble(nn.Module):
    """Members that learn the same batches from different initial weights; their mean probability decides.

    Args:
        members: alike but for their weights.

    Attributes:
        temperature: as of a ``Classifier``, for the logits of all.

    Source: Lakshminarayanan, Pritzel & Blundell 2017, arXiv:1612.01474.
    """

    temperature: Tensor

    def __init__(self, members: Iterable[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("temperature", torch.ones(()))

    @property
    def each(self) -> list[Classifier]:
        """The members."""
        return [cast(Classifier, member) for member in self.members]

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Sums the losses of all members: the mean is the members' mean loss."""
        sums, counts = zip(*(member(batch)[0] for member in self.each), strict=True)
        return Loss(torch.stack(sums).sum(), torch.stack(counts).sum()), None

    def logits(self, inputs: Field) -> Tensor:
        """Computes logits [B, V] whose probabilities are the mean of the members'."""
        return self._mean([member.logits(inputs) for member in self.each])

    def label_stream(self) -> "EnsembleStream":
        """Returns a stream that classifies a sequence after each of its steps, for inference."""
        return EnsembleStream(self)

    def _mean(self, of_each: list[Tensor]) -> Tensor:
        """Returns the logits of the members' mean probabilities."""
        logits = torch.stack(of_each)
        if self.each[0].is_exclusive:
            return logits.log_softmax(-1).logsumexp(0) - math.log(len(logits))
        return torch.logit(logits.double().sigmoid().mean(0), eps=1e-12).to(logits.dtype)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups, each with the parameters of all members."""
        groups = zip(*(member.parameter_groups() for member in self.each), strict=True)
        return [{**same[0], "params": [p for group in same for p in group["params"]]} for same in groups]


class EnsembleStream:
    """Classifies what came so far by the members' mean probability; see ``ClassifierStream``.

    Args:
        model: in evaluation mode, with layers of one direction.
    """

    def __init__(self, model: ClassifierEnsemble) -> None:
        self._model, self._streams = model, [member.label_stream() for member in model.each]

    def step(self, values: Tensor) -> Tensor:
        """Reads one step; returns the logits of the classes [1, V].

        Shapes:
            values [1, …]
        """
        return self._model._mean([stream.step(values) for stream in self._streams])
