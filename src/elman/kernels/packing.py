"""torch's packing of sequences in exported graphs, where torch's own code would read the lengths' values.

A model may call ``pack_padded_sequence`` before a layer and ``pad_packed_sequence`` behind it. In an exported
graph torch gives the first a wrong shape, and cannot trace the second. This module mends the first for
``torch.export``, and the second for what our layers return; both are written in operators that ONNX has.
Eager calls are not affected.
"""

from typing import Any

import torch
from torch import Tensor
from torch._decomp import register_decomposition
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.utils.rnn import PackedSequence
from torch.utils._pytree import tree_map_only

from elman.errors import InputError

_PACK = torch.ops.aten._pack_padded_sequence.default


@torch.library.register_fake("aten::_pack_padded_sequence", allow_override=True)
def _packed_shapes(x: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """Returns data [sum of lengths, I] and batch_sizes [longest length], of sizes that only a run knows.

    Packed rows on the device ``meta`` come here too: their lengths are known, as before.
    """
    if not isinstance(x, FakeTensor):
        alive = torch.arange(int(lengths.max()))[:, None] < lengths
        return x.new_empty(int(lengths.sum()), *x.shape[2:]), alive.sum(1)
    context = torch.library.get_ctx()
    total, steps = context.new_dynamic_size(), context.new_dynamic_size()
    longest = x.shape[1 if batch_first else 0]
    torch._check(steps <= longest)  # so that total_length of pad_packed_sequence may be the input's length
    return x.new_empty(total, *x.shape[2:]), lengths.new_empty(steps)


@register_decomposition(_PACK)
def _pack(x: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """Packs rows sorted by length: x [T, B, …], lengths [B] → data [sum, …], batch_sizes [longest]."""
    x = x.transpose(0, 1) if batch_first else x
    alive = torch.arange(x.shape[0], device=x.device)[:, None] < lengths.to(x.device)  # [T, B]
    places = alive.flatten().nonzero()[:, 0]
    rows = alive.sum(1)
    return x.flatten(0, 1).index_select(0, places), rows.index_select(0, (rows > 0).nonzero()[:, 0]).to(
        lengths
    )


# torch would find the operator's shapes by its decomposition unless it has a form of its own for them
register_decomposition(_PACK, type="meta")(_packed_shapes)


class BatchSizes:
    """The ``batch_sizes`` of a PackedSequence in a graph that is exported.

    Stands for the tensor everywhere but in ``pad_packed_sequence``, whose own operator takes its number of
    steps as a constant.

    Args:
        tensor: [longest] the rows of each step.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tensor, name)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), options: Any = None) -> Any:
        """Calls torch's function on the tensor, or pads by operators that leave the steps free."""
        args, options = tree_map_only(cls, lambda sizes: sizes.tensor, (args, options or {}))
        if function.__name__ == "_pad_packed_sequence":
            return _pad(*args, **options)
        return function(*args, **options)


def in_graph(packed: PackedSequence) -> PackedSequence:
    """Returns a PackedSequence that can be padded in a graph that is exported; the same one elsewhere.

    Raises:
        InputError: ONNX's old exporter reads the model; it takes no operator between packing and padding.
    """
    if torch.onnx.is_in_onnx_export() and not torch.compiler.is_exporting():
        raise InputError(
            "torch.onnx.export(dynamo=False) writes packed rows for torch's own layers only. "
            "Use dynamo=True, or call elman.convert(model, back=True) first."
        )
    if not torch.compiler.is_exporting() or isinstance(packed.batch_sizes, BatchSizes):
        return packed
    return packed._replace(batch_sizes=BatchSizes(packed.batch_sizes))  # type: ignore[arg-type]


def _pad(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, value: float, total_length: int
) -> tuple[Tensor, Tensor]:
    """Pads packed rows: data [sum, …], batch_sizes [longest] → x [total_length, B, …], lengths [B]."""
    # here, since it imports sympy, which only an exported graph needs
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    steps = batch_sizes.shape[0]
    rows: Any = batch_sizes[0].item()  # int() would ask for its value
    torch._check(rows >= 1)
    sizes = batch_sizes.to(data.device)
    alive = torch.arange(rows, device=data.device) < sizes[:, None]  # [longest, B]
    places = (alive.flatten().cumsum(0) - 1).clamp(min=0)
    x = data.index_select(0, places).unflatten(0, (steps, rows))
    x = torch.where(alive.view(steps, rows, *(1,) * (x.dim() - 2)), x, value)
    if not statically_known_true(total_length == steps):
        x = torch.cat([x, x.new_full((total_length - steps, *x.shape[1:]), value)])
    return x.transpose(0, 1) if batch_first else x, alive.sum(0).to(batch_sizes)
