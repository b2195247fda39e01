"""Averages of the weights along the training, which are often better than any weights on the way."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_PREFIX = "average/"


class Average:
    """The mean of a model's weights over the steps so far.

        ema    a ← a + max(1 / n, 1 / span) (w − a): the plain mean of the first ``span`` steps, then an
               exponential one, whose past counts 1/e less every ``span`` steps
        asgd   a ← a + (w − a) / n from the epoch on in which ``start`` is called

    Args:
        model: whose parameters are averaged.
        kind: ema or asgd.
        span: steps.

    Source: Polyak & Juditsky 1992; Merity, Keskar & Socher 2017, arXiv:1708.02182 (asgd, and when it starts).
    """

    def __init__(self, model: nn.Module, kind: str, span: int) -> None:
        self._weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._span = max(1, span) if kind == "ema" else None
        self._means: dict[str, Tensor] = {}
        self._steps = 0
        if kind == "ema":
            self.start()

    @property
    def has_started(self) -> bool:
        """Whether there is a mean."""
        return bool(self._means)

    def start(self) -> None:
        """Begins with the weights as they are, unless it has begun."""
        if not self.has_started:
            self._means = {name: p.detach().clone() for name, p in self._weights.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Takes the weights after another step into the mean."""
        if not self.has_started:
            return
        self._steps += 1
        share = 1 / (self._steps if self._span is None else min(self._steps, self._span))
        torch._foreach_lerp_([*self._means.values()], [p.detach() for p in self._weights.values()], share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Gives the model the mean as its weights, for the body."""
        own = {name: p.detach().clone() for name, p in self._weights.items()}
        self._write(self._means)
        try:
            yield
        finally:
            self._write(own)

    @torch.no_grad()
    def _write(self, values: Mapping[str, Tensor]) -> None:
        torch._foreach_copy_([*self._weights.values()], [values[name] for name in self._weights])

    def tensors(self) -> dict[str, Tensor]:
        """Returns what a checkpoint keeps, by name."""
        if not self.has_started:
            return {}
        steps = {"steps": torch.tensor(self._steps)}
        return {_PREFIX + name: value for name, value in (self._means | steps).items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continues from the tensors of a checkpoint. Raises ValueError if they are another model's."""
        own = {k.removeprefix(_PREFIX): v for k, v in tensors.items() if k.startswith(_PREFIX)}
        steps = own.pop("steps", torch.tensor(0))
        shapes = {name: p.shape for name, p in self._weights.items()}
        if own and {name: value.shape for name, value in own.items()} != shapes:
            raise ValueError("the averaged weights are of another model")
        self._means, self._steps = {name: own[name] for name in self._weights if own}, int(steps)
