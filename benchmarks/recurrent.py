"""Recurrent layers against other libraries, on the CPU.

    python benchmarks/recurrent.py [--seconds S] [--only LSTM training 32,50,128 …] [--write FILE]

Tables go to standard output, and with ``--write`` into the document; progress goes to standard error.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import document
import numpy as np
import torch
from peers import PEERS, elman_layer, torch_packed
from problem import GATES, PASSES, Problem, Work

from elman.kernels import _kernels

SIZES = [
    (1, 100, 128),
    (1, 100, 512),
    (16, 100, 64),
    (32, 50, 128),
    (32, 100, 256),
    (20, 35, 650),
    (64, 100, 512),
    (64, 100, 1024),
]  # B, T, H
MODES = {
    "training": SIZES,
    "forward": SIZES,
    "bf16": SIZES,
    "bf16-training": SIZES,
    "streaming": [(1, 1, 64), (1, 1, 128), (1, 1, 256), (1, 1, 512)],
    "ragged": [(64, 100, 512)],
    "neighbour": [(32, 50, 128), (64, 100, 512)],
}
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}

ASLEEP = 0.02  # seconds before each turn, untimed: the pools of all libraries have stopped spinning
TURN = 0.005  # seconds that the timed calls of a turn take together, if one does not take longer
ROUNDS = 5  # at least

TEXTS = {
    "training": """### Training step

Forward, backward to the input and all parameters, and the parameters' update in place; float32,
milliseconds.""",
    "forward": """### Forward

For inference; float32, milliseconds.""",
    "bf16": """### Forward in bfloat16

For inference, weights and activations in bfloat16 (OpenVINO keeps its input and output in float32);
milliseconds.""",
    "bf16-training": """### Training step in bfloat16

As above, with weights, activations and gradients in bfloat16; beside it our float32; milliseconds.""",
    "streaming": """### Streaming

One step of one sequence, the state carried, called from Python; microseconds. torch: its cells in inference
mode. ONNX Runtime: a model of one step, everything bound to memory that stays.""",
    "ragged": """### Options

Training step with an option against the plain one; float32. Lengths are uniform in [T/4, T], so that the
real steps are 0.63 of the padded ones; resets come at one step in ten; the mask is recurrent dropout
(p = 0.25), drawn in every call. torch, packed: the same lengths in a PackedSequence, padded before and
after.""",
    "neighbour": """### With a busy neighbour

Training step while another process keeps one core busy; float32, milliseconds.""",
}
METHOD = """All of a row take turns in one process: asleep for 20 ms, so that no other library's threads still
spin, one call to warm up, then the timed calls. Times are medians of the rounds, ratios medians of the
rounds' ratios. All hold the same weights; before it is timed, each library's result (the output; of a
training step, the input's gradient) is compared with ours, and more than 1e-3 apart (bfloat16: 5e-2) it is
left out. JAX: `lax.scan`, jitted, parameters donated. Keras: its layers on JAX, likewise. TensorFlow:
`tf.while_loop` in a `tf.function` (Keras takes one backend in a process). ONNX Runtime and OpenVINO: one node
of ONNX, input and output bound. Each library has as many threads as torch, or its default, all cores."""

Times = dict[str, list[float]]
"""Seconds a unit of work in each round, for each library."""
Size = tuple[int, int, int]
Rows = list[tuple[str, Size, Times]]


def take_turns(works: dict[str, Work], seconds: float) -> Times:
    """Rounds in which each has one turn: asleep, one call to warm up, then the timed calls."""
    calls, times = {}, {name: [] for name in works}
    for name, work in works.items():
        time.sleep(ASLEEP)
        work.run()
        calls[name] = max(1, int(TURN / timed(work.run, 1)))
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times["elman"]) < ROUNDS:
        for name, work in works.items():
            time.sleep(ASLEEP)
            work.run()
            times[name].append(timed(work.run, calls[name]))
    return times


def timed(run: Callable[[], Any], calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - begin) / calls


def works_of(cell: str, size: Size, mode: str, log: Callable[[str], None]) -> dict[str, Work]:
    """Everyone's work, if its result is ours."""
    kind = {"bf16": "forward", "bf16-training": "training", "neighbour": "training"}.get(mode, mode)
    p = Problem(cell, *size, kind, "bfloat16" if mode.startswith("bf16") else "float32")
    works = {"elman": elman_layer(p)}
    ours = works["elman"].array(p)

    def add(name: str, make: Callable[[Problem], Work | None], p: Problem) -> None:
        try:
            work = make(p)
            if work is None:
                return
            worst = np.abs(work.array(p) - ours).max()
            if not worst <= TOLERANCE[p.precision]:
                raise ValueError(f"its result is {worst:.1e} from ours")
            works[name] = work
        except Exception as error:  # one library's failure is a line, not the end
            log(f"{name} left out: {in_a_line(error)}")

    if mode == "streaming":
        add("elman, bf16", elman_layer, Problem(cell, *size, kind, "bfloat16"))
    if mode == "bf16-training":
        works["elman, float32"] = elman_layer(Problem(cell, *size, kind))
    for name, peer in PEERS.items():
        if peer.installed() and (mode != "neighbour" or name == "torch"):
            add(name, peer.work, p)
    return works


def ragged_works(cell: str, size: Size) -> dict[str, Work]:
    p = Problem(cell, *size, "training")
    order = torch.Generator().manual_seed(3)
    lengths = torch.linspace(p.T / 4, p.T, p.B).round().long()[torch.randperm(p.B, generator=order)]
    resets = torch.rand(p.T, p.B, generator=order) < 0.1
    return {
        "elman": elman_layer(p),
        "lengths": elman_layer(p, lengths=lengths),
        "resets": elman_layer(p, resets=resets),
        "mask": elman_layer(p, recurrent_dropout=0.25),
        "torch": PEERS["torch"].work(p),
        "torch, packed": torch_packed(p, lengths),
    }


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Another process that never rests; it ends with this one."""
    code = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100000))"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.wait()


def ratio(times: Times, above: str, below: str, spread: bool = False) -> str:
    """The median of the rounds' ratios, with the quartiles."""
    if above not in times:
        return "–"
    low, middle, high = statistics.quantiles(
        [a / b for a, b in zip(times[above], times[below], strict=True)], n=4
    )
    return f"{middle:.2f} ({low:.2f}–{high:.2f})" if spread else f"{middle:.2f}"


def number(times: Times, name: str, unit: float) -> str:
    if name not in times:
        return "–"
    value = unit * statistics.median(times[name])
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def compare_table(mode: str, rows: Rows, peak: float) -> str:
    unit = 1e6 if mode == "streaming" else 1e3
    names = [
        n for n in ["elman", "elman, bf16", "elman, float32", *PEERS] if any(n in times for *_, times in rows)
    ]
    head = ["cell H" if mode == "streaming" else "cell B, T, H", *names, "torch / elman (quartiles)"]
    head += [] if mode == "neighbour" else ["best peer / elman"]
    head += ["% of peak"] if mode in PASSES else []
    lines = []
    for cell, (B, T, H), times in rows:
        size = f"{H}" if mode == "streaming" else f"{B}, {T}, {H}"
        line = [f"{cell} {size}", *(number(times, name, unit) for name in names)]
        line.append(ratio(times, "torch", "elman", spread=True))
        if mode != "neighbour":
            found = [name for name in times if not name.startswith("elman")]
            best = min(found, key=lambda name: statistics.median(times[name]), default="torch")
            line.append(f"{ratio(times, best, 'elman')} {best}")
        if mode in PASSES:
            work = Problem(cell, B, T, H, mode).operations
            line.append(f"{100 * work / statistics.median(times['elman']) / peak:.0f}")
        lines.append(line)
    return document.table(head, lines)


def ragged_table(rows: Rows) -> str:
    head = ["cell B, T, H", "plain, ms", "lengths / plain", "resets / plain", "mask / plain"]
    head += ["torch, packed / torch", "torch, packed / elman, lengths"]
    pairs = [("lengths", "elman"), ("resets", "elman"), ("mask", "elman")]
    pairs += [("torch, packed", "torch"), ("torch, packed", "lengths")]
    return document.table(
        head,
        [
            [
                f"{cell} {', '.join(map(str, size))}",
                number(times, "elman", 1e3),
                *(ratio(times, *pair, spread=True) for pair in pairs),
            ]
            for cell, size, times in rows
        ],
    )


def chosen(words: list[str]) -> list[tuple[str, str, Size]]:
    """(mode, cell, size) of each row; of modes, cells and sizes, those named, all where none is named.

    Raises:
        SystemExit: a word names nothing.
    """
    sizes = {",".join(map(str, size)): size for group in MODES.values() for size in group}
    unknown = [w for w in words if w not in {*MODES, *GATES, *sizes}]
    if unknown:
        known = ", ".join([*MODES, *GATES]) + ", " + " ".join(sizes)
        raise SystemExit(f"--only: unknown: {' '.join(unknown)}; known: {known}")

    def named(kind: Any) -> list[str]:
        return [k for k in kind if k in words] or list(kind)

    wanted = {sizes[name] for name in named(sizes)}
    return [
        (mode, cell, size)
        for mode in named(MODES)
        for cell in named(GATES)
        for size in MODES[mode]
        if size in wanted
    ]


def in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def measure(rows: list[tuple[str, str, Size]], seconds: float) -> str:
    """The text of the document's section."""
    tables, notes, peaks = {mode: [] for mode, *_ in rows}, [], []
    threads = torch.get_num_threads()
    for n, (mode, cell, size) in enumerate(rows):
        if n in (0, len(rows) // 2):
            peaks.append(2 * _kernels.peak(threads))
        title = f"[{n + 1}/{len(rows)}] {mode}: {cell} {','.join(map(str, size))}"

        def log(what: str, title: str = title) -> None:
            notes.append(f"{title.partition(' ')[2]}: {what}")
            print(f"{title}: {what}", file=sys.stderr, flush=True)

        try:
            works = ragged_works(cell, size) if mode == "ragged" else works_of(cell, size, mode, log)
            inference = torch.inference_mode(mode in ("forward", "bf16", "streaming"))
            with inference, busy_neighbour() if mode == "neighbour" else nullcontext():
                times = take_turns(works, seconds)
        except Exception as error:
            log(f"failed: {in_a_line(error)}")
            continue
        tables[mode].append((cell, size, times))
        shown = ", ".join(f"{name} {number(times, name, 1e3)}" for name in times)
        print(f"{title}: {shown} ms", file=sys.stderr, flush=True)
    peaks.append(2 * _kernels.peak(threads))
    return "\n\n".join([*introduction(peaks, threads), *sections(tables, statistics.median(peaks), notes)])


def introduction(peaks: list[float], threads: int) -> list[str]:
    versions = [f"{name} {peer.version()}" for name, peer in PEERS.items() if peer.installed()]
    missing = [name for name, peer in PEERS.items() if not peer.installed()]
    peak, each = statistics.median(peaks) / 1e9, ", ".join(f"{p / 1e9:.0f}" for p in peaks)
    return [
        f"{document.machine()}; elman's kernels: {_kernels.isa()}; {threads} threads. {', '.join(versions)}."
        + (f" Not installed: {', '.join(missing)}." if missing else ""),
        f"Peak of float32 multiply-adds, measured in this run: {peak:.0f} GFLOP/s, the median of {each} "
        "(before, in the middle, after).",
        METHOD,
    ]


def sections(tables: dict[str, Rows], peak: float, notes: list[str]) -> Iterator[str]:
    for mode, rows in tables.items():
        yield TEXTS[mode]
        yield ragged_table(rows) if mode == "ragged" else compare_table(mode, rows, peak)
    if notes:
        yield "\n".join(["Left out:", "", *(f"- {note}" for note in notes)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each row")
    parser.add_argument("--only", nargs="+", default=[], help="cells, sizes (B,T,H) and modes")
    parser.add_argument("--write", type=Path, help="document whose section this run replaces")
    options = parser.parse_args()
    rows = chosen(options.only)
    if options.write:
        document.check(options.write, "recurrent layers")
    text = measure(rows, options.seconds)
    print(text)
    if options.write:
        document.replace(options.write, "recurrent layers", text)


if __name__ == "__main__":
    main()
