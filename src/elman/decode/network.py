"""A recurrent network as the language model of the prefix beam search."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elman.models.autoregressive import Autoregressive
from elman.models.predict import device_of
from elman.state import State

_LACKING = -20.0  # log-probability of a token that the network lacks
_RECENT = 20  # tokens that a mixture may depend on

Mix = Callable[[Tensor, np.ndarray], Tensor]


class _Known(NamedTuple):
    """What is known once a text has been read.

    Attributes:
        log_p: [V] log-probabilities of the next token.
        state: of the network.
        recent: the latest tokens.
    """

    log_p: np.ndarray
    state: State | None
    recent: tuple[int, ...]


class _Text:
    """Tokens from the beginning: all but the last are the parent's."""

    __slots__ = ("known", "longer", "parent", "token")

    def __init__(self, parent: "_Text | None", token: int | None) -> None:
        self.parent, self.token = parent, token
        self.known: _Known | None = None
        self.longer: dict[int, _Text] = {}


class NetworkTokens:
    """Log-probabilities of the next token of a text, by a recurrent network; see ``NextToken``.

    The network makes a step when the probabilities behind a token are first asked for; they are kept.

    Args:
        model: in evaluation mode.
        tokens: the network's token for each token from 1 on; −1: it lacks it.
        edge: the network's token before the first and after the last of a text, such as a line end; None:
            there is none, and the end of a text costs nothing.
        mixed: turns the logits [1, V] behind the latest tokens [M] into those of a mixture; None: the
            network's own count.
    """

    def __init__(
        self, model: Autoregressive, tokens: Sequence[int], edge: int | None, mixed: Mix | None = None
    ) -> None:
        self._model, self._tokens, self._edge, self._mixed = model, [-1, *tokens], edge, mixed
        self.start = _Text(None, edge)

    def after(self, context: _Text, token: int) -> _Text:
        """Returns the context after another token."""
        if token not in context.longer:
            context.longer[token] = _Text(context, self._tokens[token])
        return context.longer[token]

    def log_p(self, context: _Text, token: int) -> float:
        """Returns the log-probability of a token."""
        own = self._tokens[token]
        return _LACKING if own < 0 else float(self._read(context).log_p[own])

    def end(self, context: _Text) -> float:
        """Returns the log-probability that the text ends."""
        return 0.0 if self._edge is None else float(self._read(context).log_p[self._edge])

    def _read(self, text: _Text) -> _Known:
        if text.known is None:
            before = None if text.parent is None else self._read(text.parent)
            text.known = self._step(before, text.token)
        return text.known

    @torch.inference_mode()
    def _step(self, before: _Known | None, token: int | None) -> _Known:
        """Reads a token behind others; None, and one that the network lacks, is not read."""
        if before is not None and token is not None and token < 0:
            return before
        model = self._model
        state, recent = (None, ()) if before is None else (before.state, before.recent)
        logits = model.head.bias[None]  # all that is known before any token
        if token is not None:
            features, state = model.features(torch.tensor([[token]], device=device_of(model)), state)
            logits, recent = model.head.logits(features[-1]), (*recent, token)[-_RECENT:]
        if self._mixed is not None:
            logits = self._mixed(logits, np.array(recent, np.int64))
        return _Known(logits[0].float().log_softmax(-1).numpy(force=True), state, recent)
