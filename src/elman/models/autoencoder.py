"""Model that reconstructs a window from one vector."""

from collections import deque

import torch
from torch import Tensor, nn

from elman.batch import Batch
from elman.heads.base import Head, Loss
from elman.layers.recurrent import Recurrent
from elman.state import State


class Autoencoder(nn.Module):
    """Encoder → code (its last output) → decoder, which reads the code at every step → head.

    The decoder reconstructs the window backwards, from its last step.

    Args:
        encoder: reads the window.
        decoder: reads the code; its input size is the encoder's output size.
        head: reads the decoder's output.
        window: T, steps of a stream's window.

    Shapes:
        inputs [T, B, I] → reconstruction [T, B, O], in the window's order

    Source: Malhotra et al. 2016, arXiv:1607.00148; that decoder reads its own outputs, this one the code
    (Cho et al. 2014, arXiv:1406.1078), so that training and inference are the same.
    """

    def __init__(self, encoder: Recurrent, decoder: Recurrent, head: Head, window: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.head = head
        self.window = window

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch; no state is kept."""
        return self.head.loss(self._features(batch.inputs.values), batch.targets), None

    def predict(self, values: Tensor) -> Tensor:
        """Reconstructs [T, B, I]."""
        return self.head.predict(self._features(values))

    def last(self, values: Tensor) -> Tensor:
        """Reconstructs only the last step [B, O], which is the decoder's first."""
        output, _ = self.decoder(self._code(values)[None])
        return self.head.predict(output[0])

    def stream(self) -> "AutoencoderStream":
        """Returns a stream that reads one step of one sequence at a time, for inference."""
        return AutoencoderStream(self)

    def _code(self, values: Tensor) -> Tensor:
        output, _ = self.encoder(values)
        return output[-1]

    def _features(self, values: Tensor) -> Tensor:
        code = self._code(values)
        output, _ = self.decoder(code.expand(len(values), *code.shape))
        return output.flip(0)


class AutoencoderStream:
    """Keeps the last window of a stream; made by ``model.stream()`` of a model in evaluation mode."""

    def __init__(self, model: Autoencoder) -> None:
        self._model = model
        self._window: deque[Tensor] = deque(maxlen=model.window)

    @torch.inference_mode()
    def step(self, values: Tensor) -> Tensor:
        """Reads one step [I]; returns its reconstruction [O] from the window that it ends."""
        self._window.append(values)
        return self._model.last(torch.stack(tuple(self._window))[:, None])[0]
