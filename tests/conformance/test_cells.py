"""Every cell keeps the promises that ``elman.testing`` checks; a new file in ``cells/`` is covered unasked.

The cells of ``own_cells`` run beside the registered ones: no recurrent product or two, planes, a matrix as
state, a side input, an output that is no state.
"""

import math

import own_cells
import pytest

from elman.cells import Cell
from elman.testing import cell_checks, registered_cells
from elman.testing.initialisations import initial

KINDS = [*registered_cells(), *own_cells.CELLS]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@each_kind
@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in cell_checks()])
def test_keeps_its_promise(kind, check):
    check(kind)


# What we ask of the cells of this package beyond that


@each_kind
def test_its_docstring_states_its_facts(kind):
    cell, said = kind(3, 4), " ".join(kind.__doc__.split())
    for section in ("Args:", "Shapes:", "Raises:", "Source:"):
        assert section in said
    states = ", ".join(cell.states()) + "," * (len(cell.states()) == 1)
    assert f"State: ({states})" in said
    assert len(kind.gates) == 1 or f"Gate order: {', '.join(kind.gates)}" in said
    assert (cell.side_input() is not None) == ("Side input:" in said)


@each_kind
def test_init_torch_is_uniform_but_for_normalisations(kind):
    cell, w = initial(kind, "torch")
    bound = 1 / math.sqrt(32)
    usual = (*cell.input_weights, *cell.recurrent_weights, *cell.gate_biases)  # others may have own ranges
    uniform = {name: w[name] for name in usual if w[name].unique().numel() > 1}
    for name, value in uniform.items():
        assert 0.9 * bound < value.abs().max() <= bound, name
        assert abs(value.std() - bound / math.sqrt(3)) < 0.15 * bound, name
    others = {name: value for name, value in w.items() if name not in uniform}
    if kind.initialise is Cell.initialise:
        assert others.keys() == w.keys() - set(usual)
    # a normalisation starts with gains of 1 and shifts of 0
    assert {v.unique().item() for v in others.values() if v.unique().numel() == 1} <= {0.0, 1.0}
