"""What a word-by-word lexicon reaches: the baseline beside a translator's figure."""

import numpy as np

_MOST_LINKS = 20_000_000  # links between a source and a target token that are counted; more take too long


def learn_lexicon(
    sources: list[np.ndarray], targets: list[np.ndarray], source_size: int, rounds: int = 5
) -> np.ndarray:
    """The most probable target token for every source token, by IBM's first model.

    Each target token is taken to be the translation of one token of its source sentence, or of none. Starting
    from equal probabilities, each round counts how probable every such link is and makes the probabilities of
    the counts:

        t(f|e) = c(e, f) / Σ_f' c(e, f'),    c(e, f) = Σ over links of t(f|e) / Σ_e' t(f|e')

    Where there are more than 20 million links, the first pairs that have so many are learnt from.

    Args:
        sources: token sequences.
        targets: their translations.
        source_size: V; every source token is below it.
        rounds: of expectation and maximisation.

    Shapes:
        N sequences and N sequences → [V], −1 for tokens that do not occur

    Source: Brown et al. 1993, "The mathematics of statistical machine translation", 4.
    """
    none = np.array([source_size])
    sources = [np.concatenate([none, source]) for source in sources]  # a target may translate no word
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
    e, f = np.divmod(kinds, f.max() + 1)  # of each kind of link from here on
    t = np.ones(len(kinds))
    for _ in range(rounds):
        p = t[link]
        p /= np.bincount(place, p)[place]
        counts = np.bincount(link, p)
        t = counts / np.bincount(e, counts)[e]
    best = np.full(source_size + 1, -1)
    order = np.argsort(t, kind="stable")
    best[e[order]] = f[order]  # of several, the last and so the most probable stays
    return best[:-1]


def look_up(lexicon: np.ndarray, source: np.ndarray) -> np.ndarray:
    """The lexicon's token for each source token, in the source's order; what it does not know is left out."""
    found = lexicon[source]
    return found[found >= 0]
