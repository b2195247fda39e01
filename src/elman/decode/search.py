"""Decodes output sequences by beam search or by sampling, depending on the options."""

from collections.abc import Sequence

import torch
from torch import Tensor

from elman.decode.beam import beam_search
from elman.decode.options import SearchOptions
from elman.decode.rules import Hypothesis, Rules, Step
from elman.decode.sample import sample_sequences
from elman.state import State, reorder

_SLACK = 10  # tokens allowed beyond the length ratio, for short sources


def search(
    step: Step,
    state: State,
    options: SearchOptions,
    *,
    sizes: Tensor,
    begin: int,
    end: int,
    never: Sequence[int] = (),
    generators: Sequence[torch.Generator] = (),
) -> list[list[Hypothesis]]:
    """Returns ``options.nbest`` sequences for each row, best first.

    Args:
        step: see ``Step``.
        state: of B rows, before the first token; contains everything that the step needs.
        options: search options.
        sizes: [B] number of tokens of each source.
        begin: the token to begin with.
        end: the token that ends a sequence.
        never: tokens that are never generated.
        generators: source of randomness of each row, for sampling.
    """

    def rules(sizes: Tensor) -> Rules:
        shortest = (options.min_ratio * sizes).long().clamp(min=1)
        longest = (options.max_ratio * sizes).long() + _SLACK
        return Rules(end, shortest, longest, tuple(never), options.repetition_penalty)

    alpha, n = options.length_penalty, options.nbest
    if not options.temperature:
        return beam_search(step, state, begin, rules(sizes), beam=options.beam, n_best=n, alpha=alpha)
    rows = torch.arange(len(sizes), device=sizes.device).repeat_interleave(n)
    drawn = sample_sequences(
        step,
        reorder(state, rows),
        begin,
        rules(sizes[rows]),
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        alpha=alpha,
        generators=[generator for generator in generators for _ in range(n)],
    )
    groups = (drawn[k : k + n] for k in range(0, len(drawn), n))
    return [sorted(group, key=lambda hypothesis: -hypothesis.score) for group in groups]
