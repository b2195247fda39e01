"""One recurrent layer, with the same weights and input, in every library that we measure ourselves against.

Each function takes a ``Problem`` and returns a ``Work``, one unit of work as a call, or None where the
library has no such thing. A training step is forward, backward to the input and all parameters, and the
parameters' update in place; its result is the gradient of the input. The result of everything else is the
output.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from onnx_peers import onnxruntime_session, openvino_request
from problem import Problem, Work
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import elman

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RATE = 1e-8  # of the update: too small to move the weights in the time of a run


def elman_layer(p: Problem, recurrent_dropout: float = 0.0, **given: torch.Tensor) -> Work:
    """Elman's compiled CPU kernels, named, not chosen."""
    layer = getattr(elman, p.cell)(p.H, p.H, backend="cpu", recurrent_dropout=recurrent_dropout)
    layer.load_state_dict(p.layer.state_dict())
    if p.mode == "streaming":
        stream = layer.eval().to(getattr(torch, p.precision)).stream()
        return Work(partial(stream.step, p.x[0].to(getattr(torch, p.precision))))
    return _module(p, layer, lambda x: layer(x, **given)[0])


def torch_layer(p: Problem) -> Work:
    """The layers of torch.nn; its cells in streaming."""
    if p.mode == "streaming":
        return _torch_cell(p)
    layer = getattr(torch.nn, p.cell)(p.H, p.H)
    layer.load_state_dict(p.layer.state_dict())
    return _module(p, layer, lambda x: layer(x)[0])


def torch_packed(p: Problem, lengths: torch.Tensor) -> Work:
    """torch.nn over a PackedSequence, from padded to padded."""
    layer = getattr(torch.nn, p.cell)(p.H, p.H)

    def apply(x: torch.Tensor) -> torch.Tensor:
        output, _ = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return pad_packed_sequence(output, total_length=p.T)[0]

    return _module(p, layer, apply)


def _module(p: Problem, layer: torch.nn.Module, apply: Callable[[torch.Tensor], torch.Tensor]) -> Work:
    dtype = getattr(torch, p.precision)
    layer.to(dtype)
    if p.mode != "training":
        layer.eval()
        x = p.x.to(dtype)
        return Work(lambda: apply(x))
    x, gradient = p.x.to(dtype, copy=True).requires_grad_(), p.gradient.to(dtype)
    parameters = list(layer.parameters())

    def step() -> torch.Tensor:
        dx, *found = torch.autograd.grad(apply(x), [x, *parameters], gradient)
        with torch.no_grad():
            torch._foreach_add_(parameters, found, alpha=-RATE)
        return dx

    return Work(step)


def _torch_cell(p: Problem) -> Work:
    cell = getattr(torch.nn, f"{p.cell}Cell")(p.H, p.H)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in p.layer.state_dict().items()})
    x, state = p.x[0], None

    def step() -> Any:
        nonlocal state
        state = cell(x, state)
        return state

    return Work(step)


def jax_scan(p: Problem) -> Work | None:
    """``lax.scan`` over the steps, jitted; the input's product is taken out of the loop."""
    if p.mode == "streaming" or p.precision != "float32":
        return None
    import jax
    import jax.numpy as jnp

    step = _step(p.cell, jnp.split, jnp.tanh, jax.nn.sigmoid)

    def forward(parameters: list[Any], x: Any) -> Any:
        w, u, b, *c = parameters

        def body(state: Any, a: Any) -> Any:
            state = step(a, sum(c, state[0] @ u), state)
            return state, state[0]

        zero = jnp.zeros((p.B, p.H))
        return jax.lax.scan(body, (zero,) * (2 if p.cell == "LSTM" else 1), x @ w + b)[1]

    return _jitted(p, forward, _columns(p), batch_first=False)


def keras_layer(p: Problem) -> Work | None:
    """The layers of Keras on JAX, jitted."""
    if p.mode == "streaming" or p.precision != "float32":
        return None
    import keras

    name = "SimpleRNN" if p.cell == "RNN" else p.cell
    options = {"reset_after": True} if p.cell == "GRU" else {}
    layer = getattr(keras.layers, name)(p.H, return_sequences=True, **options)
    layer.build((p.B, p.T, p.H))
    w, u, b, c = p.weights({"RNN": "h", "LSTM": "ifgo", "GRU": "zrn"}[p.cell])
    layer.set_weights([w.T, u.T, np.stack([b, c]) if p.cell == "GRU" else b + c])
    others = [v.value for v in layer.non_trainable_variables]

    def forward(parameters: list[Any], x: Any) -> Any:
        return layer.stateless_call(parameters, others, x)[0]

    return _jitted(p, forward, [v.numpy() for v in layer.trainable_variables], batch_first=True)


def _jitted(p: Problem, forward: Callable, parameters: list[np.ndarray], batch_first: bool) -> Work:
    import jax

    x, gradient = (
        jax.numpy.array(t.swapaxes(0, 1) if batch_first else t) for t in (p.x.numpy(), p.gradient.numpy())
    )
    held = [jax.numpy.array(v) for v in parameters]
    if p.mode == "forward":
        compiled = jax.jit(forward)
        return Work(lambda: jax.block_until_ready(compiled(held, x)), batch_first)

    @partial(jax.jit, donate_argnums=0)  # the new parameters take the place of the old
    def step(parameters: list[Any], x: Any, gradient: Any) -> Any:
        found, dx = jax.vjp(forward, parameters, x)[1](gradient)
        return [v - RATE * d for v, d in zip(parameters, found, strict=True)], dx

    def run() -> Any:
        nonlocal held
        held, dx = jax.block_until_ready(step(held, x, gradient))
        return dx

    return Work(run, batch_first)


def tensorflow_loop(p: Problem) -> Work | None:
    """``tf.while_loop`` over the steps in a ``tf.function``, the input's product taken out of the loop.

    Not tf.keras: Keras has one backend in a process, and here that is JAX.
    """
    if p.mode == "streaming" or p.precision != "float32":
        return None
    import tensorflow as tf

    step = _step(p.cell, tf.split, tf.tanh, tf.sigmoid)
    parameters = [tf.Variable(v) for v in _columns(p)]
    w, u, b, *c = parameters
    x, gradient = tf.constant(p.x.numpy()), tf.constant(p.gradient.numpy())

    def forward(x: Any) -> Any:
        a = tf.reshape(tf.reshape(x, [p.T * p.B, p.H]) @ w + b, [p.T, p.B, -1])
        inputs = tf.TensorArray(tf.float32, p.T).unstack(a)
        outputs = tf.TensorArray(tf.float32, p.T, element_shape=[p.B, p.H])

        def body(t: Any, state: Any, outputs: Any) -> Any:
            state = step(inputs.read(t), sum(c, state[0] @ u), state)
            return t + 1, state, outputs.write(t, state[0])

        state = (tf.zeros([p.B, p.H]),) * (2 if p.cell == "LSTM" else 1)
        loop = tf.while_loop(lambda t, *_: t < p.T, body, (0, state, outputs), maximum_iterations=p.T)
        return loop[2].stack()

    def training(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = forward(x)
        dx, *found = tape.gradient(output, [x, *parameters], output_gradients=gradient)
        for v, d in zip(parameters, found, strict=True):
            v.assign_sub(RATE * d)
        return dx

    return Work(partial(tf.function(training if p.mode == "training" else forward), x))


def _columns(p: Problem) -> list[np.ndarray]:
    """The weights as [I, G·H] and [H, G·H], and one bias, two for GRU, whose second goes into the gate."""
    w, u, b, c = p.weights({"RNN": "h", "LSTM": "ifgo", "GRU": "rzn"}[p.cell])
    return [np.ascontiguousarray(w.T), np.ascontiguousarray(u.T), *([b, c] if p.cell == "GRU" else [b + c])]


def _step(cell: str, split: Callable, tanh: Callable, sigmoid: Callable) -> Callable:
    """(product of the input, product of the state, state) → state, in the library of these functions."""

    def rnn(a: Any, u: Any, state: Any) -> Any:
        return (tanh(a + u),)

    def lstm(a: Any, u: Any, state: Any) -> Any:
        i, f, g, o = split(a + u, 4, axis=-1)
        c = sigmoid(f) * state[1] + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c

    def gru(a: Any, u: Any, state: Any) -> Any:
        ar, az, an = split(a, 3, axis=-1)
        ur, uz, un = split(u, 3, axis=-1)
        z, n = sigmoid(az + uz), tanh(an + sigmoid(ar + ur) * un)
        return ((1 - z) * n + z * state[0],)

    return {"RNN": rnn, "LSTM": lstm, "GRU": gru}[cell]


class Peer(NamedTuple):
    """A library: how it does the work, and the modules that it needs."""

    work: Callable[[Problem], Work | None]
    modules: tuple[str, ...]

    def installed(self) -> bool:
        return all(importlib.util.find_spec(module) for module in self.modules)

    def version(self) -> str:
        return importlib.import_module(self.modules[0]).__version__.split("-")[0]


PEERS = {
    "torch": Peer(torch_layer, ("torch",)),
    "JAX": Peer(jax_scan, ("jax",)),
    "Keras": Peer(keras_layer, ("keras", "jax")),
    "TensorFlow": Peer(tensorflow_loop, ("tensorflow",)),
    "ONNX Runtime": Peer(onnxruntime_session, ("onnxruntime", "onnx")),
    "OpenVINO": Peer(openvino_request, ("openvino", "onnx")),
}
