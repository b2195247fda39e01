"""What every registered cell promises, measured; a new file in ``cells/`` is covered unasked."""

import dataclasses
import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from agreement import agree, draw, randomise, results
from torch import Tensor
from torch.func import functional_call

from elman import registry
from elman.cells import Cell
from elman.cells.initialise import initialise
from elman.layers import Recurrent
from elman.state import State

T, I, H = 6, 3, 4
TOLERANCE = 1e-11

NAMES = registry.names("cells")
pytestmark = pytest.mark.parametrize(
    "kind", [registry.find("cells", name, Cell) for name in NAMES], ids=NAMES
)
both_directions = pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])


def build(kind: type[Cell], **options: object) -> Recurrent:
    return randomise(Recurrent(kind(I, H), dtype=torch.float64, **options))


def run_pieces(
    layer: Recurrent, x: Tensor, state: State, lengths: Tensor, resets: Tensor
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
        given, initial = tuple(s[:, row : row + 1] for s in state), layer.initial_state(1)
        cuts = [0, *(t for t in range(1, n) if resets[t, row]), n]
        pieces = []
        for begin, end in pairwise(cuts):
            starts_anew = begin > 0 or (n > 0 and bool(resets[0, row]))
            before = select(initial if starts_anew else given, initial if end < n else given)
            pieces.append(layer(x[begin:end, row : row + 1], before))
        output = torch.cat([piece for piece, _ in pieces])
        outputs.append(F.pad(output, (0, 0, 0, 0, 0, len(x) - n)))
        finals.append(select(pieces[-1][1], pieces[0][1]))
    return torch.cat(outputs, 1), tuple(torch.cat(parts, 1) for parts in zip(*finals, strict=True))


def test_declares_its_facts(kind):
    cell = kind(I, H)
    assert hash(cell) == hash(kind(I, H))
    assert cell == kind(I, H) != kind(I, H + 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cell.hidden_size = 8
    said = " ".join(kind.__doc__.split())
    for section in ("Args:", "Shapes:", "Raises:", "Source:"):
        assert section in said
    states = ", ".join(cell.states()) + "," * (len(cell.states()) == 1)
    assert f"State: ({states})" in said
    assert len(kind.gates) == 1 or f"Gate order: {', '.join(kind.gates)}" in said
    assert cell.output in cell.states()
    assert {kind.memory_gate, kind.input_gate} - {None} <= set(kind.sigmoid_gates) <= set(kind.gates)


@both_directions
def test_shapes_are_those_declared(kind, bidirectional):
    B, directions = 5, 2 if bidirectional else 1
    cell = kind(I, H)
    layer = build(kind, num_layers=2, bidirectional=bidirectional)
    for name, shape in cell.parameters().items():
        assert getattr(layer, f"{name}_l0").shape == shape
    output, final = layer(*draw(layer, T, B))
    assert output.shape == (T, B, directions * cell.states()[cell.output][-1])
    assert [s.shape for s in final] == [(2 * directions, B, *shape) for shape in cell.states().values()]
    w = {name: getattr(layer, f"{name}_l0") for name in cell.parameters()}
    one = tuple(s[0] for s in final)
    new = cell.step(w, cell.project(w, torch.randn(B, I, dtype=torch.float64)), one)
    assert [s.shape for s in new] == [(B, *shape) for shape in cell.states().values()]


@pytest.mark.parametrize("ragged", [False, True], ids=["plain", "ragged"])
def test_gradients_equal_numerical_ones(kind, ragged):
    layer = build(kind, learned_state=ragged)
    x, state = draw(layer, 3, 2)
    options = {"lengths": torch.tensor([2, 3]), "resets": torch.arange(6).view(3, 2) == 3} if ragged else {}
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def run(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
        given, weights = others[: len(state)], others[len(state) :]
        output, final = functional_call(layer, dict(zip(names, weights, strict=True)), (x, given), options)
        return output, *final

    assert torch.autograd.gradcheck(run, (x, *state, *parameters))


@both_directions
def test_every_parameter_gets_a_gradient(kind, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional, learned_state=True)
    x, _ = draw(layer, T, 2)
    found = results(layer(x), x, None, layer)
    assert {f"gradient of {name}" for name, _ in layer.named_parameters()} < found.keys()
    assert [name for name, value in found.items() if not value.any(-1).all()] == []


def test_step_equals_unroll(kind):
    layer = build(kind, num_layers=2)
    x, state = draw(layer, T, 2)

    def run_steps() -> tuple[Tensor, State]:
        outputs, now = [], state
        for row in x:
            output, now = layer.step(row, now)
            outputs.append(output)
        return torch.stack(outputs), now

    agree(results(run_steps(), x, state, layer), results(layer(x, state), x, state, layer), TOLERANCE)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_stream_equals_full_pass(kind, batch_size):
    layer = build(kind, num_layers=2, learned_state=True).eval()
    x = torch.randn(T, batch_size, I, dtype=torch.float64)
    output, final = layer(x)
    stream = layer.stream(batch_size)
    for _ in range(2):
        agree({"": torch.stack([stream.step(row) for row in x])}, {"": output}, TOLERANCE)
        agree(dict(enumerate(stream.state)), dict(enumerate(final)), TOLERANCE)
        stream.reset()
    if batch_size == 1:
        agree({"": torch.stack([stream.step(row) for row in x[:, 0]])}, {"": output[:, 0]}, TOLERANCE)
    stream.state = layer(x[:2])[1]
    agree({"": stream.step(x[2])}, {"": output[2]}, TOLERANCE)


def test_chunks_equal_whole(kind):
    layer = build(kind, num_layers=2)
    x, state = draw(layer, T, 2)
    first, now = layer(x[:2], state)
    second, now = layer(x[2:], now)
    chunks = results((torch.cat([first, second]), now), x, state, layer)
    agree(chunks, results(layer(x, state), x, state, layer), TOLERANCE)


@both_directions
def test_padding_changes_nothing(kind, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional)
    lengths = torch.tensor([3, 6, 0, 1, 5])
    x, state = draw(layer, T, 5)
    padding = torch.arange(T)[:, None] >= lengths
    resets = torch.rand(T, 5) < 0.3
    garbage = torch.where(padding[..., None], 1e3 * torch.randn_like(x), x).detach().requires_grad_()
    for with_resets in (False, True):
        clean, dirty = (resets & ~padding, resets | padding) if with_resets else (None, None)
        found = results(layer(garbage, state, lengths, dirty), garbage, state, layer)
        agree(found, results(layer(x, state, lengths, clean), x, state, layer), TOLERANCE)
        assert not found["gradient of x"][padding].any()
        assert not found["output"][padding].any()


@both_directions
@pytest.mark.parametrize("lengths", [[4], [0], [2, 0, 6, 1], [6, 3, 0, 5, 0]], ids=str)
def test_ragged_batch_equals_its_rows(kind, lengths, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional)
    x, state = draw(layer, T, len(lengths))
    lengths, resets = torch.tensor(lengths), torch.zeros(T, len(lengths), dtype=torch.bool)
    found = results(layer(x, state, lengths), x, state, layer)
    agree(found, results(run_pieces(layer, x, state, lengths, resets), x, state, layer), TOLERANCE)
    for k, given in enumerate(state):
        assert torch.equal(found[f"state {k}"][:, lengths == 0], given[:, lengths == 0])


@both_directions
@pytest.mark.parametrize("ragged", [False, True], ids=["whole", "ragged"])
@pytest.mark.parametrize("learned_state", [False, True], ids=["zero", "learned"])
def test_resets_equal_separate_sequences(kind, learned_state, ragged, bidirectional):
    layer = build(kind, num_layers=2, bidirectional=bidirectional, learned_state=learned_state)
    x, state = draw(layer, T, 5)
    resets = torch.rand(T, 5) < 0.4
    resets[:, 0], resets[:, 1] = True, False
    lengths = torch.tensor([4, 6, 0, 3, 5])
    found = results(layer(x, state, lengths if ragged else None, resets), x, state, layer)
    pieces = run_pieces(layer, x, state, lengths if ragged else torch.full((5,), T), resets)
    agree(found, results(pieces, x, state, layer), TOLERANCE)


def test_both_directions_equal_rows_reversed_by_hand(kind):
    layer = build(kind, bidirectional=True)
    weights = layer.state_dict()
    alone = [build(kind), build(kind)]
    for one, suffix in zip(alone, ("_l0", "_l0_reverse"), strict=True):
        one.load_state_dict({f"{name}_l0": weights[name + suffix] for name in one.cell.parameters()})
    x, state = draw(layer, T, 4)
    lengths = torch.tensor([3, 6, 0, 1])
    # row b, step t of the reversed batch is step lengths[b] − 1 − t; padding stays where it is
    t = torch.arange(T)[:, None].expand(T, 4)
    mirrored = torch.where(t < lengths, lengths - 1 - t, t)[..., None]

    forward, end = alone[0](x, tuple(s[:1] for s in state), lengths)
    backward, start = alone[1](x.gather(0, mirrored.expand_as(x)), tuple(s[1:] for s in state), lengths)
    backward = backward.gather(0, mirrored.expand_as(backward))
    output, final = layer(x, state, lengths)
    agree({"": output}, {"": torch.cat([forward, backward], -1)}, TOLERANCE)
    for both, f, b in zip(final, end, start, strict=True):
        agree({"": both}, {"": torch.cat([f, b])}, TOLERANCE)


@both_directions
def test_saves_and_loads(kind, bidirectional, tmp_path):
    options = {"num_layers": 2, "bidirectional": bidirectional, "learned_state": True}
    saved, loaded = build(kind, **options), build(kind, **options)
    x = torch.randn(T, 2, I, dtype=torch.float64)
    assert not torch.equal(loaded(x)[0], saved(x)[0])
    torch.save(saved.state_dict(), tmp_path / "weights.pt")
    assert loaded.load_state_dict(torch.load(tmp_path / "weights.pt")) == ([], [])
    assert torch.equal(loaded(x)[0], saved(x)[0])


def test_without_bias_equals_a_bias_of_zero(kind):
    without, layer = randomise(Recurrent(kind(I, H, bias=False), dtype=torch.float64)), build(kind)
    shared = without.state_dict()
    removed = layer.state_dict().keys() - shared.keys()
    assert {"bias_ih_l0", "bias_hh_l0"} <= removed
    assert all(name.startswith("bias") for name in removed)
    layer.load_state_dict(shared | {name: torch.zeros_like(getattr(layer, name)) for name in removed})
    x, state = draw(layer, T, 2)
    wanted = results(layer(x, state), x, state, layer)
    found = results(without(x, state), x, state, without)
    agree(found, {name: wanted[name] for name in found}, TOLERANCE)


@pytest.mark.parametrize("option", ["recurrent_dropout", "weight_dropout"])
def test_recurrent_dropouts_touch_the_recurrent_product_alone(kind, option):
    layer, without = build(kind, **{option: 1.0}), build(kind)
    without.load_state_dict(layer.state_dict() | {"weight_hh_l0": torch.zeros_like(layer.weight_hh_l0)})
    x, state = draw(layer, T, 2)
    agree({"": layer(x, state)[0]}, {"": without(x, state)[0]}, TOLERANCE)


# initialisations, as elman.cells.initialise describes them


def initial(kind: type[Cell], init: str, bias: bool = True) -> tuple[Cell, dict[str, Tensor]]:
    """A cell of 24 features and 32 units and its parameters, drawn from the same seed every time."""
    torch.manual_seed(1)
    cell = kind(24, 32, bias)
    w = {name: torch.full(shape, math.nan) for name, shape in cell.parameters().items()}
    initialise(cell, w, init)
    assert all(value.isfinite().all() for value in w.values())
    return cell, w


def biases(cell: Cell, w: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Both biases of each gate."""
    chunks = (w[name].chunk(len(cell.gates)) for name in ("bias_ih", "bias_hh"))
    return dict(zip(cell.gates, zip(*chunks, strict=True), strict=True))


def test_init_torch_is_uniform(kind):
    _, w = initial(kind, "torch")
    bound = 1 / math.sqrt(32)
    gains = [name for name in w if name.startswith("gain")]
    for name in w.keys() - gains:
        if gains and name.startswith("bias"):
            assert not w[name].any(), "a normalisation starts with gains of 1 and shifts of 0"
        else:
            assert 0.9 * bound < w[name].abs().max() <= bound
            assert abs(w[name].std() - bound / math.sqrt(3)) < 0.15 * bound
    assert all(torch.equal(w[name], torch.ones_like(w[name])) for name in gains)


def test_init_orthogonal(kind):
    cell, w = initial(kind, "orthogonal")
    glorot = math.sqrt(6 / (24 + 32))
    for recurrent, entering in zip(w["weight_hh"].split(32), w["weight_ih"].split(32), strict=True):
        torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(cell.output_size), atol=1e-5, rtol=0)
        assert 0.98 * glorot < entering.abs().max() <= glorot
    assert not w["bias_ih"].any()
    assert not w["bias_hh"].any()


def test_init_identity(kind):
    cell, w = initial(kind, "identity")
    for block in w["weight_hh"].split(32):
        assert torch.equal(block, torch.eye(32, cell.output_size))
    assert abs(w["weight_ih"].std() - 0.001) < 1e-4
    assert not w["bias_ih"].any()
    assert not w["bias_hh"].any()


def test_init_advised_is_the_one_named(kind):
    agree(initial(kind, "advised")[1], initial(kind, kind.advised_init)[1], 0)


def test_init_uniform_draws_everything_within_its_bound(kind):
    _, w = initial(kind, "uniform:0.25")
    assert all(0 < parameter.abs().max() <= 0.25 for parameter in w.values())
    assert w["weight_hh"].max() > 0.24
    assert w["weight_hh"].min() < -0.24


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
    kept, other = gates[kind.memory_gate]
    assert not other.any()
    changed = {kind.memory_gate}
    if init == "forget-bias":
        assert torch.equal(kept, torch.ones(32))
    else:
        assert 0 <= kept.min() < math.log(60)
        assert math.log(140) < kept.max() <= math.log(199)
        if kind.input_gate:
            changed.add(kind.input_gate)
            assert torch.equal(gates[kind.input_gate][0], -kept)
            assert not gates[kind.input_gate][1].any()
    for gate, untouched in biases(cell, plain).items():
        assert gate in changed or all(map(torch.equal, gates[gate], untouched)), gate
    for name in w.keys() - {"bias_ih", "bias_hh"}:
        assert torch.equal(w[name], plain[name]), name


def test_gate_that_keeps_the_state_keeps_it(kind):
    cell, w = initial(kind, "torch")
    for gate, value in {kind.memory_gate: 100.0, kind.input_gate: -100.0}.items():
        if gate:
            biases(cell, w)[gate][0].fill_(value)
    state = tuple(torch.randn(2, *shape) for shape in cell.states().values())
    new = cell.step(w, cell.project(w, torch.randn(2, 24)), state)
    # where a cell has a memory, it is its last state
    assert torch.allclose(new[-1], state[-1], atol=1e-5) == (kind.memory_gate is not None)


def test_a_gate_stands_as_open_as_its_bias_says(kind):
    cell, w = initial(kind, "torch")
    state = tuple(torch.randn(2, *shape) for shape in cell.states().values())
    x = torch.randn(2, 24)
    for gate in cell.sigmoid_gates:
        before = biases(cell, w)[gate][0].clone()
        for bias, level in ((100.0, 1.0), (-100.0, 0.0)):
            biases(cell, w)[gate][0].fill_(bias)
            assert torch.equal(
                cell.gate_values(w, cell.project(w, x), state)[gate], torch.full((2, 32), level)
            )
        biases(cell, w)[gate][0].copy_(before)
