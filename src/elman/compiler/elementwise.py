"""torch's elementwise operations, written in those of a program."""

import math
from collections.abc import Callable
from typing import Any

from elman.compiler.ops import Expr

Rule = Callable[..., Expr]
"""(values…, numbers…) → value, with the arguments of torch's operation."""


def _scaled(b: Expr, alpha: float) -> Expr:
    return b if alpha == 1 else b * alpha


def _clamp(x: Expr, low: Any = None, high: Any = None) -> Expr:
    """NaN stays NaN, and at a bound the gradient passes, as in torch."""
    if low is not None:
        x = x.to("lt", low).to("where", low if isinstance(low, Expr) else _number(x, low), x)
    if high is not None:
        x = x.to("gt", high).to("where", high if isinstance(high, Expr) else _number(x, high), x)
    return x


def _number(x: Expr, value: float) -> Expr:
    return Expr(x.maker, x.maker.number(value))


def _power(x: Expr, exponent: float) -> Expr:
    if exponent == 0.5:
        return x.to("sqrt")
    if exponent == -0.5:
        return _reciprocal(x.to("sqrt"))
    if exponent != int(exponent) or not 1 <= abs(exponent) <= 4:
        raise ValueError(f"a power must be ±1/2 or a whole number from -4 to 4. Got {exponent}.")
    result = x
    for _ in range(int(abs(exponent)) - 1):
        result = result * x
    return result if exponent > 0 else _reciprocal(result)


def _reciprocal(x: Expr) -> Expr:
    return _number(x, 1.0) / x


def _softplus(x: Expr, beta: float = 1.0, threshold: float = 20.0) -> Expr:
    if beta == 1:
        return x.to("softplus")  # past the threshold it is x in float32 anyway
    return (x * beta).to("softplus") / beta


def _elu(x: Expr, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Expr:
    low = _scaled(_scaled(x, input_scale).to("expm1"), alpha * scale)
    return x.to("gt", 0.0).to("where", _scaled(x, scale), low)


def _gelu(x: Expr, approximate: str = "none") -> Expr:
    if approximate == "tanh":
        inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
        return x * 0.5 * (inner.to("tanh") + 1.0)
    return x * 0.5 * ((x * math.sqrt(0.5)).to("erf") + 1.0)


def _relu(x: Expr) -> Expr:
    """NaN stays NaN; its gradient at 0 is 0."""
    return x.to("le", 0.0).to("where", 0.0, x)


def _hard_sigmoid(x: Expr) -> Expr:
    return _clamp(x + 3.0, 0.0, 6.0) / 6.0


def _unary(op: str) -> Rule:
    return lambda x, *_: x.to(op)


def _binary(op: str) -> Rule:
    return lambda a, b: a.to(op, b)


_PLAIN = (
    "abs",
    "sigmoid",
    "tanh",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "erf",
    "neg",
    "sign",
)
_COMPARED = ("lt", "le", "gt", "ge", "eq", "ne")

RULES: dict[str, Rule] = {
    **{f"aten.{op}.default": _unary(op) for op in _PLAIN},
    "aten.sgn.default": _unary("sign"),
    **{f"aten.{op}.{kind}": _binary(op) for op in _COMPARED for kind in ("Tensor", "Scalar")},
    **{f"aten.{op}.{kind}": _binary(op) for op in ("mul", "div") for kind in ("Tensor", "Scalar")},
    **{f"aten.add.{kind}": lambda a, b, alpha=1: a + _scaled(b, alpha) for kind in ("Tensor", "Scalar")},
    **{f"aten.sub.{kind}": lambda a, b, alpha=1: a - _scaled(b, alpha) for kind in ("Tensor", "Scalar")},
    **{f"aten.rsub.{kind}": lambda a, b, alpha=1: b - _scaled(a, alpha) for kind in ("Tensor", "Scalar")},
    "aten.maximum.default": _binary("max"),
    "aten.minimum.default": _binary("min"),
    "aten.logical_and.default": _binary("and"),
    "aten.logical_or.default": _binary("or"),
    "aten.logical_not.default": _unary("not"),
    "aten.bitwise_and.Tensor": _binary("and"),
    "aten.bitwise_or.Tensor": _binary("or"),
    "aten.bitwise_not.default": _unary("not"),
    "aten.where.self": lambda mask, a, b: mask.to("where", a, b),
    "aten.where.ScalarOther": lambda mask, a, b: mask.to("where", a, b),
    "aten.where.ScalarSelf": lambda mask, a, b: mask.to("where", a, b),
    "aten.where.Scalar": lambda mask, a, b: mask.to("where", a, b),
    "aten.lerp.Tensor": lambda a, b, weight: a + weight * (b - a),
    "aten.lerp.Scalar": lambda a, b, weight: a + (b - a) * weight,
    "aten.addcmul.default": lambda a, b, c, value=1: a + _scaled(b * c, value),
    "aten.addcdiv.default": lambda a, b, c, value=1: a + _scaled(b / c, value),
    "aten.clamp.default": _clamp,
    "aten.clamp.Tensor": _clamp,
    "aten.clamp_min.default": lambda x, low: _clamp(x, low),
    "aten.clamp_max.default": lambda x, high: _clamp(x, None, high),
    "aten.hardtanh.default": lambda x, low=-1.0, high=1.0: _clamp(x, float(low), float(high)),
    "aten.relu.default": _relu,
    "aten.leaky_relu.default": lambda x, slope=0.01: x.to("gt", 0.0).to("where", x, x * slope),
    "aten.square.default": lambda x: x * x,
    "aten.reciprocal.default": _reciprocal,
    "aten.rsqrt.default": lambda x: _reciprocal(x.to("sqrt")),
    "aten.pow.Tensor_Scalar": _power,
    "aten.exp2.default": lambda x: (x * math.log(2)).to("exp"),
    "aten.softplus.default": _softplus,
    "aten.log_sigmoid_forward.default": lambda x: -((-x).to("softplus")),
    "aten.logaddexp.default": lambda a, b: b + (a - b).to("softplus"),
    "aten.silu.default": lambda x: x * x.to("sigmoid"),
    "aten.mish.default": lambda x: x * x.to("softplus").to("tanh"),
    "aten.gelu.default": _gelu,
    "aten.elu.default": _elu,
    "aten.celu.default": lambda x, alpha=1.0: _elu(x, alpha, 1.0, 1.0 / alpha),
    "aten.hardsigmoid.default": _hard_sigmoid,
    "aten.hardswish.default": lambda x: x * _hard_sigmoid(x),
}
"""By torch's name of the operation; a number among the arguments may be a value or a float."""

SAME = {
    "aten.detach.default",
    "aten.alias.default",
    "aten.clone.default",
    "aten.contiguous.default",
    "aten.lift_fresh.default",
    "aten._to_copy.default",
}
"""Operations that leave every value as it is."""
