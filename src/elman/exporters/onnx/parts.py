"""What stands around the layers of a network, as nodes of ONNX: embedding, pooling and readout."""

import math

import numpy as np
import torch

from elman.exporters.network import Network, Readout
from elman.exporters.onnx.graph import Graph
from elman.exporters.onnx.layers import Rows
from elman.models.pooling import Pooling


def read(graph: Graph, network: Network, x: str) -> str:
    """Writes what the layers read of ids or numbers."""
    if network.reader is None:
        return x
    return graph.add("Gather", graph.constant(network.reader.weight.float()), x, axis=0)


def answered(graph: Graph, readout: Readout, features: str) -> str:
    """Writes the answer of features [..., F]."""
    for k, (weight, bias) in enumerate(readout.maps):
        if k > 0:
            features = graph.add("Relu", features)
        product = graph.add("MatMul", features, graph.constant(weight.float().t()))
        features = graph.add("Add", product, graph.constant(bias.float()))
    if readout.ending == "none":
        return features
    if readout.ending == "sigmoid":
        return graph.add("Sigmoid", features)
    return graph.add({"softmax": "Softmax", "log_softmax": "LogSoftmax"}[readout.ending], features, axis=-1)


def pooled(graph: Graph, pooling: Pooling, directions: int, output: str, state: str, rows: Rows) -> str:
    """Writes the pooling of whole sequences.

    Shapes:
        output [T, B, O], state [layers × directions, B, H] → [B, F]
    """
    if pooling.name == "max":
        return _max(graph, output, rows)
    if pooling.name == "mean":
        return _mean(graph, output, rows)
    if pooling.name == "attention":
        scores = _scores(graph, pooling, output)
        lowest = graph.constant(float(torch.finfo(torch.float32).min))
        masked = graph.add("Where", rows.alive, scores, lowest)
        weights = graph.add("Softmax", masked, axis=0)
        return graph.add("ReduceSum", graph.add("Mul", weights, output), graph.ints(0), keepdims=0)
    last = _last(graph, pooling, directions, output, state, rows)
    if pooling.name == "last":
        return last
    return graph.add("Concat", last, _max(graph, output, rows), _mean(graph, output, rows), axis=1)


def _last(graph: Graph, pooling: Pooling, directions: int, output: str, state: str, rows: Rows) -> str:
    if pooling._outputs_state:
        own = graph.add("Slice", state, graph.ints(-directions), graph.ints(2**62), graph.ints(0))
        return graph.reshaped(graph.add("Transpose", own, perm=[1, 0, 2]), 0, -1)
    # the row's last step, the first of a row without steps: there the output is 0
    ends = graph.add("Sub", graph.add("Max", rows.lengths, graph.ints(1)), graph.ints(1))
    by_row = graph.add("Transpose", output, perm=[1, 0, 2])
    last = graph.add("GatherND", by_row, graph.reshaped(ends, -1, 1), batch_dims=1)
    if directions == 1:
        return last
    width = pooling.features // (3 if pooling.name == "concat" else 1) // 2
    first = graph.add("Gather", output, graph.constant(0, np.int64), axis=0)
    forward = graph.add("Slice", last, graph.ints(0), graph.ints(width), graph.ints(1))
    backward = graph.add("Slice", first, graph.ints(width), graph.ints(2 * width), graph.ints(1))
    return graph.add("Concat", forward, backward, axis=1)


def _max(graph: Graph, output: str, rows: Rows) -> str:
    lowest = graph.constant(float(np.finfo(np.float32).min))
    own = graph.add("Where", rows.alive, output, lowest)
    highest = graph.add("ReduceMax", own, axes=[0], keepdims=0)
    return graph.add("Where", rows.empty, graph.constant(0.0), highest)


def _mean(graph: Graph, output: str, rows: Rows) -> str:
    total = graph.add("ReduceSum", output, graph.ints(0), keepdims=0)
    count = graph.add("Cast", graph.add("Max", rows.lengths, graph.ints(1)), to=1)
    return graph.add("Div", total, graph.reshaped(count, -1, 1))


def _scores(graph: Graph, pooling: Pooling, output: str) -> str:
    """Writes q · h / √O of each step, [..., 1]."""
    query = pooling.query.float()[:, None] / math.sqrt(len(pooling.query))
    return graph.add("MatMul", output, graph.constant(query))


class Running:
    """The pooling of steps that come one by one, with what it remembers in one value [B, K].

    ``Network.remembered`` says what that is.

    Args:
        pooling: of a layer of one direction.
    """

    def __init__(self, pooling: Pooling) -> None:
        self.pooling = pooling
        self.width = pooling.features // (3 if pooling.name == "concat" else 1)

    def step(self, graph: Graph, output: str, last: str, before: str) -> tuple[str, str]:
        """Writes a step: what all steps so far pool to, and what is remembered.

        Args:
            graph: the graph.
            output: [B, O] of the step.
            last: [B, O] what the pooling ``last`` takes.
            before: [B, K] what was remembered; "" if there is nothing to remember.
        """
        name = self.pooling.name
        if name == "last":
            return last, ""
        count = self._part(graph, before, 0, 1)
        if name == "attention":
            return self._attended(graph, output, before, count)
        number = graph.add("Add", count, graph.constant(1.0))
        kept, found = [number], []
        begin = 1
        if name in ("max", "concat"):
            highest = graph.add("Max", self._part(graph, before, begin, self.width), output)
            is_first = graph.add("Equal", count, graph.constant(0.0))
            kept.append(graph.add("Where", is_first, output, highest))
            found.append(kept[-1])
            begin += self.width
        if name in ("mean", "concat"):
            kept.append(graph.add("Add", self._part(graph, before, begin, self.width), output))
            found.append(graph.add("Div", kept[-1], number))
        features = [last, *found] if name == "concat" else found
        whole = features[0] if len(features) == 1 else graph.add("Concat", *features, axis=1)
        return whole, graph.add("Concat", *kept, axis=1)

    def _attended(self, graph: Graph, output: str, before: str, count: str) -> tuple[str, str]:
        """Writes the step's share; the count is that of shares, relative to the highest score so far."""
        score = _scores(graph, self.pooling, output)
        old = self._part(graph, before, 1, 1)
        is_first = graph.add("Equal", count, graph.constant(0.0))
        highest = graph.add("Where", is_first, score, graph.add("Max", old, score))
        faded = graph.add("Exp", graph.add("Sub", graph.add("Where", is_first, highest, old), highest))
        share = graph.add("Exp", graph.add("Sub", score, highest))
        weights = graph.add("Add", graph.add("Mul", faded, count), share)
        past = graph.add("Mul", faded, self._part(graph, before, 2, self.width))
        weighted = graph.add("Add", past, graph.add("Mul", share, output))
        return graph.add("Div", weighted, weights), graph.add("Concat", weights, highest, weighted, axis=1)

    @staticmethod
    def _part(graph: Graph, value: str, begin: int, width: int) -> str:
        return graph.add("Slice", value, graph.ints(begin), graph.ints(begin + width), graph.ints(1))
