"""Blocks against their equations, and every way to take a sequence apart against the whole sequence."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d, pad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman
from elman import cells
from elman.layers import Block, Blocks, Recurrent
from elman.train.optimize import parameter_groups

T, B, D, H = 9, 3, 4, 5
LENGTHS = torch.tensor([9, 0, 2])


def unlike(**options) -> Blocks:
    """Blocks of unlike cells, with and without each part."""
    parts = [
        Block(cells.SLSTM(D, H), convolution=4),
        Block(
            Recurrent(cells.LSTM(D, H), 2, learned_state=True, init="orthogonal"), norm="layer", gate=False
        ),
        Blocks([Block(cells.MinGRU(D, H), norm="none", convolution=2)], norm="none"),
        Block(cells.CfC(D, H)),
    ]
    return Blocks(parts, **options)


@pytest.fixture(scope="module")
def blocks() -> Blocks:
    torch.manual_seed(0)
    made = unlike().double().eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(T, B, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def resets() -> torch.Tensor:
    marks = torch.zeros(T, B, dtype=torch.bool)
    marks[[0, 3, 4, 8], [0, 1, 1, 2]] = True
    return marks


def close(found, wanted) -> None:
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_a_block_computes_its_equations(x):
    torch.manual_seed(2)
    block = Block(cells.LSTM(D, H), convolution=4).double()
    output, (h, c, window) = block(x)
    u = x / (x.square().mean(-1, keepdim=True) + torch.finfo(x.dtype).eps).sqrt() * block.norm.weight
    weight, bias = block.convolution.weight, block.convolution.bias
    mixed = conv1d(pad(u.permute(1, 2, 0), (3, 0)), weight.T[:, None], bias, groups=D).permute(2, 0, 1)
    of_layer, (h_alone, c_alone) = block.layer(mixed * torch.sigmoid(mixed))
    gate = u @ block.gate.weight.T + block.gate.bias
    wanted = x + (of_layer * gate * torch.sigmoid(gate)) @ block.out.weight.T
    close([output, h, c, window[0]], [wanted, h_alone, c_alone, u[-3:].transpose(0, 1)])


def test_without_its_parts_a_block_is_its_layer_and_a_residual(x):
    block = Block(cells.GRU(D, H), norm="none", gate=False).double()
    output, state = block(x)
    alone, h = block.layer(x)
    close([output, *state], [x + alone @ block.out.weight.T, *h])


def test_chunks_steps_and_streams_are_the_whole_sequence(blocks, x):
    output, final = blocks(x)
    assert [s.shape[1] for s in final] == [B] * len(final)
    state, chunks = None, []
    for part in x.split([1, 2, 5, 1]):
        some, state = blocks(part, state)
        chunks.append(some)
    close([torch.cat(chunks), *state], [output, *final])
    state, steps = None, []
    for row in x:
        some, state = blocks.step(row, state)
        steps.append(some)
    close([torch.stack(steps), *state], [output, *final])
    stream = blocks.stream(B)
    for _ in range(2):
        close([torch.stack([stream.step(row, copy=True) for row in x]), *stream.state], [output, *final])
        stream.reset()


def test_each_row_ends_at_its_length_whatever_stands_after_it(blocks, x):
    spoilt = x.clone()
    for row, n in enumerate(LENGTHS):
        spoilt[n:, row] = torch.nan
    output, final = blocks(spoilt, lengths=LENGTHS)
    for row, n in enumerate(LENGTHS.tolist()):
        assert not output[n:, row].any()
        own = x[:n, row : row + 1]
        alone, state = blocks(own) if n else (own, blocks.initial_state(1))
        close([output[:n, row : row + 1], *(s[:, row : row + 1] for s in final)], [alone, *state])
    output.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in blocks.parameters())
    blocks.zero_grad()


def test_a_reset_begins_a_new_sequence(blocks, x, resets):
    _, before = blocks(x)
    output, final = blocks(x, before, resets=resets)
    for row in range(B):
        starts = resets[:, row].nonzero().flatten().tolist()
        state = tuple(s[:, row : row + 1] for s in before)
        for start, end in zip([0, *starts], [*starts, T], strict=True):
            if start == end:
                continue
            own = x[start:end, row : row + 1]
            alone, state = blocks(own, None if start in starts else state)
            close([output[start:end, row : row + 1]], [alone])
        close([s[:, row : row + 1] for s in final], state)


def test_resets_and_lengths_together(blocks, x, resets):
    output, final = blocks(x, lengths=LENGTHS, resets=resets)
    for row, n in enumerate(LENGTHS.tolist()):
        if n:
            alone, state = blocks(x[:n, row : row + 1], resets=resets[:n, row : row + 1])
            close([output[:n, row : row + 1], *(s[:, row : row + 1] for s in final)], [alone, *state])


def test_all_forms_of_input(blocks, x, resets):
    output, final = blocks(x, resets=resets)
    first = copy.deepcopy(blocks)
    first.batch_first = True
    found, state = first(x.transpose(0, 1), resets=resets.T)
    close([found.transpose(0, 1), *state], [output, *final])
    close(first.step(x[0])[0][None], blocks.step(x[0])[0][None])
    found, state = blocks(x[:, 1], resets=resets[:, 1])
    close([found, *state], [output[:, 1], *(s[:, 1] for s in final)])
    lengths = torch.tensor([9, 2, 4])
    packed, state = blocks(pack_padded_sequence(x, lengths, enforce_sorted=False))
    wanted, final = blocks(x, lengths=lengths)
    close([pad_packed_sequence(packed)[0], *state], [wanted, *final])


def test_the_side_input_reaches_the_cells_that_take_one(blocks, x):
    side = torch.rand(T, B, dtype=torch.float64) + 0.5
    output, _ = blocks(x, side=side)
    assert (output - blocks(x)[0]).abs().max() > 1e-3
    before = Blocks(list(blocks.blocks)[:3], norm="none")(x)[0]
    wanted = blocks.norm(blocks.blocks[3](before, side=side)[0])
    close([output], [wanted])
    state, found = None, []
    for row, own in zip(x, side, strict=True):
        some, state = blocks.step(row, state, own)
        found.append(some)
    close([torch.stack(found)], [output])


def test_gradients_in_float64(resets):
    torch.manual_seed(3)
    block = Block(cells.RGLRU(2, 3), convolution=3, norm="layer").double()
    x, state = torch.randn(T, B, 2, dtype=torch.float64), block.initial_state(B)
    inputs = [s.normal_().requires_grad_() for s in (x, *state)]

    def call(x, *state):
        output, final = block(x, state, lengths=LENGTHS, resets=resets)
        return output, *final

    assert torch.autograd.gradcheck(call, inputs)


def test_dropout_only_in_training(x):
    block = Block(cells.LSTM(D, H), dropout=0.5).double()
    assert block.is_random
    assert not torch.equal(block(x)[0], block(x)[0])
    block.eval()
    assert torch.equal(block(x)[0], block(x)[0])


def test_norms_and_biases_have_no_weight_decay(blocks):
    groups = parameter_groups(blocks)
    free = {id(p) for group in groups if group.get("weight_decay") == 0 for p in group["params"]}
    names = {name for name, p in blocks.named_parameters() if id(p) in free}
    assert names == {
        "norm.weight",
        "blocks.0.norm.weight",
        "blocks.0.convolution.bias",
        "blocks.0.gate.bias",
        "blocks.1.norm.weight",
        "blocks.1.norm.bias",
        "blocks.2.blocks.0.convolution.bias",
        "blocks.2.blocks.0.gate.bias",
        "blocks.3.norm.weight",
        "blocks.3.gate.bias",
    }


def test_weights_are_saved_and_loaded(blocks, x):
    other = unlike().double().eval()
    other.load_state_dict(blocks.state_dict())
    assert torch.equal(other(x)[0], blocks(x)[0])


def test_arrays_stream_as_arrays(blocks):
    small = copy.deepcopy(blocks).float()
    step = np.ones((2, D), np.float32)
    found = small.stream(2).step(step)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, small.step(torch.from_numpy(step))[0].detach(), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Block(elman.LSTM(D, H)), r"layer must be a cell or an elman.Recurrent\. Got LSTM"),
        (lambda: Block(Recurrent(cells.LSTM(D, H), bidirectional=True)), "layer must be of one direction"),
        (
            lambda: Block(cells.ConvLSTM(D, H)),
            "layer must be of one direction, time first, and read no planes",
        ),
        (lambda: Block(cells.LSTM(D, H), norm="batch"), "norm must be one of layer, rms, none. Got 'batch'"),
        (lambda: Block(cells.LSTM(D, H), convolution=1), r"convolution must be an int in \[2, inf\). Got 1"),
        (lambda: Block(cells.LSTM(D, H), dropout=2.0), r"dropout must be a probability in \[0, 1\]. Got 2.0"),
        (lambda: Blocks([]), "blocks must be one Block or more. Got none"),
        (lambda: Blocks([Recurrent(cells.LSTM(D, H))]), "blocks must be one Block or more. Got Recurrent"),
        (lambda: Blocks([Block(cells.LSTM(n, H)) for n in (4, 5)]), r"one input_size. Got \[4, 5\]"),
        (lambda: Block(cells.LSTM(D, H))(torch.zeros(2, 3, 7)), r"must be input_size \(4\). Got 7"),
        (
            lambda: Block(cells.LSTM(D, H)).step(torch.zeros(7)),
            r"a step's input must be \[B, I\]. Got shape \[7\]",
        ),
        (
            lambda: Block(cells.GRU(D, H))(torch.zeros(2, 3, D), (torch.zeros(1, 3, 2),)),
            "state must have shape",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
