"""One step of torch's cells and layers against elman's: what a decoder or an agent calls at every step.

    python benchmarks/one_step.py [--quick] [--seconds S] [--peer torch|cpu] [--write FILE]

Both take turns in one process. The table goes to standard output, and with ``--write`` into the document;
progress goes to standard error. ``--peer cpu`` holds the layers against the same layers on the compiled
kernels, to check the rule of ``kernels/dispatch.py``.
"""

import argparse
import gc
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import document
import torch
from torch import Tensor, nn

import elman

KINDS = ("LSTM", "GRU", "RNN")
FORMS = ("cell", "layer")
ROWS = (1, 4, 16, 64)
UNITS = (64, 128, 256, 512, 1024)
QUICK_ROWS, QUICK_UNITS = (1, 64), (64, 512)
PASSES = ("infer", "train")
THREADS = (1, 2)

TURN = 0.003  # seconds that the timed calls of a turn take together, if one does not take longer
ROUNDS = 7  # at least
TOLERANCE = 1e-4  # on results of order 1
AIM = 0.95

Work = Callable[[], Any]


class Case(NamedTuple):
    """One row of the table: a cell or a layer with T = 1, B rows, I = H units."""

    form: str
    kind: str
    B: int
    H: int


def works(case: Case, trains: bool, peer: str) -> tuple[Work, Work]:
    """The same step by the peer and by elman, with the same weights.

    Raises:
        RuntimeError: their results differ.
    """
    torch.manual_seed(0)
    name = case.kind + ("Cell" if case.form == "cell" else "")
    ours = getattr(elman, name)(case.H, case.H)
    theirs = getattr(nn, name)(case.H, case.H) if peer == "torch" else elman_on(peer, name, case.H)
    theirs.load_state_dict(ours.state_dict())
    leading = (case.B,) if case.form == "cell" else (1, case.B)
    x, h = torch.randn(2, *leading, case.H).unbind()
    state = (h, torch.randn(*leading, case.H)) if case.kind == "LSTM" else h
    pair = tuple(step(module, x, state, trains) for module in (theirs, ours))
    results = [flat(work()) for work in pair]
    worst = max(float((a - b).abs().max()) for a, b in zip(*results, strict=True))
    if not worst <= TOLERANCE * (case.H if trains else 1):  # gradients are sums over rows and units
        raise RuntimeError(f"{case}: the results differ by {worst:.1e}")
    return pair


def elman_on(backend: str, name: str, H: int) -> nn.Module:
    """Elman's layer on one backend."""
    return getattr(elman, name)(H, H, backend=backend)


def step(module: nn.Module, x: Tensor, state: Any, trains: bool) -> Work:
    """One call; in training with the gradients of all parameters and of the input."""
    if not trains:
        return lambda: module(x, state)
    x = x.clone().requires_grad_()
    targets = [x, *module.parameters()]

    def train() -> Any:
        output = module(x, state)
        while not isinstance(output, Tensor):
            output = output[0]
        return torch.autograd.grad(output.sum(), targets)

    return train


def flat(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else [t for part in result for t in flat(part)]


def take_turns(pair: tuple[Work, Work], seconds: float) -> list[tuple[float, float]]:
    """Seconds a call of both in each round; who begins alternates."""
    for work in pair:
        timed(work, 3)
    calls = [max(1, int(TURN / timed(work, 2))) for work in pair]
    rounds: list[tuple[float, float]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(rounds) < ROUNDS:
        order = (0, 1) if len(rounds) % 2 else (1, 0)
        took = {k: timed(pair[k], calls[k]) for k in order}
        rounds.append((took[0], took[1]))
    return rounds


def timed(work: Work, calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - begin) / calls


@contextmanager
def steady(threads: int, trains: bool) -> Iterator[None]:
    """That many threads, no garbage collection, and in inference no gradients."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    gc.collect()
    gc.disable()
    try:
        with torch.inference_mode(not trains):
            yield
    finally:
        gc.enable()
        torch.set_num_threads(before)


def measure(cases: list[Case], peer: str, seconds: float) -> tuple[str, int]:
    """The text of the document's section, and the number of rounds of the row that had the fewest."""
    columns = list(itertools.product(PASSES, THREADS))
    rows, slow, fewest = [], [], sys.maxsize
    for n, case in enumerate(cases):
        row = [f"{case.kind} {case.form}", f"{case.B}", f"{case.H}"]
        for name, threads in columns:
            with steady(threads, name == "train"):
                rounds = take_turns(works(case, name == "train", peer), seconds)
            fewest = min(fewest, len(rounds))
            low, middle, high = statistics.quantiles([theirs / ours for theirs, ours in rounds], n=4)
            microseconds = 1e6 * statistics.median(ours for _, ours in rounds)
            row.append(f"{middle:.2f} ({low:.2f}–{high:.2f}), {microseconds:.0f}")
            if middle < AIM:
                slow.append(f"{row[0]} {case.B}, {case.H}, {name}, {threads} threads: {middle:.2f}")
        rows.append(row)
        print(f"[{n + 1}/{len(cases)}] {' | '.join(row)}", file=sys.stderr, flush=True)
    head = ["one step of", "B", "H", *(f"{name}, {threads} threads" for name, threads in columns)]
    below = "; ".join(slow) if slow else "none"
    text = (
        f"Each entry: {peer} / elman, the median ratio of the rounds with its quartiles, and elman's time in "
        f"µs. Ratios under {AIM}: {below}.\n\n{document.table(head, rows)}"
    )
    return text, fewest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few sizes and little time")
    parser.add_argument("--seconds", type=float, default=0.5, help="time for each entry of the table")
    parser.add_argument(
        "--peer", choices=("torch", "cpu"), default="torch", help="what elman is held against"
    )
    parser.add_argument("--write", type=Path, help="document whose section this run replaces")
    options = parser.parse_args()
    if options.write:
        document.check(options.write, "one step")
    rows, units = (QUICK_ROWS, QUICK_UNITS) if options.quick else (ROWS, UNITS)
    forms = FORMS if options.peer == "torch" else ("layer",)  # a cell has no choice of backends
    cases = [Case(*each) for each in itertools.product(forms, KINDS, rows, units)]
    text, fewest = measure(cases, options.peer, 0.05 if options.quick else options.seconds)
    document.publish("one step", text, fewest, options.write)


if __name__ == "__main__":
    main()
