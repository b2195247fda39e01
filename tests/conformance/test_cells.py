"""What every cell promises, measured by its facts; a new file in ``cells/`` is covered unasked.

The cells of ``own_cells`` run beside the registered ones: no recurrent product or two, planes, a matrix as
state, a side input, an output that is no state.
"""

import dataclasses
import math
from itertools import pairwise

import own_cells
import pytest
import torch
from agreement import agree, draw, draw_side, planes_of, randomise, results
from torch import Tensor
from torch.func import functional_call

from elman import registry
from elman.cells import Cell
from elman.cells.initialise import initialise
from elman.layers import Recurrent
from elman.state import State

T, I, H = 6, 3, 4
TOLERANCE = 1e-11

KINDS = [*(registry.find("cells", name, Cell) for name in registry.names("cells")), *own_cells.CELLS]
pytestmark = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
both_directions = pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])


def build(kind: type[Cell], **options: object) -> Recurrent:
    return randomise(Recurrent(kind(I, H), dtype=torch.float64, **options))


def draw_all(layer: Recurrent, B: int, steps: int = T) -> tuple[Tensor, State, dict[str, Tensor]]:
    """A random input and state, and the side input, if the cell takes one, as the keyword that takes it."""
    return *draw(layer, steps, B), draw_side(layer.cell, steps, B)


def part(side: dict[str, Tensor], *index: object) -> dict[str, Tensor]:
    """Some steps and rows of a side input."""
    return {name: value[index] for name, value in side.items()}


def behind(values: Tensor, like: Tensor) -> Tensor:
    """[T, B] with as many further axes as ``like`` has."""
    return values.view(*values.shape, *(1,) * (like.dim() - values.dim()))


def run_pieces(
    layer: Recurrent, x: Tensor, state: State, lengths: Tensor, resets: Tensor, side: dict[str, Tensor]
) -> tuple[Tensor, State]:
    """Each row alone, and each of its pieces between two resets alone, through the whole stack."""
    directions = 2 if layer.bidirectional else 1

    def select(forward: State, backward: State) -> State:
        """One state for the layers that read forward, the other for those that read in reverse."""
        rows = range(len(forward[0]))
        return tuple(
            torch.stack([(b if k % directions else f)[k] for k in rows])
            for f, b in zip(forward, backward, strict=True)
        )

    outputs, finals = [], []
    for row, n in enumerate(lengths.tolist()):
        given = tuple(s[:, row : row + 1] for s in state)
        initial = layer.initial_state(1, planes_of(layer.cell))
        cuts = [0, *(t for t in range(1, n) if resets[t, row]), n]
        pieces = []
        for begin, end in pairwise(cuts):
            starts_anew = begin > 0 or (n > 0 and bool(resets[0, row]))
            before = select(initial if starts_anew else given, initial if end < n else given)
            at = slice(begin, end), slice(row, row + 1)
            pieces.append(layer(x[at], before, **part(side, *at)))
        output = torch.cat([piece for piece, _ in pieces])
        outputs.append(torch.cat([output, output.new_zeros(len(x) - n, *output.shape[1:])]))
        finals.append(select(pieces[-1][1], pieces[0][1]))
    return torch.cat(outputs, 1), tuple(torch.cat(parts, 1) for parts in zip(*finals, strict=True))


def test_declares_its_facts(kind):
    cell = kind(I, H)
    assert hash(cell) == hash(kind(I, H))
    assert cell == kind(I, H) != kind(I, H + 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cell.hidden_size = 8
    cell.check()
    said = " ".join(kind.__doc__.split())
    for section in ("Args:", "Shapes:", "Raises:", "Source:"):
        assert section in said
    states = ", ".join(cell.states()) + "," * (len(cell.states()) == 1)
    assert f"State: ({states})" in said
    assert len(kind.gates) == 1 or f"Gate order: {', '.join(kind.gates)}" in said
    assert {kind.memory_gate, kind.input_gate} - {None} <= set(kind.sigmoid_gates) <= set(kind.gates)
    assert (cell.side_input() is not None) == ("Side input:" in said)
    assert not (kind.needs_side_input and cell.side_input() is None)


@both_directions
def test_shapes_are_those_declared(kind, bidirectional):
    B, directions = 5, 2 if bidirectional else 1
    cell, planes = kind(I, H), planes_of(kind)
    layer = build(kind, num_layers=2, bidirectional=bidirectional)
    for name, shape in cell.parameters().items():
        assert getattr(layer, f"{name}_l0").shape == shape
    x, state, side = draw_all(layer, B)
    output, final = layer(x, state, **side)
    features, *rest = cell.output_shape(*planes)
    assert output.shape == (T, B, directions * features, *rest)
    shapes = cell.state_shapes(*planes)
    assert list(shapes) == list(cell.states())
    assert [s.shape for s in final] == [(2 * directions, B, *shape) for shape in shapes.values()]
    w = {name: getattr(layer, f"{name}_l0") for name in cell.parameters()}
    projected = cell.project(w, x[0])
    new = cell.step(w, projected, tuple(s[0] for s in final), **part(side, 0))
    assert [s.shape for s in new] == [(B, *shape) for shape in shapes.values()]
    assert cell.read(w, new, projected).shape == (B, *cell.output_shape(*planes))


@pytest.mark.parametrize("ragged", [False, True], ids=["plain", "ragged"])
def test_gradients_equal_numerical_ones(kind, ragged):
    layer = build(kind, learned_state=ragged)
    x, state, side = draw_all(layer, 2, 3)
    options = {"lengths": torch.tensor([2, 3]), "resets": torch.arange(6).view(3, 2) == 3} if ragged else {}
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def run(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        given, more = others[: len(state)], iter(others[len(state) :])
        weights = dict(zip(names, more, strict=False))
        keywords = options | dict(zip(side, more, strict=True))
        output, final = functional_call(layer, weights, (x, given), keywords)
        return output, *final

    assert torch.autograd.gradcheck(run, (x, *state, *parameters, *side.values()))


@both_directions
def test_every_parameter_gets_a_gradient(kind, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional, learned_state=True)
    x, _, side = draw_all(layer, 2)
    found = results(layer(x, **side), x, None, layer, **side)
    assert {f"gradient of {name}" for name, _ in layer.named_parameters()} < found.keys()
    assert [name for name, value in found.items() if not value.any(-1).all()] == []


def test_step_equals_unroll(kind):
    layer = build(kind, num_layers=2)
    x, state, side = draw_all(layer, 2)

    def run_steps() -> tuple[Tensor, State]:
        outputs, now = [], state
        for t, row in enumerate(x):
            output, now = layer.step(row, now, **part(side, t))
            outputs.append(output)
        return torch.stack(outputs), now

    wanted = results(layer(x, state, **side), x, state, layer, **side)
    agree(results(run_steps(), x, state, layer, **side), wanted, TOLERANCE)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_stream_equals_full_pass(kind, batch_size):
    layer = build(kind, num_layers=2, learned_state=True).eval()
    x, _, side = draw_all(layer, batch_size)
    output, final = layer(x, **side)
    stream = layer.stream(batch_size, planes_of(kind))

    def steps(*row: int) -> dict[str, Tensor]:
        return {"": torch.stack([stream.step(x[t, *row], **part(side, t, *row)) for t in range(T)])}

    for _ in range(2):
        agree(steps(), {"": output}, TOLERANCE)
        agree(dict(enumerate(stream.state)), dict(enumerate(final)), TOLERANCE)
        stream.reset()
    if batch_size == 1:
        agree(steps(0), {"": output[:, 0]}, TOLERANCE)
    stream.state = layer(x[:2], **part(side, slice(2)))[1]
    agree({"": stream.step(x[2], **part(side, 2))}, {"": output[2]}, TOLERANCE)


def test_chunks_equal_whole(kind):
    layer = build(kind, num_layers=2)
    x, state, side = draw_all(layer, 2)
    first, now = layer(x[:2], state, **part(side, slice(2)))
    second, now = layer(x[2:], now, **part(side, slice(2, None)))
    chunks = results((torch.cat([first, second]), now), x, state, layer, **side)
    agree(chunks, results(layer(x, state, **side), x, state, layer, **side), TOLERANCE)


@both_directions
def test_padding_changes_nothing(kind, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional)
    lengths = torch.tensor([3, 6, 0, 1, 5])
    x, state, side = draw_all(layer, 5)
    padding = torch.arange(T)[:, None] >= lengths
    resets = torch.rand(T, 5) < 0.3

    def with_garbage(values: Tensor) -> Tensor:
        garbage = 1e3 * torch.rand_like(values)
        return torch.where(behind(padding, values), garbage, values).detach().requires_grad_()

    other, others = with_garbage(x), {name: with_garbage(value) for name, value in side.items()}
    for with_resets in (False, True):
        clean, dirty = (resets & ~padding, resets | padding) if with_resets else (None, None)
        found = results(layer(other, state, lengths, dirty, **others), other, state, layer, **others)
        agree(found, results(layer(x, state, lengths, clean, **side), x, state, layer, **side), TOLERANCE)
        for name in ("output", "gradient of x", *(f"gradient of {name}" for name in side)):
            assert not found[name][padding].any()


@both_directions
@pytest.mark.parametrize("lengths", [[4], [0], [2, 0, 6, 1], [6, 3, 0, 5, 0]], ids=str)
def test_ragged_batch_equals_its_rows(kind, lengths, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional)
    x, state, side = draw_all(layer, len(lengths))
    lengths, resets = torch.tensor(lengths), torch.zeros(T, len(lengths), dtype=torch.bool)
    found = results(layer(x, state, lengths, **side), x, state, layer, **side)
    pieces = run_pieces(layer, x, state, lengths, resets, side)
    agree(found, results(pieces, x, state, layer, **side), TOLERANCE)
    for k, given in enumerate(state):
        assert torch.equal(found[f"state {k}"][:, lengths == 0], given[:, lengths == 0])


@both_directions
@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
@pytest.mark.parametrize("learned_state", [False, True], ids=["zero", "learned"])
def test_resets_equal_separate_sequences(kind, learned_state, ragged, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional, learned_state=learned_state)
    x, state, side = draw_all(layer, 5)
    resets = torch.rand(T, 5) < 0.4
    resets[:, 0], resets[:, 1] = True, False
    lengths = torch.tensor([4, 6, 0, 3, 5])
    run = layer(x, state, lengths if ragged else None, resets, **side)
    found = results(run, x, state, layer, **side)
    pieces = run_pieces(layer, x, state, lengths if ragged else torch.full((5,), T), resets, side)
    agree(found, results(pieces, x, state, layer, **side), TOLERANCE)


def test_both_directions_equal_rows_reversed_by_hand(kind):
    layer = build(kind, bidirectional=True)
    weights = layer.state_dict()
    alone = [build(kind), build(kind)]
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
    agree({"": output}, {"": torch.cat([forward, mirror(backward)], 2)}, TOLERANCE)
    for both, f, b in zip(final, end, start, strict=True):
        agree({"": both}, {"": torch.cat([f, b])}, TOLERANCE)


@both_directions
def test_saves_and_loads(kind, bidirectional, tmp_path):
    options = {"num_layers": 2, "bidirectional": bidirectional, "learned_state": True}
    saved, loaded = build(kind, **options), build(kind, **options)
    x, _, side = draw_all(saved, 2)
    assert not torch.equal(loaded(x, **side)[0], saved(x, **side)[0])
    torch.save(saved.state_dict(), tmp_path / "weights.pt")
    assert loaded.load_state_dict(torch.load(tmp_path / "weights.pt")) == ([], [])
    assert torch.equal(loaded(x, **side)[0], saved(x, **side)[0])


def test_without_bias_equals_a_bias_of_zero(kind):
    without, layer = randomise(Recurrent(kind(I, H, bias=False), dtype=torch.float64)), build(kind)
    shared = without.state_dict()
    removed = layer.state_dict().keys() - shared.keys()
    assert {f"{name}_l0" for name in kind.gate_biases} <= removed
    layer.load_state_dict(shared | {name: torch.zeros_like(getattr(layer, name)) for name in removed})
    x, state, side = draw_all(layer, 2)
    wanted = results(layer(x, state, **side), x, state, layer, **side)
    found = results(without(x, state, **side), x, state, without, **side)
    agree(found, {name: wanted[name] for name in found}, TOLERANCE)


@pytest.mark.parametrize("option", ["recurrent_dropout", "weight_dropout"])
def test_recurrent_dropouts_touch_the_recurrent_products_alone(kind, option):
    if not kind.recurrent_weights:
        with pytest.raises(ValueError, match=f"^{option} needs a cell with recurrent_weights"):
            build(kind, **{option: 1.0})
        return
    layer, without = build(kind, **{option: 1.0}), build(kind)
    zero = {f"{name}_l0": torch.zeros_like(getattr(layer, f"{name}_l0")) for name in kind.recurrent_weights}
    without.load_state_dict(layer.state_dict() | zero)
    x, state, side = draw_all(layer, 2)
    agree({"": layer(x, state, **side)[0]}, {"": without(x, state, **side)[0]}, TOLERANCE)


def test_a_side_input_is_refused_missed_or_read(kind):
    layer = build(kind)
    x, state, side = draw_all(layer, 2)
    shape = kind(I, H).side_input()
    if shape is None:
        with pytest.raises(ValueError, match=f"^{kind.__name__} takes no side input. Got side of shape"):
            layer(x, state, side=torch.ones(T, 2))
        with pytest.raises(ValueError, match=f"^{kind.__name__} takes no side input"):
            layer.stream(2, planes_of(kind)).step(x[0], side=torch.ones(2))
        return
    output, _ = layer(x, state, **side)
    assert not torch.equal(layer(x, state, side=side["side"] + 1)[0], output)
    with pytest.raises(ValueError, match=r"^side must have shape \[6, 2.*\], time first. Got \[5, 2"):
        layer(x, state, side=side["side"][1:])
    if kind.needs_side_input:
        with pytest.raises(ValueError, match=f"^{kind.__name__} needs a side input, side, for every step"):
            layer(x, state)


# initialisations, as elman.cells.initialise describes them


def initial(kind: type[Cell], init: str, bias: bool = True) -> tuple[Cell, dict[str, Tensor]]:
    """A cell of 24 features and 32 units and its parameters, drawn from the same seed every time."""
    torch.manual_seed(1)
    cell = kind(24, 32, bias)
    w = {name: torch.full(shape, math.nan) for name, shape in cell.parameters().items()}
    initialise(cell, w, init)
    assert all(value.isfinite().all() for value in w.values())
    return cell, w


def biases(cell: Cell, w: dict[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
    """The biases of each gate, which add up."""
    chunks = (w[name].chunk(len(cell.gates)) for name in cell.gate_biases)
    return dict(zip(cell.gates, zip(*chunks, strict=True), strict=True))


def random_step(cell: Cell, w: dict[str, Tensor]) -> tuple[Tensor, State, dict[str, Tensor]]:
    """A random step's projected input and state, and a side input of 0, if the cell takes one."""
    planes, shape = planes_of(cell), cell.side_input()
    state = tuple(torch.randn(2, *shape) for shape in cell.state_shapes(*planes).values())
    side = {} if shape is None else {"side": torch.zeros(2, *shape)}
    return cell.project(w, torch.randn(2, 24, *planes)), state, side


def test_init_torch_is_uniform(kind):
    _, w = initial(kind, "torch")
    bound = 1 / math.sqrt(32)
    uniform = {name: value for name, value in w.items() if value.unique().numel() > 1}
    for name, value in uniform.items():
        assert 0.9 * bound < value.abs().max() <= bound, name
        assert abs(value.std() - bound / math.sqrt(3)) < 0.15 * bound, name
    constant = {name: value.unique().item() for name, value in w.items() if name not in uniform}
    # a normalisation starts with gains of 1 and shifts of 0
    assert set(constant.values()) <= {0.0, 1.0}
    assert bool(constant) == (kind.initialise is not Cell.initialise)


def test_init_orthogonal(kind):
    cell, w = initial(kind, "orthogonal")
    for name in cell.recurrent_weights:
        for block in w[name].split(32):
            rows = block.flatten(1)
            rows = rows.T if len(rows) > rows.shape[1] else rows
            torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
    for name in cell.input_weights:
        glorot = math.sqrt(6 / ((24 + 32) * w[name][0, 0].numel()))
        for block in w[name].split(32):
            assert 0.98 * glorot < block.abs().max() <= glorot
    assert not any(w[name].any() for name in cell.gate_biases)


def test_init_identity(kind):
    cell, w = initial(kind, "identity")
    for name in cell.recurrent_weights:
        for block in w[name].split(32):
            middle = tuple(size // 2 for size in block.shape[2:])
            assert torch.equal(block[:, :, *middle], torch.eye(*block.shape[:2]))
            assert block.count_nonzero() == min(block.shape[:2])
    for name in cell.input_weights:
        assert abs(w[name].std() - 0.001) < 1e-4
    assert not any(w[name].any() for name in cell.gate_biases)


def test_init_advised_is_the_one_named(kind):
    agree(initial(kind, "advised")[1], initial(kind, kind.advised_init)[1], 0)


def test_init_uniform_draws_everything_within_its_bound(kind):
    cell, w = initial(kind, "uniform:0.25")
    assert all(0 < parameter.abs().max() <= 0.25 for parameter in w.values())
    for name in (*cell.input_weights, *cell.recurrent_weights):
        assert w[name].max() > 0.24
        assert w[name].min() < -0.24


@pytest.mark.parametrize("init", ["forget-bias", "chrono:200"])
def test_init_of_the_gate_that_keeps_the_state(kind, init):
    refused = pytest.raises(ValueError, match=f"^initialisation '{init}' needs a gate that keeps the state")
    with refused:
        initial(kind, init, bias=False)
    if kind.memory_gate is None:
        with refused:
            initial(kind, init)
        return
    cell, w = initial(kind, init)
    gates, plain = biases(cell, w), initial(kind, "torch")[1]
    kept, *others = gates[kind.memory_gate]
    kept = kept if kind.keeps_at else -kept
    assert not any(other.any() for other in others)
    changed = {kind.memory_gate}
    if init == "forget-bias":
        assert torch.equal(kept, torch.ones(32))
    else:
        assert 0 <= kept.min() < math.log(60)
        assert math.log(140) < kept.max() <= math.log(199)
        if kind.input_gate:
            changed.add(kind.input_gate)
            first, *others = gates[kind.input_gate]
            assert torch.equal(first, -kept)
            assert not any(other.any() for other in others)
    for gate, untouched in biases(cell, plain).items():
        assert gate in changed or all(map(torch.equal, gates[gate], untouched)), gate
    for name in w.keys() - set(cell.gate_biases):
        assert torch.equal(w[name], plain[name]), name


def test_gate_that_keeps_the_state_keeps_it(kind):
    cell, w = initial(kind, "torch")
    for gate, value in {
        kind.memory_gate: 100.0 if kind.keeps_at else -100.0,
        kind.input_gate: -100.0,
    }.items():
        if gate:
            biases(cell, w)[gate][0].fill_(value)
    projected, state, side = random_step(cell, w)
    new = cell.step(w, projected, state, **side)
    # where a cell has a memory, it is its last state
    assert torch.allclose(new[-1], state[-1], atol=1e-5) == (kind.memory_gate is not None)


def test_a_gate_stands_as_open_as_its_bias_says(kind):
    cell, w = initial(kind, "torch")
    _, state, side = random_step(cell, w)
    x = torch.randn(2, 24, *planes_of(cell))
    for gate in cell.sigmoid_gates:
        before = biases(cell, w)[gate][0].clone()
        for bias, level in ((100.0, 1.0), (-100.0, 0.0)):
            biases(cell, w)[gate][0].fill_(bias)
            values = cell.gate_values(w, cell.project(w, x), state, **side)[gate]
            assert torch.equal(values, torch.full((2, 32, *planes_of(cell)), level))
        biases(cell, w)[gate][0].copy_(before)
