"""Model with one prediction for a whole sequence."""

from dataclasses import replace

from torch import Tensor, nn

from elman import draws
from elman.batch import Batch, Field
from elman.heads.base import Head, Loss
from elman.layers.recurrent import Recurrent
from elman.models.inputs import encode
from elman.models.pooling import Pooling
from elman.state import State


class Pooled(nn.Module):
    """Embedding (none for numbers) → recurrent layer → pooling over time → head.

    Args:
        layer: any layer.
        head: reads the pooled features.
        dropout: probability on the pooled features.
        pooling: pools the layer's output; None: the last state, of both directions if bidirectional.
        embedding: turns ids or planes into features, see ``models/inputs.py``; None: the inputs are numbers.

    Shapes:
        ids [T, B], numbers [T, B, I] or planes [T, B, C, H, W] → features [B, F]
    """

    def __init__(
        self,
        layer: Recurrent,
        head: Head,
        dropout: float = 0.0,
        pooling: Pooling | None = None,
        embedding: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.pooling = Pooling(layer) if pooling is None else pooling
        self.dropout = dropout
        self.head = head
        self.embedding = embedding

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch; no state is kept.

        Weights of examples, whose mean is 1, do not change the loss's count: a batch of light examples then
        counts less than one of heavy examples.
        """
        loss = self.head.loss(self.features(batch.inputs), batch.targets)
        if batch.targets.weights is None:
            return loss, None
        return Loss(loss.sum, loss.sum.new_tensor(float(len(batch.targets.values)))), None

    def features(self, inputs: Field) -> Tensor:
        """Computes the head's input for each row."""
        return self.features_of(replace(inputs, values=self.embed(inputs.values)))

    def embed(self, values: Tensor) -> Tensor:
        """Computes the layer's inputs [T, B, E]."""
        return encode(self.embedding, values)

    def features_of(self, embedded: Field) -> Tensor:
        """Computes ``features`` from embedded inputs."""
        output, state = self.layer(embedded.values, None, embedded.lengths, embedded.resets, embedded.side)
        features = self.pooling(output, state, embedded.lengths)
        return draws.dropout(features, self.dropout) if self.training else features

    def predict(self, inputs: Field) -> Tensor:
        """Returns the head's prediction for each row."""
        return self.head.predict(self.features(inputs))
