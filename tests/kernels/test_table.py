"""Which cells are compiled: csrc/cells.def, what Python makes of it, and a cell that joins at run time."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from sweeps import problem

from elman import registry
from elman.cells import GRU, LSTM, Cell, Elman
from elman.cells.named import make_cell
from elman.compiler import NotCompilable, emit
from elman.compiler.form import form_of
from elman.compiler.read import read_step
from elman.errors import InputError
from elman.kernels import dispatch
from elman.kernels.compiled import cpu, operator, passes, step, table
from elman.layers import Recurrent

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
LISTED = cpu._kernels.cells()
each_listed = pytest.mark.parametrize("facts", LISTED, ids=[facts["name"] for facts in LISTED])


def test_the_list_is_that_of_cells_def():
    lines = re.findall(r'^CELL\(.*, "(\S+)", "(.*)"\)$', (ROOT / "csrc/cells.def").read_text(), re.MULTILINE)
    found = [(facts["name"], [name for name in facts["parameters"][5:] if name]) for facts in LISTED]
    assert found == [(name, names.split()) for name, names in lines]
    assert {len(facts["parameters"]) for facts in LISTED} == {table.PLACES}


@each_listed
@pytest.mark.parametrize("bias", [True, False])
def test_a_compiled_cell_is_one_of_elman_cells(facts, bias):
    cell = replace(make_cell(facts["name"], 3, 4), bias=bias)
    assert len(cell.states()) == facts["states"]
    declared = {name for name in facts["parameters"] if name}
    assert set(cell.parameters()) == declared - (set() if bias else {"bias_ih", "bias_hh"})
    assert facts["projects"] == (cell.output_size != cell.hidden_size)
    kernel = table.kernel_of(cell)
    assert (kernel.name, kernel.number) == (facts["name"], LISTED.index(facts))


@each_listed
@pytest.mark.parametrize("bias", [True, False])
def test_a_description_gives_the_cell_back(facts, bias):
    cell = replace(make_cell(facts["name"], 3, 8), bias=bias)
    assert table.cell_of(table.described(cell), 3, 8) == cell


def test_a_description_names_what_is_not_at_its_default():
    assert table.described(Elman(3, 4)) == "elman"
    assert table.described(Elman(3, 4, nonlinearity="relu")) == "elman:nonlinearity=relu"
    assert table.described(make_cell("projected-lstm:proj_size=2,bias=false", 3, 8)) == (
        "projected-lstm:bias=False,proj_size=2"
    )


@dataclass(frozen=True)
class Leaky(LSTM):
    """A cell without a kernel, though its parent has one."""

    leak: float = 0.0


def test_an_unknown_cell_is_refused():
    assert table.find_kernel(Leaky(3, 4)) is None
    with pytest.raises(ValueError, match="no compiled kernel of Leaky"):
        table.kernel_of(Leaky(3, 4))
    with pytest.raises(InputError, match="no compiled kernel of 'min-gru'; known: elman, elman:nonlin"):
        table.cell_of("min-gru", 3, 4)
    with pytest.raises(ValueError, match="no compiled kernel of Leaky"):
        passes.taken_apart([replace(problem("lstm", 2, 3, 4, 5).sweep(), cell=Leaky(4, 5))])


@pytest.mark.parametrize("number", [-1, len(LISTED), 99])
def test_an_unknown_number_is_refused(number):
    with pytest.raises(ValueError, match=f"no compiled cell has the number {number}"):
        cpu._kernels.kept_bytes(False, number, [2, 3, 4, 5, 5], False)
    asked = problem("lstm", 2, 3, 4, 5)
    options, inputs = passes.taken_apart([asked.sweep()])
    with pytest.raises(ValueError, match=f"no compiled cell has the number {number}"), torch.no_grad():
        passes.forward(replace(options, kernel=replace(options.kernel, number=number)), inputs, None)


def test_the_operator_refuses_an_unknown_cell():
    options, inputs = passes.taken_apart([problem("gru", 2, 3, 4, 5).sweep()])
    plain = list(operator._plain(options))
    plain[plain.index("gru")] = "min-gru"
    with pytest.raises(InputError, match="no compiled kernel of 'min-gru'"):
        operator._sweep([t for t in inputs if t is not None], *plain, False)


@dataclass(frozen=True)
class Late(GRU):
    """A GRU by another name, whose kernel arrives at run time."""

    flavour: str = "mild"


@pytest.fixture
def late(monkeypatch):
    """A module compiled at run time: it holds one cell, whose number there is 0."""
    ours, number = cpu._kernels, table.kernel_of(GRU(1, 1)).number

    def renumbered(function):
        def call(half, own, *rest):
            assert own == 0
            return function(half, number, *rest)

        return call

    def stepper(*arguments):
        *before, layers = arguments[:8]
        assert all(own[0] == 0 for own in layers)
        return ours.Stepper(*before, [(number, *own[1:]) for own in layers], *arguments[8:])

    binary = SimpleNamespace(
        cells=lambda: [LISTED[number] | {"name": "late:flavour=hot"}],
        kept_bytes=renumbered(ours.kept_bytes),
        forward=renumbered(ours.forward),
        backward=renumbered(ours.backward),
        Stepper=stepper,
    )
    monkeypatch.setattr(table, "_found", {cls: list(own) for cls, own in table._found.items()})
    dispatch.register(binary, {"late": Late})


@pytest.mark.usefixtures("late")
def test_a_cell_made_at_run_time_joins():
    hot, gru = Recurrent(Late(3, 4, flavour="hot"), 2), Recurrent(GRU(3, 4), 2)
    hot.load_state_dict(gru.state_dict())
    x = torch.randn(5, 2, 3)
    assert hot.explain(x) == "Late: backend 'cpu' runs this call"
    for layer in (hot, gru):
        layer(x)[0].square().sum().backward()
    for mine, theirs in zip(hot.parameters(), gru.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)
    # in a compiled graph, and step by step
    torch.compiler.reset()
    compiled = torch.compile(hot, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x)[0], gru(x)[0])
    assert step.supports(hot.cells, hot._parameters, hot._names)
    assert torch.equal(hot.stream(2).step(x[0]), gru.stream(2).step(x[0]))
    # only with the options that were compiled
    with pytest.raises(ValueError, match="no compiled kernel of Late"):
        Recurrent(Late(3, 4), backend="cpu")(x)


def why_not_compiled(cell: Cell) -> str | None:
    try:
        emit.header(form_of(read_step(cell)), "Made")
    except NotCompilable as reason:
        return str(reason)
    return None


def test_readme_says_which_cells_are_compiled():
    row = re.compile(
        r"^\| .* \| (`.*`) \| `.*` \| "
        r"(our compiled kernel|compiled at first use|a gradient by hand|step by step) \|$",
        re.MULTILINE,
    )
    said = {name: how for names, how in row.findall(README) for name in re.findall("`([^`]*)`", names)}
    # a projection is named with its size
    compiled = {name.partition(":proj_size")[0] for name, how in said.items() if how == "our compiled kernel"}
    assert compiled == {facts["name"] for facts in LISTED}
    for name, how in said.items():
        if how in ("compiled at first use", "step by step"):
            assert (how == "step by step") == (why_not_compiled(make_cell(name, 3, 4)) is not None)
    assert {name.partition(":")[0] for name in said} == set(registry.names("cells"))
