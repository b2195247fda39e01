"""How to train, whatever the task. No heavy import: the command line reads this to print its help."""

from dataclasses import dataclass
from typing import Literal

from elman.config import flag, require


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of the training loop."""

    epochs: int = 10
    """passes over the training part"""
    max_minutes: float | None = None
    """stop after this many minutes; the learning rate then falls with whichever runs out first"""
    batch_size: int = 32
    """rows a step"""
    learning_rate: float = 2e-3
    """highest learning rate"""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """adamw (Adam where the weight decay is 0), or plain stochastic gradient descent"""
    weight_decay: float = 0.0
    """decoupled weight decay of AdamW; L2 penalty of SGD"""
    momentum: float = 0.0
    """momentum of SGD"""
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    """learning rate after the warm-up: falls along a half cosine to a hundredth, stays, or falls by epochs"""
    full_rate_epochs: int = 4
    """step schedule: epochs at the full learning rate"""
    decay: float = 0.5
    """step schedule: factor of the learning rate at each epoch after those"""
    warmup_steps: int = 0
    """steps over which the learning rate rises from 0"""
    clip: Literal["norm", "value", "off"] = "norm"
    """gradients: their joint norm is bounded, or each element, or nothing"""
    clip_at: float = 1.0
    """the bound"""
    patience: int = 0
    """stop after this many epochs without a better validation loss; 0: never"""
    stop_at: float | None = None
    """stop once the validation loss is no higher"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: products in bfloat16, weights and states in float32"""
    checkpoint_seconds: float = 60.0
    """seconds between two checkpoints"""
    watch_gradients: int = 0
    """look every so many steps how far back the gradient reaches, and warn where that is bad; 0: never"""
    seed: int = 0
    """decides everything random"""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """where to compute"""

    def __post_init__(self) -> None:
        """Checks every range."""
        for name in ("epochs", "batch_size"):
            require(flag(name), 1 <= getattr(self, name) <= 10**9, "an int in [1, 1e9]", getattr(self, name))
        for name in ("patience", "warmup_steps", "full_rate_epochs", "watch_gradients", "seed"):
            require(flag(name), 0 <= getattr(self, name) < 2**63, "an int in [0, 2^63)", getattr(self, name))
        for name in ("learning_rate", "clip_at", "checkpoint_seconds"):
            require(flag(name), 0 < getattr(self, name) < float("inf"), "in (0, inf)", getattr(self, name))
        for name in ("weight_decay", "momentum"):
            require(flag(name), 0 <= getattr(self, name) < float("inf"), "in [0, inf)", getattr(self, name))
        require("--decay", 0 < self.decay <= 1, "in (0, 1]", self.decay)
        minutes = self.max_minutes
        require("--max-minutes", minutes is None or 0 < minutes < float("inf"), "in (0, inf)", minutes)
