"""Model of the next token of a text and, read backward, of the one before."""

import torch
from torch import Tensor, nn

from elman.batch import Batch, Field, Target
from elman.dropout import dropout
from elman.heads.base import Loss
from elman.heads.categorical import Categorical
from elman.layers.recurrent import Recurrent
from elman.models.inputs import encode
from elman.state import State

_NONE = -1  # class of a token that is not predicted


class BidirectionalLanguageModel(nn.Module):
    """Embedding → recurrent layer → one categorical head for both directions.

    The forward direction predicts each next token of a text, the backward direction, if there is one, each
    token before. It trains embedding and layer of a classifier on texts without labels.

    Args:
        embedding: of the V tokens.
        layer: reads the embedding; a bidirectional one must be single, since a second one would read both
            directions and so the tokens to predict.
        dropout: probability on the outputs of embedding and layer.
        predicted: [K] the tokens that are predicted; the head has a class for each. None: all.

    Shapes:
        tokens [T, B] → features [T, B, O × directions]

    Units:
        nats per target; a text of T tokens has T − 1 targets a direction.

    Raises:
        ValueError: the layer is bidirectional and stacked.

    Source: Peters et al. 2018, arXiv:1802.05365 (both directions, with embedding and head in common); Dai &
    Le 2015, arXiv:1511.01432 (a classifier that starts from a language model).
    """

    classes: Tensor

    def __init__(
        self,
        embedding: nn.Embedding,
        layer: Recurrent,
        dropout: float = 0.0,
        predicted: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.directions = 2 if layer.bidirectional else 1
        if self.directions == 2 and layer.num_layers > 1:
            raise ValueError("a stacked layer must read in one direction to predict tokens")
        self.embedding, self.layer, self.dropout = embedding, layer, dropout
        size = embedding.num_embeddings
        predicted = torch.arange(size) if predicted is None else predicted
        classes = torch.full((size,), _NONE).index_copy(0, predicted, torch.arange(len(predicted)))
        self.register_buffer("classes", classes, persistent=False)
        self.head = Categorical(layer.output_size // self.directions, len(predicted))

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch, whose inputs are the targets too; no state is kept."""
        inputs = batch.inputs
        forward, *backward = self.features(inputs).chunk(self.directions, -1)
        classes, has_next = self.classes[inputs.values], _has_next(inputs)
        features, targets = [forward[:-1]], [classes[1:]]
        if backward:
            features.append(backward[0][1:])
            targets.append(classes[:-1])
        is_target = torch.cat([has_next] * self.directions)
        target = torch.cat(targets)
        is_target &= target != _NONE
        return self.head.loss(torch.cat(features)[is_target], Target(target[is_target])), None

    def features(self, inputs: Field) -> Tensor:
        """Computes the outputs of all directions."""
        x = encode(self.embedding, inputs.values, self.dropout, self.training)
        output, _ = self.layer(x, None, inputs.lengths)
        return dropout(output, self.dropout, self.training)


def _has_next(inputs: Field) -> Tensor:
    """Returns whether a step of a row has a next one [T − 1, B]."""
    steps = torch.arange(1, len(inputs.values), device=inputs.values.device)[:, None]
    lengths = len(inputs.values) if inputs.lengths is None else inputs.lengths
    return (steps < lengths).expand(-1, inputs.values.shape[1])
