"""Single steps by the compiled CPU kernels, for streams and slots."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell
from elman.kernels.compiled.passes import DTYPES, addresses, padded
from elman.kernels.compiled.table import PLACES, find_kernel, kernel_of, why_no_kernel
from elman.kernels.compiled.translated import Refreshed, Translated
from elman.kernels.plain import why_not
from elman.state import State

MOST_HALF_ROWS = 8
"""Most rows in bfloat16 that step as fast with the weights as they lie as with packed ones."""


def supports(
    cells: Sequence[Cell], parameters: Mapping[str, Tensor | None], names: Sequence[Mapping[str, str]]
) -> bool:
    """Whether the compiled kernels can step these cells; arguments as for ``make_stepper``."""
    if why_no_kernel(cells) is not None or torch.is_autocast_enabled("cpu"):
        return False
    # a parametrised weight is computed on access and is not among the parameters
    tensors = [parameters.get(name) for own in names for name in own.values()]
    shapes = [own for cell in cells for own in cell.parameters().values()]
    return (
        tensors[0] is not None
        and all(
            p is not None and p.is_cpu and p.dtype == tensors[0].dtype in DTYPES and p.is_contiguous()
            for p in tensors
        )
        and [p.shape for p in tensors if p is not None] == shapes
        and why_not(p for p in tensors if p is not None) is None
        and (find_kernel(cells[0]) is not None or Translated.fits(cells, parameters, names))
    )


def make_stepper(
    cells: Sequence[Cell],
    module: Mapping[str, Any],
    names: Sequence[Mapping[str, str]],
    state: State,
    zoneout: Sequence[float],
    residual: bool,
    random: bool,
    count: int,
) -> Any:
    """Makes an object whose ``step(x)`` advances ``state`` and returns the output.

    ``advance(x, places)`` advances the rows at some places alone, an array of int64, and returns a buffer of
    ``count`` rows, of which the first are theirs. Both return None, and change nothing, if an argument does
    not fit, a parameter's memory has changed, or the layer itself must run: it has forward pre-hooks, or
    draws random numbers now. A row's result is the same bits whichever rows share the call.

    Args:
        cells: the cell of each layer; one direction.
        module: the layer's own attributes, read at every step.
        names: for each layer, the dict's key of each parameter.
        state: contiguous float32 tensors [layers, count, size], updated in place.
        zoneout: for each state, the share of the old state in the new one.
        residual: whether every layer but the first adds its input to its output.
        random: whether a step in training draws random numbers.
        count: rows.

    Raises:
        RuntimeError: (the object's functions) another thread is in one of them.
    """
    parameters, translated = module["_parameters"], None
    watched: list[str] = []
    dtype = next(p for p in parameters.values() if p is not None).dtype
    if find_kernel(cells[0]) is None:
        translated = Translated(cells, parameters, names)
        watched = [name for own in names for name in own.values()]
        cells, names, parameters = translated.cells, translated.names, translated.parameters
    kernel, rates = kernel_of(cells[0]), padded(list(zoneout))
    layers = [
        (
            kernel.number,
            [cell.input_size, cell.hidden_size, cell.output_size],
            residual and k > 0,
            rates,
            [own.get(name or "", "") for name in kernel.parameters]
            + [""] * (PLACES - len(kernel.parameters)),
            padded(addresses(s[k] for s in state)),
        )
        for k, (cell, own) in enumerate(zip(cells, names, strict=True))
    ]
    output = torch.zeros(count, cells[-1].output_size, dtype=dtype, device="cpu")
    wide = output if dtype == torch.float32 else output.float()
    array = wide.numpy()
    outputs = (output, output[0], array, array[0])
    stepper = kernel.binary.Stepper(
        dtype == torch.bfloat16,
        count,
        torch.get_num_threads(),
        module,
        random,
        parameters,
        watched,
        layers,
        (*outputs, wide, *state),
        output.data_ptr(),
        wide.data_ptr(),
        Tensor,
        dtype,
    )
    return stepper if translated is None else Refreshed(stepper, translated)
