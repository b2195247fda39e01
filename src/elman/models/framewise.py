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
        passed_on: whether the head reads the layer's inputs too, after its output.

    Shapes:
        ids [T, B], numbers [T, B, I] or planes [T, B, C, H, W] → predictions [T, B, …], the head's
    """

    def __init__(
        self,
        layer: Recurrent,
        head: Head,
        dropout: float = 0.0,
        embedding: nn.Module | None = None,
        passed_on: bool = False,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.head = head
        self.embedding = embedding
        self.dropout = dropout
        self.passed_on = passed_on

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch, whose rows are complete sequences."""
        return self.head.loss(self.features(batch.inputs), batch.targets, batch.inputs.lengths), None

    def features(self, inputs: Field) -> Tensor:
        """Computes the head's input [T, B, F] of complete sequences."""
        x = self.embed(inputs.values)
        output, _ = self.layer(x, None, inputs.lengths, inputs.resets, inputs.side)
        return self.read(output, x)

    def read(self, output: Tensor, x: Tensor) -> Tensor:
        """Returns what the head reads of the layer's output [..., O] and inputs [..., E]."""
        output = dropout(output, self.dropout, self.training)
        return torch.cat([output, x], -1) if self.passed_on else output

    def embed(self, values: Tensor) -> Tensor:
        """Computes the layer's inputs [T, B, E]."""
        return encode(self.embedding, values)

    def predict(self, values: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Computes predictions for a batch's values, and the state to continue from."""
        x = self.embed(values)
        output, state = self.layer(x, state)
        return self.head.predict(self.read(output, x)), state

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
        x = self._model.embed(values)
        return self._model.head.predict(self._model.read(self._stream.step(x), x))
