"""Composing: draws chords one after another from a model of rolls."""

import numpy as np
import torch
from torch import Tensor

from elman.data.music.batches import inputs_of
from elman.data.music.piece import PITCHES
from elman.heads.base import SetHead
from elman.models.framewise import Framewise
from elman.state import reorder

_FEWEST = 0.5  # share of drafts that must count, or the others are replaced


@torch.inference_mode()
def compose(
    model: Framewise,
    steps: int,
    *,
    bar: int,
    primer: np.ndarray | None = None,
    number: int = 1,
    temperature: float = 1.0,
    allowed: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Draws pieces; each step costs the same, however long they grow.

    Args:
        model: in evaluation mode, of one direction, with a head of sets of pitches.
        steps: T, to draw.
        bar: steps of a bar.
        primer: [S, 128] bool, what sounds before; its first step begins a bar. None: nothing.
        number: N, pieces to draw.
        temperature: below 1 safer, above 1 more varied; 0: at each choice the most probable.
        allowed: [128] bool, pitches that may be drawn; None: all.
        seed: of the draws; the pieces differ.

    Returns:
        [N, T, 128] bool, without the primer.
    """
    known = np.zeros((0, PITCHES), bool) if primer is None else primer
    drafts = _Drafts(model, number, len(known) + steps, bar, temperature, allowed, seed)
    for step in range(len(known) + steps):
        features = drafts.features(step)
        if step < len(known):
            drafts.take(step, np.repeat(known[step : step + 1], number, 0))
        else:
            drafts.take(step, drafts.drawn(features))
    return drafts.sounds[:, len(known) :]


@torch.inference_mode()
def harmonise(
    model: Framewise,
    melody: np.ndarray,
    *,
    bar: int,
    number: int = 32,
    temperature: float = 1.0,
    allowed: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Draws what sounds below a melody; where the melody rests, nothing does.

    Several drafts are drawn side by side. Before each step those that did not expect the melody's next note
    give way to those that did (a particle filter), so that chords lead to the notes that follow.

    Args:
        model: as for ``compose``.
        melody: [T] pitches; 128 where it rests.
        bar: steps of a bar.
        number: N, drafts.
        temperature: as for ``compose``.
        allowed: as for ``compose``; the melody's own notes need not be.
        seed: of the draws.

    Returns:
        [T, 128] bool, the draft that expected the melody most.

    Source: sequential importance resampling, Gordon, Salmond & Smith 1993, IEE Proceedings F 140(2).
    """
    drafts = _Drafts(model, number, len(melody), bar, temperature, allowed, seed)
    log_weights = torch.zeros(number, dtype=torch.float64)
    for step, note in enumerate(melody.tolist()):
        features = drafts.features(step)
        highest = torch.full((number,), note)
        log_weights = log_weights + drafts.head.log_p_of_highest(features, highest)
        weights = log_weights.softmax(0)
        if 1 / (weights**2).sum() < _FEWEST * number:
            survivors = torch.multinomial(weights, number, replacement=True, generator=drafts.generator)
            drafts.keep(survivors)
            features, log_weights = features[survivors], torch.zeros_like(log_weights)
        drafts.take(step, drafts.drawn(features, highest))
    best: np.ndarray = drafts.sounds[int(log_weights.argmax())]
    return best


class _Drafts:
    """Pieces that are drawn side by side.

    Attributes:
        head: the model's.
        generator: the source of randomness.
        sounds: [N, T, 128] bool, what sounds at each step so far.
    """

    def __init__(
        self,
        model: Framewise,
        number: int,
        steps: int,
        bar: int,
        temperature: float,
        allowed: np.ndarray | None,
        seed: int,
    ) -> None:
        assert isinstance(model.head, SetHead)
        self.head: SetHead = model.head
        self.generator = torch.Generator().manual_seed(seed)
        self.sounds = np.zeros((number, steps, PITCHES), bool)
        self._held = np.zeros((number, PITCHES), np.int64)
        self._model, self._bar, self._temperature = model, bar, temperature
        self._stream = model.layer.stream(number)
        self._allowed = None if allowed is None else torch.from_numpy(allowed)

    def features(self, step: int) -> Tensor:
        """Reads the chords before a step; returns what the head reads [N, F]."""
        number = len(self.sounds)
        x = torch.from_numpy(inputs_of(self._held > 0, self._held, np.full(number, step % self._bar)))
        return self._model.read(self._stream.step(x), x).clone()

    def drawn(self, features: Tensor, highest: Tensor | None = None) -> np.ndarray:
        """Draws a chord of each draft [N, 128], with a given highest note [N] or any."""
        drawn = self.head.draw(features, self._temperature, self.generator, self._allowed, highest)
        return np.asarray(drawn.numpy() > 0)

    def take(self, step: int, chords: np.ndarray) -> None:
        """Adds a chord to each draft [N, 128]."""
        self.sounds[:, step] = chords
        self._held = np.where(chords, self._held + 1, 0)

    def keep(self, survivors: Tensor) -> None:
        """Replaces the drafts by some of them [N], of which several may be the same."""
        self._stream.state = reorder(self._stream.state, survivors)
        self.sounds, self._held = self.sounds[survivors.numpy()], self._held[survivors.numpy()]
