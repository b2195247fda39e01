"""Sweeps over one layer in one direction that are hard for a kernel, and what unrolling them gives."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from elman.cells.base import Cell, Weights
from elman.cells.named import make_cell
from elman.kernels import reference
from elman.kernels.call import Noise, Sweep
from elman.kernels.compiled import cpu, table
from elman.kernels.stack import Unroll
from elman.state import State


def _make(name: str, I: int, H: int, bias: bool) -> Cell:
    # a projection needs two units
    return replace(make_cell(name, I, max(H, 2) if name == "projected-lstm" else H), bias=bias)


MAKE: dict[str, Callable[[int, int, bool], Cell]] = {
    kernel.name: partial(_make, kernel.name) for kernel in table.kernels()
}
"""Every compiled cell, from I, H and whether there are biases."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

SWITCHES = ("reverse", "lengths", "empty", "resets", "mask", "maps", "rates", "no-bias")
"""What an options string may hold. lengths: one row is empty, one is whole; empty: all are empty; maps and
rates: zoneout, in training and in evaluation; both: maps, but for the last state."""

# most is lost where 1 − σ or 1 − tanh² is taken of a gate kept in 8 bits
_IN_BFLOAT16 = {
    "elman:nonlinearity=relu": 0.01,
    "lstm": 0.022,
    "peephole-lstm": 0.035,
    "coupled-lstm": 0.025,
    "projected-lstm": 0.03,
}
BOUND = {
    "float32": dict.fromkeys(MAKE, 5e-6),
    "bfloat16": {name: _IN_BFLOAT16.get(name, 0.05) for name in MAKE},
}
"""The error allowed of each cell, as ``worst`` measures it; tests/kernels prints the largest found."""

FLOOR = 0.3  # gradients that small lose digits in any precision: 1 − tanh² where tanh is near 1


@dataclass(frozen=True)
class Problem:
    """A sweep of leaves, and the gradients of its results (output, then final states)."""

    cell: Cell
    w: Weights
    x: Tensor
    state: State
    options: dict[str, Any]
    d_results: tuple[Tensor, ...]

    def leaves(self) -> dict[str, Tensor]:
        """All that has a gradient, by name."""
        found = {"x": self.x, **{f"state {k}": s for k, s in enumerate(self.state)}, **self.w}
        if "resets" in self.options:
            found |= {f"initial {k}": s for k, s in enumerate(self.options["initial"])}
        return found

    def to(self, dtype: torch.dtype) -> "Problem":
        """The same in another precision, as new leaves."""

        def convert(value: Any) -> Any:
            if isinstance(value, Tensor):
                changed = value.detach().to(dtype, copy=True) if value.is_floating_point() else value
                return changed.requires_grad_(value.requires_grad)
            if isinstance(value, dict):
                return {key: convert(v) for key, v in value.items()}
            if isinstance(value, tuple):
                return tuple(map(convert, value))
            if isinstance(value, Noise):
                return Noise(convert(value.recurrent), convert(value.zoneout))
            return value

        return Problem(*(convert(getattr(self, name)) for name in self.__dataclass_fields__))

    def sweep(self) -> Sweep:
        """What is unrolled."""
        return Sweep(self.cell, self.w, self.x, self.state, **self.options)

    def run(self, unroll: Unroll = cpu.unroll) -> tuple[Tensor, ...]:
        """Output and final states."""
        output, final = unroll(self.sweep())
        return (output, *final)

    def gradients(self, results: tuple[Tensor, ...], **options: Any) -> tuple[Tensor, ...]:
        """Of every leaf, in the order of ``leaves``."""
        # without a step the output depends on nothing
        given = [(r, d) for r, d in zip(results, self.d_results, strict=True) if r.requires_grad]
        return torch.autograd.grad(
            [r for r, _ in given],
            list(self.leaves().values()),
            [d for _, d in given],
            allow_unused=True,
            materialize_grads=True,
            **options,
        )

    def solve(self, unroll: Unroll = cpu.unroll) -> dict[str, Tensor]:
        """Output, final states, and the gradient of everything, by name."""
        results = self.run(unroll)
        found = {"output": results[0]} | {f"final {k}": s for k, s in enumerate(results[1:])}
        names = [f"gradient of {name}" for name in self.leaves()]
        found |= dict(zip(names, self.gradients(results), strict=True))
        return {name: value.detach() for name, value in found.items()}

    def truth(self) -> dict[str, Tensor]:
        """The same by the reference in float64, from these very numbers."""
        return self.to(torch.float64).solve(reference.unroll)


def problem(
    name: str,
    T: int,
    B: int,
    I: int,
    H: int,
    options: str = "",
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Problem:
    """A problem of the cell of that name; every number in it is one of ``dtype``."""
    assert set(options.split()) <= set(SWITCHES)
    make = torch.Generator().manual_seed(seed + 1000 * T + B)
    on = options.split()

    def normal(*shape: int, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(*shape, generator=make)).to(dtype).requires_grad_()

    cell = MAKE[name](I, H, "no-bias" not in on)
    shapes = list(cell.states().values())
    w = {key: normal(*shape, scale=cell.hidden_size**-0.5) for key, shape in cell.parameters().items()}
    x = normal(T, B, I)
    if "relu" in name and dtype is torch.bfloat16:
        _keep_off_the_kink(w, x)
    state, initial = (tuple(normal(B, *s) for s in shapes) for _ in range(2))
    keywords: dict[str, Any] = {"initial": initial, "reverse": "reverse" in on}
    if "lengths" in on and B:
        lengths = torch.randint(0, T + 1, (B,), generator=make)
        lengths[B // 2] = 0
        lengths[-1] = T
        keywords["lengths"] = lengths
    if "empty" in on:
        keywords["lengths"] = torch.zeros(B, dtype=torch.int64)
    if "resets" in on:
        keywords["resets"] = torch.rand(T, B, generator=make) < 0.3
    noise = Noise()
    if "mask" in on:
        kept = torch.rand(B, cell.output_size, generator=make) < 0.5
        noise = replace(noise, recurrent=(2 * kept.to(dtype),))
    if "maps" in on or "rates" in on:
        shares: list[Any] = [0.25, 0.125][: len(shapes)]
        if "maps" in on:
            maps = [(torch.rand(T, B, *s, generator=make) < 0.3).to(dtype) for s in shapes]
            shares = [*maps[:-1], shares[-1]] if "rates" in on and len(maps) > 1 else maps
        noise = replace(noise, zoneout=tuple(shares))
    d_results = (normal(T, B, cell.output_size), *(normal(B, *s) for s in shapes))
    d_results = tuple(d.detach() for d in d_results)
    return Problem(cell, w, x, state, {**keywords, "noise": noise}, d_results)


@torch.no_grad()
def _keep_off_the_kink(w: Weights, x: Tensor) -> None:
    """Leaves no unit where a rounding error decides relu's slope: each is well on or well off throughout."""
    w["weight_hh"] *= 0.1
    w["weight_ih"].copy_(0.4 * (len(w["weight_hh"]) / x.shape[-1]) ** 0.5 * w["weight_ih"])
    side = 4.0 - 8.0 * (torch.arange(len(w["weight_hh"])) % 2)
    if "bias_ih" in w:
        w["bias_hh"] *= 0.1
        w["bias_ih"].copy_(side)
    else:
        x[..., 0] = 1.0
        w["weight_ih"][:, 0] = side


def worst(found: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> tuple[float, str]:
    """The largest error, relative to its value's largest element or ``FLOOR``, and whose it is."""
    assert found.keys() == truth.keys()
    errors = [(0.0, "nothing")]
    for name, value in truth.items():
        assert found[name].shape == value.shape, name
        if value.numel():
            off = (found[name].double() - value).abs().max().item()
            error = off / max(value.abs().max().item(), FLOOR)
            errors.append((math.inf if math.isnan(error) else error, name))
    return max(errors)


def same_bits(found: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether both hold the same bits; without torch's threads, which a forked child has not."""
    assert found.keys() == other.keys()
    return all(_bits(found[name]) == _bits(other[name]) for name in found)


def _bits(t: Tensor) -> bytes:
    return t.detach().flatten().view(torch.uint8).numpy().tobytes()


@contextmanager
def kernels(*, isa: str | None = None, threads: int = 1, openmp: bool = True) -> Iterator[None]:
    """Runs the kernels on that instruction set (None: the best) and as many threads, torch's or their own."""
    best, before = cpu._kernels.isa(), torch.get_num_threads()
    cpu._kernels.choose(isa or best)
    cpu._kernels.use_openmp(openmp)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        cpu._kernels.choose(best)
        cpu._kernels.use_openmp(True)
        torch.set_num_threads(before)
