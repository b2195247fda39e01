"""What the layer adds to torch's: dropouts, zoneout, residuals, learned states, lengths, resets."""

import copy
import pickle

import pytest
import torch
from agreement import agree, draw, randomise, results
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman import layers, registry
from elman.cells import GRU, LSTM, Cell, Elman
from elman.kernels import dispatch
from elman.layers import Recurrent

T, B, I, H = 5, 3, 4, 6
TOLERANCE = 1e-11

every_cell = pytest.mark.parametrize(
    "cell", [registry.find("cells", name, Cell)(I, H) for name in registry.names("cells")], ids=repr
)


def build(cell: Cell, num_layers: int = 1, **options: object) -> Recurrent:
    return randomise(Recurrent(cell, num_layers, dtype=torch.float64, **options))


# what drops out, read off a network whose output is its masks


def relu_network(entering: float, recurrent: float, size: int = 40, **options: object) -> Recurrent:
    """h' = relu(entering · x + recurrent · h), unit by unit."""
    layer = Recurrent(Elman(size, size, False, "relu"), dtype=torch.float64, **options)
    for name, parameter in layer.named_parameters():
        nn.init.eye_(parameter).data.mul_(entering if "_ih_" in name else recurrent)
    return layer


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


def assert_mask(mask: Tensor, keep: float) -> None:
    """1 / keep with probability ``keep``, otherwise 0, and no two rows alike."""
    kept = mask != 0
    torch.testing.assert_close(mask[kept], torch.full_like(mask[kept], 1 / keep))
    assert_rate(kept, keep)
    assert len(mask.unique(dim=0)) == len(mask)


def assert_rate(happened: Tensor, p: float) -> None:
    assert abs(happened.double().mean() - p) < 4 * (p * (1 - p) / happened.numel()) ** 0.5


@pytest.mark.parametrize("num_layers", [1, 2])
def test_input_dropout_has_one_mask_for_all_steps(num_layers):
    layer = relu_network(1, 0, num_layers=num_layers, input_dropout=0.2)
    output, other = (layer(ones(T, 30, 40))[0] for _ in range(2))
    assert torch.equal(output, output[:1].expand_as(output))
    assert_mask(output[0], 0.8**num_layers)
    assert not torch.equal(output, other)


def test_recurrent_dropout_has_one_mask_for_all_steps():
    layer = relu_network(0, 1, num_layers=2, bidirectional=True, recurrent_dropout=0.5)
    output, (final,) = layer(0 * ones(T, 30, 40), (ones(4, 30, 40),))
    masks = final / 2 ** (T - 1)
    assert_mask(masks.flatten(0, 1), 0.5)
    powers = torch.stack([masks[2:] ** (t + 1) for t in range(T)])
    assert torch.equal(output, torch.cat([powers[:, 0], powers[:, 1].flip(0)], -1))


def test_weight_dropout_has_one_mask_for_a_call():
    layer = relu_network(0, 0, weight_dropout=0.3)
    nn.init.ones_(layer.weight_hh_l0)
    x, state = ones(2, 40, 40), (torch.eye(40, dtype=torch.float64)[None],)
    output = layer(x, state)[0]
    mask = output[0].T
    assert_mask(mask, 0.7)
    torch.testing.assert_close(output[1], output[0] @ mask.T)
    output[0].sum().backward()
    assert torch.equal(layer.weight_hh_l0.grad, mask)
    assert torch.equal(layer.weight_hh_l0, torch.ones(40, 40, dtype=torch.float64))
    assert not torch.equal(layer(x, state)[0], output)


def test_zoneout_draws_for_every_step_and_unit():
    layer = relu_network(1, 0, zoneout=0.3)
    x = torch.arange(1.0, 4.0, dtype=torch.float64)[:, None, None].expand(3, 30, 40)
    output = layer(x)[0]
    before = torch.cat([torch.zeros_like(output[:1]), output[:-1]])
    kept = output == before
    assert torch.equal(output, torch.where(kept, before, x))
    assert_rate(kept, 0.3)
    assert_rate(kept[0] & kept[1], 0.3**2)


@every_cell
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_zoneout_of_one_keeps_the_state(cell, training):
    layer = build(cell, zoneout={next(iter(cell.states())): 1.0}).train(training)
    x, (h, *others) = draw(layer, T, B)
    output, (new_h, *new_others) = layer(x, (h, *others))
    assert torch.equal(new_h, h)
    if cell.outputs_state:
        assert torch.equal(output, h.expand_as(output))
    assert not any(torch.equal(new, old) for new, old in zip(new_others, others, strict=True))


@every_cell
def test_zoneout_in_evaluation_is_its_expectation(cell):
    rates = dict(zip(cell.states(), (0.3, 0.6, 0.1, 0.2), strict=False))
    layer = build(cell, zoneout=rates).eval()
    x, state = draw(layer, T, B)
    w = {name: getattr(layer, f"{name}_l0") for name in cell.parameters()}
    now = tuple(s[0] for s in state)
    for row in x:
        new = cell.step(w, cell.project(w, row), now)
        now = tuple((1 - p) * n + p * o for p, n, o in zip(rates.values(), new, now, strict=True))
    final = dict(enumerate(s[0] for s in layer(x, state)[1]))
    agree(final, dict(enumerate(now)), TOLERANCE)


@every_cell
def test_dropouts_are_off_in_evaluation(cell):
    plain = build(cell, 2)
    x, state = draw(plain, T, B)
    wanted = plain(x, state)[0]
    of_the_state = ("recurrent_dropout", "weight_dropout") if cell.recurrent_weights else ()
    for name in ("dropout", "input_dropout", *of_the_state):
        layer = Recurrent(cell, 2, dtype=torch.float64, **{name: 0.5})
        layer.load_state_dict(plain.state_dict())
        assert not torch.allclose(layer(x, state)[0], wanted), name
        agree({name: layer.eval()(x, state)[0]}, {name: wanted}, TOLERANCE)


def test_step_draws_its_own_masks():
    layer = relu_network(1, 0, input_dropout=0.5)
    x = ones(30, 40)
    first, second = (layer.step(x)[0] for _ in range(2))
    assert_mask(first, 0.5)
    assert not torch.equal(first, second)
    assert torch.equal(layer.eval().step(x)[0], x)


# residual connections, learned states, lengths, resets


@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_residual_adds_a_layers_input(bidirectional):
    options = {"bidirectional": bidirectional, "dtype": torch.float64}
    layer = randomise(Recurrent(LSTM(I, H), 3, residual=True, **options))
    x, _ = draw(layer, T, B)
    lengths = torch.tensor([2, 5, 0])
    wanted = x
    for k, cell in enumerate(layer.cells):
        alone = Recurrent(cell, **options)
        alone.load_state_dict(
            {name.replace(f"_l{k}", "_l0"): w for name, w in layer.state_dict().items() if f"_l{k}" in name}
        )
        output = alone(wanted, lengths=lengths)[0]
        wanted = output if k == 0 else wanted + output
    agree({"": layer(x, lengths=lengths)[0]}, {"": wanted}, TOLERANCE)


def test_learned_state_is_used_where_none_is_given():
    layer = build(LSTM(I, H), 2, learned_state=True)
    x, given = draw(layer, T, B)
    learned = tuple(s[:, None].expand(-1, B, -1) for s in (layer.initial_h, layer.initial_c))
    found = results(layer(x), x, None, layer)
    agree(found, results(layer(x, learned), x, None, layer), TOLERANCE)
    assert found["gradient of initial_h"].all()
    assert found["gradient of initial_c"].all()
    assert not results(layer(x, given), x, None, layer)["gradient of initial_h"].any()
    layer.reset_parameters()
    assert not layer.initial_h.any()
    assert not layer.initial_c.any()


@pytest.mark.parametrize(("name", "cell"), [("RNN", Elman), ("LSTM", LSTM), ("GRU", GRU)])
@pytest.mark.parametrize("batch_first", [False, True], ids=["time-first", "batch-first"])
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_drop_ins_take_lengths_and_resets(packed, batch_first, name, cell):
    options = {"num_layers": 2, "bidirectional": True, "dtype": torch.float64}
    plain = randomise(Recurrent(cell(I, H), **options))
    drop_in = getattr(layers, name)(I, H, batch_first=batch_first, **options)
    drop_in.load_state_dict(plain.state_dict())
    x, state = draw(plain, T, B)
    hx = state if name == "LSTM" else state[0]
    lengths, resets = torch.tensor([4, 1, 5]), torch.rand(T, B) < 0.4

    def turn(value: Tensor) -> Tensor:
        return value.transpose(0, 1) if batch_first else value

    if packed:
        entering = pack_padded_sequence(turn(x), lengths, batch_first, enforce_sorted=False)
        leaving, final = drop_in(entering, hx, resets=turn(resets))
        output = pad_packed_sequence(leaving)[0]
    else:
        output, final = drop_in(turn(x), hx, lengths.int(), turn(resets))
        output = turn(output)
    wanted = results(plain(x, state, lengths, resets), x, state, plain)
    agree(results((output, final), x, hx, drop_in), wanted, TOLERANCE)


def test_unbatched_input_takes_resets():
    layer = build(GRU(I, H), 2, bidirectional=True)
    x, state = draw(layer, T, 1)
    resets = torch.tensor([False, True, False, False, True])
    output, final = layer(x[:, 0], (state[0][:, 0],), resets=resets)
    wanted = layer(x, state, resets=resets[:, None])
    agree({"": output, "h": final[0]}, {"": wanted[0][:, 0], "h": wanted[1][0][:, 0]}, TOLERANCE)


# edges


@every_cell
@pytest.mark.parametrize(("steps", "rows"), [(0, 0), (0, 2), (3, 0)])
def test_no_steps_or_no_rows(cell, steps, rows):
    layer = build(cell, 2, bidirectional=True)
    x, state = draw(layer, steps, rows)
    lengths, resets = torch.zeros(rows, dtype=torch.int64), torch.ones(steps, rows, dtype=torch.bool)
    for options in ({}, {"lengths": lengths}, {"resets": resets}, {"lengths": lengths, "resets": resets}):
        found = results(layer(x, state, **options), x, state, layer)
        assert found["output"].shape[:3] == (steps, rows, 2 * cell.output_size)
        agree({k: found[f"state {k}"] for k in range(len(state))}, dict(enumerate(state)), 0)
        assert not any(found[f"gradient of {name}"].any() for name, _ in layer.named_parameters())


@pytest.mark.parametrize("backend", [name for name in dispatch.BACKENDS if name != "planes"])
@pytest.mark.parametrize("lengths", [None, [2, 0, 5]], ids=["whole", "ragged"])
def test_nothing_is_left_uninitialised(lengths, backend):
    assert torch.empty(3).isnan().all(), "conftest poisons what nobody has written"
    layer = layers.LSTM(I, H, 2, bidirectional=True, backend=backend)
    x, state = draw(layer, T, B)
    found = results(layer(x, state, lengths and torch.tensor(lengths)), x, state, layer)
    assert [name for name, value in found.items() if not value.isfinite().all()] == []


def by_pickle(layer: Recurrent) -> Recurrent:
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, by_pickle])
def test_copies_stand_alone(duplicate):
    layer = build(LSTM(I, H), 2, zoneout={"c": 0.5}, learned_state=True)
    twin = duplicate(layer).eval()
    x, _ = draw(layer, T, B)
    wanted = layer.eval()(x)[0]
    assert torch.equal(twin(x)[0], wanted)
    nn.init.zeros_(twin.weight_ih_l0)
    assert torch.equal(layer(x)[0], wanted)


def test_repr_shows_what_is_not_at_its_default():
    assert repr(layers.GRU(4, 6)) == "GRU(GRU(input_size=4, hidden_size=6, bias=True))"
    layer = Recurrent(LSTM(4, 6), 2, zoneout={"c": 0.5}, residual=True, init="orthogonal")
    assert repr(layer) == (
        "Recurrent(LSTM(input_size=4, hidden_size=6, bias=True), num_layers=2, "
        "zoneout={'h': 0.0, 'c': 0.5}, residual=True, init='orthogonal')"
    )


@pytest.mark.parametrize("layer", [layers.RNN(3, 5), layers.GRU(3, 5), layers.LSTM(3, 5)])
def test_the_drop_ins_own_step_goes_on_from_what_forward_returned(layer):
    x = torch.randn(4, 2, 3)
    whole, last = layer(x)
    _, state = layer(x[:3])
    output, state = layer.step(x[3], state)
    torch.testing.assert_close(output, whole[3])
    torch.testing.assert_close(state, last)


def test_a_stream_s_outputs_can_feed_what_is_trained():
    stream = layers.LSTM(3, 5).stream(batch_size=2)
    head = nn.Linear(5, 1)
    head(stream.step(torch.randn(2, 3))).sum().backward()
    assert head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("shape", [(3, 3), (3,)])
def test_a_stream_refuses_other_rows(shape):
    with pytest.raises(ValueError, match="a step of this stream must have 2 rows"):
        layers.GRU(3, 5).stream(batch_size=2).step(torch.randn(shape))


def test_calls_are_told_as_a_backend_gets_them():
    layer, x = layers.LSTM(3, 4, batch_first=True), torch.randn(2, 5, 3)
    lengths = torch.tensor([5, 2])
    with layer.calls() as told:
        output, state = layer(x, lengths=lengths)
        layer(x, state)
    layer(x)
    assert len(told) == 2
    (first, answer), (second, _) = told
    assert torch.equal(first.x, x.transpose(0, 1))
    assert torch.equal(first.lengths, lengths)
    assert first.state is first.initial
    assert torch.equal(answer[0], output.transpose(0, 1))
    assert all(map(torch.equal, answer[1], state))
    assert all(map(torch.equal, second.state, state))
