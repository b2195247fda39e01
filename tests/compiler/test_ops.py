"""The operations of programs: their gradients beside torch's, at ties too, and what a wrong one does."""

from dataclasses import replace

import pytest
import torch

from elman.compiler.adjoint import gradients
from elman.compiler.ops import OPS, Expr
from elman.compiler.program import Builder

AT = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0], dtype=torch.float64)
OTHER = torch.tensor([-1.5, -1.0, 0.5, 0.7, 0.25, -2.0, 1.5, 2.0], dtype=torch.float64)  # two are those of AT
UPSTREAM = torch.linspace(1, 2, len(AT), dtype=torch.float64)
POSITIVE = {"log", "log1p", "sqrt"}
RULES = {name: op.gradient for name, op in OPS.items() if op.gradient is not None}
PLACES = [(name, k) for name, op in OPS.items() if op.gradient for k in range(op.arity)]


def error(name: str) -> float:
    """The largest difference of an operation's gradients from torch's."""
    values = [AT.abs() + 0.1 if name in POSITIVE else AT, OTHER][: OPS[name].arity]
    builder = Builder()
    mask = [builder.apply("gt", builder.input("state", 0), builder.number(0.3))] if name == "where" else []
    places = [builder.input("slot", k) for k in range(len(values))]
    result = builder.apply(name, *mask, *places)
    whole = Builder.of(builder.program([result]))
    program = whole.program([result])
    found = gradients(program, whole, places, {result: whole.input("gradient", 0)})
    given = {("slot", k): v for k, v in enumerate(values)} | {("state", 0): AT, ("gradient", 0): UPSTREAM}
    own = whole.program(found).evaluate(given)
    leaves = [v.clone().requires_grad_() for v in values]
    of_torch = torch.autograd.grad(
        OPS[name].compute(*([AT > 0.3] if mask else []), *leaves), leaves, UPSTREAM
    )
    return max(float((a - b).abs().max()) for a, b in zip(own, of_torch, strict=True))


@pytest.mark.parametrize("name", RULES)
def test_gradients_are_torchs(name):
    assert error(name) < 1e-12


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_wrong_gradient_is_found(name, place, monkeypatch):
    """Guards the tests above: each gradient, made 1 % larger, differs."""
    rule = RULES[name]

    def mistaken(*args: Expr):
        found = list(rule(*args))
        if found[place] is None:
            pytest.skip("a mask has no gradient")
        found[place] = found[place] * 1.01
        return tuple(found)

    monkeypatch.setitem(OPS, name, replace(OPS[name], gradient=mistaken))
    assert error(name) > 1e-3


def test_numbers_are_computed_and_equal_values_made_once():
    builder = Builder()
    a, two = builder.input("slot", 0), builder.number(2)
    assert builder.nodes[builder.apply("mul", two, builder.number(3))].number == 6
    assert builder.apply("add", a, two) == builder.apply("add", a, two)
    assert builder.number(0.0) != builder.number(-0.0)


def test_a_sum_with_a_negative_is_a_difference():
    builder = Builder()
    a, b = builder.input("slot", 0), builder.input("slot", 1)
    program = builder.program([builder.apply("add", a, builder.apply("neg", b))])
    assert [node.op for node in program.nodes] == ["input", "input", "sub"]
