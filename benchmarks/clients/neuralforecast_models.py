"""NeuralForecast: its recurrent models, fitted by their own trainer on a made series."""

from collections.abc import Callable, Iterator

import numpy as np
from client import Case, Fit, run
from torch import nn

QUIET = {
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "logger": False,
    "enable_checkpointing": False,
}


def cases() -> Iterator[Case]:
    import pandas as pd
    from neuralforecast import NeuralForecast, models

    steps = np.arange(96)
    frame = pd.DataFrame(
        {
            "unique_id": "made",
            "ds": pd.date_range("2020-01-31", periods=96, freq="ME"),
            "y": 10 + 3 * np.sin(steps / 12 * 2 * np.pi) + 0.05 * steps,
        }
    )
    kinds = {
        "LSTM": {"encoder_hidden_size": 16, "decoder_hidden_size": 8},
        "LSTM, recursive": {"encoder_hidden_size": 16, "decoder_hidden_size": 8, "recurrent": True},
        "GRU": {"encoder_hidden_size": 16, "decoder_hidden_size": 8},
        "RNN": {"encoder_hidden_size": 16, "decoder_hidden_size": 8},
        "DeepAR": {"lstm_hidden_size": 16},
    }

    def by(name: str, options: dict[str, object]) -> Fit:
        def fit(converted: Callable[[nn.Module], nn.Module]) -> np.ndarray:
            kind = getattr(models, name.split(",")[0])
            model = kind(
                h=6, input_size=24, max_steps=8, random_seed=1, accelerator="cpu", **QUIET, **options
            )
            forecaster = NeuralForecast([model], freq="ME")
            converted(forecaster.models[0])
            forecaster.fit(frame)
            return forecaster.predict().drop(columns=["unique_id", "ds"]).to_numpy(np.float64)

        return Fit(name, fit)

    for name, options in kinds.items():
        yield by(name, options)


if __name__ == "__main__":
    run(cases, "neuralforecast==3.3.0")
