"""Measures how one step of a network scales a small change of its state."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elman.cells.base import check_size
from elman.diagnose.reading import Trace, prepared, traces
from elman.kernels import reference
from elman.kernels.call import Sweep

_NUMBERS = 1 << 24  # most elements of an intermediate result while Jacobians are taken


@dataclass(frozen=True)
class Spectrum:
    """The singular values of ∂s_t/∂s_{t−1} of one layer in one direction, at some steps of real data.

    A singular value above 1 is a direction in which a change of the state grows at that step. Over many
    steps, the product of these Jacobians decides whether gradients vanish or explode.

    Attributes:
        layer: name of layer and direction.
        singular_values: [samples, S] descending, where S is the size of all states together (h and c).
    """

    layer: str
    singular_values: np.ndarray


def jacobian_spectrum(
    model: nn.Module, batch: Any, *, samples: int = 32, seed: int = 0
) -> tuple[Spectrum, ...]:
    """Computes singular values of the Jacobian of each layer's step, at states that a batch leads to.

    Args:
        model: contains an ``elman.Recurrent`` or torch's RNN, LSTM or GRU; it is not changed.
        batch: the model's argument, or a tuple of its arguments.
        samples: number of steps drawn from all rows; all steps if the batch has fewer.
        seed: seed of the draw.

    Returns:
        The spectrum of each layer and direction.

    Raises:
        InputError: the model has no recurrent layer, a weight or an input is NaN or infinite, or a layer is
            not used or reads no batch.
        ValueError: ``samples`` is not positive.
    """
    check_size("samples", samples)
    spectra = []
    for trace in traces(prepared(model), batch):
        steps = np.argwhere(trace.alive.cpu().numpy())
        drawn = np.sort(np.random.default_rng(seed).permutation(len(steps))[:samples])
        jacobians = _jacobians(trace, *torch.from_numpy(steps[drawn]).to(trace.alive.device).unbind(1))
        spectra.append(Spectrum(trace.name, torch.linalg.svdvals(jacobians).cpu().numpy()))
    return tuple(spectra)


def _jacobians(trace: Trace, t: Tensor, row: Tensor) -> Tensor:
    """Computes ∂s_t/∂s_{t−1} at steps t [N] of rows [N]: [N, S, S]."""
    shapes = [s.shape[2:] for s in trace.before]
    sizes = [math.prod(shape) for shape in shapes]

    def step(flat: Tensor, x: Tensor, side: Tensor | None = None) -> Tensor:
        before = tuple(s.view(1, *shape) for s, shape in zip(flat.split(sizes), shapes, strict=True))
        sides = None if side is None else side[None, None]
        sweep = Sweep(trace.cell, trace.w, x[None, None], before, noise=trace.noise, side=sides)
        _, after = reference.unroll(sweep)
        return torch.cat([s.flatten() for s in after])

    flat = torch.cat([s[t, row].flatten(1) for s in trace.before], -1)
    at_once = max(1, _NUMBERS // (sum(sizes) * max(sizes) * len(trace.cell.gates)))
    jacobian = torch.vmap(torch.func.jacrev(step), chunk_size=at_once)
    return jacobian(flat, trace.x[t, row], *(() if trace.side is None else (trace.side[t, row],)))
