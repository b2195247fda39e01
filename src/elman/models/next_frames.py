"""Model that predicts the frames that follow some frames, each from the true ones or its own before it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import FrameBatch, Target
from elman.data.video.terms import TERMS, linear_terms
from elman.dropout import dropout
from elman.heads.base import Head, Loss
from elman.layers.recurrent import Recurrent
from elman.state import State

CANDIDATES = ("the network", "linear from two frames", "copying the last frame")
_SMALL = 0.01  # of the usual first weights, where they begin beside a good prediction
LOSSES = ("squared-error", "cross-entropy")


class NextFrames(nn.Module):
    """Patches of a frame → recurrent layer over planes → patches of what the next frame adds.

    A frame is cut into patches of P × P pixels, which become the channels of smaller planes (space to depth).

        d_t = readout([h_t; patches of x_t])

    With ``squared-error`` the prediction is x̂_{t+1} = a · l(x_t, x_{t−1}) + d_t, where l are the last two
    frames and their blurred forms (``linear_terms``), and the weights a begin as copying unless a task sets
    them to the least-squares ones; d_t begins near 0. With ``cross-entropy`` it is x̂_{t+1} = σ(d_t), for
    frames that are mostly black or white.

    Args:
        layer: a ``Recurrent`` of one direction over planes, whose input has C·P² channels.
        shape: C, H, W of a frame.
        patch: P; a frame whose sides are no multiples is continued at its edges, and cut again.
        loss: one of ``LOSSES``, the mean over pixels.
        dropout: probability on the layer's output.
        horizon: frames ahead for which ``squared-error`` has weights of a mixture, ``mixing``.

    A trained model's prediction may be a mixture: of its own, of a linear one for each frame ahead, and of
    the last given frame. Later frames than ``horizon`` have the weights of the last one.

    Shapes:
        frames [T, B, C, H, W], uint8 or floats from 0 to 1 → predictions of the frames from the second on,
        [T − 1, B, C, H, W]

    Raises:
        ValueError: the layer's input size is not C·P², or the loss is unknown.
    """

    linear: Tensor
    mixing: Tensor

    def __init__(
        self,
        layer: Recurrent,
        shape: tuple[int, int, int],
        patch: int = 4,
        loss: str = LOSSES[0],
        dropout: float = 0.0,
        horizon: int = 1,
    ) -> None:
        super().__init__()
        channels = shape[0] * patch**2
        if layer.input_size != channels:
            raise ValueError(f"the layer's input_size must be {channels}. Got {layer.input_size}.")
        self.layer, self.shape, self.patch, self.dropout = layer, shape, patch, dropout
        self.head = FrameHead(loss)
        self.readout = nn.Conv2d(layer.output_size + channels, channels, 1)
        if loss == LOSSES[0]:
            nn.init.xavier_uniform_(self.readout.weight, gain=_SMALL)
            self.anchor = nn.Parameter(torch.eye(TERMS)[0])
            self.register_buffer("linear", torch.eye(TERMS)[:1].repeat(horizon, 1))
            self.register_buffer("mixing", torch.eye(len(CANDIDATES))[:1].repeat(horizon, 1))
        else:
            nn.init.xavier_uniform_(self.readout.weight)
            self.register_parameter("anchor", None)
        nn.init.zeros_(self.readout.bias)  # type: ignore[arg-type]

    def forward(self, batch: FrameBatch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of a batch, summed over frames."""
        raw = self._unrolled(pixels(batch.inputs.values), batch.told)
        return self.head.loss(raw, batch.targets), None

    def predict(self, frames: Tensor, horizon: int) -> Tensor:
        """Predicts the frames after some given ones: [T, B, C, H, W] → [horizon, B, C, H, W], in [0, 1]."""
        candidates = self.candidates(frames, horizon)
        if self.anchor is None:
            return candidates[0]
        weights = self.mixing[_rows(horizon, len(self.mixing))].to(candidates.dtype)
        return torch.einsum("hk,kh...->h...", weights, candidates)

    def candidates(self, frames: Tensor, horizon: int) -> Tensor:
        """Returns what a prediction mixes, [1 or 3, horizon, B, C, H, W]: one for each of ``CANDIDATES``."""
        given = pixels(frames)
        later = given.new_zeros(horizon, *given.shape[1:])
        told = torch.arange(len(given) + horizon, device=given.device)[:, None] < len(given)
        raw = self._unrolled(torch.cat([given, later]), told.expand(-1, given.shape[1]))
        own = self.head.predict(raw[len(given) - 1 :])
        if self.anchor is None:
            return own[None]
        weights = self.linear[_rows(horizon, len(self.linear))].to(own.dtype)
        linear = torch.einsum("hk,k...->h...", weights, linear_terms(given[-1], given[-2:][0]))
        return torch.stack([own, linear.clamp(0, 1), given[-1].expand_as(own)])

    def _unrolled(self, frames: Tensor, told: Tensor) -> Tensor:
        """Returns what the head makes the predictions of: [T − 1, B, C, H, W]."""
        first = int(told.all(1).long().cumprod(0).sum())  # frames that all rows read as they are
        given = frames[: min(first, len(frames) - 1)]
        before = torch.cat([given[:1], given[:-1]])
        output, state = self.layer(self._patches(given))
        found = [self._read(output, given, before)]
        last, older = given[-1], before[-1]
        for t in range(len(given), len(frames) - 1):
            own = self.head.predict(found[-1][-1])
            older, last = last, torch.where(told[t].view(-1, 1, 1, 1), frames[t], own)
            output, state = self.layer(self._patches(last[None]), state)
            found.append(self._read(output, last[None], older[None]))
        return torch.cat(found)

    def _read(self, output: Tensor, last: Tensor, before: Tensor) -> Tensor:
        """Returns the predictions from the layer's output [T, B, O, H/P, W/P] and the frames that it read."""
        output = dropout(output, self.dropout, self.training)
        features = torch.cat([output, self._patches(last).to(output.dtype)], 2)
        added = self.readout(features.flatten(0, 1)).unflatten(0, features.shape[:2]).float()
        height, width = self.shape[1:]
        added = F.pixel_shuffle(added, self.patch)[..., :height, :width]
        if self.anchor is None:
            return added
        return added + torch.einsum("k...,k->...", linear_terms(last, before), self.anchor.to(last.dtype))

    def _patches(self, frames: Tensor) -> Tensor:
        """Cuts frames into patches: [T, B, C, H, W] → [T, B, C·P², H/P, W/P]."""
        height, width = (-size % self.patch for size in self.shape[1:])
        if height or width:
            flat = F.pad(frames.flatten(0, 1), (0, width, 0, height), mode="replicate")
            frames = flat.unflatten(0, frames.shape[:2])
        return F.pixel_unshuffle(frames, self.patch)


def _rows(horizon: int, known: int) -> Tensor:
    """Returns the row of weights for each frame ahead, of which so many are known."""
    return torch.arange(horizon).clamp(max=known - 1)


class FrameHead(Head):
    """Whole frames, whose pixels are targets by themselves.

    Args:
        kind: ``squared-error``, of a prediction that is clipped to [0, 1], or ``cross-entropy``, of σ of what
            it gets.

    Shapes:
        features and prediction [T, B, C, H, W], targets likewise, uint8 or floats from 0 to 1, weights [T, B]

    Units:
        mean over pixels of the squared grey level, or nats.

    Raises:
        ValueError: the kind is unknown.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}. Got {kind!r}.")
        self.kind = kind

    def loss(self, features: Tensor, target: Target, lengths: Tensor | None = None) -> Loss:
        """Computes the mean over pixels, summed over frames."""
        true = pixels(target.values)
        if self.kind == LOSSES[0]:
            losses = (features - true).square()
        else:
            losses = F.binary_cross_entropy_with_logits(features, true, reduction="none")
        of_frames = losses.flatten(2).mean(-1)
        return self.total(of_frames, of_frames[..., None], target)

    def predict(self, features: Tensor) -> Tensor:
        """Returns frames with pixels in [0, 1]."""
        return features.clamp(0, 1) if self.kind == LOSSES[0] else torch.sigmoid(features)


def pixels(frames: Tensor) -> Tensor:
    """Returns frames as floats from 0 to 1; integers are pixels from 0 to 255."""
    return frames if frames.is_floating_point() else frames.to(torch.get_default_dtype()) / 255
