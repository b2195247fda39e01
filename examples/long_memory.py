"""How far back can a recurrent network remember? One picture: each network and each remedy, over longer lags.

    python examples/long_memory.py --lags 10 20 --epochs 4 --out runs/short  # a small one, about a minute
    python examples/long_memory.py                                           # all of it, about an hour

Each point is a network trained on the adding problem at that length: two marked numbers, one in each half,
are to be added. Who always says 1 has a mean squared error of 1/6; a tenth of that counts as solved. Each
point is a run folder, so that the program, stopped and started again, goes on where it was.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import elman
from elman.pictures.base import BLUE, new_figure, save_figure

PLAIN: dict[str, Any] = {"cell": "elman", "init": "torch", "learning_rate": 1e-3}
GATED: dict[str, Any] = {"init": "torch", "learning_rate": 5e-3}
METHODS: dict[str, dict[str, Any]] = {
    "tanh": PLAIN | {"clip": "off"},
    "tanh, gradients clipped": PLAIN,
    "tanh, orthogonal": PLAIN | {"init": "orthogonal"},
    "relu, identity (IRNN)": PLAIN | {"cell": "elman:nonlinearity=relu", "init": "identity"},
    "LSTM": GATED | {"cell": "lstm"},
    "LSTM, forget bias 1": GATED | {"cell": "lstm", "init": "torch+forget-bias"},
    "LSTM, chrono": GATED | {"cell": "lstm", "init": "torch+chrono:LAG"},
    "LSTM, layer norm": GATED | {"cell": "layer-norm-lstm"},
    "GRU": GATED | {"cell": "gru"},
    "GRU, chrono": GATED | {"cell": "gru", "init": "torch+chrono:LAG"},
}
SOLVED = 1 / 60  # a tenth of the error of who always says 1


def train(method: str, lag: int, arguments: argparse.Namespace) -> float:
    """The test error of one point, trained now unless its run folder has it."""
    options = METHODS[method] | {"init": METHODS[method]["init"].replace("LAG", str(lag))}
    task = elman.AddingProblem(
        **options,
        length=lag,
        hidden_size=arguments.hidden_size,
        batch_size=20,
        sequences=2000,
        held_out=500,
        epochs=arguments.epochs,
        schedule="constant",
        stop_at=0.01,
        seed=arguments.seed,
    )
    folder = arguments.out / f"{method.replace(', ', '-').replace(' ', '-')}-{lag}"
    try:
        if not folder.exists():
            return task.train(out=folder, show_progress=True).results["test"]["mse"]
        finished = (folder / "results.json").exists()
        found = elman.load(folder) if finished else elman.resume(folder, show_progress=True)
    except elman.TrainingStopped as error:  # the gradient exploded
        print(error, file=sys.stderr)
        return float("nan")
    if found.config != task.config:
        sys.exit(f"{folder}: was trained with other options; give another --out")
    return found.results["test"]["mse"]


def draw(errors: dict[tuple[str, int], float], lags: list[int], path: Path) -> None:
    """A table of errors, coloured where the problem is solved."""
    methods = [method for method in METHODS if any(method == done for done, _ in errors)]
    figure = new_figure(max(5.5, 2.6 + 0.8 * len(lags)), 1.2 + 0.38 * len(methods))
    axes = figure.subplots()
    for (method, lag), error in errors.items():
        row, column, solved = methods.index(method), lags.index(lag), error <= SOLVED
        axes.barh(row, 0.94, 0.9, column - 0.47, color=BLUE if solved else "#e6e6e6")
        said = "diverged" if error != error else f"{error:.4f}"
        axes.text(
            column, row, said, ha="center", va="center", fontsize=8, color="white" if solved else "black"
        )
    axes.set_xticks(range(len(lags)), [str(lag) for lag in lags])
    axes.set_yticks(range(len(methods)), methods)
    axes.set(xlim=(-0.5, len(lags) - 0.5), ylim=(len(methods) - 0.5, -0.5), xlabel="steps of a sequence")
    figure.suptitle("The adding problem: mean squared error, blue where solved", fontsize=10)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    save_figure(figure, path)


def main() -> None:
    """Trains the points, the short lags first, and draws after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lags", type=int, nargs="+", default=[25, 50, 100, 200, 400, 1000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--epochs", type=int, default=30, help="of 100 steps of 20 sequences, at most")
    parser.add_argument("--hidden-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/long-memory"))
    arguments = parser.parse_args()
    errors: dict[tuple[str, int], float] = {}
    for lag in arguments.lags:
        for method in arguments.methods:
            error = errors[method, lag] = train(method, lag, arguments)
            print(
                f"{lag:5} steps  {method:24}  {error:.4f}{'  solved' if error <= SOLVED else ''}", flush=True
            )
            draw(errors, arguments.lags, arguments.out / "long_memory.png")
    print(f"picture  {arguments.out / 'long_memory.png'}")


if __name__ == "__main__":
    try:
        main()
    except elman.InputError as error:
        sys.exit(f"long_memory: {error}")
    except KeyboardInterrupt:
        sys.exit("long_memory: stopped; the same command goes on")
