"""Programs drawn at random: both passes, with few kept values, beside torch's gradients."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.compiler import keep
from elman.compiler.adjoint import gradients
from elman.compiler.ops import OPS
from elman.compiler.program import Builder, Program, check, copied

UNARY = ["neg", "sigmoid", "tanh", "exp", "softplus", "sin", "cos", "erf", "abs"]
BINARY = ["add", "sub", "mul", "max", "min"]
SLOTS, STATES = 3, 2


@st.composite
def programs(draw) -> Program:
    """Some operations on sums and states, in which values have several uses; its results are two of them."""
    builder = Builder()
    values = [builder.input("slot", k) for k in range(SLOTS)] + [
        builder.input("state", n) for n in range(STATES)
    ]
    for _ in range(draw(st.integers(2, 25))):
        op = draw(st.sampled_from([*UNARY, *BINARY, "where"]))
        some = [draw(st.sampled_from(values)) for _ in range(3)]
        if op == "where":
            mask = builder.apply("gt", some[0], builder.number(draw(st.sampled_from([0.0, 0.5]))))
            values.append(builder.apply(op, mask, *some[1:]))
        else:
            values.append(builder.apply(op, *some[: OPS[op].arity]))
        # bounded, so that no chain of products leaves the range of numbers
        values[-1] = builder.apply("tanh", values[-1]) if op in ("mul", "exp", "sub", "add") else values[-1]
    return builder.program([values[-1], draw(st.sampled_from(values))])


@settings(max_examples=30, deadline=None)
@given(programs(), st.integers(0, 100))
def test_both_passes_equal_torchs(program, seed):
    check(program, {"slot": SLOTS, "state": STATES})
    torch.manual_seed(seed)
    sources = [node.source for node in program.nodes if node.source]
    inputs = {source: torch.randn(7, dtype=torch.float64, requires_grad=True) for source in sources}
    out = [t + 0 * sum(inputs.values()) for t in program.evaluate(inputs)]
    d = [torch.randn_like(t) for t in out]
    of_torch = torch.autograd.grad(out, list(inputs.values()), d)
    whole = Builder.of(program)
    given_: dict[int, int] = {}
    for n, place in enumerate(program.outputs):
        own = whole.input("gradient", n)
        given_[place] = whole.apply("add", given_[place], own) if place in given_ else own
    wanted = [whole.input(*source) for source in inputs]
    found = gradients(program, whole, wanted, given_)
    both = Program(tuple(whole.nodes), tuple(found))
    kept = keep.choose(both, len(program.nodes), SLOTS)
    assert len(kept) <= SLOTS
    upstream = {("gradient", n): t for n, t in enumerate(d)}
    backward = _with_kept(both, kept)
    values = Program(program.nodes, kept).evaluate(inputs)
    known = {("kept", k): v for k, v in enumerate(values)} | upstream
    known |= {source: v for source, v in inputs.items() if source[0] != "slot"}
    for own, expected in zip(backward.evaluate(known), of_torch, strict=True):
        torch.testing.assert_close(own.expand_as(expected), expected, rtol=1e-9, atol=1e-9)


def _with_kept(both: Program, kept: tuple[int, ...]) -> Program:
    """The backward pass with the kept values as inputs; it must not need a sum."""
    builder = Builder()
    make = copied(
        both, builder, lambda place, _: builder.input("kept", kept.index(place)) if place in kept else None
    )
    program = builder.program([make(place) for place in both.outputs])
    assert not program.inputs("slot")
    return program


def test_the_step_by_step_search_finds_what_trying_all_finds(monkeypatch):
    """Both on a program of two chains, each of which one kept value spares."""
    builder = Builder()
    ends = []
    for k in range(2):
        value = builder.input("slot", k)
        for op in ("tanh", "exp", "sigmoid"):
            value = builder.apply(op, value)
        ends.append(value)
    program = builder.program(ends)
    whole = Builder.of(program)
    given_ = {place: whole.input("gradient", n) for n, place in enumerate(program.outputs)}
    found = gradients(program, whole, [whole.input("slot", k) for k in range(2)], given_)
    both = Program(tuple(whole.nodes), tuple(found))

    def cost(kept: tuple[int, ...]) -> float:
        return keep._cost(both, len(program.nodes), set(kept))

    best = keep.choose(both, len(program.nodes), 2)
    monkeypatch.setattr(keep, "_MOST_TRIED", 0)
    searched = keep.choose(both, len(program.nodes), 2)
    assert cost(searched) == cost(best) < math.inf
