"""What is read of a cell's step, as programs in float64, beside the step itself and torch's gradients."""

import inspect

import more_cells as examples
import pytest
import torch
from torch import Tensor

from elman import cells as built_in
from elman.cells import Cell
from elman.compiler.form import Form, form_of
from elman.compiler.program import Program
from elman.compiler.read import read_step
from elman.compiler.trace import NotCompilable

B, I, H = 5, 3, 4
EXAMPLES = [c for c in vars(examples).values() if inspect.isclass(c) and c.__module__ == "more_cells"]
ONE_STAGE = [
    built_in.Elman,
    built_in.LSTM,
    built_in.GRU,
    built_in.PeepholeLSTM,
    built_in.CoupledLSTM,
    built_in.SLSTM,
    built_in.MinGRU,
    built_in.MinLSTM,
    built_in.RGLRU,
    *EXAMPLES,
]
each = pytest.mark.parametrize("kind", ONE_STAGE, ids=lambda kind: kind.__name__)


def drawn(cell: Cell) -> tuple[dict[str, Tensor], Tensor, tuple[Tensor, ...]]:
    """Parameters, what ``project`` gives, and a state."""
    options = {"dtype": torch.float64, "requires_grad": True}
    w = {name: torch.randn(shape, **options) for name, shape in cell.parameters().items()}
    projected = cell.project(w, torch.randn(B, I, dtype=torch.float64)).detach().requires_grad_()
    return w, projected, tuple(torch.randn(B, H, **options) for _ in cell.states())


def inputs_of(form: Form, w: dict[str, Tensor], projected: Tensor, state: tuple[Tensor, ...]) -> dict:
    """The values that a form's program reads."""
    products = form.recurrent(w)
    u: tuple[Tensor, ...] = ()
    if products is not None:
        u = (torch.cat([state[n] for n in form.seen], 1) @ products[0].t() + products[1]).split(H, 1)
    x = projected.split(H, 1)
    given = {("state", n): s for n, s in enumerate(state)}
    given |= {("extra", m): e for m, e in enumerate(form.extras(w, H))}
    for k, slot in enumerate(form.slots):
        parts = [x[slot.given]] if slot.given is not None else []
        parts += [u[slot.product]] if slot.product is not None else []
        given["slot", k] = sum(parts[1:], parts[0])
    return given


@each
def test_the_program_computes_the_step(kind):
    cell = kind(I, H)
    form = form_of(read_step(cell))
    w, projected, state = drawn(cell)
    found = form.forward.evaluate(inputs_of(form, w, projected, state))
    torch.testing.assert_close(tuple(found), tuple(cell.step(w, projected, state)), rtol=1e-12, atol=1e-12)


@each
def test_the_backward_program_gives_torchs_gradients(kind):
    """From the kept values, with parameters' gradients through what was computed of them beforehand."""
    cell = kind(I, H)
    form = form_of(read_step(cell))
    w, projected, state = drawn(cell)
    new = cell.step(w, projected, state)
    d = [torch.randn_like(s) for s in new]
    leaves = [projected, *state, *(p for name, p in w.items() if name not in ("weight_ih", "bias_ih"))]
    of_torch = torch.autograd.grad(new, leaves, d, allow_unused=True)
    given = inputs_of(form, w, projected, state)
    kept = Program(form.forward.nodes, form.kept).evaluate(given)
    known = {source: v for source, v in given.items() if source[0] != "slot"}
    known |= {("kept", k): v for k, v in enumerate(kept)} | {("gradient", n): v for n, v in enumerate(d)}
    results = [v.detach().expand(B, H) for v in form.backward.evaluate(known)]
    sources = [(kind, k) for kind, count in form.inputs.items() for k in range(count)]
    through = sum((given[s].expand(B, H) * v).sum() for s, v in zip(sources, results, strict=True))
    own = torch.autograd.grad(through, leaves, allow_unused=True)
    for a, b in zip(own, of_torch, strict=True):
        found, expected = (torch.zeros(()) if g is None else g for g in (a, b))
        assert float((found - expected).abs().max()) < 1e-10


def test_an_lstm_keeps_its_gates():
    """Four of them; the tangent of the new cell state is computed again, as csrc/cells/lstm.hpp does."""
    form = form_of(read_step(built_in.LSTM(I, H)))
    kept = [form.forward.nodes[place].op for place in form.kept]
    assert sorted(kept) == ["sigmoid", "sigmoid", "sigmoid", "tanh"]
    assert sum(node.op in ("sigmoid", "tanh") for node in form.backward.nodes) == 1


@pytest.mark.parametrize(
    ("kind", "slots", "seen"),
    [
        (built_in.LSTM, 4, (0,)),
        (built_in.GRU, 4, (0,)),
        (examples.MGU, 3, (0,)),
        (examples.IndRNN, 1, ()),
        (examples.CoRNN, 1, (0, 1)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_form_of_a_cell(kind, slots, seen):
    form = form_of(read_step(kind(I, H)))
    assert (len(form.slots), form.seen) == (slots, seen)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (built_in.GRUResetBefore, "one product after another"),
        (built_in.LayerNormLSTM, r"layer_norm_lstm\.py:\d+: native_layer_norm mixes units"),
        (built_in.ProjectedLSTM, "states must have H numbers"),
        (built_in.ConvGRU, "planes"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_other_forms_are_refused(kind, reason):
    with pytest.raises(NotCompilable, match=reason):
        form_of(read_step(kind(I, H)))


@pytest.mark.parametrize("hidden", [1, 3, 21, 105])
def test_any_number_of_units_is_read(hidden):
    assert form_of(read_step(built_in.LSTM(hidden, hidden))).step.blocks == 4
