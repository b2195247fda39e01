"""Writes frames as a video or as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from elman.registry import LazyModule

av: Any = LazyModule("av")

_LEAST = 128  # pixels of a video's side; smaller frames are enlarged


def write_frames(path: Path, frames: np.ndarray, rate: float, kind: str) -> None:
    """Writes a video: .gif with every grey level, else H.264 in MP4.

    Small frames are enlarged by whole factors, and uneven sides lose a pixel of what H.264 cannot hold.

    Args:
        path: the file.
        frames: uint8 [T, H, W] or [T, H, W, 3].
        rate: frames a second.
        kind: ".gif" or ".mp4".
    """
    factor = max(1, -(-_LEAST // min(frames.shape[1:3])))
    frames = frames.repeat(factor, 1).repeat(factor, 2)
    is_gif = kind == ".gif"
    if not is_gif:
        height, width = (side - side % 2 for side in frames.shape[1:3])
        frames = frames[:, :height, :width]
    is_grey = frames.ndim == 3
    with av.open(str(path), "w", format="gif" if is_gif else "mp4") as container:
        stream = container.add_stream("gif" if is_gif else "libx264", rate=_fraction(rate))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = ("gray" if is_grey else "rgb8") if is_gif else "yuv420p"
        for frame in np.ascontiguousarray(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="gray" if is_grey else "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _fraction(rate: float) -> Any:
    from fractions import Fraction

    return Fraction(rate).limit_denominator(1000)
