"""Vectors of words from the texts alone: which words stand near which.

    n_ij  = Σ over pairs 1 / distance,   n_i = Σ_j n_ij,   c_i = n_i^0.75 / Σ_j n_j^0.75
    m_ij  = log(n_ij / √(n_i c_j n_j c_i))
    M     = max(m, 0) = U diag(s) Uᵀ,   vectors = U |s|^½, all of the same length

Source: Levy, Goldberg & Dagan 2015, "Improving distributional similarity with lessons learned from word
embeddings" (positive pointwise mutual information, smoothed contexts, s^½; here the mean over both words as
context); Halko, Martinsson & Tropp 2011,
arXiv:0909.4061 (subspace iteration).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_SMOOTHING = 0.75  # exponent of a context's count: pairs with rare words say less than their ratio
_BLOCK = 500_000  # tokens whose pairs are counted at once; a longer text is cut
_MORE = 16  # vectors more than are kept, and
_PASSES = 4  # multiplications by M, for the accuracy of those that are


def cooccurrence_vectors(
    texts: Iterable[np.ndarray],
    tokens: int,
    features: int,
    *,
    window: int = 8,
    without: Collection[int] = (),
    most: int = 4_000_000,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a vector for each token of a vocabulary, from the tokens around it.

    Args:
        texts: tokens [T] of each text.
        tokens: V, the size of the vocabulary.
        features: D. Beyond the number of tokens that have vectors they are 0.
        window: largest distance of two tokens that count as a pair.
        without: tokens that get no vector and are no context, such as the unknown one.
        most: tokens that are counted; texts after them are not read.
        seed: of the first subspace.

    Returns:
        (vectors, found): the vectors have mean square 1 over their features; of a token without neighbours
        they are 0.

    Shapes:
        vectors [V, D] float32, found [V] bool
    """
    counts = _counts(texts, tokens, window, sorted(without), most)
    (i, j), n = counts.indices(), counts.values()
    of_token = torch.zeros(tokens).index_add_(0, i, n)
    smoothed = of_token**_SMOOTHING
    expected = (of_token * smoothed / smoothed.sum()).sqrt()
    information = torch.log(n / (expected[i] * expected[j]))
    positive = information > 0
    i, j, information = i[positive], j[positive], information[positive]
    begins = torch.searchsorted(i, torch.arange(tokens + 1))  # of each row
    has_neighbours = begins.diff() > 0
    vectors = np.zeros((tokens, features), np.float32)
    if not len(i):
        return vectors, has_neighbours.numpy()
    begins = begins[:-1]
    ratios = partial(F.embedding_bag, j, offsets=begins, mode="sum", per_sample_weights=information)
    found = _eigenvectors(ratios, tokens, min(features, tokens), seed)
    found *= (has_neighbours * features**0.5 / found.norm(dim=1).clamp(min=1e-12))[:, None]
    vectors[:, : found.shape[1]] = found
    return vectors, has_neighbours.numpy()


def _counts(texts: Iterable[np.ndarray], tokens: int, window: int, without: list[int], most: int) -> Tensor:
    """Returns the symmetric matrix n of the pairs, sparse."""
    sparse = partial(torch.sparse_coo_tensor, size=(tokens, tokens), check_invariants=False)
    total = sparse(torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0))
    for block in _blocks(texts, window, without, most):
        pairs = [
            (first[both], second[both], distance)
            for distance in range(1, window + 1)
            for first, second in [(block[:-distance], block[distance:])]
            for both in [(first >= 0) & (second >= 0)]
        ]
        ends = [np.concatenate([pair[end] for pair in pairs]) for end in (0, 1)]
        shares = np.concatenate([np.full(len(pair[0]), 1 / pair[2], np.float32) for pair in pairs])
        total = (total + sparse(torch.from_numpy(np.stack(ends)), torch.from_numpy(shares))).coalesce()
    return (total + total.t()).coalesce()


def _blocks(texts: Iterable[np.ndarray], window: int, without: list[int], most: int) -> Iterator[np.ndarray]:
    """Yields texts one after another as far apart as the window; -1 is no token."""
    apart = np.full(window, -1, np.int64)
    block: list[np.ndarray] = []
    size = read = 0
    for part in (text[k : k + _BLOCK] for text in texts for k in range(0, len(text), _BLOCK)):
        own = part[: most - read].astype(np.int64)
        read += len(own)
        block += [np.where(np.isin(own, without), -1, own), apart]
        size += len(own)
        if size >= _BLOCK or read == most:
            yield np.concatenate(block)
            block, size = [], 0
        if read == most:
            return
    if block:
        yield np.concatenate(block)


def _eigenvectors(multiply: Callable[[Tensor], Tensor], size: int, features: int, seed: int) -> Tensor:
    """Returns U |s|^½ [V, D] of the D largest |s| of a symmetric matrix [V, V], by subspace iteration.

    Args:
        multiply: multiplies the matrix by another one.
        size: V.
        features: D.
        seed: of the first subspace.
    """
    width = min(size, features + _MORE)
    start = np.random.default_rng(seed).normal(size=(size, width)).astype(np.float32)
    basis = torch.linalg.qr(multiply(torch.from_numpy(start)))[0]
    for _ in range(_PASSES):
        basis = torch.linalg.qr(multiply(basis))[0]
    values, rotation = torch.linalg.eigh(basis.t() @ multiply(basis))
    largest = values.abs().argsort(descending=True)[:features]
    return (basis @ rotation[:, largest]) * values[largest].abs().sqrt()
