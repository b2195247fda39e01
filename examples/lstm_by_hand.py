"""The LSTM cell step by step in NumPy, as tutorials write it, and the same numbers from Elman.

Tutorials keep one matrix for each gate over the concatenated [h, x]. Elman, as torch, keeps the four gates'
rows below one another in the order i, f, g, o: ``weight_hh`` for the columns of h, ``weight_ih`` for x's.
"""

import numpy as np
import torch

import elman


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, W, b):
    hx = np.concatenate([h, x])  # what every gate sees
    forget = sigmoid(W["f"] @ hx + b["f"])  # how much of the memory stays
    write = sigmoid(W["i"] @ hx + b["i"])  # how much of the new content enters
    content = np.tanh(W["g"] @ hx + b["g"])  # the new content
    show = sigmoid(W["o"] @ hx + b["o"])  # how much of the memory is shown
    c = forget * c + write * content  # the memory
    h = show * np.tanh(c)  # the output, which is also the next step's input
    return h, c


inputs, units, steps = 3, 5, 8
rng = np.random.default_rng(0)
W = {gate: rng.normal(scale=0.5, size=(units, units + inputs)) for gate in "ifgo"}
b = {gate: rng.normal(scale=0.5, size=units) for gate in "ifgo"}
sequence = rng.normal(size=(steps, inputs))

layer = elman.LSTM(inputs, units, dtype=torch.float64)
stacked = torch.tensor(np.concatenate([W[gate] for gate in "ifgo"]))
with torch.no_grad():
    layer.weight_hh_l0.copy_(stacked[:, :units])
    layer.weight_ih_l0.copy_(stacked[:, units:])
    layer.bias_ih_l0.copy_(torch.tensor(np.concatenate([b[gate] for gate in "ifgo"])))
    layer.bias_hh_l0.zero_()  # torch keeps two biases; their sum counts

h, c = np.zeros(units), np.zeros(units)
stream = layer.stream()
for t, x in enumerate(sequence):
    h, c = lstm_step(x, h, c, W, b)
    ours = stream.step(torch.from_numpy(x))
    print(f"step {t}: h[0] = {h[0]:+.6f} by hand, {ours[0]:+.6f} by elman")
    assert np.allclose(h, ours, atol=1e-12)

output, (last_h, last_c) = layer(torch.from_numpy(sequence))  # the whole sequence at once
assert np.allclose(h, last_h[0].detach(), atol=1e-12)
assert np.allclose(c, last_c[0].detach(), atol=1e-12)
print("the same numbers, step by step and all at once")
