"""S&P 500, day by day: returns and volatility forecast by cross-validation, beside what costs nothing.

    python recipes/long_tables.py sp500 ../shared/data/sp500_daily data
    python recipes/sp500.py data

One model each, trained on what lies before the first cutoff; 200 cutoffs five days apart, 20 days ahead.
Errors are mean absolute ones in per cent, of the next day and of the next 20 days together: the sum of
returns, the mean of volatilities (Parkinson's, from the day's high and low). The rate of the exponentially
weighted average is the best on what lies before the first cutoff.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl
from recipe import command

import elman

HORIZON, WINDOWS, STEP = 20, 200, 5
SHARED = {
    "horizon": HORIZON,
    "season": (5,),
    "hidden_size": 32,
    "dropout": 0.2,
    "validation_windows": 50,
    "combination": "none",
    "scaling": "mean",
}
SHARED |= {
    "context": 120,
    "learning_rate": 1e-3,
    "batch_size": 64,
    "epochs": 15,
    "windows_per_epoch": 2048,
    "ensemble": 3,
    "seed": 1,
}
RATES = np.linspace(0.5, 0.99, 50)


def cross_validate(path: Path, past: str) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Forecasts and targets [windows, H], and the history before each cutoff."""
    frame = pl.read_csv(path)
    forecaster = elman.Forecaster(**SHARED, past=(past,))
    found = forecaster.cross_validation(frame, n_windows=WINDOWS, step_size=STEP)
    shape = (-1, HORIZON)
    cutoffs = found["cutoff"].to_numpy().reshape(shape)[:, 0]
    y = frame["y"].to_numpy()
    return (
        found["elman"].to_numpy().reshape(shape),
        found["y"].to_numpy().reshape(shape),
        [y[:cutoff] for cutoff in cutoffs],  # ds counts from 1
    )


def smoothed(history: np.ndarray, rate: float) -> np.ndarray:
    """The exponentially weighted average after each day."""
    levels = np.empty_like(history)
    level = history[0]
    for day, value in enumerate(history):
        level = rate * level + (1 - rate) * value
        levels[day] = level
    return levels


def errors(forecasts: dict[str, np.ndarray], y: np.ndarray, together: str) -> dict[str, list[float]]:
    """Mean absolute errors of the next day, and of all days together."""
    joined = {"sum": np.sum, "mean": np.mean}[together]
    return {
        name: [
            float(np.abs(guess[:, 0] - y[:, 0]).mean()),
            float(np.abs(joined(guess, axis=1) - joined(y, axis=1)).mean()),
        ]
        for name, guess in forecasts.items()
    }


def returns(folder: Path) -> dict[str, list[float]]:
    """A random walk of prices forecasts no return; one with a drift forecasts the mean return."""
    guess, y, histories = cross_validate(folder / "sp500_returns.csv", "range")
    drift = np.repeat([[history.mean()] for history in histories], HORIZON, axis=1)
    return errors(
        {"random walk": np.zeros_like(y), "random walk with drift": drift, "Elman": guess}, y, "sum"
    )


def volatility(folder: Path) -> dict[str, list[float]]:
    """Beside the median so far, the last day's, and the exponentially weighted average."""
    guess, y, histories = cross_validate(folder / "sp500_volatility.csv", "return")
    before = histories[0]
    rate = min(RATES, key=lambda rate: np.abs(smoothed(before, rate)[:-1] - before[1:]).mean())
    simple = {
        "constant (the median so far)": [np.median(history) for history in histories],
        "the last day's": [history[-1] for history in histories],
        f"weighted average, rate {rate:.2f}": [smoothed(history, rate)[-1] for history in histories],
    }
    wide = {name: np.repeat(np.array(level)[:, None], HORIZON, axis=1) for name, level in simple.items()}
    return errors(wide | {"Elman": guess}, y, "mean")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(json.dumps({"returns": returns(folder), "volatility": volatility(folder)}, indent=2))


if __name__ == "__main__":
    command(main)
