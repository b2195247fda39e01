"""What a step may not do: each rule, named with file and line."""

import inspect
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F

from elman.cells import Cell
from elman.compiler.read import read_step
from elman.compiler.trace import NotCompilable

OUTSIDE = torch.ones(4)


def cell_of(pointwise):
    """A cell with this arithmetic."""
    return dataclass(frozen=True)(type("Own", (Cell,), {"pointwise": pointwise}))(3, 4)


def outside(self, w, projected, recurrent, state):
    return (torch.tanh(projected + recurrent) * OUTSIDE,)


def branch(self, w, projected, recurrent, state):
    return (projected + recurrent if projected.sum() > 0 else state[0],)


def random(self, w, projected, recurrent, state):
    return (torch.tanh(projected + recurrent) + torch.randn_like(projected),)


def dropout(self, w, projected, recurrent, state):
    return (F.dropout(torch.tanh(projected + recurrent), 0.5),)


def rows(self, w, projected, recurrent, state):
    return (projected + recurrent - projected.mean(0),)


def units(self, w, projected, recurrent, state):
    return (torch.softmax(projected + recurrent, -1),)


def flipped(self, w, projected, recurrent, state):
    return ((projected + recurrent).flip(-1),)


def apart(self, w, projected, recurrent, state):
    a, b = (projected + recurrent).chunk(2, -1)
    return (torch.cat([b, a], -1),)


def states(self, w, projected, recurrent, state):
    return (projected + recurrent + state[0] @ state[0].t() @ state[0],)


def writes(self, w, projected, recurrent, state):
    return (torch.tanh_(projected + recurrent),)


def unknown(self, w, projected, recurrent, state):
    return (torch.special.i0(projected + recurrent),)


def power(self, w, projected, recurrent, state):
    return ((projected + recurrent) ** 2.5,)


@pytest.mark.parametrize(
    ("pointwise", "rule"),
    [
        (outside, "reads a tensor that is not among"),
        (branch, "mixes units of a row, or rows"),
        (random, "randn_like draws random numbers"),
        (dropout, "draws random numbers|as dropout's masks"),
        (rows, "mean mixes units of a row, or rows"),
        (units, "softmax mixes units"),
        (flipped, "flip mixes units"),
        (apart, "takes the 4 units apart"),
        (states, "product must be of states with a matrix of parameters"),
        (writes, "tanh writes into a tensor"),
        (unknown, "has no rule"),
        (power, "a power must be"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_message_names_the_line_and_the_rule(pointwise, rule):
    with pytest.raises(NotCompilable, match=rule) as refused:
        read_step(cell_of(pointwise))
    lines, first = inspect.getsourcelines(pointwise)
    named = str(refused.value).split(": ")[0]
    assert named in [f"test_refusals.py:{first + k}" for k in range(len(lines))]
    assert "\n" not in str(refused.value)


def test_an_error_of_the_step_is_told():
    def wrong(self, w, projected, recurrent, state):
        return (projected + w["weight_xy"],)

    with pytest.raises((NotCompilable, KeyError), match="weight_xy"):
        read_step(cell_of(wrong))
