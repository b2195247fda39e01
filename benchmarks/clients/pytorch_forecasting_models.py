"""PyTorch Forecasting: its recurrent layers are subclasses of torch's, so it is imported inside the swap."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from client import Case, Model, run
from torch import nn

PACKAGE = "pytorch_forecasting"


def imported() -> ModuleType:
    """Imports the library anew: its classes inherit from whatever torch's names hold at that moment."""
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    return importlib.import_module(PACKAGE)


def cases() -> Iterator[Case]:
    import pandas as pd

    steps = np.arange(60)
    parts = [
        pd.DataFrame({"series": name, "step": steps, "y": 5 + np.sin(steps / 6 + shift) + 0.01 * steps})
        for name, shift in (("a", 0.0), ("b", 1.0))
    ]
    frame = pd.concat(parts, ignore_index=True)

    def data(library: ModuleType, more: bool) -> Any:
        known = {"time_varying_known_reals": ["step"], "static_categoricals": ["series"]} if more else {}
        return library.TimeSeriesDataSet(
            frame,
            time_idx="step",
            target="y",
            group_ids=["series"],
            max_encoder_length=24,
            max_prediction_length=6,
            time_varying_unknown_reals=["y"],
            **known,
        )

    def by(name: str, more: bool = False, **options: object) -> Model:
        def build() -> nn.Module:
            library = imported()
            return getattr(library, name).from_dataset(data(library, more), **options)

        batch = next(iter(data(imported(), more).to_dataloader(train=False, batch_size=8)))[0]
        return Model(name, build, lambda model: model(batch).prediction, way="swap")

    yield by("RecurrentNetwork", hidden_size=12, rnn_layers=2)
    yield by("DeepAR", hidden_size=12, rnn_layers=2)
    yield by("TemporalFusionTransformer", more=True, hidden_size=8, lstm_layers=2, attention_head_size=2)


if __name__ == "__main__":
    run(cases, "pytorch-forecasting==1.8.0")
