"""Whatever stands in padding, such as NaN, reaches no output, state or gradient."""

import math

import own_cells
import pytest
import torch
from agreement import draw, draw_side, leaves, results

from elman import registry
from elman.cells import Cell
from elman.layers import Recurrent

T, I, H = 5, 3, 6
LENGTHS = torch.tensor([3, 0, 5, 1])
B = len(LENGTHS)
PADDING = torch.arange(T)[:, None] >= LENGTHS
CELLS = [*(registry.find("cells", name, Cell) for name in registry.names("cells")), *own_cells.CELLS]
CASES = {
    "auto-float32": ("auto", torch.float32),
    "auto-bfloat16": ("auto", torch.bfloat16),
    "auto-float64": ("auto", torch.float64),
    "reference": ("reference", torch.float32),
    "aten": ("aten", torch.float64),
}


@pytest.mark.parametrize("value", [math.nan, -math.inf], ids=str)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
def test_padding_reaches_nothing(cell, case, value):
    backend, dtype = CASES[case]
    options = {"input_dropout": 0.3, "zoneout": 0.2, "recompute": 2} if backend == "auto" else {}
    if cell in own_cells.CELLS:
        if backend == "aten" or dtype is torch.bfloat16:
            pytest.skip("not a case of this cell")
        options = {}
    elif backend == "aten" and cell.__name__ not in ("Elman", "GRU", "LSTM", "ProjectedLSTM"):
        pytest.skip(f"torch has no fused {cell.__name__}")
    layers = 1 if cell in own_cells.CELLS else 2
    layer = Recurrent(cell(I, H), layers, bidirectional=True, backend=backend, dtype=dtype, **options)
    x, state = draw(layer, T, B)
    side = {name: v.to(dtype) for name, v in draw_side(layer.cell, T, B).items()}

    def run() -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        return results(layer(x, state, LENGTHS, **side), x, state, layer)

    wanted = run()
    with torch.no_grad():
        for tensor in (x, *side.values()):
            tensor[PADDING] = value
    found = run()
    assert leaves(x, state, layer)
    for name, expected in wanted.items():
        assert torch.equal(found[name], expected), name
    assert all(v.isfinite().all() for v in found.values())
