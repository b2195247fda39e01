"""Each cell against its docstring's equations, written once more in NumPy with one matrix per gate."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from kinds import OF_FEATURES
from numpy import tanh
from numpy.typing import NDArray

from elman import cells
from elman.layers import Recurrent

STEPS, B, I, H, P = 20, 2, 3, 5, 2
TOLERANCE = 1e-12

Vector = NDArray[np.float64]
State = tuple[Vector, ...]


@dataclass
class Gate:
    """One gate's W [H, I] and b of the input, U [H, O] and c of the output."""

    W: Vector
    b: Vector
    U: Vector
    c: Vector

    def __call__(self, x: Vector, h: Vector | None = None) -> Vector:
        return self.W @ x + self.b + (0 if h is None else self.U @ h + self.c)


Gates = dict[str, Gate]
More = dict[str, Vector]


def sigmoid(x: Vector) -> Vector:
    return 1 / (1 + np.exp(-x))


def norm(x: Vector, gain: Vector, shift: Vector) -> Vector:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * gain + shift


def elman_tanh(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    return (tanh(gate["h"](x, h)),)


def elman_relu(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    return (np.maximum(gate["h"](x, h), 0),)


def lstm(gate: Gates, more: More, x: Vector, h: Vector, c: Vector) -> State:
    c = sigmoid(gate["f"](x, h)) * c + sigmoid(gate["i"](x, h)) * tanh(gate["g"](x, h))
    return sigmoid(gate["o"](x, h)) * tanh(c), c


def coupled(gate: Gates, more: More, x: Vector, h: Vector, c: Vector) -> State:
    f = sigmoid(gate["f"](x, h))
    c = f * c + (1 - f) * tanh(gate["g"](x, h))
    return sigmoid(gate["o"](x, h)) * tanh(c), c


def peephole(gate: Gates, more: More, x: Vector, h: Vector, c: Vector) -> State:
    i = sigmoid(gate["i"](x, h) + more["weight_ci"] * c)
    f = sigmoid(gate["f"](x, h) + more["weight_cf"] * c)
    c = f * c + i * tanh(gate["g"](x, h))
    return sigmoid(gate["o"](x, h) + more["weight_co"] * c) * tanh(c), c


def projected(gate: Gates, more: More, x: Vector, h: Vector, c: Vector) -> State:
    h, c = lstm(gate, more, x, h, c)
    return more["weight_hr"] @ h, c


def layer_norm(gate: Gates, more: More, x: Vector, h: Vector, c: Vector) -> State:
    entering, recurrent, b_ih, b_hh = (
        np.concatenate(parts)
        for parts in zip(*((g.W @ x, g.U @ h, g.b, g.c) for g in gate.values()), strict=True)
    )
    both = norm(entering, more["gain_ih"], b_ih) + norm(recurrent, more["gain_hh"], b_hh)
    i, f, g, o = both.reshape(4, H)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(norm(c, more["gain_c"], more["bias_c"])), c


def gru(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    r, z, new = sigmoid(gate["r"](x, h)), sigmoid(gate["z"](x, h)), gate["n"]
    n = tanh(new.W @ x + new.b + r * (new.U @ h + new.c))
    return ((1 - z) * n + z * h,)


def gru_reset_before(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    r, z = sigmoid(gate["r"](x, h)), sigmoid(gate["z"](x, h))
    return ((1 - z) * tanh(gate["n"](x, r * h)) + z * h,)


def layer_norm_gru(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    def normed(names: str, matrix: str, value: Vector, side: str, shift: str) -> Vector:
        start = 0 if names == "rz" else 2 * H
        total = np.concatenate([getattr(gate[g], matrix) @ value for g in names])
        gain = more[f"gain_{side}"][start : start + len(total)]
        return norm(total, gain, np.concatenate([getattr(gate[g], shift) for g in names]))

    both = normed("rz", "W", x, "ih", "b") + normed("rz", "U", h, "hh", "c")
    r, z = sigmoid(both[:H]), sigmoid(both[H:])
    n = tanh(normed("n", "W", x, "ih", "b") + r * normed("n", "U", h, "hh", "c"))
    return ((1 - z) * n + z * h,)


def slstm(gate: Gates, more: More, x: Vector, h: Vector, c: Vector, n: Vector, m: Vector) -> State:
    f = sigmoid(gate["f"](x, h))
    scale = np.where(n == 0, gate["i"](x, h), np.maximum(gate["i"](x, h), m + np.log(f)))
    entering, kept = np.exp(gate["i"](x, h) - scale), f * np.exp(m - scale)
    c, n = kept * c + entering * tanh(gate["z"](x, h)), kept * n + entering
    return sigmoid(gate["o"](x, h)) * c / np.maximum(n, 1), c, n, scale


def min_gru(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    z = sigmoid(gate["z"](x))
    return ((1 - z) * h + z * gate["n"](x),)


def above_zero(a: Vector) -> Vector:
    return np.where(a >= 0, a + 0.5, np.exp(a) / (1 + np.exp(a)))


def min_gru_positive(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    z = sigmoid(gate["z"](x))
    return ((1 - z) * h + z * above_zero(gate["n"](x)),)


def min_lstm(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    f, i = sigmoid(gate["f"](x)), sigmoid(gate["i"](x))
    return ((f * h + i * gate["n"](x)) / (f + i),)


def min_lstm_positive(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    f, i = sigmoid(gate["f"](x)), sigmoid(gate["i"](x))
    return ((f * h + i * above_zero(gate["n"](x))) / (f + i),)


def rg_lru(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    r, i = sigmoid(gate["r"](x)), sigmoid(gate["i"](x))
    a = np.exp(-8 * np.log(1 + np.exp(more["decay"])) * r)
    return (a * h + np.sqrt(1 - a**2) * i * gate["u"](x),)


def lru(gate: Gates, more: More, x: Vector, a: Vector, b: Vector) -> State:
    value = np.exp(-np.exp(more["modulus"]) + 1j * np.exp(more["phase"]))
    s = value * (a + 1j * b) + np.exp(more["scale"]) * (gate["u"](x) + 1j * gate["v"](x))
    return s.real, s.imag


def lru_output(gate: Gates, more: More, x: Vector, a: Vector, b: Vector) -> Vector:
    real, imaginary = more["weight_c"][:, :H], more["weight_c"][:, H:]
    return ((real + 1j * imaginary) @ (a + 1j * b)).real + gate["y"](x)


def s5(gate: Gates, more: More, x: Vector, a: Vector, b: Vector, dt: float = 1.0) -> State:
    value = -np.exp(more["decay"]) / 2 + 1j * more["frequency"]
    moved = np.exp(value * np.exp(more["time"]) * dt)
    s = moved * (a + 1j * b) + (moved - 1) / value * (gate["u"](x) + 1j * gate["v"](x))
    return s.real, s.imag


def s5_output(gate: Gates, more: More, x: Vector, a: Vector, b: Vector) -> Vector:
    real, imaginary = more["weight_c"][:, :H], more["weight_c"][:, H:]
    return 2 * ((real + 1j * imaginary) @ (a + 1j * b)).real + gate["y"](x)


def lem(gate: Gates, more: More, x: Vector, y: Vector, z: Vector) -> State:
    s, r, last = sigmoid(gate["s"](x, y)), sigmoid(gate["r"](x, y)), gate["y"]
    z = (1 - 0.3 * s) * z + 0.3 * s * tanh(gate["z"](x, y))
    return (1 - 0.3 * r) * y + 0.3 * r * tanh(last(x) + more["weight_zh"] @ z), z


def cfc(gate: Gates, more: More, x: Vector, h: Vector) -> State:
    b = 1.7159 * tanh(2 / 3 * gate["b"](x, h))
    first, second, rate, phase = (more["weight_heads"] @ b + more["bias_heads"]).reshape(4, H)
    q = 1 / (1 + np.exp(-rate - phase))  # no gate of its own bias, so not among those told
    return ((1 - q) * tanh(first) + q * tanh(second),)


CASES: list[tuple[cells.Cell, str, Callable[..., State]]] = [
    (cells.Elman(I, H), "h", elman_tanh),
    (cells.Elman(I, H, nonlinearity="relu"), "h", elman_relu),
    (cells.LSTM(I, H), "ifgo", lstm),
    (cells.CoupledLSTM(I, H), "fgo", coupled),
    (cells.PeepholeLSTM(I, H), "ifgo", peephole),
    (cells.ProjectedLSTM(I, H, proj_size=P), "ifgo", projected),
    (cells.LayerNormLSTM(I, H), "ifgo", layer_norm),
    (cells.GRU(I, H), "rzn", gru),
    (cells.GRUResetBefore(I, H), "rzn", gru_reset_before),
    (cells.LayerNormGRU(I, H), "rzn", layer_norm_gru),
    (cells.SLSTM(I, H), "ifzo", slstm),
    (cells.MinGRU(I, H), "zn", min_gru),
    (cells.MinGRU(I, H, positive=True), "zn", min_gru_positive),
    (cells.MinLSTM(I, H), "fin", min_lstm),
    (cells.MinLSTM(I, H, positive=True), "fin", min_lstm_positive),
    (cells.RGLRU(I, H), "riu", rg_lru),
    (cells.LRU(I, H), "uvy", lru),
    (cells.S5(I, H), "uvy", s5),
    (cells.LEM(I, H, dt=0.3), "srzy", lem),
    (cells.CfC(I, H), "b", cfc),
]


OUTPUTS: dict[str, Callable[..., Vector]] = {"lru": lru_output, "s5": s5_output}
"""Of cells whose output is not their first state."""


def test_every_cell_has_a_case():
    assert {type(cell) for cell, _, _ in CASES} == {*OF_FEATURES.values()}


def layer_with(cell: cells.Cell, weights: dict[str, Vector]) -> Recurrent:
    layer = Recurrent(cell, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": torch.from_numpy(value) for name, value in weights.items()})
    return layer


def assert_unrolls_as(
    layer: Recurrent, step: Callable[..., State], read: Callable[..., Vector] = lambda x, h, *_: h
) -> None:
    """The layer on a batch against ``step(x, *state)`` and ``read`` of the new state, row by row."""
    rng = np.random.default_rng(1)
    x, state = rng.normal(size=(STEPS, B, I)), [rng.normal(size=s.shape) for s in layer.initial_state(B)]
    output, final = layer(torch.from_numpy(x), tuple(torch.from_numpy(s) for s in state))
    for row in range(B):
        now: State = tuple(s[0, row] for s in state)
        for t in range(STEPS):
            now = step(x[t, row], *now)
            np.testing.assert_allclose(output[t, row].detach(), read(x[t, row], *now), rtol=0, atol=TOLERANCE)
        for found, wanted in zip(final, now, strict=True):
            np.testing.assert_allclose(found[0, row].detach(), wanted, rtol=0, atol=TOLERANCE)


def random_weights(cell: cells.Cell, gates: str) -> tuple[Gates, More, dict[str, Vector]]:
    """One matrix per gate, what else the cell has, and all of it under the cell's names."""
    rng = np.random.default_rng(0)
    shapes = {"W": (H, I), "b": (H,), "U": (H, cell.output_size), "c": (H,)}
    gate = {g: Gate(**{k: 0.5 * rng.normal(size=shape) for k, shape in shapes.items()}) for g in gates}
    stacked = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "c"}
    weights, more = {}, {}
    for name, shape in cell.parameters().items():
        if name in stacked:  # the first gates, if not all have a part of it
            weights[name] = np.concatenate([getattr(g, stacked[name]) for g in gate.values()])[: shape[0]]
        else:
            more[name] = rng.normal(size=shape)
    if "bias_hh" not in weights:
        gate = {name: replace(g, c=np.zeros(H)) for name, g in gate.items()}
    return gate, more, weights | more


each_cell = pytest.mark.parametrize(
    ("cell", "gates", "step"), CASES, ids=[step.__name__ for _, _, step in CASES]
)


@each_cell
def test_cell_computes_its_equations(cell, gates, step):
    gate, more, weights = random_weights(cell, gates)
    read = OUTPUTS.get(step.__name__)
    assert_unrolls_as(
        layer_with(cell, weights),
        lambda x, *state: step(gate, more, x, *state),
        *([] if read is None else [lambda x, *state: read(gate, more, x, *state)]),
    )


@each_cell
def test_the_gates_told_are_the_sigmoids_of_the_equations(cell, gates, step, monkeypatch):
    gate, more, weights = random_weights(cell, gates)
    rng = np.random.default_rng(1)
    x, state = rng.normal(size=I), [rng.normal(size=shape) for shape in cell.states().values()]
    met = []
    monkeypatch.setitem(globals(), "sigmoid", lambda x: met.append(1 / (1 + np.exp(-x))) or met[-1])
    step(gate, more, x, *state)
    w = {name: torch.from_numpy(value) for name, value in weights.items()}
    rows = tuple(torch.from_numpy(s)[None] for s in state)
    told = cell.gate_values(w, cell.project(w, torch.from_numpy(x)[None]), rows)
    assert tuple(told) == cell.sigmoid_gates
    assert len(told) == len(met)
    found = sorted(value[0].tolist() for value in told.values())
    np.testing.assert_allclose(found, sorted(value.tolist() for value in met), rtol=0, atol=TOLERANCE)


@dataclass
class TutorialLSTM:
    """The cell as tutorials write it: one matrix per gate over h and x, one after the other."""

    Wf: Vector
    Wi: Vector
    Wc: Vector
    Wo: Vector
    bf: Vector
    bi: Vector
    bc: Vector
    bo: Vector

    def step(self, x: Vector, h: Vector, c: Vector) -> State:
        hx = np.concatenate([h, x])
        f = sigmoid(self.Wf @ hx + self.bf)
        i = sigmoid(self.Wi @ hx + self.bi)
        candidate = tanh(self.Wc @ hx + self.bc)
        c = f * c + i * candidate
        o = sigmoid(self.Wo @ hx + self.bo)
        return o * tanh(c), c


def weights_of(tutorial: TutorialLSTM) -> dict[str, Vector]:
    """The tutorial's weights under our names: our gates are i, f, g (its c), o, and h and x stand apart."""
    W = np.concatenate([tutorial.Wi, tutorial.Wf, tutorial.Wc, tutorial.Wo])
    b = np.concatenate([tutorial.bi, tutorial.bf, tutorial.bc, tutorial.bo])
    return {"weight_hh": W[:, :H], "weight_ih": W[:, H:], "bias_ih": b, "bias_hh": np.zeros_like(b)}


def test_lstm_takes_the_weights_of_a_tutorial():
    rng = np.random.default_rng(2)
    matrices, biases = 0.5 * rng.normal(size=(4, H, H + I)), rng.normal(size=(4, H))
    tutorial = TutorialLSTM(*matrices, *biases)
    assert_unrolls_as(layer_with(cells.LSTM(I, H), weights_of(tutorial)), tutorial.step)


def test_steps_of_s5_of_any_length_are_exact_where_the_input_holds():
    layer = Recurrent(cells.S5(I, H, dt_max=1.0), dtype=torch.float64)
    x = torch.randn(1, B, I, dtype=torch.float64)
    whole = layer(x, side=torch.full((1, B), 3.0, dtype=torch.float64))[1]
    parts = layer(
        x.expand(4, B, I), side=torch.tensor([1.0, 0.25, 1.25, 0.5], dtype=torch.float64).outer(x.new_ones(B))
    )[1]
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    rest = layer(x, whole, side=torch.zeros(1, B, dtype=torch.float64))[1]  # no time passes
    for one, other in zip(whole, rest, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
