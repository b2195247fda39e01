"""The same seed draws the masks of torch's layers, packed input included."""

import copy

import pytest
import torch
from rounding import agree_in
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from elman.layers import convert

I, H, P = 3, 5, 2
LENGTHS = {
    "sorted": ([6, 4, 4, 1], True),
    "unsorted": ([2, 6, 1, 4, 6], False),
    "one-row": ([5], False),
    "equal": ([3, 3, 3], True),
}


@pytest.mark.parametrize("backend", ["auto", "aten", "reference"])
@pytest.mark.parametrize(("lengths", "is_sorted"), LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN], ids=lambda kind: kind.__name__)
def test_packed(make, bidirectional, lengths, is_sorted, backend):
    projected = {"proj_size": P} if make is nn.LSTM and is_sorted else {}
    theirs = make(I, H, 3, dropout=0.4, bidirectional=bidirectional, **projected)
    ours = convert(copy.deepcopy(theirs))
    ours.backend = backend
    x = torch.randn(max(lengths), len(lengths), I)

    def run(layer: nn.Module) -> dict[str, Tensor]:
        torch.manual_seed(5)
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=is_sorted)
        output, state = layer(packed)
        output.data.square().sum().backward()
        gradients = {name: p.grad.clone() for name, p in layer.named_parameters()}
        layer.zero_grad()
        states = state if isinstance(state, tuple) else (state,)
        return {"output": output.data, **{f"state {k}": s for k, s in enumerate(states)}} | gradients

    agree_in(torch.float32, run(ours), lambda: run(theirs), [x, *theirs.parameters()])
    run(ours)
    after = torch.rand(1)
    run(theirs)
    assert torch.rand(1) == after, "the generator is where torch's layer leaves it"


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU], ids=lambda kind: kind.__name__)
def test_batch_first_and_whole(make):
    theirs = make(I, H, 2, dropout=0.5, batch_first=True)
    ours = convert(copy.deepcopy(theirs))
    x = torch.randn(4, 6, I)
    for inputs in (x, pack_padded_sequence(x, [6, 5, 2, 2], batch_first=True)):
        outputs = []
        for layer in (ours, theirs):
            torch.manual_seed(2)
            output = layer(inputs)[0]
            outputs.append(getattr(output, "data", output))
        assert torch.allclose(*outputs, atol=1e-6)
