"""Many streams that step together: steps a second of slots, and their share of the processor's peak.

    python benchmarks/slots.py [--cell LSTM] [--units 256] [--threads 1] [--rounds 7] [--precision float32]

Some of 200 slots of a layer with as many inputs as units step together, drawn anew for each step. A "step" is
one row's. The peak is measured between the rounds: multiply-adds of float32 that touch no memory. Beside it
the same rows as one call of the layer, which carries no states, and as streams, one after the other. Medians
of the rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import elman
from elman.kernels.compiled.table import _kernels

SLOTS = 200
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 200)
TURN = 0.05  # seconds that a round takes, if one step does not take longer
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def seconds(work: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) / times


def works(layer: torch.nn.Module, rows: int, dtype: torch.dtype) -> dict[str, Callable[[], object]]:
    """The same rows as slots, as one call, and as streams; each work is one step of all rows."""
    slots, streams = layer.slots(SLOTS), [layer.stream() for _ in range(rows)]
    x = torch.randn(rows, layer.input_size, dtype=dtype)
    drawn = [torch.randperm(SLOTS)[:rows].numpy() for _ in range(64)]
    step = 0

    def together() -> None:
        nonlocal step
        step += 1
        slots.step(x, drawn[step % len(drawn)])

    def one_by_one() -> None:
        for stream, row in zip(streams, x, strict=True):
            stream.step(row)

    return {"slots": together, "call": lambda: layer(x[None]), "streams": one_by_one}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cell", choices=GATES, default="LSTM")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    dtype, H = getattr(torch, options.precision), options.units
    layer = getattr(elman, options.cell)(H, H, dtype=dtype).eval()
    print(
        f"{options.cell} of {H} units with {H} inputs, {options.precision}, {options.threads} threads, "
        f"{_kernels.isa()}"
    )
    print("| rows | step, µs | rows a second | share of float32's peak | call / slots | streams / slots |")
    print("| --- | --- | --- | --- | --- | --- |")
    with torch.inference_mode():
        for rows in ROWS:
            own = works(layer, rows, dtype)
            times = {name: max(1, int(TURN / seconds(work, 3))) for name, work in own.items()}
            measured: dict[str, list[float]] = {name: [] for name in own}
            peaks: list[float] = []
            for _ in range(options.rounds):
                peaks.append(2 * _kernels.peak(options.threads))
                for name, work in own.items():
                    measured[name].append(seconds(work, times[name]))
            took = {name: statistics.median(found) for name, found in measured.items()}
            operations = 2 * rows * GATES[options.cell] * H * 2 * H
            print(
                f"| {rows} | {took['slots'] * 1e6:.1f} | {rows / took['slots']:,.0f} "
                f"| {operations / took['slots'] / statistics.median(peaks):.0%} "
                f"| {took['call'] / took['slots']:.2f} | {took['streams'] / took['slots']:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
