"""Which kernels a training runs on: settled before its first step, recorded, and told if they change."""

import logging

import more_cells
import pytest
from tiny import corpus, interrupt_at, language_model

from elman.data.batches.tokens import TokenStreams
from elman.errors import Interrupted
from elman.train import loop as module
from elman.train.loop import Loop
from elman.train.options import TrainingOptions


def training(folder, progress=None) -> Loop:
    data = TokenStreams(corpus(61), 2, 5, 0)
    return Loop(
        language_model(more_cells.MGU), data, None, TrainingOptions(epochs=1), folder, progress=progress
    )


def test_a_cell_without_a_kernel_is_told_and_recorded(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    loop = training(tmp_path)
    loop.run()
    assert loop.position.engine == "MGU step by step"
    assert "MGU runs step by step: ELMAN_COMPILE is never" in caplog.text


def test_a_resumed_run_says_that_it_runs_otherwise(tmp_path, caplog, monkeypatch):
    with pytest.raises(Interrupted):
        training(tmp_path, interrupt_at(3)).run()
    monkeypatch.setattr(module, "settle", lambda model: {more_cells.MGU: None})
    caplog.set_level(logging.INFO, "elman")
    loop = training(tmp_path)
    loop.run(resume=True)
    assert "the run began with MGU step by step and goes on with MGU compiled" in caplog.text
    assert loop.position.engine == "MGU compiled"


def test_cells_with_kernels_by_hand_are_not_mentioned(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    data = TokenStreams(corpus(61), 2, 5, 0)
    loop = Loop(language_model(), data, None, TrainingOptions(epochs=1), tmp_path)
    loop.run()
    assert (loop.position.engine, caplog.text) == ("", "")
