"""What a composer composes, its figures and the report."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elman.baselines.chords import simple_chords
from elman.data.music.batches import COLUMNS, Roll, Rolls
from elman.data.music.keys import Key, pitch_name, way_to
from elman.data.music.piece import PITCHES, Piece
from elman.decode.compose import compose, harmonise
from elman.diagnose.remedies import Remedy
from elman.metrics.novelty import longest_copied_chords
from elman.models.framewise import Framewise
from elman.models.predict import predict
from elman.tasks.music.composition import DRAFTS, Composition
from elman.tasks.music.data import MusicData, evaluated, steps_of
from elman.tasks.music.facts import MusicFacts
from elman.tasks.music.options import MusicConfig
from elman.tasks.music.pieces import pieces_to_test
from elman.tasks.music.report import BARS, of_composed, proposals, report
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts

FIGURE = "nats_per_step"


class MusicAnswers(TaskAnswers):
    """Pieces that a model composes, and figures of the pieces that it reads."""

    config: MusicConfig
    facts: MusicFacts
    model: Framewise

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
        seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        bar = self.facts.steps_per_bar
        given = primer or melody
        heard = np.zeros((0, PITCHES), bool) if given is None else self.facts.roll(given).sounds
        if given is not None and key is not None:
            heard = _moved(heard[None], key)
        draws: dict[str, Any] = {
            "bar": bar,
            "temperature": temperature,
            "allowed": self._playable(heard),
            "seed": seed,
        }
        before = heard[:0] if primer is None else heard
        if melody is not None:
            drawn = harmonise(self.model, _highest(heard), **draws)
        elif given is None and key is not None:
            drawn = _moved(compose(self.model, bars * bar, number=DRAFTS, **draws), key)
        else:
            (drawn,) = compose(self.model, bars * bar, primer=before, **draws)
        sounds = np.concatenate([before, drawn])
        return Composition(
            sounds,
            self.facts.piece(sounds, tempo),
            len(before),
            bar,
            seed,
            temperature,
            longest_copied_chords(drawn, [roll.sounds for roll in corpus]),
        )

    def _playable(self, before: np.ndarray) -> np.ndarray:
        """Returns which pitches may be drawn [128]: those between the lowest and highest that were heard."""
        heard = np.flatnonzero(before.any(0)).tolist()
        low, high = min([self.facts.lowest, *heard]), max([self.facts.highest, *heard])
        pitches = np.arange(PITCHES)
        return np.asarray((pitches >= low) & (pitches <= high))

    # Figures

    def batches(self, paths: list[Path]) -> Rolls:
        """Returns batches of other files."""
        return evaluated([self.facts.roll(piece) for piece in pieces_to_test(paths, self.config)])

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files."""
        return self.of_pieces(pieces_to_test(paths, self.config))

    def of_pieces(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """Measures the model on pieces."""
        return self.figures([self.facts.roll(piece) for piece in pieces])

    def figures(self, rolls: Sequence[Roll]) -> dict[str, Any]:
        """Returns the mean nats of a chord given those before it, without the first step of each piece.

        Every step counts as much, as in published figures (Boulanger-Lewandowski et al. 2012,
        arXiv:1206.6392; Bai, Kolter & Koltun 2018, arXiv:1803.01271).
        """
        total, batches = 0.0, evaluated(rolls)
        with self.model.head.single_losses() as losses:
            for _ in predict(self.model, batches.epoch(), lambda batch: self.model(batch)[0].sum):
                total += float(losses.pop()[1:].double().nansum())
        steps = steps_of(rolls)
        notes = sum(int(roll.sounds.sum()) for roll in rolls)
        return {
            FIGURE: total / max(1, steps - len(rolls)),
            "notes_per_step": notes / steps,
            "steps": steps,
            "pieces": len(rolls),
        }

    def measure(self, data: MusicData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model and simple methods on the test part, and composes a piece."""
        training, test = data.rolls["training"], data.rolls["test"]
        say("composing")
        composed = self.compose(training, bars=BARS, seed=self.config.seed)
        results: dict[str, Any] = {"composed": of_composed(composed, self.folder)}
        if test:
            results["test"] = self.figures(test)
            say("measuring simple methods")
            both = ([roll.sounds for roll in part] for part in (training, test))
            results["baselines"] = {name: {FIGURE: nats} for name, nats in simple_chords(*both).items()}
        return results

    def excerpt(self, batches: Rolls) -> Excerpt:
        """Returns a batch with the names of the numbers of each step."""
        pitches = [pitch_name(pitch) for pitch in range(PITCHES)]
        places = range(1, COLUMNS - 2 * PITCHES + 1)
        names = (*pitches, *(f"{name} held" for name in pitches), *(f"step {k} of the bar" for k in places))
        return Excerpt(next(iter(batches.epoch(0))), features=names)

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures of all methods, and what was composed."""
        return report(results, "step")

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes options for a run that a simple method is ahead of."""
        return proposals(self.config, results, "step")


def _highest(sounds: np.ndarray) -> np.ndarray:
    """Returns the highest pitch of each step [T]; 128 for silence."""
    highest = PITCHES - 1 - sounds[:, ::-1].argmax(1)
    return np.where(sounds.any(1), highest, PITCHES)


def _moved(drafts: np.ndarray, key: Key) -> np.ndarray:
    """Returns the draft that is most like a key once it is moved there: [N, T, 128] → [T, 128]."""
    ways = [way_to(draft.sum(0), key) for draft in drafts]
    best = max(range(len(ways)), key=lambda k: ways[k][1])
    return Roll(drafts[best], 1).transposed(ways[best][0]).sounds
