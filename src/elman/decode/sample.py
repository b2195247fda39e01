"""Sampling: draws tokens one by one from a model's predictions."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from elman.decode import rules
from elman.decode.copies import Copies
from elman.state import State, reorder

_COLDEST = 1e-30
Step = Callable[[Tensor], Tensor]


def choose(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Tensor:
    """Draws one token per row.

    Args:
        logits: [B, V].
        temperature: divides the logits; 0 takes the most probable token (greedy).
        top_k: draws only from the k most probable tokens; 0: all.
        top_p: draws only from the most probable tokens that together reach this probability, at least one
            (nucleus: Holtzman et al. 2019, arXiv:1904.09751); 1: all.
        generator: the source of randomness, or one per row, so that rows do not affect each other.

    Returns:
        [B] ids.

    Raises:
        ValueError: an option is out of range.
    """
    check_options(temperature, top_k, top_p)
    if temperature == 0:
        return logits.argmax(-1)
    logits = logits.float()
    # with a maximum of 0, no low temperature overflows to infinity
    logits = (logits - logits.amax(-1, keepdim=True)) / max(temperature, _COLDEST)
    if 0 < top_k < logits.shape[-1]:
        kept = logits.topk(top_k)
        logits = torch.full_like(logits, -torch.inf).scatter(-1, kept.indices, kept.values)
    probabilities = torch.softmax(logits, -1)
    if top_p < 1:
        ordered, order = probabilities.sort(descending=True)
        before = ordered.cumsum(-1) - ordered
        ordered = ordered.masked_fill(before >= top_p, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
    if not isinstance(generator, Sequence):
        return torch.multinomial(probabilities, 1, generator=generator)[:, 0]
    rows = zip(probabilities, generator, strict=True)
    return torch.cat([torch.multinomial(row, 1, generator=own) for row, own in rows])


def check_options(temperature: float, top_k: int, top_p: float) -> None:
    """Raises ValueError if an option is out of range."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be in [0, inf). Got {temperature!r}.")
    if top_k < 0:
        raise ValueError(f"top_k must be in [0, inf). Got {top_k!r}.")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be in (0, 1]. Got {top_p!r}.")


def sample(
    step: Step,
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
    never: Sequence[int] = (),
    copies: Copies | None = None,
    grammar: rules.Grammar | None = None,
) -> Iterator[Tensor]:
    """Yields tokens [B] without end, feeding each back to the model.

    Args:
        step: token [B] → logits of the next [B, V]; keeps its own state, like a stream's ``step``.
        logits: [B, V] for the first token.
        temperature: see ``choose``.
        top_k: see ``choose``.
        top_p: see ``choose``.
        seed: seed of the draws; None: random.
        never: tokens that are never drawn, such as the unknown token.
        copies: of a text of which no long run may be copied, unless no other token remains; for one row.
        grammar: allows tokens, and is told each that is drawn; for one row.
    """
    drawing = Drawing(logits.device, temperature, top_k, top_p, seed, never, copies, grammar)
    while True:
        token = drawing.draw(logits)
        yield token
        logits = step(token)


class Drawing:
    """Draws tokens [B] one after the other; the arguments are those of ``sample``.

    Args:
        device: of the logits.
    """

    def __init__(
        self,
        device: torch.device,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        never: Sequence[int] = (),
        copies: Copies | None = None,
        grammar: rules.Grammar | None = None,
    ) -> None:
        check_options(temperature, top_k, top_p)
        self.options = (temperature, top_k, top_p)
        self.generator = torch.Generator(device=device)
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed)
        self._excluded = torch.tensor(never, dtype=torch.int64, device=device)
        self._copies, self._grammar = copies, grammar

    def draw(self, logits: Tensor) -> Tensor:
        """Draws a token [B] from logits [B, V]."""
        token = choose(self.permitted(logits), *self.options, self.generator)
        self.push(token)
        return token

    def permitted(self, logits: Tensor) -> Tensor:
        """Returns the logits [B, V], −∞ for tokens that may not be drawn."""
        if len(self._excluded):
            logits = logits.index_fill(-1, self._excluded, -torch.inf)
        if self._grammar is not None:
            allowed = torch.from_numpy(self._grammar.allowed()).to(logits.device)
            logits = logits.masked_fill(~allowed, -torch.inf)
        if self._copies is not None:
            forbidden = torch.from_numpy(self._copies.forbidden()).to(logits.device)
            others = logits.index_fill(-1, forbidden, -torch.inf)
            logits = others if others.isfinite().any() else logits
        return logits

    def push(self, token: Tensor) -> None:
        """Tells copies and grammar the token [B] that was drawn."""
        if self._copies is not None:
            self._copies.push(int(token))
        if self._grammar is not None:
            self._grammar.push(int(token))


def sample_sequences(
    step: rules.Step,
    state: State,
    begin: int,
    bounds: rules.Rules,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    alpha: float = 1.0,
    generators: Sequence[torch.Generator] | None = None,
) -> list[rules.Hypothesis]:
    """Draws a complete sequence for each row.

    Args:
        step: see ``rules.Step``.
        state: of B rows, before the first token.
        begin: the token to begin with.
        bounds: constraints on the next token.
        temperature: see ``choose``.
        top_k: see ``choose``.
        top_p: see ``choose``.
        alpha: exponent of the score's length penalty.
        generators: one source of randomness per row; rows may share one. None: torch's default.
    """
    B, device = state[0].shape[1], state[0].device
    drawn = [rules.Hypothesis([], 0.0)] * B
    alive = torch.arange(B, device=device)
    tokens = torch.full((B,), begin, device=device)
    written, sums = tokens.new_zeros(B, 0), torch.zeros(B, device=device)
    while len(alive):
        log_p, state = step(tokens, state)
        log_p = bounds(log_p, written, alive)
        own = None if generators is None else [generators[k] for k in alive.tolist()]
        tokens = choose(log_p, temperature, top_k, top_p, own)
        sums = sums + log_p.gather(1, tokens[:, None])[:, 0]
        ends = tokens == bounds.end
        penalty = rules.length_penalty(written.shape[1] + 1, alpha)
        for k in ends.nonzero()[:, 0].tolist():
            drawn[int(alive[k])] = rules.Hypothesis(written[k].tolist(), float(sums[k]) / penalty)
        rows = (~ends).nonzero()[:, 0]
        written = torch.cat([written, tokens[:, None]], 1)[rows]
        alive, tokens, sums, state = alive[rows], tokens[rows], sums[rows], reorder(state, rows)
    return drawn
