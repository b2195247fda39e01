"""Writes a graph of ONNX node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

OPSET, IR = 17, 8
"""What every runtime of these years reads; onnxruntime-web is behind the others."""

Dim = int | str


class Graph:
    """Nodes, constants, inputs and outputs; values are named.

    Args:
        name: of the graph; the names of its values begin with it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[Any] = []
        self.constants: dict[tuple[Any, ...], str] = {}
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one result."""
        return self.add_several(op, 1, *inputs, **attributes)[0]

    def add_several(self, op: str, results: int, *inputs: str, **attributes: Any) -> list[str]:
        """Adds a node; "" stands for an input that is left out."""
        names = [f"{self.name}_{op.lower()}_{len(self.nodes)}_{k}" for k in range(results)]
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        self.nodes.append(helper.make_node(op, given, names, **attributes))
        return names

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Returns a constant: an array, a tensor or numbers; float32 unless another type is named."""
        if isinstance(values, Tensor):
            values = values.detach().cpu().numpy()
        array = np.asarray(values, dtype=np.float32 if dtype is None else dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            name = f"{self.name}_constant_{len(self.constants)}"
            self.constants[key] = name
            self.initializers.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return self.constants[key]

    def ints(self, *values: int) -> str:
        """Returns a constant of whole numbers, [n]."""
        return self.constant(values, np.int64)

    def reshaped(self, value: str, *shape: int) -> str:
        """Returns a value in another shape; 0 keeps an axis, -1 takes the rest."""
        return self.add("Reshape", value, self.ints(*shape))

    def input(self, name: str, kind: int, *shape: Dim) -> str:
        """Adds an input."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def output(self, name: str, value: str, kind: int, *shape: Dim) -> None:
        """Makes a value an output of this name."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, list(shape)))

    def proto(self) -> Any:
        """Returns the graph."""
        return helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)

    def model(self, metadata: Mapping[str, str]) -> Any:
        """Returns the model with this graph, checked.

        Args:
            metadata: what travels along.
        """
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(self.proto(), opset_imports=opset, ir_version=IR, producer_name="elman")
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model


FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def listed(values: Sequence[str], graph: Graph, axis: int) -> str:
    """Returns values joined along an axis."""
    return values[0] if len(values) == 1 else graph.add("Concat", *values, axis=axis)
