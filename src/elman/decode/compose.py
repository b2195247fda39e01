"""Composing: draws chords one after another from a model of rolls."""

import numpy as np
import torch

from elman.data.music.batches import inputs_of
from elman.data.music.piece import PITCHES
from elman.heads.base import SetHead
from elman.models.framewise import Framewise


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
    head = model.head
    assert isinstance(head, SetHead)
    stream = model.layer.stream(number)
    generator = torch.Generator().manual_seed(seed)
    known = np.zeros((0, PITCHES), bool) if primer is None else primer
    permitted = None if allowed is None else torch.from_numpy(allowed)
    chords = np.zeros((number, PITCHES), bool)
    steps_held = np.zeros((number, PITCHES), np.int64)
    drawn = np.zeros((number, steps, PITCHES), bool)
    for step in range(len(known) + steps):
        x = torch.from_numpy(inputs_of(chords, steps_held, np.full(number, step % bar)))
        features = model.read(stream.step(x), x)
        if step < len(known):
            chords = np.repeat(known[step : step + 1], number, 0)
        else:
            chords = head.draw(features, temperature, generator, permitted).numpy() > 0
            drawn[:, step - len(known)] = chords
        steps_held = np.where(chords, steps_held + 1, 0)
    return drawn
