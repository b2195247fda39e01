"""The readable reference: any cell, any option, one step at a time, differentiable any number of times."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from elman.kernels import stack
from elman.kernels.call import Call, Sweep
from elman.state import State, where

Visit = Callable[[int, State, State], None]


def supports(call: Call) -> str | None:
    """Returns None: the reference supports every call."""
    return None


def run(call: Call) -> tuple[Tensor, State]:
    """Runs the stack one step at a time."""
    return stack.run(call, unroll)


def unroll(sweep: Sweep, visit: Visit | None = None) -> tuple[Tensor, State]:
    """Unrolls one layer in one direction.

    Past a row's length its state does not change and its output is 0; in reverse, a row's state therefore
    keeps its starting value until the row's last step. A reset before step t splits the row: reading forward,
    the state is reset before t, in reverse before t − 1. ``visit`` is called after each step with t, the
    state before the step (after a reset, the initial one) and the state after it.

    Shapes:
        output [T, B, O, *planes], state as ``sweep.state``
    """
    cell, w, x, state, resets, noise = sweep.cell, sweep.w, sweep.x, sweep.state, sweep.resets, sweep.noise
    T, B, _, *planes = x.shape
    shape = cell.output_shape(*planes)
    if T == 0:
        return x.new_zeros(0, B, *shape), state
    alive = None if sweep.lengths is None else torch.arange(T, device=x.device)[:, None] < sweep.lengths
    side = sweep.side
    if alive is not None:
        # whatever stands in padding, such as NaN, would reach the weights' gradients as 0 · NaN
        x = _kept(alive, x)
        side = None if side is None else _kept(alive, side)
    if resets is not None and alive is not None:
        resets = resets & alive
    if resets is not None and sweep.reverse:
        resets = torch.cat([resets[1:], torch.zeros_like(resets[:1])])
    sides, zoneout, record = side, noise.zoneout, sweep.record
    outputs: list[Tensor] = [x] * T
    projected = cell.project(w, x).unbind(0)
    for t in reversed(range(T)) if sweep.reverse else range(T):
        if resets is not None:
            state = where(resets[t], sweep.initial, state)
        outputs[t], new = one_step(
            sweep,
            projected[t],
            state,
            None if alive is None else alive[t],
            None if zoneout is None else tuple(z[t] if isinstance(z, Tensor) else z for z in zoneout),
            None if sides is None else sides[t],
            None if record is None else tuple(r[t] for r in record),
        )
        if visit is not None:
            visit(t, state, new)
        state = new
    return torch.stack(outputs).to(state[0].dtype), state


def _kept(alive: Tensor, x: Tensor) -> Tensor:
    """Returns x [T, B, …] with 0 where ``alive`` [T, B] is false."""
    return torch.where(alive.view(*alive.shape, *(1,) * (x.dim() - 2)), x, 0)


def one_step(
    sweep: Sweep,
    projected: Tensor,
    state: State,
    alive: Tensor | None = None,
    zoneout: tuple[Tensor | float, ...] | None = None,
    side: Tensor | None = None,
    places: State | None = None,
) -> tuple[Tensor, State]:
    """Runs one step of a sweep: the output [B, O, *planes] and the state after the step.

    Args:
        sweep: the sweep, of which only the cell, the parameters and the masks are read.
        projected: this step of ``project``'s result.
        state: the state before the step.
        alive: [B] bool, false for rows that have ended; None: no row has.
        zoneout: for each state the share of the old state in the new one; or None.
        side: this step's side input; or None.
        places: for each state the place of its gradient; or None.
    """
    cell, w = sweep.cell, sweep.w
    masks = dict(zip(cell.multiplied_states, sweep.noise.recurrent or (), strict=False))
    seen = _seen(state, masks) if masks else None
    new = cell.step(w, projected, state, seen, *(() if side is None else (side,)))
    # autocast may have lowered the step's precision; the state keeps its own
    new = tuple(n.to(s.dtype) for n, s in zip(new, state, strict=True))
    if zoneout is not None:
        new = tuple(torch.lerp(n, o, share) for n, o, share in zip(new, state, zoneout, strict=True))
    if places is not None:
        new = _noted(new, places)
    output = cell.read(w, new, projected)
    if alive is not None:
        output = torch.where(alive.view(-1, *(1,) * (output.dim() - 1)), output, 0.0)
        new = where(alive, new, state)
    return output, new


def _noted(state: State, places: State) -> State:
    """Returns aliases of the state that record their gradients in ``places``; only later steps read them."""
    if not torch.is_grad_enabled():
        return state
    aliases = tuple(s.view_as(s) if s.requires_grad else s.detach().requires_grad_() for s in state)
    for s, place in zip(aliases, places, strict=True):
        # return None: a hook's return value would replace the gradient
        s.register_hook(lambda gradient, place=place: (place.copy_(gradient), None)[1])
    return aliases


def _seen(state: State, masks: Mapping[int, Tensor]) -> State:
    """Applies the masks to the states at their positions."""
    return tuple(s * masks[k] if k in masks else s for k, s in enumerate(state))
