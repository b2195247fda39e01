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
