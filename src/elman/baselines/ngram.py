"""Counting models, baselines for language models."""

from collections.abc import Iterator

import numpy as np

from elman.errors import InputError


def frequency_nats(
    train: np.ndarray, test: np.ndarray, vocabulary_size: int, test_starts: np.ndarray | None = None
) -> tuple[float, int]:
    """Score test tokens by their frequency in training, without context.

        P(w) = (c(w) + 1) / (N + V)

    Args:
        train: training tokens.
        test: test tokens.
        vocabulary_size: V; every token is below it.
        test_starts: where the test documents start; by default it is one document.

    Shapes:
        train [N], test [M], test_starts [D]

    Returns:
        (sum, count) over all test tokens except the first of each document, which no model predicts.

    Units:
        nats; the count is in tokens.
    """
    counts = np.bincount(train, minlength=vocabulary_size)
    targets = test[depth_of(len(test), _starts(test_starts)) > 0]
    nats = np.log(len(train) + vocabulary_size) - np.log1p(counts[targets])
    return float(nats.sum()), len(targets)


def witten_bell_nats(
    train: np.ndarray,
    test: np.ndarray,
    vocabulary_size: int,
    order: int = 6,
    train_starts: np.ndarray | None = None,
    test_starts: np.ndarray | None = None,
    base: np.ndarray | None = None,
) -> tuple[float, int]:
    """Score test tokens with an interpolated Witten–Bell n-gram model counted on the training tokens.

        P_k(w|h) = (c(hw) + T(h) P_{k−1}(w|h')) / (c(h) + T(h))

    h is the k − 1 tokens before w, h' is h without its first token; c(hw) counts w after h, c(h) counts any
    token after h, and T(h) counts the distinct ones. P_0 is 1/V unless it is given. No context crosses the
    start of a document, in training or in test: the order is lower there. A context that is not in training
    gets the probability of the shorter one.

    Args:
        train: training tokens.
        test: test tokens.
        vocabulary_size: V; every token is below it.
        order: length of the longest n-gram; the context has at most order − 1 tokens.
        train_starts: where the training documents start; by default it is one document.
        test_starts: where the test documents start; by default it is one document.
        base: P_0 of each test token; None: 1/V.

    Shapes:
        train [N], test [M], train_starts [D], test_starts [D'], base [M]

    Returns:
        (sum, count) over all test tokens except the first of each document.

    Units:
        nats; the count is in tokens.

    Raises:
        InputError: the order is below 1.

    Source: Witten and Bell 1991, IEEE Transactions on Information Theory 37(4), method C; the interpolated
    form from Chen and Goodman 1998, Harvard TR-10-98.
    """
    *_, nats = witten_bell_by_order(train, test, vocabulary_size, order, train_starts, test_starts, base)
    return float(nats.sum()), len(nats)


def witten_bell_by_order(
    train: np.ndarray,
    test: np.ndarray,
    vocabulary_size: int,
    most: int,
    train_starts: np.ndarray | None = None,
    test_starts: np.ndarray | None = None,
    base: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yields the nats of each test token that ``witten_bell_nats`` adds up, for the orders 1 to ``most``."""
    if most < 1:
        raise InputError(f"order must be an int in [1, inf). Got {most}.")
    size = len(train)
    tokens = np.concatenate((train, test)).astype(np.int64)
    depth = depth_of(len(tokens), np.concatenate((_starts(train_starts), _starts(test_starts) + size)))
    p = np.full(len(test), 1 / vocabulary_size) if base is None else base.copy()
    # gram[i] is the number of the n-gram that ends at i, at first the empty one. Numbers are below N + M,
    # so that the keys below cannot overflow, however large the vocabulary.
    gram = np.zeros(len(tokens), dtype=np.int64)
    for k in range(1, most + 1):
        _raise_order(p, gram, tokens, np.flatnonzero(depth >= k - 1), size, vocabulary_size)
        yield -np.log(p[depth[size:] > 0])


def _raise_order(
    p: np.ndarray, gram: np.ndarray, tokens: np.ndarray, at: np.ndarray, size: int, vocabulary_size: int
) -> None:
    """Makes the n-grams one token longer, in place.

    Args:
        p: [M] probability of each test token by shorter n-grams.
        gram: [N + M] number of the shorter n-gram that ends at each token.
        tokens: [N + M] tokens of training and test.
        at: positions where a longer n-gram can end.
        size: N.
        vocabulary_size: V.
    """
    trained = np.searchsorted(at, size)
    context = gram[at - 1]
    keys, numbers = np.unique(context * vocabulary_size + tokens[at], return_inverse=True)
    gram[at] = numbers

    count = np.bincount(numbers[:trained], minlength=len(keys))
    contexts = len(tokens)
    followers = np.bincount(context[:trained], minlength=contexts)
    distinct = np.bincount(keys[count > 0] // vocabulary_size, minlength=contexts)

    known = followers[context[trained:]] > 0
    h, hw = context[trained:][known], numbers[trained:][known]
    scored = at[trained:][known] - size
    p[scored] = (count[hw] + distinct[h] * p[scored]) / (followers[h] + distinct[h])


def _starts(starts: np.ndarray | None) -> np.ndarray:
    return np.zeros(1, dtype=np.int64) if starts is None else starts


def depth_of(length: int, starts: np.ndarray) -> np.ndarray:
    """Returns the number of tokens before each token in its document [N]."""
    return np.arange(length) - np.repeat(starts, np.diff(starts, append=length))
