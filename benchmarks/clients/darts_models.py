"""Darts: its recurrent models make their net inside ``fit``, so the swap is the way in."""

from collections.abc import Callable, Iterator

import numpy as np
from client import Case, Fit, run
from torch import nn


def cases() -> Iterator[Case]:
    from darts import TimeSeries
    from darts.models import BlockRNNModel, RNNModel

    values = 3 * np.sin(np.arange(96) / 12 * 2 * np.pi) + 0.02 * np.arange(96)
    series = TimeSeries.from_values(values.astype(np.float32))
    quiet = {
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "logger": False,
    }

    def by(name: str, make: Callable[[], object]) -> Fit:
        def fit(converted: Callable[[nn.Module], nn.Module]) -> np.ndarray:
            model = make()
            model.fit(series)
            converted(model.model)
            return model.predict(6).values()

        return Fit(name, fit, way="swap")

    common = {"n_epochs": 2, "random_state": 1, "pl_trainer_kwargs": quiet, "hidden_dim": 12}
    for kind in ("LSTM", "GRU", "RNN"):
        yield by(
            f"RNNModel {kind}",
            lambda kind=kind: RNNModel(input_chunk_length=24, training_length=30, model=kind, **common),
        )
        yield by(
            f"BlockRNNModel {kind}",
            lambda kind=kind: BlockRNNModel(
                input_chunk_length=24, output_chunk_length=6, model=kind, n_rnn_layers=2, **common
            ),
        )


if __name__ == "__main__":
    run(cases, "darts==0.48.1", "pytorch-lightning")
