"""What a composer of events composes, its figures and the report."""

import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.batches.tokens import TokenStreams, TokenWindows, excerpts
from elman.data.music.batches import Roll
from elman.data.music.event_batches import EventStreams, corpus_of_pieces
from elman.data.music.events import BAR, END
from elman.data.music.keys import Key, way_to
from elman.data.music.piece import Piece
from elman.decode.events import EventGrammar
from elman.diagnose.remedies import Remedy
from elman.errors import InputError
from elman.metrics.novelty import longest_copied_chords
from elman.tasks.music.composition import DRAFTS, Composition
from elman.tasks.music.data import EventData
from elman.tasks.music.facts import MusicFacts
from elman.tasks.music.options import MusicConfig
from elman.tasks.music.pieces import pieces_to_test
from elman.tasks.music.report import BARS, of_composed, proposals, report
from elman.tasks.shared.answers import Excerpt
from elman.tasks.shared.data import Parts
from elman.tasks.shared.token_streams import StreamAnswers, whole_windows

FIGURE = "nats_per_event"
_PAGES = (8, 500)  # rows and events for inspecting a model


class EventAnswers(StreamAnswers):
    """Pieces that a model of events composes, and figures of the pieces that it reads."""

    config: MusicConfig
    facts: MusicFacts

    # Composing

    def compose(
        self,
        corpus: Sequence[Roll],
        *,
        bars: int,
        primer: Piece | None = None,
        melody: Piece | None = None,
        temperature: float = 1.0,
        key: Key | None = None,
        tempo: float | None = None,
        seed: int | None = None,
    ) -> Composition:
        """Composes a piece; see ``MusicModel.compose``. What it copies is looked for in a corpus."""
        if melody is not None:
            raise InputError("--melody goes with a model of chords. This one is of events.")
        seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        code, opening = self.facts.code, self._opening(primer, key)
        number = DRAFTS if key is not None and primer is None else 1
        seeds = [seed, *(int(np.random.default_rng([seed, k]).integers(2**62)) for k in range(1, number))]
        drafts = [
            code.decode(self.drawn(opening, bars, temperature, own), tempo or self.facts.tempo)
            for own in seeds
        ]
        piece = drafts[0]
        if number > 1:
            assert key is not None
            ways = [way_to(self.facts.roll(draft).sounds.sum(0), key) for draft in drafts]
            best = max(range(number), key=lambda k: ways[k][1])
            piece = drafts[best].transposed(ways[best][0])
        assert piece.meter is not None
        bar, sounds = code.bar(piece.meter), self.facts.roll(piece).sounds
        primed = int((code.kind[opening] == BAR).sum()) * bar
        copied = longest_copied_chords(sounds[primed:], [roll.sounds for roll in corpus])
        return Composition(sounds, piece, primed, bar, seed, temperature, copied)

    def _opening(self, primer: Piece | None, key: Key | None) -> np.ndarray:
        """Returns the events to go on with: a primer in the key, or the most common meter."""
        code = self.facts.code
        if primer is None:
            return code.tokens(f"meter {code.meters[0][0]}/{code.meters[0][1]}")
        if key is not None:
            primer = primer.transposed(way_to(self.facts.roll(primer).sounds.sum(0), key)[0])
        tokens = code.encode(primer)
        return tokens[code.kind[tokens] != END]

    def drawn(self, opening: np.ndarray, bars: int, temperature: float, seed: int) -> list[int]:
        """Draws the events of so many bars after an opening, up to the end of the piece."""
        code, tokens = self.facts.code, opening.tolist()
        own = code.ranges([opening])
        ranges = np.array(self.facts.ranges)
        ranges = np.stack([np.minimum(ranges[:, 0], own[:, 0]), np.maximum(ranges[:, 1], own[:, 1])], 1)
        grammar = EventGrammar(code, ranges, int((code.kind[opening] == BAR).sum()) + bars)
        for token in tokens:
            grammar.push(token)
        options: dict[str, Any] = {"temperature": temperature, "top_k": 0, "top_p": 1.0, "seed": seed}
        for token in self.draw(opening, (), **options, grammar=grammar):
            tokens.append(token)
            if code.kind[token] == END:
                break
        return list(tokens)

    # Figures

    def batches(self, paths: list[Path]) -> TokenWindows:
        """Returns batches of other files."""
        return self._windows(pieces_to_test(paths, self.config))

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files."""
        return self.of_pieces(pieces_to_test(paths, self.config))

    def of_pieces(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """Measures the model on pieces."""
        return self.figures(self._windows(pieces))

    def _windows(self, pieces: Sequence[Piece]) -> TokenWindows:
        code = self.facts.code
        return whole_windows(corpus_of_pieces([code.encode(piece) for piece in pieces], code))

    def figures(self, batches: TokenWindows, left_out: int = 0) -> dict[str, Any]:
        """Returns the mean nats of an event given those before it, without the meter of each piece."""
        corpus, (own, _) = batches.corpus, self.losses(batches)
        return {
            FIGURE: own.mean,
            "nats_per_bar": own.sum / max(1, int((self.facts.code.kind[corpus.tokens] == BAR).sum())),
            "events": int(own.count),
            "pieces": len(corpus.starts),
        }

    def measure(self, data: EventData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model and simple methods on the test part, and composes a piece."""
        say("composing")
        composed = self.compose(data.rolls["training"], bars=BARS, seed=self.config.seed)
        results: dict[str, Any] = {"composed": of_composed(composed, self.folder)}
        if parts.test is not None:
            assert isinstance(parts.test, TokenWindows)
            results["test"] = self.figures(parts.test)
            say("measuring simple methods")
            results["baselines"] = self._simple(parts)
        return results

    def _simple(self, parts: Parts) -> dict[str, Any]:
        """Returns the nats of simple methods; n-grams of the pieces in all keys know no key either."""
        assert isinstance(parts.training, EventStreams)
        bits = self.baselines(parts, "event frequency")
        if self.config.transpose:
            training = TokenStreams(parts.training.in_all_keys(), 1, 1, 0)
            every = self.baselines(dataclasses.replace(parts, training=training), "event frequency")
            bits |= {f"{name}, in all keys": own for name, own in [*every.items()][1:]}
        return {name: {FIGURE: own * math.log(2)} for name, own in bits.items()}

    def excerpt(self, batches: TokenStreams | TokenWindows) -> Excerpt:
        """Returns some pages of pieces, with the name of each event."""
        batch = excerpts(batches.corpus, *_PAGES)
        names = self.facts.vocabulary.pieces
        texts = [[f"{name} " for name in names(row)] for row in batch.inputs.values.T.tolist()]
        return Excerpt(batch, "events", texts)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures of all methods, and what was composed."""
        return report(results, "event")

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes options for a run that a simple method is ahead of."""
        return proposals(self.config, results, "event")
