"""Clips of a bright square that moves, as arrays and as files."""

from pathlib import Path

import av
import numpy as np


def square(frames: int = 12, size: int = 32, step: tuple[int, int] = (0, 2), seed: int = 0) -> np.ndarray:
    """A square on a noisy ground, uint8 [frames, size, size], that moves (down, right) by pixels a frame."""
    random = np.random.default_rng(seed)
    clip = np.tile(random.integers(0, 40, (size, size)), (frames, 1, 1)).astype(np.uint8)
    at, side = random.integers(0, size, 2), size // 4
    for t in range(frames):
        rows, columns = ((at[k] + t * step[k] + np.arange(side)) % size for k in (0, 1))
        clip[t, rows[:, None], columns] = 230
    return clip


def write_film(path: Path, frames: np.ndarray, rate: int = 25, codec: str = "ffv1") -> Path:
    """Writes frames [T, H, W] or [T, H, W, 3] as a video; ffv1 and gif keep every grey pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "gray" if frames.ndim == 3 else "rgb24"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = {"ffv1": "gray" if frames.ndim == 3 else "bgr0", "gif": "gray"}.get(codec, "yuv420p")
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=kind)))
        container.mux(stream.encode())
    return path


def write_pictures(folder: Path, frames: np.ndarray) -> Path:
    """Writes frames as 1.png, 2.png, …"""
    folder.mkdir(parents=True, exist_ok=True)
    for k, frame in enumerate(frames, 1):
        with av.open(str(folder / f"{k}.png"), "w", format="image2", options={"update": "1"}) as container:
            stream = container.add_stream("png", rate=1)
            stream.height, stream.width = frame.shape[:2]
            stream.pix_fmt = "gray" if frame.ndim == 2 else "rgb24"
            picture = av.VideoFrame.from_ndarray(frame, format=stream.pix_fmt)
            container.mux(stream.encode(picture))
            container.mux(stream.encode())
    return folder
