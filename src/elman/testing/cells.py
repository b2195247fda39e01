"""What every cell promises, measured by the facts that it states: in a step, a layer, a stream."""

import dataclasses
import io
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from elman.cells import Cell
from elman.layers import Recurrent
from elman.registry import find, names
from elman.state import State
from elman.testing.agreement import agree, planes_of, randomise, results
from elman.testing.drawn import H, I, MakeCell, T, behind, build, draw_all, part, run_pieces, with_garbage
from elman.testing.initialisations import INITIALISATION_CHECKS
from elman.testing.suite import Check, ensure, equal, named, promise, refused, run_all, setting

_OTHER_DRAWS = 20  # of parameters
TOLERANCE = 1e-11  # rounding in float64, as a share of the largest element


def check_cell(make: MakeCell) -> None:
    """Runs every check on a cell.

    Args:
        make: the cell's class; or, to set options of its own, a function of ``input_size``, ``hidden_size``
            and ``bias`` (by name, True if absent) that makes one.

    Raises:
        AssertionError: the cell breaks promises; the message names each, and what was measured.
    """
    run_all(CELL_CHECKS, make, _name(make))


def cell_checks() -> list[tuple[str, Check[MakeCell]]]:
    """Name and check, for each promise: what ``pytest.mark.parametrize`` takes."""
    return named(CELL_CHECKS)


def registered_cells() -> list[type[Cell]]:
    """The cells in ``elman/cells/``, each in a file of its own."""
    return [find("cells", name, Cell) for name in names("cells")]


# Facts


@promise
def check_is_a_frozen_value(make: MakeCell) -> None:
    """Cells of equal options are equal and have equal hashes; nothing changes a cell."""
    cell = make(I, H)
    ensure(cell == make(I, H), f"{cell} must equal another of the same options")
    equal(hash(make(I, H)), hash(cell), "the hash of an equal cell")
    ensure(cell != make(I, H + 1), f"{cell} must differ from one with {H + 1} units")
    with refused(dataclasses.FrozenInstanceError, "hidden_size", "setting hidden_size"):
        cell.hidden_size = 8  # type: ignore[misc]


@promise
def check_facts_agree(make: MakeCell) -> None:
    """The facts name only gates, states and parameters that the cell has."""
    cell = make(I, H)
    cell.check()
    ensure(
        cell.memory_gate in (None, *cell.sigmoid_gates),
        f"memory_gate must be among sigmoid_gates. Got {cell.memory_gate} and {cell.sigmoid_gates}.",
    )
    ensure(
        set(cell.sigmoid_gates) <= set(cell.gates),
        f"sigmoid_gates must be among the gates {cell.gates}. Got {cell.sigmoid_gates}.",
    )
    ensure(
        not (cell.needs_side_input and cell.side_input() is None),
        "needs_side_input is True, but side_input() is None",
    )


@promise
def check_shapes_are_those_declared(make: MakeCell) -> None:
    """Parameters, states and outputs have the shapes that the cell declares, in the layer and in a step."""
    B = 5
    for bidirectional in (False, True):
        directions = 2 if bidirectional else 1
        layer = build(make, num_layers=2, bidirectional=bidirectional)
        cell, planes = layer.cell, planes_of(layer.cell)
        w = {name: getattr(layer, f"{name}_l0") for name in cell.parameters()}
        for name, shape in cell.parameters().items():
            equal(tuple(w[name].shape), shape, f"the shape of {name}")
        x, state, side = draw_all(layer, B)
        output, final = layer(x, state, **side)
        features, *rest = cell.output_shape(*planes)
        equal(tuple(output.shape), (T, B, directions * features, *rest), "the shape of the layer's output")
        shapes = cell.state_shapes(*planes)
        equal(list(shapes), list(cell.states()), "the names of state_shapes")
        equal(
            [tuple(s.shape) for s in final],
            [(2 * directions, B, *shape) for shape in shapes.values()],
            "the shapes of the layer's final state",
        )
        projected = cell.project(w, x[0])
        new = cell.step(w, projected, tuple(s[0] for s in final), **part(side, 0))
        equal(
            [tuple(s.shape) for s in new],
            [(B, *shape) for shape in shapes.values()],
            "the shapes of the state after a step",
        )
        equal(
            tuple(cell.read(w, new, projected).shape),
            (B, *cell.output_shape(*planes)),
            "the shape of a step's output",
        )


# Gradients


@promise
def check_gradients_equal_numerical_ones(make: MakeCell) -> None:
    """Gradients for input, state, side input and parameters equal numerical ones, also on ragged rows.

    On ragged rows each is compared by itself, on whole rows one sum of all with random weights.
    """
    for ragged in (False, True):
        layer = build(make, learned_state=ragged)
        x, state, side = draw_all(layer, 2, 3)
        options: dict[str, Tensor] = {}
        if ragged:
            options = {"lengths": torch.tensor([2, 3]), "resets": torch.arange(6).view(3, 2) == 3}
        with setting(ragged=ragged):
            _gradcheck(layer, x, state, side, options, fast_mode=not ragged)


def _gradcheck(
    layer: Recurrent,
    x: Tensor,
    state: State,
    side: dict[str, Any],
    options: dict[str, Tensor],
    fast_mode: bool,
) -> None:
    weights = dict(layer.named_parameters())

    def run(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        given, more = others[: len(state)], iter(others[len(state) :])
        parameters = dict(zip(weights, more, strict=False))
        keywords = options | dict(zip(side, more, strict=True))
        output, final = functional_call(layer, parameters, (x, given), keywords)
        return output, *final

    try:
        torch.autograd.gradcheck(run, (x, *state, *weights.values(), *side.values()), fast_mode=fast_mode)
    except torch.autograd.gradcheck.GradcheckError as error:  # type: ignore[attr-defined]
        raise AssertionError(str(error)) from error


@promise
def check_every_parameter_gets_a_gradient(make: MakeCell) -> None:
    """Every row of every parameter, and of a learned initial state, has a gradient that is not 0.

    A state that no step reads needs none: an output that is a state for the caller's sake.
    """
    for bidirectional in (False, True):
        layer = build(make, num_layers=2, bidirectional=bidirectional, learned_state=True)
        x, _, side = draw_all(layer, 2)
        received = results(layer(x, **side), x, None, layer, **side)
        missing = [name for name, _ in layer.named_parameters() if f"gradient of {name}" not in received]
        ensure(not missing, f"no gradient of {', '.join(missing)}")
        alive = {name: value.any(-1) for name, value in received.items()}
        for _ in range(_OTHER_DRAWS):
            if all(rows.all() for rows in alive.values()):
                break
            layer = randomise(layer)  # a rectifier may have been shut in every row
            x, _, side = draw_all(layer, 2)
            for name, value in results(layer(x, **side), x, None, layer, **side).items():
                alive[name] = alive[name] | value.any(-1)
        unread = tuple(f"gradient of initial_{name}" for name in _unread(layer))
        zero = [name for name, rows in alive.items() if not rows.all() and name not in unread]
        ensure(not zero, f"bidirectional={bidirectional}: 0 in a whole row: {', '.join(zero)}")


def _unread(layer: Recurrent) -> list[str]:
    """Returns the states on which a step does not depend."""
    row, state, side = draw_all(layer, 2)
    old = tuple(s[:1].detach().requires_grad_() for s in state)
    cell, w = layer.cell, {name: getattr(layer, f"{name}_l0") for name in layer.cell.parameters()}
    projected = cell.project(w, row[0])
    new = cell.step(w, projected, tuple(s[0] for s in old), **part(side, 0))
    total = sum((s.sum() for s in (*new, cell.read(w, new, projected))), torch.zeros(()))
    gradients = torch.autograd.grad(total, old, allow_unused=True)
    return [name for name, g in zip(cell.states(), gradients, strict=True) if g is None]


# Steps, streams and chunks


@promise
def check_step_equals_unroll(make: MakeCell) -> None:
    """``layer.step``, called for each step, gives what the layer gives, gradients included."""
    layer = build(make, num_layers=2)
    x, state, side = draw_all(layer, 2)
    outputs, now = [], state
    for t, row in enumerate(x):
        output, now = layer.step(row, now, **part(side, t))
        outputs.append(output)
    received = results((torch.stack(outputs), now), x, state, layer, **side)
    agree(received, results(layer(x, state, **side), x, state, layer, **side), TOLERANCE)


@promise
def check_stream_equals_full_pass(make: MakeCell) -> None:
    """``layer.stream`` gives what the layer gives, from its start, after a reset and from a given state."""
    for batch_size in (1, 3):
        layer = build(make, num_layers=2, learned_state=True).eval()
        with setting(batch_size=batch_size):
            _check_stream(layer, batch_size)


def _check_stream(layer: Recurrent, batch_size: int) -> None:
    x, _, side = draw_all(layer, batch_size)
    output, final = layer(x, **side)
    stream = layer.stream(batch_size, planes_of(layer.cell))

    def steps(*row: int) -> dict[str, Tensor]:
        return {"output": torch.stack([stream.step(x[t, *row], **part(side, t, *row)) for t in range(T)])}

    for _ in range(2):
        agree(steps(), {"output": output}, TOLERANCE)
        agree(dict(enumerate(stream.state)), dict(enumerate(final)), TOLERANCE)
        stream.reset()
    if batch_size == 1:
        agree(steps(0), {"output": output[:, 0]}, TOLERANCE)
    stream.state = layer(x[:2], **part(side, slice(2)))[1]
    agree({"output": stream.step(x[2], **part(side, 2))}, {"output": output[2]}, TOLERANCE)


@promise
def check_chunks_equal_whole(make: MakeCell) -> None:
    """A sequence read in two pieces, the state carried, gives what it gives whole."""
    layer = build(make, num_layers=2)
    x, state, side = draw_all(layer, 2)
    first, now = layer(x[:2], state, **part(side, slice(2)))
    second, now = layer(x[2:], now, **part(side, slice(2, None)))
    chunks = results((torch.cat([first, second]), now), x, state, layer, **side)
    agree(chunks, results(layer(x, state, **side), x, state, layer, **side), TOLERANCE)


# Lengths, resets and directions


@promise
def check_padding_changes_nothing(make: MakeCell) -> None:
    """What stands past a row's end changes no result; the output and the gradients there are 0."""
    for bidirectional in (False, True):
        layer = build(make, num_layers=2, bidirectional=bidirectional)
        lengths = torch.tensor([3, 6, 0, 1, 5])
        x, state, side = draw_all(layer, 5)
        padding = torch.arange(T)[:, None] >= lengths
        resets = torch.rand(T, 5) < 0.3
        other = with_garbage(x, padding)
        others = {name: with_garbage(value, padding) for name, value in side.items()}
        for with_resets in (False, True):
            clean, dirty = (resets & ~padding, resets | padding) if with_resets else (None, None)
            expected = results(layer(x, state, lengths, clean, **side), x, state, layer, **side)
            received = results(layer(other, state, lengths, dirty, **others), other, state, layer, **others)
            with setting(bidirectional=bidirectional, with_resets=with_resets):
                agree(received, expected, TOLERANCE)
                for name in ("output", "gradient of x", *(f"gradient of {name}" for name in side)):
                    ensure(not received[name][padding].any(), f"{name} past the end must be 0")


@promise
def check_ragged_batch_equals_its_rows(make: MakeCell) -> None:
    """A batch of rows of unlike lengths, 0 among them, gives what its rows give one by one."""
    for bidirectional in (False, True):
        for steps in ([4], [0], [2, 0, 6, 1], [6, 3, 0, 5, 0]):
            layer = build(make, num_layers=2, bidirectional=bidirectional)
            x, state, side = draw_all(layer, len(steps))
            lengths, resets = torch.tensor(steps), torch.zeros(T, len(steps), dtype=torch.bool)
            received = results(layer(x, state, lengths, **side), x, state, layer, **side)
            pieces = run_pieces(layer, x, state, lengths, resets, side)
            with setting(bidirectional=bidirectional, lengths=steps):
                agree(received, results(pieces, x, state, layer, **side), TOLERANCE)
                for k, given in enumerate(state):
                    kept = torch.equal(received[f"state {k}"][:, lengths == 0], given[:, lengths == 0])
                    ensure(kept, f"state {k} of a row of 0 steps must be the given one")


@promise
def check_resets_equal_separate_sequences(make: MakeCell) -> None:
    """A batch with resets gives what the sequences between them give one by one."""
    for bidirectional in (False, True):
        for ragged in (False, True):
            for learned_state in (False, True):
                layer = build(make, num_layers=2, bidirectional=bidirectional, learned_state=learned_state)
                x, state, side = draw_all(layer, 5)
                resets = torch.rand(T, 5) < 0.4
                resets[:, 0], resets[:, 1] = True, False
                lengths = torch.tensor([4, 6, 0, 3, 5]) if ragged else torch.full((5,), T)
                run = layer(x, state, lengths if ragged else None, resets, **side)
                pieces = run_pieces(layer, x, state, lengths, resets, side)
                expected = results(pieces, x, state, layer, **side)
                with setting(bidirectional=bidirectional, ragged=ragged, learned_state=learned_state):
                    agree(results(run, x, state, layer, **side), expected, TOLERANCE)


@promise
def check_both_directions_equal_rows_reversed_by_hand(make: MakeCell) -> None:
    """The backward direction gives what the forward one gives for the rows reversed."""
    layer = build(make, bidirectional=True)
    weights = layer.state_dict()
    alone = [build(make), build(make)]
    for one, suffix in zip(alone, ("_l0", "_l0_reverse"), strict=True):
        one.load_state_dict({f"{name}_l0": weights[name + suffix] for name in one.cell.parameters()})
    x, state, side = draw_all(layer, 4)
    lengths = torch.tensor([3, 6, 0, 1])
    # row b, step t of the reversed batch is step lengths[b] − 1 − t; padding stays where it is
    t = torch.arange(T)[:, None].expand(T, 4)
    mirrored = torch.where(t < lengths, lengths - 1 - t, t)

    def mirror(values: Tensor) -> Tensor:
        return values.gather(0, behind(mirrored, values).expand_as(values))

    forward, end = alone[0](x, tuple(s[:1] for s in state), lengths, **side)
    turned = {name: mirror(value) for name, value in side.items()}
    backward, start = alone[1](mirror(x), tuple(s[1:] for s in state), lengths, **turned)
    output, final = layer(x, state, lengths, **side)
    agree({"output": output}, {"output": torch.cat([forward, mirror(backward)], 2)}, TOLERANCE)
    expected = [torch.cat(both) for both in zip(end, start, strict=True)]
    agree(dict(enumerate(final)), dict(enumerate(expected)), TOLERANCE)


# Weights, dropout and the side input


@promise
def check_saves_and_loads(make: MakeCell) -> None:
    """Weights that were saved and loaded give the same output, bit for bit."""
    for bidirectional in (False, True):
        options = {"num_layers": 2, "bidirectional": bidirectional, "learned_state": True}
        saved, loaded = build(make, **options), build(make, **options)
        x, _, side = draw_all(saved, 2)
        different = not torch.equal(loaded(x, **side)[0], saved(x, **side)[0])
        ensure(different, "layers of unlike weights must have unlike outputs")
        file = io.BytesIO()
        torch.save(saved.state_dict(), file)
        file.seek(0)
        equal(tuple(loaded.load_state_dict(torch.load(file))), ([], []), "missing and unexpected weights")
        error = (loaded(x, **side)[0] - saved(x, **side)[0]).abs().max()
        ensure(error == 0, f"bidirectional={bidirectional}: the output is {error:.1e} off after loading")


@promise
def check_without_bias_equals_a_bias_of_zero(make: MakeCell) -> None:
    """With ``bias=False`` the biases do not exist, and results are those of biases of 0."""
    without, layer = randomise(Recurrent(make(I, H, bias=False), dtype=torch.float64)), build(make)
    shared = without.state_dict()
    removed = layer.state_dict().keys() - shared.keys()
    left = {name for name in layer.cell.gate_biases if f"{name}_l0" not in removed}
    ensure(not left, f"without bias there must be no {', '.join(left)}")
    layer.load_state_dict(shared | {name: torch.zeros_like(getattr(layer, name)) for name in removed})
    x, state, side = draw_all(layer, 2)
    expected = results(layer(x, state, **side), x, state, layer, **side)
    received = results(without(x, state, **side), x, state, without, **side)
    agree(received, {name: expected[name] for name in received}, TOLERANCE)


@promise
def check_recurrent_dropouts_touch_the_recurrent_products_alone(make: MakeCell) -> None:
    """Recurrent and weight dropout of 1 equal recurrent weights of 0; without these they are refused."""
    for option in ("recurrent_dropout", "weight_dropout"):
        weights = make(I, H).recurrent_weights
        if not weights:
            with refused(ValueError, f"^{option} needs a cell with recurrent_weights", option):
                build(make, **{option: 1.0})
            continue
        layer, without = build(make, **{option: 1.0}), build(make)
        zero = {f"{name}_l0": torch.zeros_like(getattr(layer, f"{name}_l0")) for name in weights}
        without.load_state_dict(layer.state_dict() | zero)
        x, state, side = draw_all(layer, 2)
        expected = {option: without(x, state, **side)[0]}
        agree({option: layer(x, state, **side)[0]}, expected, TOLERANCE)


@promise
def check_a_side_input_is_refused_missed_or_read(make: MakeCell) -> None:
    """A side input changes the output, and is refused with a wrong shape or by a cell that takes none."""
    layer = build(make)
    cell = layer.cell
    x, state, side = draw_all(layer, 2)
    name = type(cell).__name__
    if cell.side_input() is None:
        with refused(ValueError, f"^{name} takes no side input. Got side of shape", "a side input"):
            layer(x, state, side=torch.ones(T, 2))
        with refused(ValueError, f"^{name} takes no side input", "a side input of a stream"):
            layer.stream(2, planes_of(cell)).step(x[0], side=torch.ones(2))
        return
    output, _ = layer(x, state, **side)
    changed = not torch.equal(layer(x, state, side=side["side"] + 1)[0], output)
    ensure(changed, "another side input must give another output")
    rule = r"^side must have shape \[6, 2.*\], time first. Got \[5, 2"
    with refused(ValueError, rule, "a side input of 5 steps beside an input of 6"):
        layer(x, state, side=side["side"][1:])
    if cell.needs_side_input:
        with refused(ValueError, f"^{name} needs a side input, side, for every step", "none at all"):
            layer(x, state)


CELL_CHECKS: tuple[Check[MakeCell], ...] = (
    check_is_a_frozen_value,
    check_facts_agree,
    check_shapes_are_those_declared,
    check_gradients_equal_numerical_ones,
    check_every_parameter_gets_a_gradient,
    check_step_equals_unroll,
    check_stream_equals_full_pass,
    check_chunks_equal_whole,
    check_padding_changes_nothing,
    check_ragged_batch_equals_its_rows,
    check_resets_equal_separate_sequences,
    check_both_directions_equal_rows_reversed_by_hand,
    check_saves_and_loads,
    check_without_bias_equals_a_bias_of_zero,
    check_recurrent_dropouts_touch_the_recurrent_products_alone,
    check_a_side_input_is_refused_missed_or_read,
    *INITIALISATION_CHECKS,
)


def _name(make: MakeCell) -> str:
    return make.__name__ if isinstance(make, type) else type(make(I, H)).__name__
