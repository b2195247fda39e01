"""Clips so small that they are learnt in a moment."""

import io

import numpy as np
from films import square


def clip(frames: int = 60, seed: int = 0) -> np.ndarray:
    """A bright square of 2 × 2 pixels that moves over 8 × 8 and comes back: uint8 [frames, 8, 8]."""
    return square(frames, 8, (0, 1), seed)


def planes(frames: int = 60, seed: int = 0) -> bytes:
    """An .npz file of such a clip."""
    file = io.BytesIO()
    np.savez(file, frames=clip(frames, seed))
    return file.getvalue()


def other_end(content: bytes, begin: int) -> bytes:
    """Other pixels from a frame on; every change from frame to frame stays as large."""
    frames = np.load(io.BytesIO(content))["frames"].copy()
    frames[begin:] = frames[begin:, ::-1]
    file = io.BytesIO()
    np.savez(file, frames=frames)
    return file.getvalue()
