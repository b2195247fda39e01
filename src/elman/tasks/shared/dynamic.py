"""Dynamic evaluation: a model of the next token goes on learning from the text that it has just read.

Each segment is predicted with the weights so far; then one step down the gradient of its mean loss changes
them, and a share of what they have moved is taken back:

    θ ← θ − η g / (RMS(g) + m),    θ ← θ + δ (θ₀ − θ)

RMS(g) is the root mean square of each weight's gradient over segments of the training part, m its mean over
all weights, θ₀ the trained weights. Source: Krause, Kahembwe, Murray & Renals 2018, arXiv:1709.07432; there
the decay is scaled weight by weight too.
"""

import copy
import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elman.batch import Batch, to_device
from elman.data.batches.tokens import TokenWindows
from elman.data.tokens.corpus import Corpus
from elman.errors import InputError
from elman.models.autoregressive import Autoregressive
from elman.models.predict import device_of
from elman.state import State, detach
from elman.train.progress import Progress

_PIECES, _SEGMENTS = 10, 20  # pieces of the training part that measure RMS(g), and the segments of each
_CHOOSING = 300  # segments at the beginning of the validation part, which choose the step size
_RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
_FIRST = 2  # where the search among them begins
_DECAYS = (0.001, 0.01)


class Setting(NamedTuple):
    """How fast a model adapts.

    Attributes:
        rate: step size η; 0: the weights stay.
        decay: share δ of what the weights have moved that each step takes back.
    """

    rate: float = 0.0
    decay: float = 0.0


class Dynamic:
    """Adapts copies of a model to texts; the model itself is never changed.

    Args:
        model: the trained model.
        segment: tokens between two steps.
        training: the training part.
        progress: shows the progress.
    """

    def __init__(self, model: Autoregressive, segment: int, training: Corpus, progress: Progress) -> None:
        self._model, self._segment, self._progress = model, segment, progress
        self._scales = self._measured(training)

    def choose(self, validation: Corpus, loss: Callable[[np.ndarray, Corpus], float]) -> Setting:
        """Returns the setting with the lowest loss on the beginning of the validation part.

        Args:
            validation: the validation part.
            loss: of a text, from ln P [M] of its tokens by the network; NaN is no target.
        """
        text = validation.part(0, min(_CHOOSING * self._segment, len(validation)))
        losses: dict[Setting, float] = {}

        def of(setting: Setting) -> float:
            if setting not in losses:
                found = loss(self.log_p(text, setting, f"step size {setting.rate:.2g}"), text)
                losses[setting] = found if math.isfinite(found) else math.inf
            return losses[setting]

        at = min((_FIRST, _FIRST + 1), key=lambda k: of(Setting(_RATES[k])))
        step = 1 if at > _FIRST else -1
        while 0 <= at + step < len(_RATES) and of(Setting(_RATES[at + step])) < of(Setting(_RATES[at])):
            at += step
        for weaker, decay in pairwise((0.0, *_DECAYS)):
            if of(Setting(_RATES[at], decay)) >= of(Setting(_RATES[at], weaker)):
                break
        of(Setting())
        return min(losses, key=lambda setting: losses[setting])

    def log_p(self, corpus: Corpus, setting: Setting, doing: str) -> np.ndarray:
        """Computes ln P [N] of each token of a text as it is read; NaN where it is no target.

        Where the steps were so long that a probability is no number, it is 0.

        Args:
            corpus: the text, read in one row from its beginning.
            setting: how fast the model adapts.
            doing: what the progress says.
        """
        found = np.full(len(corpus), np.nan)
        own = _Adapting(self._model)
        windows = TokenWindows(corpus, chunk=self._segment)
        began = time.monotonic()
        for done, (positions, batch) in enumerate(zip(windows.positions(), windows.epoch(), strict=True), 1):
            log_p, gradients = own.read(batch)
            weights = batch.targets.weights
            is_target = np.ones(log_p.shape, bool) if weights is None else weights.numpy() > 0
            found[positions[is_target] + 1] = np.nan_to_num(log_p.numpy(), nan=-np.inf)[is_target]
            if setting.rate and gradients is not None:
                own.step(gradients, self._scales, setting)
            share = done / windows.steps
            left = (time.monotonic() - began) * (1 / share - 1)
            self._progress.update(
                share, left, {"dynamic evaluation": doing, "tokens": f"{positions[-1, 0] + 1:,}"}
            )
        return found

    def _measured(self, training: Corpus) -> list[Tensor]:
        """Returns RMS(g) + m for each parameter, from evenly spaced pieces of the training part."""
        length = min(self._segment * _SEGMENTS, len(training) - 1)
        own = _Adapting(self._model)
        squares = [torch.zeros_like(p) for p in own.parameters]
        segments = 0
        for begin in np.linspace(0, len(training) - length - 1, _PIECES).astype(int).tolist():
            own.state = None
            piece = training.part(begin, begin + length + 1)
            if len(piece.starts) == len(piece):  # without a target
                continue
            for batch in TokenWindows(piece, chunk=self._segment).epoch():
                _, gradients = own.read(batch)
                if gradients is not None:
                    torch._foreach_addcmul_(squares, gradients, gradients)
                    segments += 1
        usual = [(square / max(segments, 1)).sqrt() for square in squares]
        mean = sum(float(each.sum()) for each in usual) / sum(each.numel() for each in usual)
        if not mean:
            raise InputError("--dynamic: the model's gradient on its training part is 0, so it cannot adapt")
        return [each + mean for each in usual]


class _Adapting:
    """A copy of a model that reads a text and takes steps.

    Attributes:
        parameters: of the copy.
        state: after the last segment; None: the initial state.
    """

    def __init__(self, model: Autoregressive) -> None:
        self._model = copy.deepcopy(model).eval()
        self.parameters: list[Tensor] = [p for p in self._model.parameters() if p.requires_grad]
        self._trained = [p.detach().clone() for p in self.parameters]
        self.state: State | None = None

    def read(self, batch: Batch) -> tuple[Tensor, list[Tensor] | None]:
        """Reads the next segment.

        Returns:
            ln P [T, B] of its targets, NaN for the others; the gradients of their mean loss, None without
            a target.
        """
        batch = to_device(batch, device_of(self._model))
        inputs = batch.inputs
        features, state = self._model.features(inputs.values, self.state, resets=inputs.resets)
        self.state = detach(state)
        log_p = self._model.log_p(features, batch.targets)
        weights = batch.targets.weights
        if weights is not None and not weights.any():
            return log_p.detach().cpu(), None
        loss = -(log_p if weights is None else log_p[weights > 0]).mean()
        gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True, materialize_grads=True)
        return log_p.detach().cpu(), list(gradients)

    def step(self, gradients: list[Tensor], scales: list[Tensor], setting: Setting) -> None:
        """Changes the weights."""
        with torch.no_grad():
            torch._foreach_addcdiv_(self.parameters, gradients, scales, value=-setting.rate)
            if setting.decay:
                torch._foreach_lerp_(self.parameters, self._trained, setting.decay)
