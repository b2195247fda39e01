"""Recurrent layers against torch.nn's: a training step and a forward pass, on the CPU.

Elman's compiled CPU kernels are named, not chosen. Both run in the same process and alternate, so that a busy
machine slows both alike; the ratio is the median of the rounds' ratios, with the quartiles. Input and hidden
size are equal; a training step is forward, backward to the input and all parameters, and an update of the
parameters in place.

    python benchmarks/recurrent.py [--seconds S]
"""

import argparse
import platform
import statistics
import time

import torch

import elman

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
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def training(layer, x, gradient):
    output, _ = layer(x)
    parameters = list(layer.parameters())
    found = torch.autograd.grad(output, [x, *parameters], gradient)
    with torch.no_grad():
        torch._foreach_add_(parameters, found[1:], alpha=-1e-6)


@torch.inference_mode()
def forward(layer, x, gradient):
    layer(x)


def milliseconds(work, layer, *arguments):
    begin = time.perf_counter()
    work(layer, *arguments)
    return 1e3 * (time.perf_counter() - begin)


def compare(work, name, size, seconds):
    """Rounds of (elman, torch), in milliseconds."""
    B, T, H = size
    torch.manual_seed(0)
    layers = getattr(elman, name)(H, H, backend="cpu"), getattr(torch.nn, name)(H, H)
    x, gradient = torch.randn(T, B, H, requires_grad=True), torch.randn(T, B, H)
    for layer in layers:
        work(layer, x, gradient)
    rounds, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(rounds) < 5:
        rounds.append([milliseconds(work, layer, x, gradient) for layer in layers])
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each row and mode")
    seconds = parser.parse_args().seconds
    threads = torch.get_num_threads()
    print(f"{platform.machine()}, {threads} threads, torch {torch.__version__}, float32\n")
    print("| layer B, T, H | mode | elman, ms | torch, ms | torch / elman | elman, GFLOP/s |")
    print("|---|---|---|---|---|---|")
    for name, gates in GATES.items():
        for B, T, H in SIZES:
            for work, passes in ((training, 3), (forward, 1)):
                rounds = compare(work, name, (B, T, H), seconds)
                own, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
                low, middle, high = statistics.quantiles([b / a for a, b in rounds], n=4)
                rate = passes * 4 * gates * B * T * H * H / own / 1e6
                ratio = f"{middle:.2f} ({low:.2f}–{high:.2f})"
                times = f"{own:.3f} | {theirs:.3f} | {ratio} | {rate:.0f}"
                print(f"| {name} {B}, {T}, {H} | {work.__name__} | {times} |", flush=True)


if __name__ == "__main__":
    main()
