"""The layer as a model of one ONNX node, for the libraries that run such models (inference only)."""

import sys
from typing import Any

import numpy as np
import torch
from problem import Problem, Work

sys.modules["openvino_telemetry"] = None  # it would send usage data, from a process of its own


def onnxruntime_session(p: Problem) -> Work | None:
    """ONNX Runtime on one node of ONNX, with input, output and state bound to memory that stays."""
    if p.mode == "training" or p.precision != "float32":
        return None
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(_onnx(p), options, providers=["CPUExecutionProvider"])
    value = onnxruntime.OrtValue.ortvalue_from_numpy

    def bound(inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
        binding = session.io_binding()
        for name, v in inputs.items():
            binding.bind_ortvalue_input(name, v)
        for name, v in outputs.items():
            binding.bind_ortvalue_output(name, v)
        return binding

    x, y = value(p.x.numpy()), value(np.zeros((p.T, 1, p.B, p.H), np.float32))
    if p.mode == "forward":
        binding = bound({"x": x}, {"Y": y})

        def run() -> Any:
            session.run_with_iobinding(binding)
            return y

        return Work(run)
    names = "hc" if p.cell == "LSTM" else "h"
    here, there = ([value(np.zeros((1, p.B, p.H), np.float32)) for _ in names] for _ in range(2))

    def one_way(before: list[Any], after: list[Any]) -> Any:
        inputs = {f"initial_{n}": v for n, v in zip(names, before, strict=True)}
        return bound({"x": x, **inputs}, {f"Y_{n}": v for n, v in zip(names, after, strict=True)}), after[0]

    turn, next_turn = one_way(here, there), one_way(there, here)  # the state goes to and fro: no copy

    def step() -> Any:
        nonlocal turn, next_turn
        session.run_with_iobinding(turn[0])
        turn, next_turn = next_turn, turn
        return next_turn[1]

    return Work(step)


def openvino_request(p: Problem) -> Work | None:
    """OpenVINO on the same model; in bfloat16 input and output stay float32."""
    if p.mode != "forward":
        return None
    import openvino

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "bf16" if p.precision == "bfloat16" else "f32",
    }
    core = openvino.Core()
    request = core.compile_model(core.read_model(_onnx(p)), "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(p.x.numpy(), shared_memory=True))

    def run() -> Any:
        request.start_async()  # infer() would also make a dictionary of the results
        request.wait()
        return request

    return Work(lambda: run().get_output_tensor().data)


def _onnx(p: Problem) -> bytes:
    """A model of one node; in streaming the states are inputs and outputs."""
    from onnx import TensorProto, helper, numpy_helper

    w, u, b, c = (v[None] for v in p.weights({"RNN": "h", "LSTM": "iofg", "GRU": "zrn"}[p.cell]))
    constants = [
        numpy_helper.from_array(v, k)
        for k, v in {"W": w, "R": u, "B": np.concatenate([b, c], axis=1)}.items()
    ]
    states = ("hc" if p.cell == "LSTM" else "h") if p.mode == "streaming" else ""
    initial, final = [f"initial_{s}" for s in states], [f"Y_{s}" for s in states]
    node = helper.make_node(
        p.cell,
        ["x", "W", "R", "B", *(["", *initial] if states else [])],
        ["", *final] if states else ["Y"],
        hidden_size=p.H,
        **({"linear_before_reset": 1} if p.cell == "GRU" else {}),
    )

    def values(shapes: dict[str, list[int]]) -> list[Any]:
        return [helper.make_tensor_value_info(k, TensorProto.FLOAT, s) for k, s in shapes.items()]

    state = [1, p.B, p.H]
    graph = helper.make_graph(
        [node],
        p.cell,
        values({"x": [p.T, p.B, p.H], **dict.fromkeys(initial, state)}),
        values(dict.fromkeys(final, state) or {"Y": [p.T, 1, p.B, p.H]}),
        constants,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8
    ).SerializeToString()
