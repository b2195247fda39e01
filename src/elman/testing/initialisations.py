"""What every cell promises of its parameters' first values and of the gates whose biases they set."""

import math
from typing import Any

import torch
from torch import Tensor

from elman.cells import Cell
from elman.cells.initialise import initialise
from elman.state import State
from elman.testing.agreement import agree, planes_of
from elman.testing.drawn import MakeCell
from elman.testing.suite import Check, ensure, promise, refused, setting

I, H = 24, 32


def initial(make: MakeCell, init: str, bias: bool = True) -> tuple[Cell, dict[str, Tensor]]:
    """A cell and its parameters, drawn from the same seed every time. AssertionError if any is left out."""
    torch.manual_seed(1)
    cell = make(I, H) if bias else make(I, H, bias=False)
    w = {name: torch.full(shape, math.nan) for name, shape in cell.parameters().items()}
    initialise(cell, w, init)
    for name, value in w.items():
        ensure(value.isfinite().all(), f"{init}: {name} is not filled")
    return cell, w


def biases(cell: Cell, w: dict[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
    """The biases of each gate, which add up; empty for a cell without."""
    if not cell.gate_biases:
        return {}
    chunks = (w[name].chunk(len(cell.gates)) for name in cell.gate_biases)
    return dict(zip(cell.gates, zip(*chunks, strict=True), strict=True))


def random_step(cell: Cell, w: dict[str, Tensor], time: float = 0.0) -> tuple[Tensor, State, dict[str, Any]]:
    """A random step's projected input and state, and a side input of ``time``, if the cell takes one."""
    planes, shape = planes_of(cell), cell.side_input()
    state = tuple(torch.randn(2, *each) for each in cell.state_shapes(*planes).values())
    side = {} if shape is None else {"side": torch.full((2, *shape), time)}
    return cell.project(w, torch.randn(2, I, *planes)), state, side


@promise
def check_init_torch_is_uniform(make: MakeCell) -> None:
    """``torch`` fills every parameter, uniformly on ±1/√H unless the cell defines ``initialise``."""
    cell, w = initial(make, "torch")
    if type(cell).initialise is not Cell.initialise:
        return
    bound = 1 / math.sqrt(H)
    for name, value in w.items():
        largest, spread = value.abs().max(), value.std()
        ensure(
            0.9 * bound < largest <= bound, f"{name}: the largest must be near {bound:.3g}. Got {largest}."
        )
        expected = bound / math.sqrt(3)
        ensure(
            abs(spread - expected) < 0.15 * bound, f"{name}: deviation must be {expected:.3g}. Got {spread}."
        )


@promise
def check_init_orthogonal(make: MakeCell) -> None:
    """``orthogonal``: each gate's recurrent block has orthonormal rows; input blocks Glorot's, biases 0."""
    cell, w = initial(make, "orthogonal")
    for name in cell.recurrent_weights:
        for block in w[name].split(H):
            rows = block.flatten(1)
            rows = rows.T if len(rows) > rows.shape[1] else rows
            error = (rows @ rows.T - torch.eye(len(rows))).abs().max()
            ensure(error <= 1e-5, f"{name}: products of rows are {error:.1e} off")
    for name in cell.input_weights:
        glorot = math.sqrt(6 / ((I + H) * w[name][0, 0].numel()))
        for block in w[name].split(H):
            largest = block.abs().max()
            ensure(
                0.98 * glorot < largest <= glorot,
                f"{name}: largest must be near {glorot:.3g}. Got {largest}.",
            )
    _ensure_no_bias(cell, w)


@promise
def check_init_identity(make: MakeCell) -> None:
    """``identity``: each gate's recurrent block is the identity, input weights are small, biases 0."""
    cell, w = initial(make, "identity")
    for name in cell.recurrent_weights:
        for block in w[name].split(H):
            middle = tuple(size // 2 for size in block.shape[2:])
            same = torch.equal(block[:, :, *middle], torch.eye(*block.shape[:2]))
            ensure(same, f"{name}: a gate's block is not the identity")
            others = int(block.count_nonzero()) - min(block.shape[:2])
            ensure(others == 0, f"{name}: {others} numbers beside the identity's are not 0")
    for name in cell.input_weights:
        spread = w[name].std()
        ensure(abs(spread - 0.001) < 1e-4, f"{name}: deviation must be 0.001. Got {spread}.")
    _ensure_no_bias(cell, w)


def _ensure_no_bias(cell: Cell, w: dict[str, Tensor]) -> None:
    for name in cell.gate_biases:
        ensure(not w[name].any(), f"{name} must be 0")


@promise
def check_init_advised_is_the_one_named(make: MakeCell) -> None:
    """``advised`` is the initialisation that ``advised_init`` names."""
    cell, w = initial(make, "advised")
    agree(w, initial(make, cell.advised_init)[1], 0)


@promise
def check_init_uniform_draws_everything_within_its_bound(make: MakeCell) -> None:
    """``uniform:R`` draws every parameter from ±R."""
    cell, w = initial(make, "uniform:0.25")
    for name, value in w.items():
        largest = value.abs().max()
        ensure(0 < largest <= 0.25, f"{name}: the largest must be in (0, 0.25]. Got {largest}.")
    for name in (*cell.input_weights, *cell.recurrent_weights):
        least, most = w[name].min(), w[name].max()
        ensure(least < -0.24 and most > 0.24, f"{name} must fill [-0.25, 0.25]. Got [{least}, {most}].")


@promise
def check_init_of_the_gate_that_keeps_the_state(make: MakeCell) -> None:
    """``forget-bias`` and ``chrono:T`` set the memory gate so that it keeps, and are refused without one."""
    for init in ("forget-bias", "chrono:200"):
        message = f"^initialisation '{init}' needs a memory gate with a bias"
        with refused(ValueError, message, f"{init} without biases"):
            initial(make, init, bias=False)
        cell = make(I, H)
        if cell.memory_gate is None or not cell.gate_biases:
            with refused(ValueError, message, init):
                initial(make, init)
            continue
        with setting(init=init):
            _check_memory_gate(*initial(make, init), initial(make, "torch")[1], init)


def _check_memory_gate(cell: Cell, w: dict[str, Tensor], plain: dict[str, Tensor], init: str) -> None:
    gates = biases(cell, w)
    assert cell.memory_gate is not None
    kept, *others = gates[cell.memory_gate]
    kept = kept if cell.keeps_at else -kept
    ensure(not any(other.any() for other in others), f"of {cell.memory_gate}'s biases all but one must be 0")
    changed = {cell.memory_gate}
    if init == "forget-bias":
        ensure(torch.equal(kept, torch.ones(H)), f"{cell.memory_gate}'s bias must be ±1. Got {kept}.")
    else:
        least, most = kept.min(), kept.max()
        ensure(0 <= least < math.log(60), f"the least bias must be below log 60. Got {least}.")
        ensure(math.log(140) < most <= math.log(199), f"the largest bias must be near log 199. Got {most}.")
        if cell.input_gate:
            changed.add(cell.input_gate)
            first, *others = gates[cell.input_gate]
            ensure(
                torch.equal(first, -kept), f"{cell.input_gate}'s bias must be {cell.memory_gate}'s, negated"
            )
            ensure(not any(o.any() for o in others), f"of {cell.input_gate}'s biases all but one must be 0")
    for gate, untouched in biases(cell, plain).items():
        ensure(
            gate in changed or all(map(torch.equal, gates[gate], untouched)),
            f"{gate}'s bias must stay torch's",
        )
    for name in w.keys() - set(cell.gate_biases):
        ensure(torch.equal(w[name], plain[name]), f"{name} must stay torch's")


# The gates at the biases that an initialisation sets


@promise
def check_gate_that_keeps_the_state_keeps_it(make: MakeCell) -> None:
    """With the memory gate at ``keeps_at`` the last state stays; without a memory gate it changes."""
    cell, w = initial(make, "torch")
    gates = biases(cell, w)
    if cell.memory_gate is not None and not gates:
        return  # no bias that could set it
    for gate, value in {
        cell.memory_gate: 100.0 if cell.keeps_at else -100.0,
        cell.input_gate: -100.0,
    }.items():
        if gate:
            gates[gate][0].fill_(value)
    projected, state, side = random_step(cell, w, time=1.0 if cell.memory_gate is None else 0.0)
    last = cell.step(w, projected, state, **side)[-1]
    change = (last - state[-1]).abs().max()
    ensure(
        torch.allclose(last, state[-1], atol=1e-5) == (cell.memory_gate is not None),
        f"with memory_gate {cell.memory_gate!r} at {cell.keeps_at} the last state changes by {change:.1e}",
    )


@promise
def check_a_gate_stands_as_open_as_its_bias_says(make: MakeCell) -> None:
    """``gate_values`` gives 1 for a large bias of a sigmoid gate and 0 for a large negative one."""
    cell, w = initial(make, "torch")
    _, state, side = random_step(cell, w)
    planes = planes_of(cell)
    x, gates = torch.randn(2, I, *planes), biases(cell, w)
    for gate in cell.sigmoid_gates if gates else ():
        before = gates[gate][0].clone()
        for bias, level in ((100.0, 1.0), (-100.0, 0.0)):
            gates[gate][0].fill_(bias)
            values = cell.gate_values(w, cell.project(w, x), state, **side)[gate]
            error = (values - torch.full((2, H, *planes), level)).abs().max()
            ensure(error == 0, f"{gate} must be {level} at a bias of {bias}. It is {error:.1e} off.")
        gates[gate][0].copy_(before)


INITIALISATION_CHECKS: tuple[Check[MakeCell], ...] = (
    check_init_torch_is_uniform,
    check_init_orthogonal,
    check_init_identity,
    check_init_advised_is_the_one_named,
    check_init_uniform_draws_everything_within_its_bound,
    check_init_of_the_gate_that_keeps_the_state,
    check_gate_that_keeps_the_state_keeps_it,
    check_a_gate_stands_as_open_as_its_bias_says,
)
