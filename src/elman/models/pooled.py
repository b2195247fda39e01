"""A model that gives one answer for a whole sequence."""

from torch import Tensor, nn

from elman.batch import Batch, Field
from elman.heads.base import Head, Loss
from elman.layers.recurrent import Recurrent
from elman.state import State


class Pooled(nn.Module):
    """Recurrent layer → its last state → head.

    Args:
        layer: any layer; of a bidirectional one both directions' last states are joined.
        head: reads the pooled features.
        dropout: probability on the pooled features.

    Shapes:
        inputs [T, B, I] → features [B, O × directions]
    """

    def __init__(self, layer: Recurrent, head: Head, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer = layer
        self.dropout = nn.Dropout(dropout)
        self.head = head

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """The loss of a batch; no state outlives it."""
        return self.head.loss(self.features(batch.inputs), batch.targets), None

    def features(self, inputs: Field) -> Tensor:
        """The last layer's output state at each row's own end."""
        _, state = self.layer(inputs.values, None, inputs.lengths, inputs.resets)
        last = (state if isinstance(state, tuple) else (state,))[self.layer.cell.output_index]
        directions = 2 if self.layer.bidirectional else 1
        return self.dropout(last[-directions:].transpose(0, 1).flatten(1))

    def predict(self, inputs: Field) -> Tensor:
        """The head's prediction for each row."""
        return self.head.predict(self.features(inputs))
