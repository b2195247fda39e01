"""Beam search: the sequences that a model finds most probable, or nearly."""

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
    """The best sequences found for each row, best first.

    At every step the ``beam`` best sequences of a row go on; those that end among the ``beam`` best are kept,
    and once there are ``beam`` of them the search is over. A beam of 1 is the greedy search, whose sequence
    stands for election in every larger beam too: no beam finds a worse one.

    Args:
        step: see ``Step``.
        state: of B rows, before the first token; everything that the step needs of a row is in it.
        begin: the token to begin with.
        rules: what may come next.
        beam: k ≥ 1.
        n_best: how many sequences a row, at most k; fewer where fewer were found.
        alpha: exponent of the length penalty.

    Returns:
        n_best hypotheses for each of the B rows.
    """
    found = _search(step, state, begin, rules, beam, alpha)
    if beam > 1:
        for row, (greedy,) in zip(found, _search(step, state, begin, rules, 1, alpha), strict=True):
            if all(hypothesis.tokens != greedy.tokens for hypothesis in row):
                row.append(greedy)
    return [sorted(row, key=lambda hypothesis: -hypothesis.score)[:n_best] for row in found]


def _search(
    step: Step, state: State, begin: int, rules: Rules, k: int, alpha: float
) -> list[list[Hypothesis]]:
    B, device = state[0].shape[1], state[0].device
    finished: list[list[Hypothesis]] = [[] for _ in range(B)]
    alive = torch.arange(B, device=device)  # rows still being written, [A]
    state = reorder(state, alive.repeat_interleave(k))
    tokens = torch.full((B * k,), begin, device=device)
    written = tokens.new_zeros(B * k, 0)
    # all k begin alike, so only the first may go on
    sums = torch.full((B, k), -torch.inf, device=device)
    sums[:, 0] = 0
    while len(alive):
        log_p, state = step(tokens, state)
        log_p = rules(log_p, written, alive.repeat_interleave(k))
        V = log_p.shape[1]
        # of 2k at most k end, so k are left to go on
        best, place = (sums.flatten()[:, None] + log_p).view(len(alive), k * V).topk(2 * k)
        origin, token = place // V, place % V
        ends = token == rules.end
        penalty = length_penalty(written.shape[1] + 1, alpha)
        for a, j in (ends[:, :k] & best[:, :k].isfinite()).nonzero().tolist():
            sequence = written[a * k + int(origin[a, j])].tolist()
            finished[int(alive[a])].append(Hypothesis(sequence, float(best[a, j]) / penalty))
        sums, kept = best.masked_fill(ends, -torch.inf).topk(k)
        goes_on = sums[:, 0].isfinite() & torch.tensor(
            [len(finished[a]) < k for a in alive.tolist()], device=device
        )
        going = goes_on.nonzero()[:, 0]
        origin, tokens = (x.gather(1, kept)[going].flatten() for x in (origin, token))
        rows = going.repeat_interleave(k) * k + origin
        alive, sums, state = alive[going], sums[going], reorder(state, rows)
        written = torch.cat([written[rows], tokens[:, None]], 1)
    return finished
