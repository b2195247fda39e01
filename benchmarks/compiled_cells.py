"""Training steps of cells whose kernels were built from Python, beside the same cells step by step.

    PYTHONPATH=examples python benchmarks/compiled_cells.py [--seconds S] [--write FILE]

The cells are those of examples/more_cells.py, sLSTM and minGRU. An LSTM's kernel by hand is the yardstick;
the one that is built from its step is measured too. All are measured in turns, in one process, once the
kernels are there. A ratio is the median over rounds, with its quartiles.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import document
import more_cells
import torch

from elman.cells import LSTM, SLSTM, Cell, MinGRU
from elman.compiler import NotCompilable
from elman.compiler.form import form_of
from elman.compiler.kernel import make
from elman.compiler.read import read_step
from elman.kernels import reference
from elman.kernels.call import Sweep
from elman.kernels.compiled import cpu

SHAPES = [(1, 100, 128), (16, 100, 64), (32, 50, 128), (32, 100, 256), (64, 100, 512)]  # B, T, H = I
CELLS: list[type[Cell]] = [
    more_cells.MGU,
    more_cells.UGRNN,
    more_cells.JANET,
    more_cells.LiGRU,
    more_cells.IndRNN,
    more_cells.SRU,
    more_cells.QRNN,
    SLSTM,
    MinGRU,
]
ROUNDS = 5  # at least

Work = Callable[[], object]


def step(unroll: Callable[[Sweep], tuple], sweep: Sweep, given: Sweep) -> Work:
    """A forward and a backward pass to the gradients of input and parameters."""
    leaves = [given.x, *given.w.values()]
    return lambda: torch.autograd.grad(unroll(sweep)[0].square().sum(), leaves)


def drawn(cell: Cell, B: int, T: int) -> Sweep:
    H = cell.hidden_size
    w = {name: (torch.randn(shape) / H**0.5).requires_grad_() for name, shape in cell.parameters().items()}
    state = tuple(torch.zeros(B, H) for _ in cell.states())
    return Sweep(cell, w, torch.randn(T, B, H, requires_grad=True), state)


def works(B: int, T: int, H: int) -> dict[str, Work]:
    """The works of one shape, by name."""
    lstm = drawn(LSTM(H, H), B, T)
    found = {"LSTM by hand": step(cpu.unroll, lstm, lstm)}
    for cell in (LSTM, *CELLS):
        sweep = drawn(cell(H, H), B, T)
        name = "LSTM built" if cell is LSTM else cell.__name__
        try:
            translation = make(sweep.cell, form_of(read_step(sweep.cell)))
        except NotCompilable as reason:
            raise SystemExit(f"{cell.__name__}: {reason}") from reason
        # the translation is part of each call, as in a layer
        found[name] = step(lambda s, t=translation: cpu.unroll(t(s)), sweep, sweep)
        if cell is not LSTM:
            found[f"{name} step by step"] = step(reference.unroll, sweep, sweep)
    return found


def measured(found: dict[str, Work], seconds: float) -> dict[str, list[float]]:
    """Seconds of each work in each round; the first to run moves on."""
    names, times = [*found], {name: [] for name in found}
    for work in found.values():
        work()
    end, first = time.monotonic() + seconds, 0
    while time.monotonic() < end or len(times[names[0]]) < ROUNDS:
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            found[name]()
            times[name].append(time.perf_counter() - began)
        first = (first + 1) % len(names)
    return times


def ratio(over: list[float], under: list[float]) -> str:
    """The median of the ratios of each round, with quartiles."""
    ratios = sorted(a / b for a, b in zip(over, under, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    return f"{statistics.median(ratios):.2f} ({low:.2f}–{high:.2f})"


def rows(shape: tuple[int, int, int], times: dict[str, list[float]]) -> list[list[str]]:
    """The rows of the table for one shape."""
    lstm, first = times["LSTM by hand"], ", ".join(map(str, shape))
    found = [[first, "LSTM", _milliseconds(lstm), ratio(times["LSTM built"], lstm), ""]]
    for cell in CELLS:
        own, plain = times[cell.__name__], times[f"{cell.__name__} step by step"]
        found.append([first, cell.__name__, _milliseconds(own), ratio(own, lstm), ratio(plain, own)])
    return found


def _milliseconds(seconds: list[float]) -> str:
    return f"{1e3 * statistics.median(seconds):.2f}"


def main() -> None:
    """Prints the table; with ``--write`` it goes into the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="for each shape")
    parser.add_argument("--write", type=Path, help="document whose section is replaced")
    arguments = parser.parse_args()
    if arguments.write:
        document.check(arguments.write, "compiled cells")
    found, least = [], 10**9
    for shape in SHAPES:
        times = measured(works(*shape), arguments.seconds)
        least = min(least, len(times["LSTM by hand"]))
        found += rows(shape, times)
    head = ["B, T, H", "cell", "ms", "time / LSTM's by hand", "step by step / built"]
    document.publish("compiled cells", document.table(head, found), least, arguments.write)


if __name__ == "__main__":
    main()
