"""NeuralForecast's LSTM and DeepAR, for an interpreter that has neuralforecast and polars.

    python benchmarks/own/neuralforecast_peer.py METHOD SET_FOLDER SEED MINUTES

Prints figure, seconds and the result of each forecast as JSON. No options but horizon, seed and limit of
time; gaps are filled as for the simple methods.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM, DeepAR

from own.figures import mase_rows
from own.numbers import known_before, read_series, values_of
from own.simple_series import without_gaps

KINDS = {"lstm": LSTM, "deepar": DeepAR}


def main() -> None:
    method, folder, seed, minutes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    about = json.loads((folder / "about.json").read_text())
    values = {name: values_of(table) for name, table in read_series(folder).items()}
    filled = {name: without_gaps(one, about["season"]) for name, one in values.items()}

    def history(window: int) -> pd.DataFrame:
        ends = {name: len(one) - known_before(about, window) for name, one in filled.items()}
        frames = [
            pd.DataFrame({"unique_id": name, "ds": np.arange(ends[name]), "y": one[: ends[name]]})
            for name, one in filled.items()
        ]
        return pd.concat(frames)

    options = {"max_time": {"minutes": minutes}, "enable_progress_bar": False, "logger": False}
    model = KINDS[method](h=about["horizon"], random_seed=seed, **options)
    forecaster = NeuralForecast(models=[model], freq=1)
    began = time.perf_counter()
    forecaster.fit(history(0))
    seconds = time.perf_counter() - began
    found: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for window in range(about["windows"]):
        forecast = forecaster.predict(history(window))
        column = next(name for name in forecast.columns if name in ("LSTM", "DeepAR"))
        for name, group in forecast.groupby("unique_id"):
            found[name].append(group[column].to_numpy())
    rows = mase_rows(values, {name: np.array(one) for name, one in found.items()}, about)
    print(json.dumps({"figure": float(np.mean(rows)), "seconds": seconds, "rows": rows, "more": {}}))


if __name__ == "__main__":
    main()
