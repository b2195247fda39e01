"""Model of the next token given all tokens before it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Batch, Target
from elman.dropout import dropout
from elman.heads.base import Loss
from elman.heads.categorical import Categorical
from elman.layers.recurrent import Recurrent
from elman.models.inputs import encode
from elman.state import State

_STEPS = 32  # of which the logits are made at once, so that those of a large vocabulary fit in memory


class Autoregressive(nn.Module):
    """Embedding → recurrent layer → categorical head; the target at each step is the next token.

    Args:
        vocabulary_size: V.
        layer: a unidirectional layer that reads the embedding.
        dropout: probability on the outputs of embedding and layer.
        tied: whether the head uses the embedding's weight; the layer's output size must be its input size.
        label_smoothing: ε of the head.

    Shapes:
        tokens [T, B] → features [T, B, O]

    Raises:
        ValueError: the layer is bidirectional (it would see the targets), or the sizes forbid tying.
    """

    def __init__(
        self,
        vocabulary_size: int,
        layer: Recurrent,
        dropout: float = 0.0,
        tied: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if layer.bidirectional:
            raise ValueError("a model of the next token cannot be bidirectional")
        if tied and layer.output_size != layer.input_size:
            raise ValueError(
                f"tied weights need an output size ({layer.output_size}) equal to the embedding size "
                f"({layer.input_size})"
            )
        self.embedding = nn.Embedding(vocabulary_size, layer.input_size)
        if tied:
            nn.init.xavier_uniform_(self.embedding.weight)
        self.layer = layer
        self.dropout = dropout
        tie = self.embedding if tied else None
        self.head = Categorical(layer.output_size, vocabulary_size, tie, label_smoothing)

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, State]:
        """Computes the loss of a batch of tokens [T, B], and the state after it."""
        inputs = batch.inputs
        features, state = self.features(inputs.values, state, inputs.lengths, inputs.resets, inputs.side)
        return self.head.loss(features, batch.targets), state

    def features(
        self,
        tokens: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        side: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Computes the head's inputs: tokens [T, B] → [T, B, O], and the state after the last step."""
        x = encode(self.embedding, tokens, self.dropout, self.training)
        output, state = self.layer(x, state, lengths, resets, side)
        return dropout(output, self.dropout, self.training), state

    def log_p(self, features: Tensor, targets: Target) -> Tensor:
        """Computes ln P [T, B] of each target from the features [T, B, O]; NaN where the weight is 0."""
        pieces = zip(features.split(_STEPS), targets.values.split(_STEPS), strict=True)
        log_p = torch.cat(
            [-F.cross_entropy(self.head.logits(f).float().mT, v, reduction="none") for f, v in pieces]
        )
        return log_p if targets.weights is None else log_p.masked_fill(targets.weights == 0, math.nan)

    def stream(self, batch_size: int = 1, state: State | None = None) -> "TokenStream":
        """Returns a stream that reads one token of each row at a time, for inference."""
        return TokenStream(self, batch_size, state)


class TokenStream:
    """Carries a model's state from token to token; made by ``model.stream()``.

    Args:
        model: a model in evaluation mode.
        batch_size: B, number of parallel rows.
        state: the state to begin with; None: the initial state.
    """

    def __init__(self, model: Autoregressive, batch_size: int = 1, state: State | None = None) -> None:
        self._model = model
        self._stream = model.layer.stream(batch_size)
        if state is not None:
            self._stream.state = state

    @property
    def state(self) -> State:
        """The layer's state after the last token."""
        return self._stream.state

    @torch.inference_mode()
    def step(self, token: Tensor) -> Tensor:
        """Reads one token of each row [B]; returns logits of the next [B, V]."""
        model = self._model
        return model.head.logits(self._stream.step(model.embedding(token)))
