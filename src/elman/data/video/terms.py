"""What a linear predictor of the next frame reads: the last two frames and their blurred forms."""

import torch
from torch import Tensor

BLURS = (1.0, 2.0)
"""Deviations of the blurs, in pixels."""
TERMS = 2 * (1 + len(BLURS)) + 1
"""Numbers of each pixel that the predictor weighs, with the constant 1."""


def linear_terms(last: Tensor, before: Tensor) -> Tensor:
    """Returns what is weighed for each pixel: two frames [..., H, W] → [``TERMS``, ..., H, W].

    The last frame, the one before it, both blurred by Gaussians of 1 and 2 pixels, and 1.
    """
    both = torch.stack([last, before])
    seen = [both, *(blurred(both, sigma) for sigma in BLURS)]
    return torch.cat([*seen, torch.ones_like(both[:1])])


def blurred(frames: Tensor, sigma: float) -> Tensor:
    """Blurs frames [..., H, W] by a Gaussian; beyond their edges they go on as at the edge."""
    return _along(_along(frames, sigma).transpose(-1, -2), sigma).transpose(-1, -2)


def _along(frames: Tensor, sigma: float) -> Tensor:
    """Blurs along the last axis, by weighted sums of shifted frames."""
    size = frames.shape[-1]
    reach = int(3 * sigma)
    places = torch.arange(size, device=frames.device)
    total, weight = torch.zeros_like(frames), 0.0
    for shift in range(-reach, reach + 1):
        own = float(torch.tensor(-(shift**2) / (2 * sigma**2)).exp())
        total = total + own * frames[..., (places + shift).clamp(0, size - 1)]
        weight += own
    return total / weight
