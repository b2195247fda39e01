"""Initialisations by name, for any cell that declares its gates and weights.

A name is one of those below, or several joined by ``+`` and applied from left to right:

    torch          uniform on ±1/√H, all parameters (torch.nn's)
    orthogonal     recurrent weights orthogonal gate by gate, input weights Glorot-uniform, biases 0
                   (Saxe, McClelland & Ganguli 2013, arXiv:1312.6120; Glorot & Bengio 2010)
    forget-bias    the bias of the memory gate is 1, or −1 if it keeps the state at 0 (Jozefowicz, Zaremba &
                   Sutskever 2015)
    chrono:T       the same bias drawn as log U(1, T − 1), with the same sign, and the input gate's as
                   −log U(1, T − 1), for memories of up to T steps (Tallec & Ollivier 2018, arXiv:1804.11188)
    uniform:R      uniform on ±R, all parameters; tasks apply it to the whole model, embedding and head too
                   (Zaremba, Sutskever & Vinyals 2014, arXiv:1409.2329, with R = 0.1 and 0.05)
    zero-recurrent recurrent weights 0, input weights Glorot-uniform, biases 0: no step mixes units at first
                   (Beck et al. 2024, arXiv:2405.04517)
    spread         the bias of the memory gate falls over the units, from 5 to −7 along k^0.3, so that they
                   begin with memories of hundreds of steps to none (Beck et al. 2024, their code's first
                   block)
    identity       recurrent weights the identity gate by gate (for a convolution, its centre), input weights
                   N(0, 0.001²), biases 0, for relu networks (Le, Jaitly & Hinton 2015, arXiv:1504.00941)
    advised        the cell's ``advised_init``
"""

import math

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights

NAMES = (
    "torch",
    "orthogonal",
    "forget-bias",
    "chrono:T",
    "uniform:R",
    "identity",
    "zero-recurrent",
    "spread",
    "advised",
)


@torch.no_grad()
def initialise(cell: Cell, w: Weights, init: str = "torch") -> None:
    """Fills a cell's parameters in place.

    Raises:
        ValueError: the name is unknown, or the cell lacks what it needs, such as a memory gate.
    """
    if init == "advised":
        init = cell.advised_init
    cell.initialise(w)
    kinds = [name.partition(":")[0] for name in init.split("+")]
    if len(set(kinds)) < len(kinds):
        raise ValueError(
            f"an initialisation must join different ones. Got {max(kinds, key=kinds.count)!r} twice."
        )
    for name in init.split("+"):
        kind, _, argument = name.partition(":")
        if kind == "orthogonal":
            _fill(cell, w, torch.nn.init.orthogonal_, torch.nn.init.xavier_uniform_)
        elif kind == "identity":
            _fill(cell, w, _identity, lambda block: torch.nn.init.normal_(block, std=0.001))
        elif kind == "zero-recurrent":
            _fill(cell, w, torch.nn.init.zeros_, torch.nn.init.xavier_uniform_)
        elif kind == "spread":
            place = torch.arange(cell.hidden_size) / max(cell.hidden_size - 1, 1)
            _keep(cell, w, name, 5 - 12 * place**0.3)
        elif kind == "uniform":
            bound = _bound(argument, name)
            for parameter in w.values():
                torch.nn.init.uniform_(parameter, -bound, bound)
        elif kind == "forget-bias":
            _keep(cell, w, name, torch.ones(cell.hidden_size))
        elif kind == "chrono":
            if not argument.isdecimal() or int(argument[:10]) < 3:
                raise ValueError(
                    f"chrono needs a number of steps of at least 3, such as chrono:200. Got {name!r}."
                )
            if len(argument) >= 10:
                raise ValueError(
                    f"chrono needs a number of steps below 1e9, such as chrono:200. Got {name!r}."
                )
            bias = torch.empty(cell.hidden_size).uniform_(1, int(argument) - 1).log()
            _keep(cell, w, name, bias)
            if cell.input_gate:
                _set_bias(cell, w, cell.input_gate, -bias)
        elif kind != "torch":
            raise ValueError(f"unknown initialisation {name!r}; known: {', '.join(NAMES)}")


def uniform_bound(init: str) -> float | None:
    """Returns R if ``uniform:R`` is among the names of an initialisation, otherwise None.

    Raises:
        ValueError: R is not a number in (0, 1000].
    """
    for name in init.split("+"):
        kind, _, argument = name.partition(":")
        if kind == "uniform":
            return _bound(argument, name)
    return None


def _bound(argument: str, name: str) -> float:
    try:
        bound = float(argument)
    except ValueError:
        bound = math.nan
    if not 0 < bound <= 1000:
        raise ValueError(f"uniform needs a number in (0, 1000], such as uniform:0.1. Got {name!r}.")
    return bound


def _keep(cell: Cell, w: Weights, init: str, bias: Tensor) -> None:
    """Sets the memory gate's bias [H] so that a larger ``bias`` keeps more of the state."""
    if cell.memory_gate is None or not (cell.bias and cell.gate_biases):
        raise ValueError(f"initialisation {init!r} needs a memory gate with a bias. Got {cell!r}.")
    _set_bias(cell, w, cell.memory_gate, bias if cell.keeps_at else -bias)


def _fill(cell: Cell, w: Weights, recurrent, entering) -> None:  # type: ignore[no-untyped-def]
    """Fills each gate's block of the weights; biases become 0."""
    for names, fill in ((cell.recurrent_weights, recurrent), (cell.input_weights, entering)):
        for name in names:
            for block in w[name].split(cell.hidden_size):
                fill(block)
    for name in cell.gate_biases if cell.bias else ():
        w[name].zero_()


def _identity(block: Tensor) -> None:
    (torch.nn.init.eye_ if block.dim() == 2 else torch.nn.init.dirac_)(block)


def _set_bias(cell: Cell, w: Weights, gate: str, value: Tensor) -> None:
    """Sets one gate's bias: the first bias parameter gets the value, the others, which add to it, 0."""
    rows = slice(cell.gates.index(gate) * cell.hidden_size, (cell.gates.index(gate) + 1) * cell.hidden_size)
    first, *others = (w[name] for name in cell.gate_biases)
    first[rows] = value.to(first)
    for other in others:
        other[rows] = 0.0
