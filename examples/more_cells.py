"""Eight cells from the literature, each as short as a cell of your own may be:

elman cell examples/more_cells.py:JANET
elman train language-model corpus.txt --cell examples/more_cells.py:JANET --out runs/janet
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

import elman


@dataclass(frozen=True)
class MGU(elman.Cell):
    """One gate that forgets and resets (Zhou et al. 2016, arXiv:1603.09420), reset after the product.

    f = σ(W_f x + U_f h),  n = tanh(W_n x + f ⊙ U_n h),  h' = (1 − f) ⊙ h + f ⊙ n
    """

    gates = ("f", "n")
    sigmoid_gates = ("f",)
    memory_gate, keeps_at = "f", 0  # f = 0 keeps the state

    def pointwise(self, w, projected, recurrent, state):
        (pf, pn), (uf, un) = projected.chunk(2, -1), recurrent.chunk(2, -1)
        f = torch.sigmoid(pf + uf)
        return (torch.lerp(state[0], torch.tanh(pn + f * un), f),)


@dataclass(frozen=True)
class UGRNN(elman.Cell):
    """The update gate RNN (Collins et al. 2016, arXiv:1611.09913).

    g = σ(W_g x + U_g h),  n = tanh(W_n x + U_n h),  h' = g ⊙ h + (1 − g) ⊙ n
    """

    gates = ("g", "n")
    sigmoid_gates = ("g",)
    memory_gate = "g"

    def pointwise(self, w, projected, recurrent, state):
        g, n = (projected + recurrent).chunk(2, -1)
        return (torch.lerp(torch.tanh(n), state[0], torch.sigmoid(g)),)


@dataclass(frozen=True)
class JANET(elman.Cell):
    """A forget gate alone (van der Westhuizen & Lasenby 2018, arXiv:1804.04849), β = 1.

    s = W_f x + U_f h,  n = tanh(W_n x + U_n h),  h' = σ(s) ⊙ h + (1 − σ(s − β)) ⊙ n
    """

    gates = ("f", "n")
    sigmoid_gates = ("f",)
    beta: float = 1.0

    def pointwise(self, w, projected, recurrent, state):
        s, n = (projected + recurrent).chunk(2, -1)
        return (torch.sigmoid(s) * state[0] + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(n),)


@dataclass(frozen=True)
class LiGRU(elman.Cell):
    """A light GRU for speech (Ravanelli et al. 2018, arXiv:1803.10225): no reset gate, relu.

    z = σ(N(W_z x) + U_z h),  n = relu(N(W_n x) + U_n h),  h' = z ⊙ h + (1 − z) ⊙ n

    The paper's N is batch normalisation. Here it divides by the root mean square of each product, which needs
    no statistics of other samples and streams.
    """

    gates = ("z", "n")
    sigmoid_gates = ("z",)
    memory_gate = "z"

    def project(self, w, x):
        rows = F.linear(x, w["weight_ih"]).unflatten(-1, (2, self.hidden_size))
        normed = F.rms_norm(rows, (self.hidden_size,)).flatten(-2)
        return normed + w["bias_ih"] if self.bias else normed

    def pointwise(self, w, projected, recurrent, state):
        z, n = (projected + recurrent).chunk(2, -1)
        return (torch.lerp(torch.relu(n), state[0], torch.sigmoid(z)),)


@dataclass(frozen=True)
class IndRNN(elman.Cell):
    """Units that see their own past alone (Li et al. 2018, arXiv:1803.04831).

    h' = relu(W x + u ⊙ h + b)
    """

    recurrent_weights = {}
    gate_biases = ("bias_ih",)

    def parameters(self):
        return super().parameters() | {"weight_h": (self.hidden_size,)}

    def initialise(self, w):
        super().initialise(w)
        w["weight_h"].uniform_(0, 1)

    def pointwise(self, w, projected, recurrent, state):
        return (torch.relu(projected + w["weight_h"] * state[0]),)


@dataclass(frozen=True)
class SRU(elman.Cell):
    """The simple recurrent unit (Lei et al. 2018, arXiv:1709.02755), its highway from a fourth product of x.

    f = σ(W_f x + v_f ⊙ c),  c' = f ⊙ c + (1 − f) ⊙ W x
    r = σ(W_r x + v_r ⊙ c),  h' = r ⊙ c' + (1 − r) ⊙ W_h x
    """

    gates = ("f", "r", "n", "h")
    sigmoid_gates = ("f", "r")
    recurrent_weights = {}
    gate_biases = ("bias_ih",)

    def states(self):
        return {"h": (self.hidden_size,), "c": (self.hidden_size,)}

    def parameters(self):
        return super().parameters() | {"weight_cf": (self.hidden_size,), "weight_cr": (self.hidden_size,)}

    def pointwise(self, w, projected, recurrent, state):
        f, r, n, x = projected.chunk(4, -1)
        c = state[1]
        f, r = torch.sigmoid(f + w["weight_cf"] * c), torch.sigmoid(r + w["weight_cr"] * c)
        c = torch.lerp(n, c, f)
        return torch.lerp(x, c, r), c

    def gate_values(self, w, projected, state, side=None):
        f, r, _, _ = projected.chunk(4, -1)
        return {
            "f": torch.sigmoid(f + w["weight_cf"] * state[1]),
            "r": torch.sigmoid(r + w["weight_cr"] * state[1]),
        }


@dataclass(frozen=True)
class QRNN(elman.Cell):
    """A quasi-recurrent network (Bradbury et al. 2016, arXiv:1611.01576), windows of two steps, fo-pooling.

    z = tanh(V_z x_old + W_z x),  f = σ(V_f x_old + W_f x),  o = σ(V_o x_old + W_o x)
    c' = f ⊙ c + (1 − f) ⊙ z,  h' = o ⊙ c'

    What the last step's x adds is carried as three states, so that a stream needs no other memory.
    """

    gates = ("z", "f", "o", "old_z", "old_f", "old_o")
    sigmoid_gates = ("f", "o")
    recurrent_weights = {}
    gate_biases = ("bias_ih",)

    def states(self):
        return dict.fromkeys(("h", "c", "z", "f", "o"), (self.hidden_size,))

    def pointwise(self, w, projected, recurrent, state):
        z, f, o, *old = projected.chunk(6, -1)
        _, c, old_z, old_f, old_o = state
        c = torch.lerp(torch.tanh(z + old_z), c, torch.sigmoid(f + old_f))
        return torch.sigmoid(o + old_o) * c, c, *old

    def gate_values(self, w, projected, state, side=None):
        _, f, o, *_ = projected.chunk(6, -1)
        return {"f": torch.sigmoid(f + state[3]), "o": torch.sigmoid(o + state[4])}


@dataclass(frozen=True)
class CoRNN(elman.Cell):
    """Coupled oscillators (Rusch & Mishra 2021, arXiv:2010.00951): a state y and its speed z.

    z' = z + Δ (tanh(W_y y + W_z z + V x + b) − γ y − ε z),  y' = y + Δ z'
    """

    recurrent_weights = {"weight_hh": "y", "weight_zh": "z"}
    dt: float = 0.042
    gamma: float = 2.7
    epsilon: float = 4.7

    def states(self):
        return {"y": (self.hidden_size,), "z": (self.hidden_size,)}

    def recur(self, w, state):
        return F.linear(state[0], w["weight_hh"], w.get("bias_hh")) + F.linear(state[1], w["weight_zh"])

    def pointwise(self, w, projected, recurrent, state):
        y, z = state
        z = z + self.dt * (torch.tanh(projected + recurrent) - self.gamma * y - self.epsilon * z)
        return y + self.dt * z, z
