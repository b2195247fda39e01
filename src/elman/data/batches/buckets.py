"""Batches of examples of different lengths, with little padding."""

import numpy as np

_POOL = 50  # batches sorted together: enough for little padding, few enough to stay random


def buckets(lengths: np.ndarray, batch_size: int, seed: int | None, epoch: int = 0) -> list[np.ndarray]:
    """Returns the positions of the examples in each batch of an epoch.

    Examples are shuffled, sorted by length within pools of batches, and the batches are shuffled again.

    Args:
        lengths: [N] steps of each example.
        batch_size: examples per batch; the last batch of a pool may have fewer.
        seed: determines each epoch's order; None: longest first, for evaluation.
        epoch: number of the epoch.

    Shapes:
        lengths [N] → positions [B] of each batch, all of them a permutation of 0 … N − 1
    """
    if seed is None:
        order = np.argsort(-lengths, kind="stable")
        return _cut(order, batch_size)
    random = np.random.default_rng([seed, epoch])
    shuffled = random.permutation(len(lengths))
    batches = []
    for pool in _cut(shuffled, batch_size * _POOL):
        batches += _cut(pool[np.argsort(-lengths[pool], kind="stable")], batch_size)
    return [batches[k] for k in random.permutation(len(batches))]


def _cut(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[begin : begin + size] for begin in range(0, len(order), size)]
