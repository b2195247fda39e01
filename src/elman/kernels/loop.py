"""The reference as a loop of an exported graph, which leaves the number of steps free.

``reference`` in a graph would be one copy of the cell's step for each step of the example.
"""

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from elman.kernels import reference, stack
from elman.kernels.call import Call, Sweep
from elman.state import State, where


def is_needed(call: Call) -> bool:
    """Whether a call is exported with its number of steps left free."""
    return torch.compiler.is_exporting() and isinstance(call.x.shape[0], torch.SymInt)


def run(call: Call) -> tuple[Tensor, State]:
    """Unrolls the stack."""
    return stack.run(call, unroll)


def unroll(sweep: Sweep) -> tuple[Tensor, State]:
    """Unrolls one layer in one direction, like ``reference.unroll``, with any number of steps."""
    cell, x, lengths, resets, side = sweep.cell, sweep.x, sweep.lengths, sweep.resets, sweep.side
    T, shares = x.shape[0], sweep.noise.zoneout or ()
    each: dict[str, Tensor] = {"projected": cell.project(sweep.w, x)}
    if lengths is not None:
        each["alive"] = torch.arange(T, device=x.device)[:, None] < lengths
    if resets is not None:
        resets = resets & each["alive"] if lengths is not None else resets
        if sweep.reverse:
            resets = torch.cat([resets, torch.zeros_like(resets[:1])])[1:]  # any number of steps, 1 included
        each["reset"] = resets
    if side is not None:
        each["side"] = side
    each |= {f"zoneout {k}": share for k, share in enumerate(shares) if isinstance(share, Tensor)}
    if sweep.reverse:
        each = {name: value.flip(0) for name, value in each.items()}
    names = list(each)

    def body(state: list[Tensor], values: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        own = dict(zip(names, values, strict=True))
        before: State = tuple(state)
        if "reset" in own:
            before = where(own["reset"], sweep.initial, before)
        zoneout = tuple(own.get(f"zoneout {k}", share) for k, share in enumerate(shares))
        output, after = reference.one_step(
            sweep, own["projected"], before, own.get("alive"), zoneout or None, own.get("side")
        )
        return [s.clone() for s in after], output.clone()  # a loop's values may not share memory

    final, output = scan(body, [s.clone() for s in sweep.state], list(each.values()))
    output = output.to(sweep.state[0].dtype)
    return output.flip(0) if sweep.reverse else output, tuple(final)
