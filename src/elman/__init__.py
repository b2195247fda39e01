"""Elman: recurrent neural networks on PyTorch.

Drop-in layers, any cell you can write, and one command from a file of sequences to a model that streams.
"""

import importlib
from typing import TYPE_CHECKING, Any

from elman.version import __version__ as __version__

if TYPE_CHECKING:  # what _HOME says, for type checkers; a test compares them
    import elman.testing as testing  # noqa: F401 - exported; nothing else imports it
    from elman import cells as cells
    from elman import diagnose as diagnose
    from elman import inspect as inspect
    from elman.cells import Cell as Cell
    from elman.compiler import NotCompilable as NotCompilable
    from elman.compiler import compile as compile
    from elman.errors import (
        InputError as InputError,
    )
    from elman.errors import (
        Interrupted as Interrupted,
    )
    from elman.errors import (
        TrainingStopped as TrainingStopped,
    )
    from elman.exporters.export import export as export
    from elman.layers import (
        GRU as GRU,
    )
    from elman.layers import (
        LSTM as LSTM,
    )
    from elman.layers import (
        RNN as RNN,
    )
    from elman.layers import (
        Block as Block,
    )
    from elman.layers import (
        Blocks as Blocks,
    )
    from elman.layers import (
        GRUCell as GRUCell,
    )
    from elman.layers import (
        LSTMCell as LSTMCell,
    )
    from elman.layers import (
        Recurrent as Recurrent,
    )
    from elman.layers import (
        RNNCell as RNNCell,
    )
    from elman.layers import (
        Slots as Slots,
    )
    from elman.layers import (
        Stream as Stream,
    )
    from elman.layers import (
        convert as convert,
    )
    from elman.layers import (
        swap as swap,
    )
    from elman.tasks.adding.task import AddingProblem as AddingProblem
    from elman.tasks.anomaly_detection.task import AnomalyDetector as AnomalyDetector
    from elman.tasks.classification.task import SequenceClassifier as SequenceClassifier
    from elman.tasks.copy.task import CopyingMemory as CopyingMemory
    from elman.tasks.digits.task import DigitClassifier as DigitClassifier
    from elman.tasks.forecasting.task import Forecaster as Forecaster
    from elman.tasks.language_model.task import LanguageModel as LanguageModel
    from elman.tasks.multiplication.task import MultiplicationProblem as MultiplicationProblem
    from elman.tasks.music.task import MusicModel as MusicModel
    from elman.tasks.parity.task import ParityProblem as ParityProblem
    from elman.tasks.reber.task import ReberProblem as ReberProblem
    from elman.tasks.regression.task import SequenceRegressor as SequenceRegressor
    from elman.tasks.shared.run_folder import load as load
    from elman.tasks.shared.run_folder import resume as resume
    from elman.tasks.speech_recognition.task import SpeechRecognizer as SpeechRecognizer
    from elman.tasks.tagging.task import SequenceTagger as SequenceTagger
    from elman.tasks.temporal_order.task import TemporalOrderProblem as TemporalOrderProblem
    from elman.tasks.translation.task import Translator as Translator
    from elman.tasks.video_prediction.task import VideoPredictor as VideoPredictor

_HOME = {
    "cells": ("Cell",),
    "compiler": ("NotCompilable", "compile"),
    "errors": ("InputError", "Interrupted", "TrainingStopped"),
    "exporters.export": ("export",),
    "layers": (
        "GRU",
        "GRUCell",
        "LSTM",
        "LSTMCell",
        "RNN",
        "Block",
        "Blocks",
        "RNNCell",
        "Recurrent",
        "Slots",
        "Stream",
        "convert",
        "swap",
    ),
    "tasks.adding.task": ("AddingProblem",),
    "tasks.anomaly_detection.task": ("AnomalyDetector",),
    "tasks.classification.task": ("SequenceClassifier",),
    "tasks.copy.task": ("CopyingMemory",),
    "tasks.digits.task": ("DigitClassifier",),
    "tasks.forecasting.task": ("Forecaster",),
    "tasks.language_model.task": ("LanguageModel",),
    "tasks.multiplication.task": ("MultiplicationProblem",),
    "tasks.music.task": ("MusicModel",),
    "tasks.parity.task": ("ParityProblem",),
    "tasks.reber.task": ("ReberProblem",),
    "tasks.regression.task": ("SequenceRegressor",),
    "tasks.shared.run_folder": ("load", "resume"),
    "tasks.speech_recognition.task": ("SpeechRecognizer",),
    "tasks.tagging.task": ("SequenceTagger",),
    "tasks.temporal_order.task": ("TemporalOrderProblem",),
    "tasks.translation.task": ("Translator",),
    "tasks.video_prediction.task": ("VideoPredictor",),
}
"""Where public names live. They are imported when first used, so that the command line answers at once."""

_MODULES = ("cells", "diagnose", "inspect", "testing")

__all__ = sorted([*_MODULES, *(name for names in _HOME.values() for name in names)])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"elman.{name}")
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"elman.{module}"), name)
    raise AttributeError(f"module 'elman' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
