"""What a model's recurrent layer reads: ids, numbers or planes, through one slot.

A model holds a module that turns the values of a batch into features, or None:

    ids      [T, B]           an ``nn.Embedding``
    numbers  [T, B, I]        None: they are the features
    planes   [T, B, C, H, W]  ``PictureEncoder``, or any module of its shapes
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from elman.dropout import dropout


def encode(encoder: nn.Module | None, values: Tensor, p: float = 0.0, training: bool = False) -> Tensor:
    """Features [T, B, E] of a batch's values.

    Args:
        encoder: of ids or planes; None or ``nn.Identity()``: the values are numbers.
        values: what the encoder reads.
        p: dropout's probability on what an encoder gives; numbers are left as they are.
        training: whether there is dropout.
    """
    if encoder is None or isinstance(encoder, nn.Identity):
        return values
    return dropout(encoder(values), p, training)


class PictureEncoder(nn.Module):
    """Planes → features: convolutions of stride 2, each with a ReLU, then one linear map of all that is left.

    Args:
        channels: C, planes of a picture (1 grey, 3 red, green and blue).
        height: H, in pixels.
        width: W, in pixels.
        features: E.
        widths: channels of each convolution; each halves the picture's height and width.

    Shapes:
        [..., C, H, W] → [..., E]; integers are pixels from 0 to 255 and are read as shares of 255

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
        """The features of each picture."""
        if pictures.shape[-3:] != self.shape:
            raise ValueError(
                f"pictures must have the shape {list(self.shape)}. Got {list(pictures.shape[-3:])}."
            )
        if not pictures.is_floating_point():
            pictures = pictures.to(self.linear.weight.dtype) / 255
        leading = pictures.shape[:-3]
        found = self.convolutions(pictures.reshape(-1, *self.shape))
        return self.linear(found.flatten(1)).view(*leading, self.features)
