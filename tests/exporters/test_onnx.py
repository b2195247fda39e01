"""Layers and tasks as ONNX: the same numbers in other runtimes, from files that are enough."""

import json
from pathlib import Path

import numpy as np
import own_cells
import pytest
import torch
from exported import CELLS, Given, drawn, layer_of, opened, zeros
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import elman
from elman import registry
from elman.errors import Disagreement, InputError
from elman.exporters.check import differences
from elman.exporters.network import in_double, network_of
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.models.classifier import Classifier
from elman.models.framewise import Framewise
from elman.models.pooling import Pooling

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PLAIN = {"layer-norm-lstm", "projected-lstm"}
PLAIN |= {"cfc", "layer-norm-gru", "lem", "lru", "min-gru", "min-lstm", "rg-lru", "s5", "slstm"}
"""Cells that ONNX has no node of."""


def no_node(cell) -> bool:
    return cell in PLAIN or cell in own_cells.CELLS


def nodes(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize("cell", [*CELLS, *own_cells.CELLS], ids=str)
def test_every_cell_is_exported_whole_and_step_by_step(cell, tmp_path):
    exported = elman.export(layer_of(cell), tmp_path / "out", scan=no_node(cell))
    assert exported.files == ("model.onnx", "step.onnx")
    is_loop = "Scan" in nodes(tmp_path / "out/model.onnx")
    assert is_loop == no_node(cell) == bool(exported.notes)


@pytest.mark.parametrize("cell", ["elman:relu", *CELLS, own_cells.MinGRU], ids=str)
def test_every_option_of_a_layer(cell, tmp_path):
    options = {"residual": True, "learned_state": True, "batch_first": True}
    if cell == "elman:relu":
        layer = drawn(elman.RNN(4, 6, 2, nonlinearity="relu", bidirectional=True, bias=False))
    else:
        layer = layer_of(cell, num_layers=2, bidirectional=True, **options)
    exported = elman.export(layer, tmp_path / "out", scan=no_node(cell))
    assert exported.files == ("model.onnx",)
    assert exported.notes[-1] == "no step.onnx: the layers read in both directions"


def test_zoneout_blends_the_states(tmp_path):
    layer = layer_of("lstm", num_layers=2, zoneout={"c": 0.5, "h": 0.1})
    exported = elman.export(layer, tmp_path / "out")
    assert exported.files == ("step.onnx",)
    assert "LSTM with zoneout; --scan writes a loop" in exported.notes[0]
    assert elman.export(layer, tmp_path / "loop", scan=True).files == ("model.onnx", "step.onnx")


@settings(max_examples=8)
@given(
    cell=st.sampled_from(["elman", "lstm", "gru", "gru-reset-before", "projected-lstm", "coupled-lstm"]),
    sizes=st.tuples(st.integers(1, 5), st.integers(2, 5)),
    layers=st.integers(1, 3),
    both=st.booleans(),
    bias=st.booleans(),
    residual=st.booleans(),
)
def test_any_cell_with_any_sizes(tmp_path_factory, cell, sizes, layers, both, bias, residual):
    cls = registry.find("cells", cell, elman.Cell)
    options = {"bidirectional": both, "residual": residual}
    layer = drawn(Recurrent(cls(*sizes, bias=bias), layers, **options))
    scan = cell == "projected-lstm"
    elman.export(layer, tmp_path_factory.mktemp("any") / "out", scan=scan)


def test_the_files_agree_with_torch(tmp_path):
    """The check before the files are kept uses our layers; this one does not."""
    layer = drawn(nn.LSTM(4, 6, 2))
    elman.export(elman.convert(layer), tmp_path / "out")
    again = nn.LSTM(4, 6, 2)
    again.load_state_dict(layer.state_dict())
    x, h, c = torch.randn(5, 3, 4), torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    states = {"h_in": h.numpy(), "c_in": c.numpy()}
    lengths = np.array([5, 5, 5])
    found = opened(tmp_path / "out/model.onnx")({"x": x.numpy(), "lengths": lengths, **states})
    with torch.no_grad():
        output, final = again(x, (h, c))
    for name, expected in (("y", output), ("h_out", final[0]), ("c_out", final[1])):
        torch.testing.assert_close(torch.from_numpy(found[name]), expected, rtol=0, atol=1e-6)


def test_lengths_of_zero_keep_the_given_state(tmp_path):
    layer = layer_of("gru")
    elman.export(layer, tmp_path / "out")
    state = np.random.default_rng(0).normal(size=(1, 2, 6)).astype("float32")
    x = np.ones((3, 2, 4), "float32")
    found = opened(tmp_path / "out/model.onnx")({"x": x, "lengths": np.array([0, 2]), "h_in": state})
    assert np.array_equal(found["h_out"][:, 0], state[:, 0])
    assert not found["y"][:, 0].any()
    assert not found["y"][2, 1].any()


def test_ports_sort_alike_and_leave_steps_and_rows_free(tmp_path):
    elman.export(layer_of("lstm"), tmp_path / "out")
    for name, axes in (("model.onnx", ["steps", "rows"]), ("step.onnx", ["rows"])):
        graph = onnx.load(tmp_path / "out" / name).graph
        ports = [[v.name for v in values] for values in (graph.input, graph.output)]
        ins, outs = ([n for n in names if n.endswith(("_in", "_out"))] for names in ports)
        assert [n[:-3] for n in sorted(ins)] == [n[:-4] for n in sorted(outs)] == ["c", "h"]
        shape = graph.input[0].type.tensor_type.shape.dim
        assert [d.dim_param or d.dim_value for d in shape] == [*axes, 4]


def test_ten_thousand_steps_do_not_drift(tmp_path):
    layer = layer_of("lstm", 2, 8)
    elman.export(layer, tmp_path / "out")
    run, state, stream = opened(tmp_path / "out/step.onnx"), zeros(layer, 1), layer.stream()
    x = np.random.default_rng(0).normal(size=(10_000, 1, 2)).astype("float32")
    reset, far = np.array([False]), 0.0
    for step in x:
        results = run({"x": step, "reset": reset, **state})
        state = {"h_in": results["h_out"], "c_in": results["c_out"]}
        far = max(far, float(np.abs(results["y"] - stream.step(step)).max()))
    assert far <= 1e-4


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention", "concat"])
@pytest.mark.parametrize("cell", ["gru", own_cells.MatrixMemory], ids=str)
def test_poolings_whole_and_as_steps_come(pooling, cell, tmp_path):
    for both in (False, True):
        layer = layer_of(cell, 4, 5, bidirectional=both)
        pool = Pooling(layer, pooling)
        model = Classifier(layer, Categorical(pool.features, 3), pool)
        model.temperature.fill_(1.7)
        drawn(model)
        exported = elman.export(Given(model), tmp_path / f"{both}", scan=True)
        assert len(exported.files) == 2 - both


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (SquaredError(10, 2), "values"),
        (MultiLabel(10, 3, hidden=4), "probabilities"),
        (Categorical(10, 3), "probabilities"),
    ],
    ids=["numbers", "labels", "classes"],
)
def test_a_head_at_every_step_may_read_the_inputs_too(head, answer, tmp_path):
    model = drawn(Framewise(layer_of("gru", 4, 6), head, passed_on=True))
    elman.export(Given(model), tmp_path / "out")
    assert onnx.load(tmp_path / "out/step.onnx").graph.output[0].name == answer


def test_a_network_far_from_its_files_is_not_kept(tmp_path, monkeypatch):
    from elman.kernels import onnx_nodes

    swapped = onnx_nodes.Node("LSTM", (0, 1, 2, 3))
    monkeypatch.setitem(onnx_nodes._NODES, elman.cells.LSTM, lambda _: swapped)
    with pytest.raises(Disagreement, match=r"nothing is kept, because the files differ .* by 1\.\d+, more"):
        elman.export(layer_of("lstm"), tmp_path / "out")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: nn.LSTM(4, 6), "a layer or a fitted task is exported. Got LSTM."),
        (lambda: Recurrent(elman.cells.ConvLSTM(4, 6)), "layers that read planes are not exported"),
        (lambda: layer_of("projected-lstm", bidirectional=True), "in both directions: write a loop"),
        (lambda: elman.LanguageModel(), "LanguageModel is not fitted yet"),
    ],
    ids=["torch", "planes", "both", "unfitted"],
)
def test_what_is_not_exported(source, message, tmp_path):
    with pytest.raises(InputError, match=message):
        elman.export(source(), tmp_path / "out")
    assert not any(tmp_path.iterdir())


def test_a_step_that_has_no_form_names_its_line(tmp_path):
    class Sorted(elman.cells.Elman):
        def pointwise(self, w, projected, recurrent, state):
            return (torch.tanh(projected + recurrent).sort(-1).values,)

    with pytest.raises(InputError, match=r"test_onnx.py:\d+: sort: it has no form in an export"):
        elman.export(drawn(Recurrent(Sorted(4, 6))), tmp_path / "out")


def in_openvino(path: Path):
    """A file in OpenVINO: a function from inputs to outputs, by name."""
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = [value.name for value in onnx.load(path).graph.output]
    return lambda given: dict(zip(names, compiled(dict(given)).values(), strict=True))


def far_in_openvino(layer: Recurrent, folder: Path, scan: bool, ragged: bool) -> float:
    exported = elman.export(layer, folder, scan=scan)
    whole, step = (
        in_openvino(folder / name) if name in exported.files else None for name in ("model.onnx", "step.onnx")
    )
    found = differences(whole, step, network_of(layer), in_double(layer), ragged)
    # outputs of 40, as S5 has them, are rounded as much in PyTorch
    return max((far for far, of_torch in found if far > 2 * of_torch), default=0.0)


@pytest.mark.parametrize(
    ("cell", "both"),
    [
        pytest.param(cell, both, marks=() if both or cell == "lstm" else pytest.mark.long)
        for cell in (*CELLS, own_cells.MinGRU)
        for both in (False, True)
    ],
)
def test_openvino_computes_the_same(cell, both, tmp_path):
    """Its nodes ignore lengths and peepholes."""
    layer = layer_of(cell, num_layers=2, bidirectional=both)
    assert far_in_openvino(layer, tmp_path / "loop", scan=True, ragged=True) <= 4e-6
    if not no_node(cell) and cell != "peephole-lstm":
        assert far_in_openvino(layer, tmp_path / "nodes", scan=False, ragged=False) <= 2e-6


@pytest.mark.parametrize(("cell", "ragged"), [("lstm", True), ("peephole-lstm", False)])
def test_openvino_still_ignores_what_the_page_says(cell, ragged, tmp_path):
    """If this fails, docs/exporting.md need not warn any more."""
    assert far_in_openvino(layer_of(cell), tmp_path / "out", scan=False, ragged=ragged) > 0.01


def test_a_language_models_files_are_enough(tmp_path):
    """A program with ONNX Runtime alone reads text and gives the model's probabilities."""
    text = "the cat sat on the mat. " * 40
    (tmp_path / "corpus.txt").write_text(text)
    options = {"hidden_size": 8, "embedding_size": 4, "epochs": 1, "batch_size": 4, "level": "characters"}
    task = elman.LanguageModel(**options).train(tmp_path / "corpus.txt")
    elman.export(task, tmp_path / "out")
    model = onnx.load(tmp_path / "out/step.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["task"] == "language-model"
    symbols = json.loads(metadata["vocabulary"])["symbols"]
    run, state = opened(tmp_path / "out/step.onnx"), zeros(task.model.layer, 1)
    stream = task.model.stream()
    reset = np.array([True])
    for letter in "the cat":
        results = run({"x": np.array([symbols.index(letter)]), "reset": reset, **state})
        state = {name.replace("_out", "_in"): v for name, v in results.items() if name.endswith("_out")}
        reset = np.array([False])
        expected = stream.step(torch.tensor([symbols.index(letter)])).numpy()
        assert np.abs(results["logits"] - expected).max() <= 2e-6
