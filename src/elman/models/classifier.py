"""Model that classifies texts, pairs of texts, numeric sequences or clips."""

from typing import Any

import torch
from torch import Tensor, nn

from elman import draws
from elman.batch import Batch, Field, Target
from elman.dropout import dropout, mask
from elman.heads.base import Loss
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.layers.recurrent import Recurrent
from elman.models.inputs import encode
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling
from elman.state import State


class Classifier(Pooled):
    """Embedding (none for numbers) → recurrent layer → pooling → head.

    Both halves of a pair go through the same network, and the head reads [u, v, |u − v|, u ⊙ v] of their
    features u and v (Conneau et al. 2017, arXiv:1705.02364).

    Args:
        layer: any layer.
        head: gives the classes' logits.
        pooling: pools the layer's output.
        embedding: turns tokens or planes into features, see ``models/inputs.py``; None: the inputs are
            numbers.
        pair: whether the rows of a batch are the first halves of pairs, then the second halves.
        dropout: probability on the embedding's output, if any, and on the pooled features.
        word_dropout: probability that a token's embedding is 0 at all its places in a batch (Gal &
            Ghahramani 2015, arXiv:1512.05287; Merity, Keskar & Socher 2017, arXiv:1708.02182, 4.3).
        rate_division: divisor of the learning rate from each group of parameters to the next: head, layers
            from the top, embedding (Howard & Ruder 2018, arXiv:1801.06146).
        gradual: whether only the head is trained in the first epoch, and one more group in each following
            epoch (ibid.).
        every_step: whether the answers after all steps of a sequence are learnt, with equal weights, and not
            only the last one. It needs a layer of one direction, whose output is the last layer's state.

    Attributes:
        temperature: divisor of the logits for calibration; 1 until it is fitted (Guo et al. 2017,
            arXiv:1706.04599). Saved with the weights; not used by the loss.

    Shapes:
        tokens [T, B], numbers [T, B, I] or planes [T, B, C, H, W] → features [B, F]; of pairs, 2B rows →
        [B, 4F]
    """

    head: Categorical | MultiLabel
    temperature: Tensor

    def __init__(
        self,
        layer: Recurrent,
        head: Categorical | MultiLabel,
        pooling: Pooling,
        embedding: nn.Module | None = None,
        *,
        pair: bool = False,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        rate_division: float = 1.0,
        gradual: bool = False,
        every_step: bool = False,
    ) -> None:
        super().__init__(layer, head, dropout, pooling, embedding)
        self.pair = pair
        self.word_dropout = word_dropout
        self.rate_division, self.gradual = rate_division, gradual
        self.every_step = every_step
        self.register_buffer("temperature", torch.ones(()))

    @property
    def each(self) -> list["Classifier"]:
        """The classifier itself, as an ensemble has members."""
        return [self]

    @property
    def is_exclusive(self) -> bool:
        """Whether an example has exactly one class."""
        return isinstance(self.head, Categorical)

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch; no state is kept."""
        if not (self.training and self.every_step):
            return super().forward(batch, state)
        inputs, targets = batch.inputs, batch.targets
        output, _ = self.layer(self.embed(inputs.values), None, inputs.lengths, inputs.resets, inputs.side)
        features = draws.dropout(self.pooling.so_far(output), self.dropout)
        steps = len(output)
        lengths = (
            torch.full_like(output[0, :, 0], steps) if inputs.lengths is None else inputs.lengths.to(output)
        )
        is_own = torch.arange(steps, device=output.device)[:, None] < lengths
        weights = is_own / lengths.clamp(min=1)
        if targets.weights is not None:
            weights = weights * targets.weights
        every = targets.values.expand(steps, *targets.values.shape)
        loss = self.head.loss(features, Target(every, weights))
        return Loss(loss.sum, loss.sum.new_tensor(float(len(targets.values)))), None

    def embed(self, values: Tensor) -> Tensor:
        """Computes the layer's inputs [T, B, E]; in training some tokens of the vocabulary are 0."""
        if not (self.training and self.word_dropout and isinstance(self.embedding, nn.Embedding)):
            return encode(self.embedding, values, self.dropout, self.training)
        x = self.embedding(values)
        x = x * mask((self.embedding.num_embeddings, 1), self.word_dropout, x)[values]
        return dropout(x, self.dropout, self.training)

    def features_of(self, embedded: Field) -> Tensor:
        """Computes ``features`` from embedded inputs."""
        features = super().features_of(embedded)
        if not self.pair:
            return features
        u, v = features.chunk(2)
        return torch.cat([u, v, (u - v).abs(), u * v], -1)

    def logits(self, inputs: Field) -> Tensor:
        """Computes logits of the classes [B, V], not divided by the temperature."""
        return self.head.logits(self.features(inputs))

    def label_stream(self) -> "ClassifierStream":
        """Returns a stream that classifies a sequence after each of its steps, for inference."""
        return ClassifierStream(self)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Returns the optimizer's parameter groups, from the head down to the embedding."""
        directions = 2 if self.layer.bidirectional else 1
        weights = self.layer.all_weights
        groups = [
            [w for part in weights[k * directions : (k + 1) * directions] for w in part]
            for k in range(self.layer.num_layers)
        ]
        if self.embedding is not None:
            groups.insert(0, list(self.embedding.parameters()))
        below = {id(p) for group in groups for p in group}
        groups.append([p for p in self.parameters() if id(p) not in below])
        return [
            {
                "params": group,
                "rate_share": self.rate_division**-depth,
                "from_epoch": depth if self.gradual else 0,
            }
            for depth, group in enumerate(reversed(groups))
        ]


class ClassifierStream:
    """Classifies what came so far, step by step: as ``Classifier.logits`` does the sequence cut there.

    Args:
        model: in evaluation mode, with a layer of one direction.
    """

    def __init__(self, model: Classifier) -> None:
        self._model, self._stream = model, model.layer.stream()
        self._pooled = model.pooling.running()

    @torch.inference_mode()
    def step(self, values: Tensor) -> Tensor:
        """Reads one step; returns the logits of the classes [1, V].

        Shapes:
            values [1, …]
        """
        model = self._model
        output = self._stream.step(model.embed(values), copy=True)
        last = self._stream.state[0][-1] if model.layer.cell.outputs_state else output
        return model.head.logits(self._pooled.take(output, last))
