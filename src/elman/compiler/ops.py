"""The operations of a program: what each computes, its gradient, its C++ and its cost.

A value is a vector of units, or a mask of one. Gradients are written with ``Expr``, so that they read as
equations; at ties they are torch's: max and min share a gradient equally, |x| has none at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F


class Maker(Protocol):
    """What makes new values; ``program.Builder`` is one."""

    def apply(self, op: str, *args: int) -> int:
        """Returns the value of an operation."""
        ...

    def number(self, value: float) -> int:
        """Returns a constant."""
        ...


@dataclass(frozen=True)
class Expr:
    """A value of a program, with Python's operators.

    Attributes:
        maker: where its program is made.
        value: its place there.
    """

    maker: Maker
    value: int

    def _with(self, op: str, *others: Expr | float) -> Expr:
        places = [o.value if isinstance(o, Expr) else self.maker.number(o) for o in others]
        return Expr(self.maker, self.maker.apply(op, *places))

    def __add__(self, other: Expr | float) -> Expr:
        return self._with("add", self, other)

    def __sub__(self, other: Expr | float) -> Expr:
        return self._with("sub", self, other)

    def __rsub__(self, other: float) -> Expr:
        return self._with("sub", other, self)

    def __mul__(self, other: Expr | float) -> Expr:
        return self._with("mul", self, other)

    def __truediv__(self, other: Expr | float) -> Expr:
        return self._with("div", self, other)

    def __neg__(self) -> Expr:
        return self._with("neg", self)

    def to(self, op: str, *others: Expr | float) -> Expr:
        """Returns the operation of this name on this value and others."""
        return self._with(op, self, *others)


Gradient = Callable[..., tuple["Expr | None", ...]]
"""(arguments…, result, gradient of the result) → gradient of each argument; None where there is none."""


@dataclass(frozen=True)
class Op:
    """An operation.

    Attributes:
        arity: number of its arguments.
        compute: the same on torch's tensors.
        text: its C++, with a place {0}, {1} … for each argument; ``simd.hpp`` and
            ``functions.hpp`` have its functions.
        gradient: its derivative; None where it is zero everywhere.
        cost: time, in units of an addition.
        is_mask: whether its result is a mask.
    """

    arity: int
    compute: Callable[..., Any]
    text: str
    gradient: Gradient | None = None
    cost: int = 1
    is_mask: bool = False


_DIVISION, _FUNCTION = 6, 20  # of cost


def _function(compute: Callable[..., Any], name: str, gradient: Gradient) -> Op:
    return Op(1, compute, f"{name}({{0}})", gradient, _FUNCTION)


def _comparison(sign: str, compute: Callable[..., Any]) -> Op:
    return Op(2, compute, f"({{0}} {sign} {{1}})", is_mask=True)


def _share(first: Expr, second: Expr, d: Expr) -> Expr:
    """The gradient of the larger of two: all of it, half of it where both are equal, or none."""
    half = first.to("eq", second).to("where", d * 0.5, 0.0)
    return first.to("gt", second).to("where", d, half)


OPS: dict[str, Op] = {
    "add": Op(2, torch.add, "({0} + {1})", lambda a, b, y, d: (d, d)),
    "sub": Op(2, torch.sub, "({0} - {1})", lambda a, b, y, d: (d, -d)),
    "mul": Op(2, torch.mul, "({0} * {1})", lambda a, b, y, d: (d * b, d * a)),
    "div": Op(2, torch.div, "({0} / {1})", lambda a, b, y, d: (d / b, -(d * y) / b), _DIVISION),
    "neg": Op(1, torch.neg, "(-{0})", lambda a, y, d: (-d,)),
    "abs": Op(1, torch.abs, "absolute({0})", lambda a, y, d: (d * a.to("sign"),)),
    "sign": Op(1, torch.sign, "sign({0})"),
    "max": Op(2, torch.maximum, "maximum({0}, {1})", lambda a, b, y, d: (_share(a, b, d), _share(b, a, d))),
    "min": Op(2, torch.minimum, "minimum({0}, {1})", lambda a, b, y, d: (_share(b, a, d), _share(a, b, d))),
    "sqrt": Op(1, torch.sqrt, "root({0})", lambda a, y, d: (d / (y * 2.0),), _DIVISION),
    "sigmoid": _function(torch.sigmoid, "sigmoid", lambda a, y, d: (d * y * (1.0 - y),)),
    "tanh": _function(torch.tanh, "tanh", lambda a, y, d: (d * (1.0 - y * y),)),
    "exp": _function(torch.exp, "exponential", lambda a, y, d: (d * y,)),
    "expm1": _function(torch.expm1, "exponential_less_one", lambda a, y, d: (d * (y + 1.0),)),
    "log": _function(torch.log, "logarithm", lambda a, y, d: (d / a,)),
    "log1p": _function(torch.log1p, "logarithm_of_one_more", lambda a, y, d: (d / (a + 1.0),)),
    "softplus": _function(F.softplus, "softplus", lambda a, y, d: (d * a.to("sigmoid"),)),
    "sin": _function(torch.sin, "sine", lambda a, y, d: (d * a.to("cos"),)),
    "cos": _function(torch.cos, "cosine", lambda a, y, d: (-(d * a.to("sin")),)),
    "erf": _function(
        torch.erf,
        "error_function",
        lambda a, y, d: (d * (-(a * a)).to("exp") * (2.0 / math.sqrt(math.pi)),),
    ),
    "lt": _comparison("<", torch.lt),
    "le": _comparison("<=", torch.le),
    "gt": _comparison(">", torch.gt),
    "ge": _comparison(">=", torch.ge),
    "eq": _comparison("==", torch.eq),
    "ne": _comparison("!=", torch.ne),
    "and": Op(2, torch.logical_and, "({0} & {1})", is_mask=True),
    "or": Op(2, torch.logical_or, "({0} | {1})", is_mask=True),
    "not": Op(1, torch.logical_not, "(~{0})", is_mask=True),
    "where": Op(
        3,
        torch.where,
        "select({0}, {1}, {2})",
        lambda m, a, b, y, d: (None, m.to("where", d, 0.0), m.to("where", 0.0, d)),
    ),
}
"""The operations by name."""
