"""Headers of C: compiled without a warning, and the same numbers to 1e-6."""

import copy
import subprocess

import own_cells
import pytest
import torch
from exported import CELLS, Given, drawn, layer_of
from torch import nn

import elman
from elman.errors import InputError
from elman.exporters.c.run import compiler
from elman.exporters.rounding import quantized, rounded
from elman.heads.categorical import Categorical
from elman.heads.ctc import CTC
from elman.heads.multi_label import MultiLabel
from elman.heads.squared_error import SquaredError
from elman.models.autoregressive import Autoregressive
from elman.models.classifier import Classifier
from elman.models.framewise import Framewise
from elman.models.pooling import Pooling

pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")


@pytest.mark.parametrize("cell", [*CELLS, *own_cells.CELLS], ids=str)
def test_every_cell(cell, tmp_path):
    """The export itself compiles the header and runs it beside the layer."""
    options = {"num_layers": 2, "learned_state": True, "residual": cell != "projected-lstm"}
    layer = layer_of(cell, 4, 5 if cell != "projected-lstm" else 6, **options)
    exported = elman.export(layer, tmp_path / "net", "c")
    assert exported.files == ("net.h",)
    assert exported.difference <= max(1e-6, 4 * exported.own)
    states = sum(s[0].numel() for s in layer.initial_state(1))
    assert exported.sizes["the state of a stream"] == 4 * 2 * states


@pytest.mark.parametrize("cell", ["lstm", "layer-norm-lstm"])
def test_zoneout(cell, tmp_path):
    assert elman.export(layer_of(cell, zoneout=0.3), tmp_path / "net", "c").difference <= 1e-6


class Unusual(elman.Cell):
    """States that change places, a softmax, masks, parts of units, and what has no reason but to be read."""

    gates = ("h", "g")

    def states(self):
        return {"h": (self.hidden_size,), "m": (self.hidden_size,)}

    def pointwise(self, w, projected, recurrent, state):
        a, b = (projected + recurrent).chunk(2, -1)
        h, m = state
        mixed = torch.softmax(a, -1) * b.mean(-1, keepdim=True) - h.amax(-1, keepdim=True)
        new = torch.where((a > b) & ~(m > 0.2), mixed, torch.cat([b[:, 1:], a[:, :1]], -1).flip(-1))
        even = a[:, ::2].repeat(1, 2)[:, : self.hidden_size]
        return m, torch.tanh(new) + (a > 0).float() * torch.nn.functional.softplus(even) * 0.1


def test_a_cell_of_any_kind_of_arithmetic(tmp_path):
    layer = layer_of(Unusual, 3, 6)
    pytest.importorskip("onnxruntime")
    assert elman.export(layer, tmp_path / "net", "c").difference <= 1e-6
    assert elman.export(layer, tmp_path / "graph", scan=True).difference <= 2e-6


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention", "concat"])
@pytest.mark.parametrize("int8", [False, True])
def test_classifiers_answer_after_each_step(pooling, int8, tmp_path):
    layer = layer_of("gru", 4, 5)
    pool = Pooling(layer, pooling)
    head = MultiLabel(pool.features, 3, hidden=4) if pooling == "max" else Categorical(pool.features, 3)
    model = drawn(Classifier(layer, head, pool, nn.Embedding(7, 4)))
    weights = "int8" if int8 else "float32"
    assert elman.export(Given(model), tmp_path / "net", "c", weights=weights).difference <= 1e-6


@pytest.mark.parametrize(
    "model",
    [
        lambda: Framewise(layer_of("lstm", 4, 6), SquaredError(10, 2), passed_on=True),
        lambda: Framewise(layer_of("lstm", 4, 6), CTC(6, 3)),
        lambda: Autoregressive(9, layer_of("lstm", 6, 6), tied=True),
    ],
    ids=["numbers", "ctc", "tokens"],
)
def test_answers_at_every_step(model, tmp_path):
    assert elman.export(Given(drawn(model())), tmp_path / "net", "c").difference <= 1e-6


def test_int8_takes_a_quarter_and_keeps_the_largest_number_of_each_row(tmp_path):
    layer = layer_of("lstm", 32, 64)
    before = copy.deepcopy(layer.state_dict())
    whole = elman.export(layer, tmp_path / "whole", "c")
    small = elman.export(layer, tmp_path / "small", "c", weights="int8", name="small")
    assert small.sizes["weights"] < 0.3 * whole.sizes["weights"]
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    matrix = torch.tensor([[1.0, -0.5, 0.1], [0.0, 0.0, 0.0]])
    levels, unit = quantized(matrix)
    assert levels.tolist() == [[127, -64, 13], [0, 0, 0]]
    assert unit[0] == pytest.approx(1 / 127)
    twice = rounded(rounded(layer)).state_dict()
    for name, value in rounded(layer).state_dict().items():
        torch.testing.assert_close(twice[name], value, rtol=1e-6, atol=0)


def test_a_program_may_hold_several_networks_and_streams(tmp_path):
    for name, kind in (("ear", "gru"), ("eye", "lstm")):
        elman.export(layer_of(kind, 1, 2), tmp_path / name, "c")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "ear/ear.h"\n#include "eye/eye.h"\n'
        "int main(void) {\n  ear_state a, b; eye_state e; float y[4], x = 1.0f;\n"
        "  ear_reset(&a); ear_reset(&b); eye_reset(&e); eye_step(&e, &x, y);\n"
        "  ear_step(&a, &x, y); ear_step(&a, &x, y + 2); ear_step(&b, &x, y + 2);\n"
        '  printf("%d\\n", y[0] == y[2] && y[1] == y[3] && a.h[0][0] != b.h[0][0]);\n  return 0;\n}\n'
    )
    built = [*compiler(), "-Wall", "-Wextra", "-Werror", "main.c", "-lm", "-o", "main"]
    subprocess.run(built, cwd=tmp_path, check=True)
    ran = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


def test_both_directions_are_no_stream(tmp_path):
    with pytest.raises(InputError, match="--to c writes a stream; these layers read in both directions"):
        elman.export(layer_of("gru", bidirectional=True), tmp_path / "net", "c")
    assert not any(tmp_path.iterdir())


def test_without_a_compiler_a_line_says_that_it_was_not_run(tmp_path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    exported = elman.export(layer_of("gru"), tmp_path / "net", "c")
    assert exported.difference is None
    assert exported.notes == ("the header was not run, because there is no C compiler here",)
    assert exported.lines()[-2:-1] == list(exported.notes)
