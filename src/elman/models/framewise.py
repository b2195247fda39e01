"""Model with a prediction at every step."""

import torch
from torch import Tensor, nn

from elman.batch import Batch, Field
from elman.dropout import dropout
from elman.heads.base import Head, Loss
from elman.layers.recurrent import Recurrent
from elman.models.inputs import encode
from elman.state import State


class Framewise(nn.Module):
    """Embedding (none for numbers) → recurrent layer → head at every step.

    Args:
        layer: any layer.
        head: reads the layer's output.
        dropout: probability on the layer's output.
        embedding: turns ids or planes into features, see ``models/inputs.py``; None: the inputs are numbers.

    Shapes:
        ids [T, B], numbers [T, B, I] or planes [T, B, C, H, W] → predictions [T, B, …], the head's
    """

    def __init__(
        self, layer: Recurrent, head: Head, dropout: float = 0.0, embedding: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.layer = layer
        self.head = head
        self.embedding = embedding
        self.dropout = dropout

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch, whose rows are complete sequences."""
        return self.head.loss(self.features(batch.inputs), batch.targets, batch.inputs.lengths), None

    def features(self, inputs: Field) -> Tensor:
        """Computes the head's input [T, B, F] of complete sequences."""
        output, _ = self.layer(self.embed(inputs.values), None, inputs.lengths, inputs.resets, inputs.side)
        return dropout(output, self.dropout, self.training)

    def embed(self, values: Tensor) -> Tensor:
        """Computes the layer's inputs [T, B, E]."""
        return encode(self.embedding, values)

    def predict(self, values: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Computes predictions for a batch's values, and the state to continue from."""
        output, state = self.layer(self.embed(values), state)
        return self.head.predict(dropout(output, self.dropout, self.training)), state

    def stream(self) -> "FramewiseStream":
        """Returns a stream that reads one step of one sequence at a time, for inference."""
        return FramewiseStream(self)


class FramewiseStream:
    """Carries a model's state from step to step; made by ``model.stream()`` of a model in evaluation mode."""

    def __init__(self, model: Framewise) -> None:
        self._model = model
        self._stream = model.layer.stream()

    @torch.inference_mode()
    def step(self, values: Tensor) -> Tensor:
        """Reads one step (an id, numbers [I] or planes [C, H, W]); returns the head's prediction."""
        return self._model.head.predict(self._stream.step(self._model.embed(values)))
