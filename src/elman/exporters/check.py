"""Compares what was exported with the network itself, on random sequences."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman.exporters.network import Network
from elman.state import State, where

SHAPES = ((1, 1), (2, 3), (7, 9), (64, 3))
"""Steps and rows of the sequences that are compared."""
Run = Callable[[Mapping[str, Any]], dict[str, np.ndarray]]
"""Runs an export: from arrays by the names of its inputs to arrays by the names of its outputs."""


def differences(
    whole: Run | None, step: Run | None, network: Network, exact: Network, ragged: bool = True
) -> Iterator[tuple[float, float]]:
    """Yields how far each compared output is from the network in double precision, and the network's own.

    Compared are random sequences of unlike lengths, 0 among them, from given and initial states: whole,
    piece by piece, and step by step with resets between.

    Args:
        whole: runs whole sequences; None: nothing does.
        step: runs one step; None likewise.
        network: the network.
        exact: the same in double precision.
        ragged: whether rows have lengths of their own.
    """
    for number, (T, B) in enumerate(SHAPES):
        case = _Case.drawn(network, T, B, number)
        if not ragged:
            case.lengths.fill_(T)
        if whole is not None:
            yield from _whole(whole, network, exact, case)
        if step is not None:
            yield from _steps(step, network, exact, case)


class _Case:
    """Sequences to compare.

    Attributes:
        x: [T, B] ids or [T, B, I] numbers.
        lengths: [B], none of which is 0 only where a row is alone.
        state: given states.
        side: the side input, or None.
        reset: [B] rows that are reset before the step in the middle.
    """

    def __init__(self, x: Tensor, lengths: Tensor, state: State, side: Tensor | None, reset: Tensor) -> None:
        self.x, self.lengths, self.state, self.side, self.reset = x, lengths, state, side, reset

    @classmethod
    def drawn(cls, network: Network, T: int, B: int, seed: int) -> "_Case":
        g = torch.Generator().manual_seed(seed)
        layer = network.layer
        if network.reader is None:
            x = torch.randn(T, B, layer.input_size, generator=g)
        else:
            x = torch.randint(network.reader.num_embeddings, (T, B), generator=g)
        lengths = torch.randint(0, T + 1, (B,), generator=g)
        lengths[0], lengths[-1] = T, 0 if B > 1 else T
        initial = tuple(s.detach().float() for s in layer.initial_state(B))
        state = tuple(torch.randn(s.shape, generator=g) * 0.5 for s in initial) if seed % 2 else initial
        shape = layer.cell.side_input()
        side = None if shape is None else torch.rand(T, B, *shape, generator=g)
        return cls(x, lengths, state, side, torch.rand(B, generator=g) < 0.5)

    def inputs(self, network: Network, state: State, begin: int, end: int | None) -> dict[str, np.ndarray]:
        """Returns what a file reads of steps [begin, end), or of step ``begin`` alone for ``end`` None."""
        own: Any = begin if end is None else slice(begin, end)
        given = {"x": self.x[own].numpy()}
        given |= {f"{name}_in": s.numpy() for name, s in zip(network.layer.cell.states(), state, strict=True)}
        return given if self.side is None else given | {"side": self.side[own].numpy()}

    def computed(
        self, network: Network, state: State, begin: int, end: int, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Computes steps [begin, end) by the network, in its own precision."""
        dtype = next(network.layer.parameters()).dtype
        x, side = self.x[begin:end], self.side
        x = x.to(dtype) if x.is_floating_point() else x
        side = None if side is None else side[begin:end].to(dtype)
        with torch.no_grad():
            return network.compute(x, tuple(s.to(dtype) for s in state), lengths, side)


def _far(
    network: Network, results: dict[str, np.ndarray], own: Any, exact: Any
) -> Iterator[tuple[float, float]]:
    """Yields the distances of the answer and of each state."""
    names = [network.answer, *(f"{name}_out" for name in network.layer.cell.states())]
    for name, mine, right in zip(names, (own[0], *own[1]), (exact[0], *exact[1]), strict=True):
        yield _distance(torch.from_numpy(results[name]), right), _distance(mine, right)


def _distance(found: Tensor, right: Tensor) -> float:
    """Returns the largest difference; infinite where shapes or what is not finite differ."""
    if found.shape != right.shape or not torch.equal(found.isfinite(), right.isfinite()):
        return float("inf")
    finite = right.isfinite()
    gaps = (found.double() - right.double())[finite].abs()
    return float(gaps.max()) if gaps.numel() else 0.0


def _whole(run: Run, network: Network, exact: Network, case: _Case) -> Iterator[tuple[float, float]]:
    T, lengths = len(case.x), case.lengths
    given = case.inputs(network, case.state, 0, T) | {"lengths": lengths.numpy()}
    results = run(given)
    own = case.computed(network, case.state, 0, T, lengths)
    right = case.computed(exact, case.state, 0, T, lengths)
    yield from _far(network, results, own, right)
    if network.layer.bidirectional or network.pooling is not None:
        return
    answers, state, piece = [], case.state, max(1, T // 3)
    for begin in range(0, T, piece):
        end = min(begin + piece, T)
        here = (lengths - begin).clamp(0, end - begin)
        part = run(case.inputs(network, state, begin, end) | {"lengths": here.numpy()})
        answers.append(part[network.answer])
        state = tuple(torch.from_numpy(part[f"{name}_out"]) for name in network.layer.cell.states())
    pieces = {f"{n}_out": s.numpy() for n, s in zip(network.layer.cell.states(), state, strict=True)}
    yield from _far(network, pieces | {network.answer: np.concatenate(answers)}, own, right)


def _steps(run: Run, network: Network, exact: Network, case: _Case) -> Iterator[tuple[float, float]]:
    """Compares step by step; some rows are reset before the step in the middle."""
    T, B = case.x.shape[:2]
    middle, never = T // 2, torch.zeros(B, dtype=torch.bool)
    state = case.state
    remembered = network.remembered
    kept = {"pooled_in": np.zeros((B, remembered), np.float32)} if remembered else {}
    for t in range(T):
        reset = case.reset if t == middle and t > 0 else never
        results = run(case.inputs(network, state, t, None) | {"reset": reset.numpy()} | kept)
        state = tuple(torch.from_numpy(results[f"{name}_out"]) for name in network.layer.cell.states())
        kept = {"pooled_in": results["pooled_out"]} if remembered else {}
        if t in (0, middle, T - 1):
            mine, right = (_after(net, case, t, middle) for net in (network, exact))
            yield from _far(network, results, mine, right)


def _after(network: Network, case: _Case, t: int, middle: int) -> tuple[Tensor, State]:
    """Computes answer and state after step t; some rows begin in the middle."""
    answer, state = case.computed(network, case.state, 0, t + 1, None)
    if network.pooling is None:
        answer = answer[-1]
    if t < middle or middle == 0:
        return answer, state
    initial = tuple(s.detach() for s in network.layer.initial_state(case.x.shape[1]))
    again, begun = case.computed(network, initial, middle, t + 1, None)
    if network.pooling is None:
        again = again[-1]
    return torch.where(case.reset[:, None], again, answer), where(case.reset, begun, state, dim=1)
