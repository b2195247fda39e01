"""Remedies fit the verdict, are options that there are, and none that the run has."""

import dataclasses

import pytest

from elman import registry
from elman.cells.named import make_cell
from elman.diagnose.remedies import MOST, remedies

TASKS = {name: registry.find_task(name) for name in registry.task_names()}
CELLS = ["elman", "elman:nonlinearity=relu", "lstm", "gru", "layer-norm-lstm", "coupled-lstm"]
CELLS_OF_PLANES = ["conv-lstm", "conv-gru"]
FITTING = [
    (name, cell) for name, task in TASKS.items() for cell in (CELLS_OF_PLANES if task.plane_axes else CELLS)
]


def proposed(task="language-model", verdict="vanishing", half_life=5.0, **options):
    config = TASKS[task].Config(**options)
    cell = make_cell(config.cell, 4, 4, TASKS[task].plane_axes)
    return config, remedies(config, cell, verdict, half_life=half_life)


@pytest.mark.parametrize("verdict", ["vanishing", "healthy", "exploding"])
@pytest.mark.parametrize(("task", "cell"), FITTING)
def test_every_remedy_is_a_change_that_the_task_takes(task, cell, verdict):
    config, found = proposed(task, verdict, cell=cell, layers=2, hidden_size=4)
    assert len(found) <= MOST
    for remedy in found:
        changed = dataclasses.replace(config, **remedy.options)
        assert changed != config
        for name, value in remedy.options.items():
            flag = "--" + name.replace("_", "-")
            assert remedy.flags == (flag if value is True else f"{flag} {value}")
        TASKS[task](changed).layer(3)  # cell and initialisation fit
        assert remedy.why.endswith(".")


def flags(**arguments):
    return [remedy.flags for remedy in proposed(**arguments)[1]]


def test_vanishing_gradients_ask_for_a_gate_then_for_a_long_memory():
    assert flags(cell="elman", init="torch") == ["--cell lstm", "--init orthogonal"]
    assert flags(cell="elman") == ["--cell lstm"]  # whose advised initialisation is orthogonal
    assert flags(cell="lstm")[0] == "--init orthogonal+chrono:200"
    assert "--residual" in flags(cell="lstm", layers=2)
    assert "--residual" not in flags(cell="lstm", layers=2, residual=True)


def test_exploding_gradients_ask_for_a_bound_first():
    assert flags(verdict="exploding", clip="off")[0] == "--clip norm"
    assert flags(verdict="exploding")[0] == "--clip-at 0.25"
    assert "--cell gru" in flags(verdict="exploding", cell="elman")
    assert "--bptt 50" in flags(verdict="exploding", cell="lstm")


@pytest.mark.parametrize("cell", ["lstm", "layer-norm-lstm"])
def test_saturated_gates_ask_for_layer_normalisation_where_there_is_none(cell):
    config = TASKS["language-model"].Config(cell=cell)
    found = remedies(config, make_cell(cell, 4, 4), "vanishing", half_life=5, saturated=0.7)
    assert ("--cell layer-norm-lstm" in [r.flags for r in found]) == (cell == "lstm")


def test_where_most_steps_are_clipped_already_the_rate_is_halved():
    config = TASKS["language-model"].Config(cell="lstm", learning_rate=0.002)
    found = remedies(config, make_cell("lstm", 4, 4), "exploding", clipped=0.9)
    assert found[0].flags == "--learning-rate 0.001"


def test_healthy_gradients_that_reach_the_cut_may_go_further():
    config, cell = TASKS["language-model"].Config(bptt=40), make_cell("lstm", 4, 4)
    assert [r.flags for r in remedies(config, cell, "healthy", half_life=30)] == ["--bptt 80"]
    assert remedies(config, cell, "healthy", half_life=9, lags=60) == []


def test_healthy_gradients_of_which_little_reaches_the_end_ask_for_a_longer_memory():
    assert flags(verdict="healthy", cell="lstm") == ["--init orthogonal+chrono:200"]
    assert flags(verdict="healthy", cell="lstm", init="chrono:300") == []
    assert flags(verdict="healthy", cell="elman", init="torch") == ["--cell lstm", "--init orthogonal"]
    config = TASKS["language-model"].Config(cell="lstm", learning_rate=0.002)
    cell = make_cell("lstm", 4, 4)
    found = remedies(config, cell, "healthy", half_life=99, clipped=0.9)
    assert [r.flags for r in found] == ["--learning-rate 0.001", "--bptt 200"]
    assert remedies(config, cell, "not measured") == []
