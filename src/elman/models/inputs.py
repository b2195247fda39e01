"""Input encoders: turn ids, numbers or planes into features for a recurrent layer.

A model has one module that turns the values of a batch into features, or None:

    ids      [T, B]           an ``nn.Embedding``
    numbers  [T, B, I]        None: they are the features
    planes   [T, B, C, H, W]  ``PictureEncoder``, or any module with its shapes
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elman.dropout import dropout


def encode(encoder: nn.Module | None, values: Tensor, p: float = 0.0, training: bool = False) -> Tensor:
    """Computes the features [T, B, E] of a batch's values.

    Args:
        encoder: for ids or planes; None or ``nn.Identity()``: the values are numbers.
        values: the encoder's input.
        p: dropout probability on an encoder's output; numbers are not changed.
        training: whether dropout is active.
    """
    if encoder is None or isinstance(encoder, nn.Identity):
        return values
    return dropout(encoder(values), p, training)


class PictureEncoder(nn.Module):
    """Planes → features: convolutions of stride 2, each with a ReLU, then a linear map of the result.

    Args:
        channels: C, planes of a picture (1: grey; 3: red, green and blue).
        height: H, in pixels.
        width: W, in pixels.
        features: E.
        widths: channels of each convolution; each halves the picture's height and width.

    Shapes:
        [..., C, H, W] → [..., E]; integers are pixels from 0 to 255 and are divided by 255

    Raises:
        ValueError: a size is not positive, or a picture has another shape.
    """

    def __init__(
        self, channels: int, height: int, width: int, features: int, widths: Sequence[int] = (16, 32, 32)
    ) -> None:
        super().__init__()
        self.shape = (channels, height, width)
        sizes = (*self.shape, features, *widths)
        if min(sizes) < 1:
            raise ValueError(f"the sizes of pictures and features must be positive. Got {sizes}.")
        self.features = features
        layers: list[nn.Module] = []
        for before, after in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
            height, width = math.ceil(height / 2), math.ceil(width / 2)
        self.convolutions = nn.Sequential(*layers)
        self.linear = nn.Linear(math.prod(((channels, *widths)[-1], height, width)), features)
        for module in self.convolutions:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Computes the features of each picture."""
        if pictures.shape[-3:] != self.shape:
            raise ValueError(
                f"pictures must have the shape {list(self.shape)}. Got {list(pictures.shape[-3:])}."
            )
        if not pictures.is_floating_point():
            pictures = pictures.to(self.linear.weight.dtype) / 255
        leading = pictures.shape[:-3]
        rows = pictures.reshape(-1, *self.shape).contiguous(memory_format=torch.channels_last)
        planes = self.convolutions(rows)  # on a CPU convolutions are faster in this layout
        return self.linear(planes.flatten(1)).view(*leading, self.features)
