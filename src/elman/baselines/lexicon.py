"""Word-by-word lexicon, a baseline for translation."""

import numpy as np

_MOST_LINKS = 20_000_000  # maximum number of links between source and target tokens; more take too long


def learn_lexicon(
    sources: list[np.ndarray], targets: list[np.ndarray], source_size: int, rounds: int = 5
) -> np.ndarray:
    """Learns the most probable target token of each source token, by IBM model 1.

    Each target token is the translation of one token of its source sentence, or of none. Starting from equal
    probabilities, each round computes the expected count of each link and new probabilities from the counts:

        t(f|e) = c(e, f) / Σ_f' c(e, f'),    c(e, f) = Σ over links of t(f|e) / Σ_e' t(f|e')

    Only the first pairs, up to 20 million links, are used.

    Args:
        sources: token sequences.
        targets: their translations.
        source_size: V; every source token is below it.
        rounds: number of rounds of expectation maximisation.

    Shapes:
        N sequences and N sequences → [V], −1 for tokens that do not occur

    Source: Brown et al. 1993, "The mathematics of statistical machine translation", 4.
    """
    none = np.array([source_size])
    sources = [np.concatenate([none, source]) for source in sources]  # the token of no source word
    links = np.cumsum([len(s) * len(t) for s, t in zip(sources, targets, strict=True)])
    count = max(1, int(np.searchsorted(links, _MOST_LINKS, "right")))
    # each target token, and each source token of its sentence
    pairs = list(zip(sources[:count], targets[:count], strict=True))
    e = np.concatenate([np.tile(s, len(t)) for s, t in pairs]).astype(np.int64)
    f = np.concatenate([np.repeat(t, len(s)) for s, t in pairs]).astype(np.int64)
    place = np.repeat(
        np.arange(sum(len(t) for _, t in pairs)), np.concatenate([[len(s)] * len(t) for s, t in pairs])
    )
    kinds, link = np.unique(e * (f.max() + 1) + f, return_inverse=True)
    e, f = np.divmod(kinds, f.max() + 1)  # from here on, one per kind of link
    t = np.ones(len(kinds))
    for _ in range(rounds):
        p = t[link]
        p /= np.bincount(place, p)[place]
        counts = np.bincount(link, p)
        t = counts / np.bincount(e, counts)[e]
    best = np.full(source_size + 1, -1)
    order = np.argsort(t, kind="stable")
    best[e[order]] = f[order]  # the last assignment, the most probable, remains
    return best[:-1]


def look_up(lexicon: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Translates each source token, in order, without those that the lexicon lacks."""
    tokens = lexicon[source]
    return tokens[tokens >= 0]
