"""Pools the features of all steps of a sequence into one vector."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from elman.layers.recurrent import Recurrent

PoolingName = Literal["last", "max", "mean", "attention", "concat"]


class Pooling(nn.Module):
    """Pools each sequence's own steps into one vector.

    A sequence without steps gives 0 or, with last, the initial state if the cell outputs its state.

        last       the output at the sequence's end; for the backward direction, at its beginning
        max        the largest value of each feature
        mean       the mean of each feature
        attention  Σ_t a_t h_t,  a = softmax_t(q · h_t / √O), with a learned query q
        concat     last, max and mean joined (Howard & Ruder 2018, arXiv:1801.06146)

    Args:
        layer: the layer whose output is pooled.
        name: one of the five above.

    Shapes:
        output [T, B, O], state as the layer gives it, lengths [B] → [B, F]; ``features`` is F

    Raises:
        ValueError: the layer's output has planes.
    """

    def __init__(self, layer: Recurrent, name: PoolingName = "last") -> None:
        super().__init__()
        if layer.cell.plane_axes:
            raise ValueError(f"pooling needs a layer whose output is features alone. Got {layer.cell!r}.")
        self.name = name
        self.features = layer.output_size * (3 if name == "concat" else 1)
        self._directions = 2 if layer.bidirectional else 1
        self._outputs_state = layer.cell.outputs_state
        if name == "attention":
            self.query = nn.Parameter(torch.zeros(layer.output_size))  # at first it is the mean

    def forward(self, output: Tensor, state: Tensor | tuple[Tensor, ...], lengths: Tensor | None) -> Tensor:
        """Computes the pooled features [B, F]."""
        if self.name == "concat":
            parts = (self._last(output, state, lengths), _max(output, lengths), _mean(output, lengths))
            return torch.cat(parts, -1)
        if self.name == "max":
            return _max(output, lengths)
        if self.name == "mean":
            return _mean(output, lengths)
        if self.name == "attention":
            scores = output @ self.query / math.sqrt(len(self.query))
            if lengths is not None:
                scores = scores.masked_fill(_past(output, lengths), torch.finfo(scores.dtype).min)
            return torch.einsum("tb,tbo->bo", scores.softmax(0), output)
        return self._last(output, state, lengths)

    def so_far(self, output: Tensor) -> Tensor:
        """Computes the pooled features [T, B, F] of the steps up to each, for a layer of one direction.

        The last output stands for the last state.
        """
        if self.name == "last":
            return output
        if self.name == "attention":
            scores = output @ self.query / math.sqrt(len(self.query))
            weights = (scores - scores.amax(0)).exp()[..., None]
            return (weights * output).cumsum(0) / weights.cumsum(0)
        steps = torch.arange(1, len(output) + 1, device=output.device)[:, None, None]
        highest, mean = output.cummax(0).values, output.cumsum(0) / steps
        return {"max": highest, "mean": mean}.get(self.name, torch.cat([output, highest, mean], -1))

    def running(self) -> "RunningPooling":
        """Returns the same pooling of steps that come one by one, for a layer of one direction."""
        return RunningPooling(self)

    def _last(self, output: Tensor, state: Tensor | tuple[Tensor, ...], lengths: Tensor | None) -> Tensor:
        if self._outputs_state:
            last = state[0] if isinstance(state, tuple) else state
            return last[-self._directions :].transpose(0, 1).flatten(1)
        ends = len(output) if lengths is None else lengths.to(output.device)
        at = torch.as_tensor(ends - 1, device=output.device).clamp(min=0).expand(output.shape[1])
        last = output[at, torch.arange(output.shape[1], device=output.device)]
        if self._directions == 1:
            return last
        forward, _ = last.chunk(2, -1)
        return torch.cat([forward, output[0].chunk(2, -1)[1]], -1)


class RunningPooling:
    """Pools the steps so far: after each, what ``Pooling`` makes of all up to it.

    Args:
        pooling: of a layer of one direction.

    Raises:
        ValueError: the layer has two directions.
    """

    def __init__(self, pooling: Pooling) -> None:
        if pooling._directions > 1:
            raise ValueError("steps that come one by one can only be pooled in one direction")
        self._pooling, self._steps = pooling, 0
        self._max = self._sum = self._weighted = self._weights = self._highest = torch.zeros(())

    def take(self, output: Tensor, last: Tensor) -> Tensor:
        """Returns the pooled features [B, F].

        Args:
            output: [B, O] of the next step.
            last: [B, O] what the pooling ``last`` takes of it: the state, if the cell outputs its state.
        """
        name, first = self._pooling.name, not self._steps
        self._steps += 1
        if name == "last":
            return last
        if name == "attention":
            return self._attended(output, first)
        self._max = output.clone() if first else torch.maximum(self._max, output)
        self._sum = output.clone() if first else self._sum + output
        mean = self._sum / self._steps
        return {"max": self._max, "mean": mean}.get(name, torch.cat([last, self._max, mean], -1))

    def _attended(self, output: Tensor, first: bool) -> Tensor:
        """Adds a step with its share; all shares are relative to the highest score so far."""
        query = self._pooling.query
        score = (output @ query / math.sqrt(len(query)))[:, None]
        highest = score if first else torch.maximum(self._highest, score)
        before, now = (0.0 if first else (self._highest - highest).exp()), (score - highest).exp()
        self._weights = before * self._weights + now
        self._weighted = before * self._weighted + now * output
        self._highest = highest
        return self._weighted / self._weights


def _past(output: Tensor, lengths: Tensor) -> Tensor:
    """Returns a mask [T, B], true past a row's end."""
    return torch.arange(len(output), device=output.device)[:, None] >= lengths.to(output.device)


def _max(output: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return output.amax(0)
    lowest = output.masked_fill(_past(output, lengths)[..., None], -math.inf).amax(0)
    return torch.where(lengths.to(output.device)[:, None] > 0, lowest, 0.0)


def _mean(output: Tensor, lengths: Tensor | None) -> Tensor:
    total = output.sum(0)  # past a row's end the output is 0
    if lengths is None:
        return total / len(output)
    return total / lengths.to(total).clamp(min=1)[:, None]
