"""Computes an autoencoder's expected values for each row of a long series, in bounded memory."""

import numpy as np
import torch

from elman.models.autoencoder import Autoencoder
from elman.models.predict import device_of, predict

_WINDOWS = 256  # windows per call


def reconstructions(model: Autoencoder, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns two reconstructions of each row: from the window that it ends, and the mean over its windows.

    The first uses the past alone; windows of the first rows are shorter.

    Shapes:
        inputs [N, I] → two of [N, D]
    """
    values = torch.from_numpy(inputs).to(device_of(model))
    length = min(model.window, len(values))
    beginnings = (values[: end + 1, None] for end in range(length - 1))
    past = [last[0].numpy() for last in predict(model, beginnings, model.last)]
    # [windows, I, length] → [length, windows, I]
    windows = (part.permute(2, 0, 1) for part in values.unfold(0, length, 1).split(_WINDOWS))
    sums: np.ndarray | None = None
    counts, begin = np.zeros((len(values), 1)), 0
    for reconstruction in predict(model, windows, model.predict):
        block = reconstruction.numpy()
        sums = np.zeros((len(values), block.shape[2])) if sums is None else sums
        past.extend(block[-1])
        for step in range(length):
            rows = slice(begin + step, begin + step + block.shape[1])
            sums[rows] += block[step]
            counts[rows] += 1
        begin += block.shape[1]
    assert sums is not None  # at least one row, so at least one window
    return np.stack(past), (sums / counts).astype(np.float32)
