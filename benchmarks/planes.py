"""A training step of a ConvLSTM and a ConvGRU against loops of PyTorch's operators, as programs write them.

    python benchmarks/planes.py [--quick] [--seconds S] [--write FILE]

There are two usual loops: one convolution of input and state side by side, and one of each. Both are measured
in turns with the layer, in one process, and the faster one counts. Bytes are those that a step of time keeps
for the backward pass, of the layer and of that loop.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import document
import torch
import torch.nn.functional as F
from torch import Tensor

import elman
from elman.cells import ConvGRU, ConvLSTM

ROUNDS = 5  # at least
TOLERANCE = 1e-4  # of the largest gradient
AIM = 1.2

Work = Callable[[], list[Tensor]]


class Case(NamedTuple):
    """A layer of H channels that reads as many, over T pictures of side × side in B rows."""

    cell: type
    H: int
    side: int
    B: int
    T: int


CASES = [
    Case(cell, H, side, B, T)
    for H, side, B, T in ((64, 16, 8, 20), (32, 16, 8, 20), (64, 8, 16, 20))
    for cell in (ConvLSTM, ConvGRU)
]


def lstm(of_x: Tensor, of_h: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (of_x + of_h).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru(of_x: Tensor, of_h: Tensor, h: Tensor) -> tuple[Tensor]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = of_x.chunk(3, 1), of_h.chunk(3, 1)
    z = torch.sigmoid(x_z + h_z)
    return ((1 - z) * torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n) + z * h,)


def loop(layer: elman.Recurrent, x: Tensor, joined: bool) -> Tensor:
    """The same layer as a plain loop; ``joined``: input and state go through one convolution."""
    w_x, w_h, b_x, b_h = (getattr(layer, f"{name}_l0") for name in layer.cell.parameters())
    step: Any = lstm if isinstance(layer.cell, ConvLSTM) else gru
    state = tuple(s[0] for s in layer.initial_state(x.shape[1], tuple(x.shape[3:])))
    both, bias = torch.cat([w_x, w_h], 1), b_x + b_h
    outputs = []
    for x_t in x:
        if joined:
            total = F.conv2d(torch.cat([x_t, state[0]], 1), both, bias, padding=1)
            state = step(total, torch.zeros(()).expand_as(total), *state)
        else:
            of_x = F.conv2d(x_t, w_x, b_x, padding=1)
            state = step(of_x, F.conv2d(state[0], w_h, b_h, padding=1), *state)
        outputs.append(state[0])
    return torch.stack(outputs)


def works(case: Case) -> dict[str, Work]:
    """A training step of the layer and of each loop.

    Raises:
        RuntimeError: their gradients differ.
    """
    torch.manual_seed(0)
    layer = elman.Recurrent(case.cell(case.H, case.H))
    x = torch.randn(case.T, case.B, case.H, case.side, case.side, requires_grad=True)
    targets = [x, *layer.parameters()]

    def work(run: Callable[[], Tensor]) -> Work:
        return lambda: [*torch.autograd.grad(run().square().sum(), targets)]

    found = {"layer": work(lambda: layer(x)[0]), "two convolutions": work(lambda: loop(layer, x, False))}
    if case.cell is ConvLSTM:  # a GRU's candidate needs both products by themselves
        found["one convolution"] = work(lambda: loop(layer, x, True))
    wanted = found["two convolutions"]()
    for name, each in found.items():
        for own, other in zip(each(), wanted, strict=True):
            if not (own - other).abs().max() <= TOLERANCE * other.abs().max():
                raise RuntimeError(f"{case}: the gradients of {name} differ")
    return found


def kept(work: Work) -> int:
    """Bytes of memory that the forward pass keeps for the backward pass, each counted once."""
    sizes: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        work()
    return sum(sizes.values())


def measured(found: dict[str, Work], seconds: float) -> dict[str, list[float]]:
    """Seconds of each in each round; who begins moves on."""
    names, rounds = [*found], {name: [] for name in found}
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(rounds[names[0]]) < ROUNDS:
        for name in names:
            begin = time.perf_counter()
            found[name]()
            rounds[name].append(time.perf_counter() - begin)
        names = [*names[1:], names[0]]
    return rounds


def main() -> None:
    """Prints the table; with ``--write`` it goes into the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the first two rows alone")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row")
    parser.add_argument("--write", type=Path, help="document whose section is replaced")
    arguments = parser.parse_args()
    if arguments.write:
        document.check(arguments.write, "planes")
    rows, least = [], 0
    for case in CASES[:2] if arguments.quick else CASES:
        found = works(case)
        rounds = measured(found, arguments.seconds)
        least = min(least or 10**9, len(rounds["layer"]))
        medians = {name: statistics.median(times) for name, times in rounds.items()}
        peer = min((name for name in found if name != "layer"), key=lambda name: medians[name])
        ratios = [other / own for own, other in zip(rounds["layer"], rounds[peer], strict=True)]
        ratio = statistics.median(ratios)
        sizes = [kept(found[name]) / case.T / 2**20 for name in ("layer", peer)]
        rows.append(
            [
                f"{case.cell.__name__} {case.H}, {case.side} × {case.side}, {case.B}, {case.T}",
                f"{1000 * medians['layer']:.0f}",
                f"{1000 * medians[peer]:.0f} ({peer})",
                f"{ratio:.2f}" + ("" if ratio >= AIM else " ✗"),
                f"{sizes[0]:.1f}",
                f"{sizes[1]:.1f}",
            ]
        )
    head = [
        "cell, H, picture, B, T",
        "layer, ms",
        "loop, ms",
        "times as fast",
        "MiB a step",
        "loop's MiB a step",
    ]
    document.publish("planes", document.table(head, rows), least, arguments.write)


if __name__ == "__main__":
    main()
