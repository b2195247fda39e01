"""Cells with convolutions on a CPU, with backward passes written by hand.

What a loop of torch's operators leaves: pictures lie with their channels side by side, as convolutions read
them, without a copy before each; the input is convolved, and gradients of the kernels are summed, for several
steps at once; of a step only what its gradient needs is kept, in place of each intermediate result; and the
gradient of a convolution's input is a convolution by the kernel turned round, which is the faster one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

from elman.cells import ConvGRU, ConvLSTM
from elman.cells.base import Cell
from elman.kernels import reference, stack
from elman.kernels.call import Call, Sweep
from elman.kernels.plain import has_memory, why_not
from elman.state import State

_AT_ONCE = 2048  # places of pictures that a convolution takes at once: more leave the processor's caches
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_DTYPES = (torch.float32, torch.float64)
_sigmoid_backward = torch.ops.aten.sigmoid_backward
_tanh_backward = torch.ops.aten.tanh_backward


def supports(call: Call) -> str | None:
    """Returns None, or the reason why this backend cannot run the call."""
    if type(call.cells[0]) not in _STEPS:
        return f"no kernel of planes for {type(call.cells[0]).__name__}"
    if call.lengths is not None or call.resets is not None or call.noise or call.record is not None:
        return "the kernels of planes take full rows without resets, noise or a record"
    if 0 in call.x.shape:
        return "no steps or no rows"
    if torch.compiler.is_compiling():
        return "a compiled graph fuses the reference itself"
    tensors = [call.x, *call.state, *(p for w in call.weights for p in w.values())]
    if not all(t.is_cpu for t in tensors):
        return "the kernels of planes run on a CPU"
    if torch.is_autocast_enabled("cpu"):
        if torch.get_autocast_dtype("cpu") != torch.bfloat16 or call.state[0].dtype != torch.float32:
            return "the kernels of planes take bfloat16 under autocast"
    elif call.x.dtype not in _DTYPES or any(t.dtype != call.x.dtype for t in tensors):
        return f"the kernels of planes take float32 or float64. Got {call.x.dtype}"
    return why_not(tensors)


def run(call: Call) -> tuple[Tensor, State]:
    """Runs the stack layer by layer."""
    return stack.run(call, unroll)


def unroll(sweep: Sweep) -> tuple[Tensor, State]:
    """Unrolls one layer in one direction, like ``reference.unroll``."""
    inputs = [sweep.x, *sweep.state, *(sweep.w.get(name) for name in _NAMES)]
    dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else sweep.x.dtype
    bare = replace(sweep, w={}, x=sweep.x[:0], state=())
    with torch.autocast("cpu", enabled=False):
        output, *final = _Sweep.apply(bare, dtype, *inputs)
    return output, tuple(final)


class _Step(NamedTuple):
    """A cell's step and its gradient, on pictures with their channels side by side.

    Attributes:
        forward: (projected, recurrent, state) → (new state, what the gradient needs).
        backward: (gradient of the new state, kept, state, new state) → (gradient of the projected input, of
            the recurrent product, and of the state but for what the product adds to the first, or None).
    """

    forward: Callable[[Tensor, Tensor, State], tuple[State, Tensor]]
    backward: Callable[[State, Tensor, State, State], tuple[Tensor, Tensor, tuple[Tensor | None, ...]]]


def _lstm(projected: Tensor, recurrent: Tensor, state: State) -> tuple[State, Tensor]:
    """Keeps the four gates."""
    gates = recurrent.add_(projected)
    i, f, g, o = gates.chunk(4, 1)
    for gate in (i, f, o):
        gate.sigmoid_()
    g.tanh_()
    i, f, g, o = gates.to(state[1].dtype).chunk(4, 1)  # operators of two types are slow
    c = (f * state[1]).addcmul_(i, g)
    return (o * c.tanh(), c), gates


def _lstm_backward(
    d_state: State, gates: Tensor, state: State, new: State
) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
    d_h, d_c = d_state
    shown = new[1].tanh()
    gates = gates.to(d_h.dtype)
    i, f, g, o = gates.chunk(4, 1)
    d_gates = torch.empty_like(gates)
    d_i, d_f, d_g, d_o = d_gates.chunk(4, 1)
    d_o.copy_(_sigmoid_backward(d_h * shown, o))
    d_c = d_c + _tanh_backward(d_h * o, shown)
    d_i.copy_(_sigmoid_backward(d_c * g, i))
    d_f.copy_(_sigmoid_backward(d_c * state[1], f))
    d_g.copy_(_tanh_backward(d_c * i, g))
    return d_gates, d_gates, (None, d_c * f)


def _gru(projected: Tensor, recurrent: Tensor, state: State) -> tuple[State, Tensor]:
    """Keeps both gates, the candidate and its product."""
    r, z, u = recurrent.chunk(3, 1)
    p_r, p_z, p_n = projected.chunk(3, 1)
    r.add_(p_r).sigmoid_()
    z.add_(p_z).sigmoid_()
    n = torch.addcmul(p_n, r, u).tanh_()
    kept, h = torch.cat([recurrent, n], 1), state[0]
    return (torch.lerp(n.to(h.dtype), h, z.to(h.dtype)),), kept


def _gru_backward(
    d_state: State, kept: Tensor, state: State, new: State
) -> tuple[Tensor, Tensor, tuple[Tensor | None, ...]]:
    (d_h,) = d_state
    kept = kept.to(d_h.dtype)
    r, z, u, n = kept.chunk(4, 1)
    d_n = _tanh_backward(d_h * (1 - z), n)
    d_projected = kept.new_empty((len(kept), 3 * n.shape[1], *n.shape[2:])).contiguous(
        memory_format=torch.channels_last
    )
    d_r, d_z, d_p = d_projected.chunk(3, 1)
    d_r.copy_(_sigmoid_backward(d_n * u, r))
    d_z.copy_(_sigmoid_backward(d_h * (state[0] - n), z))
    d_p.copy_(d_n)
    d_recurrent = d_projected.clone()
    d_recurrent.chunk(3, 1)[2].mul_(r)
    return d_projected, d_recurrent, (d_h * z,)


_STEPS: dict[type[Cell], _Step] = {
    ConvLSTM: _Step(_lstm, _lstm_backward),
    ConvGRU: _Step(_gru, _gru_backward),
}


@dataclass
class _Kept:
    """What the forward pass keeps of each step, in the order of reading.

    Attributes:
        x: the input, as it was convolved.
        h: the first state before the step, as it was convolved.
        states: all states before the step, and after the last.
        gates: what the cell keeps.
    """

    x: list[Tensor]
    h: list[Tensor]
    states: list[State]
    gates: list[Tensor]

    def flat(self) -> list[Tensor]:
        """Returns all tensors in a row."""
        return [*self.h, *self.gates, *(s for state in self.states for s in state), *self.x]

    @classmethod
    def of(cls, flat: Sequence[Tensor], steps: int) -> Self:
        """Returns what ``flat`` put in a row, of so many steps of a cell with one or two states."""
        h, gates, rest = list(flat[:steps]), list(flat[steps : 2 * steps]), flat[2 * steps :]
        number = len(rest) // (steps + 1)  # the pieces of x are fewer than the steps
        states = [tuple(rest[k * number : (k + 1) * number]) for k in range(steps + 1)]
        return cls(list(rest[(steps + 1) * number :]), h, states, gates)


class _Sweep(torch.autograd.Function):
    """One layer in one direction; the tensor arguments are x, the states and the parameters (or None)."""

    @staticmethod
    def forward(ctx: Any, sweep: Sweep, dtype: torch.dtype, *inputs: Tensor | None) -> Any:
        kept, output = _forward(sweep, dtype, inputs)
        ctx.sweep, ctx.dtype, ctx.steps = sweep, dtype, len(kept.h)
        ctx.save_for_backward(*inputs, *kept.flat())
        return output, *(s.contiguous() for s in kept.states[-1])

    @staticmethod
    def backward(ctx: Any, *d_results: Tensor) -> Any:
        needs = ctx.needs_input_grad[2:]
        inputs, saved = ctx.saved_tensors[: len(needs)], ctx.saved_tensors[len(needs) :]
        if torch.is_grad_enabled() or not all(map(has_memory, d_results)):
            return None, None, *_by_reference(ctx.sweep, inputs, needs, d_results)
        return (
            None,
            None,
            *_backward(ctx.sweep, ctx.dtype, inputs, needs, _Kept.of(saved, ctx.steps), d_results),
        )


def _forward(sweep: Sweep, dtype: torch.dtype, inputs: Sequence[Tensor | None]) -> tuple[_Kept, Tensor]:
    """Runs all steps; the output is [T, B, H, height, width]."""
    x, *rest = inputs
    assert x is not None
    state: State = tuple(_beside(s) for s in rest[: -len(_NAMES)] if s is not None)
    w_x, w_h, b_x, b_h = (None if p is None else _beside(p.detach()).to(dtype) for p in rest[-len(_NAMES) :])
    assert w_x is not None
    assert w_h is not None
    if sweep.reverse:
        x = x.flip(0)
    padding, step = w_x.shape[-1] // 2, _STEPS[type(sweep.cell)].forward
    kept = _Kept([], [], [state], [])
    output = x.new_empty(*x.shape[:2], *x.shape[3:], w_h.shape[1], dtype=state[0].dtype).movedim(-1, 2)
    for begin, end in _chunks(x):
        seen = _beside(x[begin:end].flatten(0, 1).to(dtype))
        kept.x.append(seen)
        projected = F.conv2d(seen, w_x, b_x, padding=padding).split(x.shape[1])
        for t, own in enumerate(projected, begin):
            h = state[0].to(dtype)
            state, gates = step(own, F.conv2d(h, w_h, b_h, padding=padding), state)
            output[t] = state[0]
            kept.h.append(h)
            kept.states.append(state)
            kept.gates.append(gates)
    return kept, output.flip(0) if sweep.reverse else output


def _backward(
    sweep: Sweep,
    dtype: torch.dtype,
    inputs: Sequence[Tensor | None],
    needs: Sequence[bool],
    kept: _Kept,
    d_results: Sequence[Tensor],
) -> list[Tensor | None]:
    """Computes the gradient of each input that needs one."""
    x, *rest = inputs
    assert x is not None
    parameters = rest[-len(_NAMES) :]
    w_x, w_h = (_turned(p).to(dtype) for p in parameters[:2] if p is not None)
    padding, step = w_x.shape[-1] // 2, _STEPS[type(sweep.cell)].backward
    d_output, *d_final = d_results
    if sweep.reverse:
        d_output = d_output.flip(0)
    d_state: Any = tuple(map(_beside, d_final))
    dtype_of_state = d_final[0].dtype
    sums = [None if p is None else torch.zeros_like(p) for p in parameters]
    d_x = x.new_empty(*x.shape[:2], *x.shape[3:], x.shape[2]).movedim(-1, 2) if needs[0] else None
    for number, (begin, end) in reversed([*enumerate(_chunks(x))]):
        of_p: list[Tensor] = []
        of_r: list[Tensor] = []
        for t in reversed(range(begin, end)):
            d_new = (d_state[0] + d_output[t], *d_state[1:])
            d_p, d_r, d_state = step(d_new, kept.gates[t], kept.states[t], kept.states[t + 1])
            is_one = d_r is d_p
            d_p = d_p.to(dtype)
            d_r = d_p if is_one else d_r.to(dtype)
            d_h = F.conv2d(d_r, w_h, padding=padding)
            d_state = (d_h.to(dtype_of_state) if d_state[0] is None else d_state[0].add_(d_h), *d_state[1:])
            of_p.insert(0, d_p)
            of_r.insert(0, d_r)
        d_p = _joined(of_p)
        d_r = d_p if of_r[0] is of_p[0] else _joined(of_r)
        _add(sums, 0, kept.x[number], d_p, padding, needs)
        _add(sums, 1, _joined(kept.h[begin:end]), d_r, padding, needs)
        if d_x is not None:
            d_x[begin:end] = F.conv2d(d_p, w_x, padding=padding).unflatten(0, (end - begin, -1))
    if d_x is not None and sweep.reverse:
        d_x = d_x.flip(0)
    return [g if need else None for g, need in zip([d_x, *d_state, *sums], needs, strict=True)]


def _add(
    sums: list[Tensor | None], place: int, seen: Tensor, d: Tensor, padding: int, needs: Sequence[bool]
) -> None:
    """Adds the gradients of a kernel and its bias over some steps."""
    kernel, bias = sums[place], sums[place + 2]
    of_kernel, of_bias = needs[len(needs) - len(_NAMES) + place], needs[len(needs) - 2 + place]
    if kernel is not None and of_kernel:
        kernel += conv2d_weight(seen, list(kernel.shape), d, padding=padding)
    if bias is not None and of_bias:
        bias += d.sum((0, 2, 3), dtype=bias.dtype)


def _by_reference(
    sweep: Sweep, inputs: Sequence[Tensor | None], needs: Sequence[bool], d_results: Sequence[Tensor]
) -> list[Tensor | None]:
    """Computes the gradients by the reference; differentiable if gradients are enabled."""
    again = torch.is_grad_enabled()
    x, *rest = inputs
    assert x is not None
    state = tuple(s for s in rest[: -len(_NAMES)] if s is not None)
    w = {name: p for name, p in zip(_NAMES, rest[-len(_NAMES) :], strict=True) if p is not None}
    with torch.enable_grad():
        output, final = reference.unroll(replace(sweep, x=x, w=w, state=state))
    targets = [t for t, need in zip(inputs, needs, strict=True) if need and t is not None]
    computed = iter(
        torch.autograd.grad([output, *final], targets, d_results, create_graph=again, allow_unused=True)
    )
    return [next(computed) if need and t is not None else None for t, need in zip(inputs, needs, strict=True)]


def _chunks(x: Tensor) -> Iterator[tuple[int, int]]:
    """Yields the first step, and that after the last, of each group of steps."""
    size = max(1, _AT_ONCE // (x.shape[1] * x.shape[3] * x.shape[4]))
    for begin in range(0, len(x), size):
        yield begin, min(begin + size, len(x))


def _joined(steps: Sequence[Tensor]) -> Tensor:
    """Joins the rows of some steps; one step as it is."""
    return steps[0] if len(steps) == 1 else torch.cat(list(steps))


def _beside(t: Tensor) -> Tensor:
    """Returns pictures [B, C, H, W], or kernels, with their channels side by side; a bias as it is."""
    return t.contiguous(memory_format=torch.channels_last) if t.dim() == 4 else t


def _turned(kernel: Tensor) -> Tensor:
    """Returns the kernel whose convolution is the gradient of a convolution's input."""
    return _beside(kernel.detach().flip(2, 3).transpose(0, 1))
