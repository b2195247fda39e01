"""Chooses which values of the forward pass are kept, so that the backward pass computes few of them again."""

import itertools
import math

from elman.compiler.ops import OPS
from elman.compiler.program import Node, Program

_MOST_TRIED = 3_000  # choices; more are searched step by step


def choose(whole: Program, forward: int, most: int) -> tuple[int, ...]:
    """Returns the places of at most ``most`` values, with which the backward pass takes least time.

    What is not kept is computed again of what is, of the states and of the parameters.

    Args:
        whole: the values of the forward pass, then those of the backward pass; its results are gradients.
        forward: number of values of the forward pass.
        most: how many may be kept; at least the number of sums, which always suffice.
    """
    needed = _needed(whole)
    candidates = [
        place for place, node in enumerate(whole.nodes[:forward]) if place in needed and _can_be_kept(node)
    ]
    most = min(most, len(candidates))

    def cost(kept: tuple[int, ...]) -> float:
        return _cost(whole, forward, set(kept))

    if math.comb(len(candidates), most) <= _MOST_TRIED:
        return min(itertools.combinations(candidates, most), key=cost)
    return _searched(whole, forward, candidates, most)


def _can_be_kept(node: Node) -> bool:
    """Whether a value is a sum, or the result of an operation other than a mask."""
    if node.source is not None:
        return node.source[0] == "slot"
    return node.op in OPS and not OPS[node.op].is_mask


def _searched(whole: Program, forward: int, candidates: list[int], most: int) -> tuple[int, ...]:
    """Exchanges one kept value after another, the best exchange first, from the sums on."""
    slots = [place for place in candidates if whole.nodes[place].op == "input"]
    others = [place for place in reversed(candidates) if place not in slots]
    kept = (*slots, *others)[:most]
    best = _cost(whole, forward, set(kept))
    while True:
        trials = [
            (*kept[:k], new, *kept[k + 1 :])
            for k in range(len(kept))
            for new in candidates
            if new not in kept
        ]
        found = min(trials, key=lambda trial: _cost(whole, forward, set(trial)), default=kept)
        cost = _cost(whole, forward, set(found))
        if cost >= best:
            return tuple(sorted(kept))
        kept, best = found, cost


def _needed(whole: Program) -> set[int]:
    """Returns the values that the results are computed of."""
    needed = set(whole.outputs)
    for place in reversed(range(len(whole.nodes))):
        if place in needed:
            needed.update(whole.nodes[place].args)
    return needed


def _cost(whole: Program, forward: int, kept: set[int]) -> float:
    """Returns the cost of the forward values that are computed again; infinite if a sum is missing."""
    needed, cost = set(whole.outputs), 0
    for place in reversed(range(len(whole.nodes))):
        if place not in needed or place in kept:
            continue
        node = whole.nodes[place]
        if node.source is not None and node.source[0] == "slot":
            return math.inf
        if place < forward:
            cost += node.cost
        needed.update(node.args)
    return cost
