"""What a model expects at each row of a long series, in memory that does not grow with it."""

import numpy as np
import torch

from elman.models.autoencoder import Autoencoder
from elman.models.framewise import Framewise

_CHUNK = 4096  # rows that a forecaster reads at a time
_WINDOWS = 256  # windows that an autoencoder reads at a time


@torch.inference_mode()
def forecasts(model: Framewise, inputs: np.ndarray) -> np.ndarray:
    """The model's prediction at each row, from the rows up to it.

    Shapes:
        inputs [N, I] → [N, D]
    """
    device = next(model.parameters()).device
    found, state = [], None
    for chunk in torch.from_numpy(inputs).split(_CHUNK):
        predictions, state = model.predict(chunk[:, None].to(device), state)
        found.append(predictions[:, 0].cpu())
    return torch.cat(found).numpy()


@torch.inference_mode()
def reconstructions(model: Autoencoder, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two reconstructions of each row: from the window that it ends, and the mean of all windows it is in.

    The first is from the past alone; the first rows of the series end windows that are shorter.

    Shapes:
        inputs [N, I] → two of [N, D]
    """
    device = next(model.parameters()).device
    values = torch.from_numpy(inputs).to(device)
    length, outputs = min(model.window, len(values)), model.last(values[:1, None]).shape[1]
    past = [model.last(values[: end + 1, None])[0].cpu().numpy() for end in range(length - 1)]
    sums, counts = np.zeros((len(values), outputs)), np.zeros((len(values), 1))
    for begin in range(0, len(values) - length + 1, _WINDOWS):
        windows = values.unfold(0, length, 1)[begin : begin + _WINDOWS]  # [windows, I, length]
        found = model.predict(windows.permute(2, 0, 1)).cpu().numpy()
        past.extend(found[-1])
        for step in range(length):
            rows = slice(begin + step, begin + step + found.shape[1])
            sums[rows] += found[step]
            counts[rows] += 1
    return np.stack(past), (sums / counts).astype(np.float32)
