"""Beam search for the most probable sequences."""

import torch

from elman.decode.rules import Hypothesis, Rules, Step, length_penalty
from elman.state import State, reorder


def beam_search(
    step: Step,
    state: State,
    begin: int,
    rules: Rules,
    *,
    beam: int = 5,
    n_best: int = 1,
    alpha: float = 1.0,
) -> list[list[Hypothesis]]:
    """Returns the best sequences of each row, best first.

    Each step continues the ``beam`` best sequences of a row. Sequences that end among the ``beam`` best are
    kept, and the search ends when there are ``beam`` of them. A beam of 1 is greedy search; its sequence is
    also a candidate in every larger beam, so no beam returns a worse one.

    Args:
        step: see ``Step``.
        state: of B rows, before the first token; contains everything that the step needs.
        begin: the token to begin with.
        rules: constraints on the next token.
        beam: k ≥ 1.
        n_best: maximum number of sequences per row, at most k.
        alpha: exponent of the length penalty.

    Returns:
        n_best hypotheses for each of the B rows.
    """
    hypotheses = _search(step, state, begin, rules, beam, alpha)
    if beam > 1:
        for row, (greedy,) in zip(hypotheses, _search(step, state, begin, rules, 1, alpha), strict=True):
            if all(hypothesis.tokens != greedy.tokens for hypothesis in row):
                row.append(greedy)
    return [sorted(row, key=lambda hypothesis: -hypothesis.score)[:n_best] for row in hypotheses]


def _search(
    step: Step, state: State, begin: int, rules: Rules, k: int, alpha: float
) -> list[list[Hypothesis]]:
    B, device = state[0].shape[1], state[0].device
    finished: list[list[Hypothesis]] = [[] for _ in range(B)]
    alive = torch.arange(B, device=device)  # rows still being written, [A]
    state = reorder(state, alive.repeat_interleave(k))
    tokens = torch.full((B * k,), begin, device=device)
    written = tokens.new_zeros(B * k, 0)
    # all k begin alike, so only the first may continue
    sums = torch.full((B, k), -torch.inf, device=device)
    sums[:, 0] = 0
    while len(alive):
        log_p, state = step(tokens, state)
        log_p = rules(log_p, written, alive.repeat_interleave(k))
        V = log_p.shape[1]
        # at most k of 2k end, so at least k can continue
        best, place = (sums.flatten()[:, None] + log_p).view(len(alive), k * V).topk(2 * k)
        origin, token = place // V, place % V
        ends = token == rules.end
        penalty = length_penalty(written.shape[1] + 1, alpha)
        for a, j in (ends[:, :k] & best[:, :k].isfinite()).nonzero().tolist():
            sequence = written[a * k + int(origin[a, j])].tolist()
            finished[int(alive[a])].append(Hypothesis(sequence, float(best[a, j]) / penalty))
        sums, kept = best.masked_fill(ends, -torch.inf).topk(k)
        unfinished = sums[:, 0].isfinite() & torch.tensor(
            [len(finished[a]) < k for a in alive.tolist()], device=device
        )
        going = unfinished.nonzero()[:, 0]
        origin, tokens = (x.gather(1, kept)[going].flatten() for x in (origin, token))
        rows = going.repeat_interleave(k) * k + origin
        alive, sums, state = alive[going], sums[going], reorder(state, rows)
        written = torch.cat([written[rows], tokens[:, None]], 1)
    return finished
