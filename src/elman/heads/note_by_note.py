"""Head for a chord: its notes one after another, each told those above it."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Target
from elman.dropout import dropout
from elman.heads.base import Loss, SetHead, linear

_BEAM = 16  # chords that are kept while the most probable one is looked for


class NoteByNote(SetHead):
    """A distribution over the sets of V pitches: from the highest note to the lowest, then the end.

        p(c) = Π_k p(n_k | n_1 > … > n_{k−1}, f),    n_{K+1} the end
        p(n | …) = softmax(W relu(A f + Σ_{j<k} S n_j + L n_{k−1}) + b), of pitches below n_{k−1} and the end

    Each set has one order, so that this is the probability of the set. The loss is −log p(c).

    Args:
        features: F, features of one prediction.
        pitches: V.
        hidden: H, units of the layer that chooses.
        dropout: probability on these units.

    Shapes:
        features [..., F], targets [..., V] of 0 and 1; A [H, F], S [V, H], L [V + 1, H], W [V + 1, H]

    Units:
        nats per chord.

    Source: the factorisation of NADE (Larochelle & Murray 2011), over the notes that sound instead of all
    pitches; recurrent features f as in RNN-NADE (Boulanger-Lewandowski et al. 2012, arXiv:1206.6392).
    """

    def __init__(self, features: int, pitches: int, hidden: int = 256, dropout: float = 0.0) -> None:
        super().__init__()
        self.pitches, self.dropout = pitches, dropout
        self.context = linear(features, hidden)
        self.sounding = nn.Parameter(torch.empty(pitches, hidden))
        # the number after the pitches is no note: nothing sounds yet, or nothing more
        self.last = nn.Parameter(torch.empty(pitches + 1, hidden))
        for table in (self.sounding, self.last):
            nn.init.xavier_uniform_(table)
        self.output = linear(hidden, pitches + 1)

    def logits(self, context: Tensor, sounding: Tensor, last: Tensor) -> Tensor:
        """Computes log-odds of the next note and of the end; −∞ for pitches that are not below the last.

        Shapes:
            context [..., H], sounding [..., H], last [...] → [..., V + 1]
        """
        hidden = F.relu(context + sounding + F.embedding(last, self.last))
        logits: Tensor = self.output(dropout(hidden, self.dropout, self.training))
        choices = torch.arange(self.pitches + 1, device=last.device)
        return logits.masked_fill((choices >= last[..., None]) & (choices < self.pitches), -torch.inf)

    def _added(self, notes: Tensor) -> Tensor:
        """Returns what notes add for those below them, [..., H]; nothing for the end."""
        table = torch.cat([self.sounding, torch.zeros_like(self.sounding[:1])])
        return F.embedding(notes, table)

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes −log of the probability of each chord."""
        leading = features.shape[:-1]
        chords = target.values.flatten(0, -2) > 0
        weights = torch.ones_like(chords[:, 0]) if target.weights is None else target.weights.flatten() != 0
        losses = features.new_zeros(len(chords))
        losses[weights] = self._nats(features.flatten(0, -2)[weights], chords[weights])
        return self.total(losses.view(leading), features, target)

    def _nats(self, features: Tensor, chords: Tensor) -> Tensor:
        """Returns −log of the probability of each chord: features [N, F], chords [N, V] bool → [N]."""
        notes = _descending(chords)
        nothing = notes.new_full((len(notes), 1), self.pitches)
        last, choice = torch.cat([nothing, notes], 1), torch.cat([notes, nothing], 1)
        is_made = torch.arange(last.shape[1], device=last.device) <= chords.sum(1, keepdim=True)
        sounding = self._added(last).cumsum(1)
        context = self.context(features)[:, None].expand_as(sounding)
        logits = self.logits(context[is_made], sounding[is_made], last[is_made])
        nats = F.cross_entropy(logits, choice[is_made], reduction="none")
        every = nats.new_zeros(is_made.shape)
        every[is_made] = nats
        return every.sum(1)

    def draw(
        self,
        features: Tensor,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        allowed: Tensor | None = None,
        highest: Tensor | None = None,
    ) -> Tensor:
        """Draws one note after another; see ``SetHead.draw``."""
        context = self.context(features)
        sounding, end = torch.zeros_like(context), self.pitches
        last = torch.full(context.shape[:-1], end, device=context.device)
        drawn = features.new_zeros(*last.shape, end + 1)
        is_open = torch.ones_like(last, dtype=torch.bool)
        given = highest
        while is_open.any():
            if given is None:
                logits = self.logits(context, sounding, last)
                if allowed is not None:
                    logits[..., :end] = logits[..., :end].masked_fill(~allowed, -torch.inf)
                choice = _chosen(logits, temperature, generator).where(is_open, end)
            else:
                choice, given = given, None
            drawn.scatter_(-1, choice[..., None], 1.0)
            is_open = choice < end
            sounding = sounding + self._added(choice)
            last = choice.where(is_open, last)
        return drawn[..., :end]

    def log_p_of_highest(self, features: Tensor, highest: Tensor) -> Tensor:
        """Computes ln p of the first choice; see ``SetHead.log_p_of_highest``."""
        context = self.context(features)
        nothing = torch.full_like(highest, self.pitches)
        logits = self.logits(context, torch.zeros_like(context), nothing)
        return logits.log_softmax(-1).gather(-1, highest[..., None])[..., 0]

    def predict(self, features: Tensor) -> Tensor:
        """Returns the most probable chord [..., V] of 0 and 1 that a beam of 16 chords finds."""
        context = self.context(features.flatten(0, -2))[:, None]
        beam = _Beam.begin(context, self.pitches)
        # a chord has at most V notes and the end
        for _ in range(self.pitches + 1):
            if bool(beam.is_ended[:, 0].all()):
                break
            beam = self._longer(context, beam)
        best = beam.chords[:, 0, : self.pitches]
        return best.view(*features.shape[:-1], self.pitches).to(features.dtype)

    def _longer(self, context: Tensor, beam: "_Beam") -> "_Beam":
        """Adds a note or the end to each chord that has not ended, and keeps the most probable ones."""
        end = self.pitches
        log_p = self.logits(context, beam.sounding, beam.last).log_softmax(-1)
        stays = torch.full_like(log_p, -torch.inf)
        stays[..., end] = 0
        log_p = beam.log_p[..., None] + torch.where(beam.is_ended[..., None], stays, log_p)
        kept = log_p.flatten(1).topk(min(_BEAM, log_p[0].numel()))
        parent, choice = kept.indices // (end + 1), kept.indices % (end + 1)

        def of_parent(values: Tensor) -> Tensor:
            index = parent.view(*parent.shape, *[1] * (values.dim() - 2))
            return values.gather(1, index.expand(*parent.shape, *values.shape[2:]))

        return _Beam(
            kept.values,
            of_parent(beam.chords).scatter(-1, choice[..., None], 1.0),
            of_parent(beam.sounding) + self._added(choice),
            choice.where(choice < end, of_parent(beam.last)),
            choice == end,
        )


class _Beam(NamedTuple):
    """Chords of N predictions that may become the most probable one, the likeliest first.

    Attributes:
        log_p: [N, W] log-probability so far.
        chords: [N, W, V + 1] of 0 and 1.
        sounding: [N, W, H] sum of their notes' vectors.
        last: [N, W] lowest note; V: none yet.
        is_ended: [N, W] bool.
    """

    log_p: Tensor
    chords: Tensor
    sounding: Tensor
    last: Tensor
    is_ended: Tensor

    @classmethod
    def begin(cls, context: Tensor, pitches: int) -> "_Beam":
        """Returns one chord without notes for each prediction: context [N, 1, H]."""
        one = context.new_zeros(context.shape[:2])
        last = torch.full_like(one, pitches, dtype=torch.int64)
        chords = one[..., None].repeat(1, 1, pitches + 1)
        return cls(one, chords, torch.zeros_like(context), last, torch.zeros_like(last, dtype=torch.bool))


def _descending(chords: Tensor) -> Tensor:
    """Returns the notes of chords [N, V] bool from the highest down, filled up with V: [N, K]."""
    counts, V = chords.sum(1), chords.shape[1]
    row, below = chords.flip(1).nonzero(as_tuple=True)
    notes = row.new_full((len(chords), int(counts.max()) if len(counts) else 0), V)
    place = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    notes[row, place] = V - 1 - below
    return notes


def _chosen(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Draws a choice of each entry [..., V + 1] → [...]."""
    if temperature == 0:
        return logits.argmax(-1)
    p = (logits / temperature).softmax(-1)
    return torch.multinomial(p.flatten(0, -2), 1, generator=generator).view(logits.shape[:-1])
