"""Pieces so small that they are learnt in a moment."""

import json

import numpy as np

TRIADS = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (57, 60, 64))


def pieces(number: int = 20, seed: int = 0) -> list[list[list[int]]]:
    """Pieces of 8 to 15 steps: triads between their root and a melody, each held for up to three."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(number):
        steps: list[list[int]] = []
        while len(steps) < 8:
            triad = TRIADS[random.integers(len(TRIADS))]
            chord = [triad[0] - 12, *triad, 12 + triad[random.integers(3)]]
            steps += [chord] * random.integers(1, 4)
        made.append(steps[:15])
    return made


def rolls(number: int = 20, seed: int = 0) -> str:
    """A JSON file of these pieces."""
    return json.dumps(pieces(number, seed))
