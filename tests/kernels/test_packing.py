"""Torch's own packing in a program that has imported elman's layers: as without them."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from elman.layers import LSTM  # noqa: F401 - the import itself corrects a shape of torch's

LENGTHS = torch.tensor([5, 2, 2])


class Reader(nn.Module):
    """Torch's own layer around torch's packing."""

    def __init__(self):
        super().__init__()
        self.layer = nn.LSTM(4, 6)

    def forward(self, x, lengths):
        output, _ = self.layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(output)[0]


class Packer(nn.Module):
    """Packs rows and returns what torch can export."""

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return packed.data.square(), packed.batch_sizes


WAYS = {
    "compile": lambda model, given: torch.compile(model, backend="eager"),
    "script": lambda model, given: torch.jit.script(model),
    "trace": lambda model, given: torch.jit.trace(model, given),
    "export": lambda model, given: torch.export.export(model, given).module(),
    "decomposed": lambda model, given: torch.export.export(model, given).run_decompositions().module(),
}


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("model", "way"),
    [(Reader, way) for way in list(WAYS)[:3]] + [(Packer, way) for way in WAYS],  # torch exports no Reader
)
def test_torchs_packing_under_torchs_tools(model, way):
    model, x = model(), torch.randn(5, 3, 4)
    with torch.no_grad():
        torch.compiler.reset()
        result = WAYS[way](model, (x, LENGTHS))(x, LENGTHS)
        torch.testing.assert_close(result, model(x, LENGTHS))


@pytest.mark.parametrize("batch_first", [False, True])
def test_packed_rows_on_the_meta_device(batch_first):
    x = torch.randn(5, 3, 4)
    x = x.transpose(0, 1) if batch_first else x
    real = pack_padded_sequence(x, LENGTHS, batch_first=batch_first)
    packed = pack_padded_sequence(x.to("meta"), LENGTHS, batch_first=batch_first)
    assert packed.data.is_meta
    assert packed.data.shape == real.data.shape
    assert torch.equal(packed.batch_sizes, real.batch_sizes)
    output, _ = nn.LSTM(4, 6, device="meta")(packed)
    assert output.data.shape == (9, 6)
