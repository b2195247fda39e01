"""Elman: recurrent neural networks on PyTorch.

Drop-in layers, any cell you can write, and one command from a file of sequences to a model that streams.
"""

import importlib
from typing import TYPE_CHECKING, Any

from elman.version import __version__ as __version__

if TYPE_CHECKING:
    from elman import cells
    from elman.cells import Cell
    from elman.errors import InputError, TrainingStopped
    from elman.layers import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RNNCell, Stream, convert
    from elman.tasks.adding.task import AddingProblem
    from elman.tasks.anomaly_detection.task import AnomalyDetector
    from elman.tasks.classification.task import SequenceClassifier
    from elman.tasks.copy.task import CopyingMemory
    from elman.tasks.digits.task import DigitClassifier
    from elman.tasks.forecasting.task import Forecaster
    from elman.tasks.language_model.task import LanguageModel
    from elman.tasks.parity.task import ParityProblem
    from elman.tasks.regression.task import SequenceRegressor
    from elman.tasks.shared.run_folder import load, resume
    from elman.tasks.translation.task import Translator

# Public names and where they live: imported when first used, so that the command line answers at once.
_HOME = {
    "AddingProblem": "tasks.adding.task",
    "AnomalyDetector": "tasks.anomaly_detection.task",
    "Cell": "cells",
    "CopyingMemory": "tasks.copy.task",
    "DigitClassifier": "tasks.digits.task",
    "Forecaster": "tasks.forecasting.task",
    "GRU": "layers",
    "GRUCell": "layers",
    "InputError": "errors",
    "LSTM": "layers",
    "LSTMCell": "layers",
    "LanguageModel": "tasks.language_model.task",
    "ParityProblem": "tasks.parity.task",
    "RNN": "layers",
    "RNNCell": "layers",
    "Recurrent": "layers",
    "SequenceClassifier": "tasks.classification.task",
    "SequenceRegressor": "tasks.regression.task",
    "Stream": "layers",
    "TrainingStopped": "errors",
    "Translator": "tasks.translation.task",
    "convert": "layers",
    "load": "tasks.shared.run_folder",
    "resume": "tasks.shared.run_folder",
}

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AddingProblem",
    "AnomalyDetector",
    "Cell",
    "CopyingMemory",
    "DigitClassifier",
    "Forecaster",
    "GRUCell",
    "InputError",
    "LSTMCell",
    "LanguageModel",
    "ParityProblem",
    "RNNCell",
    "Recurrent",
    "SequenceClassifier",
    "SequenceRegressor",
    "Stream",
    "TrainingStopped",
    "Translator",
    "cells",
    "convert",
    "load",
    "resume",
]


def __getattr__(name: str) -> Any:
    if name == "cells":
        return importlib.import_module("elman.cells")
    if name in _HOME:
        return getattr(importlib.import_module(f"elman.{_HOME[name]}"), name)
    raise AttributeError(f"module 'elman' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
