"""Model that gives every step of a sequence a tag."""

import torch
from torch import Tensor, nn

from elman.batch import Field
from elman.heads.categorical import Categorical
from elman.heads.crf import CRF, forbid, viterbi
from elman.layers.recurrent import Recurrent
from elman.models.framewise import Framewise


class Tagger(Framewise):
    """Encoder (none for numbers) → recurrent layer → softmax or CRF over the tags at every step.

    Args:
        layer: any layer.
        head: over V tags.
        dropout: probability on the layer's output.
        embedding: turns what is read into features; None: the inputs are numbers.
        permitted: [V + 1, V + 1] bool, which tag may follow which, for a softmax (see ``CRF``); None: any.

    Attributes:
        bias: [V] what is added to the scores where tags are chosen; 0 until it is fitted. Saved with the
            weights; not used by loss and probabilities.

    Shapes:
        inputs [T, B, …] → tags [T, B], probabilities [T, B, V]; past a row's length, anything
    """

    head: Categorical | CRF
    permitted: Tensor | None
    bias: Tensor

    def __init__(
        self,
        layer: Recurrent,
        head: Categorical | CRF,
        dropout: float = 0.0,
        embedding: nn.Module | None = None,
        permitted: Tensor | None = None,
    ) -> None:
        super().__init__(layer, head, dropout, embedding)
        self.register_buffer("permitted", permitted, persistent=False)
        self.register_buffer("bias", torch.zeros(len((head.linear if isinstance(head, CRF) else head).bias)))

    def scores(self, features: Tensor) -> Tensor:
        """Computes the score of every tag: of a softmax its log-probability."""
        if isinstance(self.head, CRF):
            return self.head.scores(features)
        return self.head.logits(features).float().log_softmax(-1)

    def rules(self) -> Tensor | None:
        """Returns the score of each tag after each [V + 1, V + 1]; None: no tag depends on another."""
        if isinstance(self.head, CRF):
            return forbid(self.head.transitions, self.head.permitted)
        if self.permitted is None:
            return None
        return forbid(torch.zeros_like(self.permitted, dtype=torch.float32), self.permitted)

    def tags(self, inputs: Field) -> Tensor:
        """Returns the most probable tags that may follow each other."""
        scores, rules = self.scores(self.features(inputs)) + self.bias, self.rules()
        return scores.argmax(-1) if rules is None else viterbi(scores, rules, inputs.lengths)

    def probabilities(self, inputs: Field) -> Tensor:
        """Computes the probability of every tag."""
        features = self.features(inputs)
        if isinstance(self.head, CRF):
            return self.head.probabilities(features, inputs.lengths)
        return self.scores(features).exp()

    def tag_stream(self) -> "TaggerStream":
        """Returns a stream that tags one step of one sequence at a time, for inference."""
        return TaggerStream(self)


class TaggerStream:
    """Tags steps as they come: a step's tag ends the best tags up to it.

    Args:
        model: in evaluation mode, with a layer of one direction.
    """

    def __init__(self, model: Tagger) -> None:
        self._model, self._stream = model, model.layer.stream()
        self._rules = model.rules()
        self._best: Tensor | None = None

    def reset(self) -> None:
        """Begins another sequence."""
        self._stream.reset()
        self._best = None

    @torch.inference_mode()
    def step(self, values: Tensor) -> int:
        """Reads one step; returns its tag.

        Shapes:
            values [1, …]
        """
        return self.take(self._model.scores(self._stream.step(self._model.embed(values)))[0])

    def take(self, scores: Tensor) -> int:
        """Returns the tag of a step from the scores of its tags [V]."""
        scores = scores + self._model.bias
        if self._rules is not None:
            into = self._rules[:, :-1]
            before = into[-1] if self._best is None else (self._best[:, None] + into[:-1]).amax(0)
            scores = scores + before
            self._best = scores - scores.max()
        return int(scores.argmax())
