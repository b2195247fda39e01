"""Training options of every task. No heavy import: the command line reads this to print its help."""

from dataclasses import dataclass
from typing import Literal

from elman.config import flag, require


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of the training loop."""

    epochs: int = 10
    """passes over the training part"""
    max_minutes: float | None = None
    """stop training after this many minutes, or after --epochs if those end first; the learning rate falls to
    match. Reading the data before and measuring the model after take time besides. If absent, no limit"""
    batch_size: int = 32
    """rows in a batch"""
    learning_rate: float = 2e-3
    """highest learning rate"""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """adamw (Adam if the weight decay is 0) or sgd (stochastic gradient descent)"""
    weight_decay: float = 0.0
    """adamw: decoupled weight decay; sgd: L2 penalty"""
    momentum: float = 0.0
    """sgd: momentum"""
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    """learning rate after the warm-up: cosine falls along a half cosine to 1/100, constant stays, step falls
    epoch by epoch"""
    full_rate_epochs: int = 4
    """with --schedule step: epochs at the full learning rate"""
    decay: float = 0.5
    """with --schedule step: factor of the learning rate in each later epoch"""
    warmup_steps: int = 0
    """steps over which the learning rate rises from 0"""
    clip: Literal["norm", "value", "off"] = "norm"
    """gradient clipping: norm bounds the joint norm of all gradients, value bounds each element"""
    clip_at: float = 1.0
    """bound of the norm or of each element, with --clip norm or value"""
    average: Literal["none", "ema", "asgd"] = "none"
    """average of the weights, validated beside the last ones, of which the better are kept: ema (exponential
    moving average over two epochs), asgd (the mean since the validation loss first rose) or none"""
    patience: int = 0
    """stop after this many epochs without a better validation loss; 0: never"""
    stop_at: float | None = None
    """stop once the validation loss is at most this; if absent, the loss stops nothing"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: matrix products in bfloat16, weights and states in float32"""
    checkpoint_seconds: float = 60.0
    """seconds between two checkpoints"""
    watch_gradients: int = 0
    """every N steps, measure how far back the gradient reaches; warn if it vanishes or explodes. 0: never"""
    seed: int = 0
    """seed of all random numbers"""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """where to compute; auto: a GPU if there is one"""

    def __post_init__(self) -> None:
        """Checks every range."""
        for name in ("epochs", "batch_size"):
            value = getattr(
                self, name
            )  # a task may let it follow from the amount of data; it is None until then
            require(flag(name), value is None or 1 <= value <= 10**9, "an int in [1, 1e9]", value)
        for name in ("patience", "warmup_steps", "full_rate_epochs", "watch_gradients", "seed"):
            require(flag(name), 0 <= getattr(self, name) < 2**63, "an int in [0, 2^63)", getattr(self, name))
        for name in ("learning_rate", "clip_at", "checkpoint_seconds"):
            value = getattr(self, name)
            require(flag(name), value is None or 0 < value < float("inf"), "in (0, inf)", value)
        for name in ("weight_decay", "momentum"):
            require(flag(name), 0 <= getattr(self, name) < float("inf"), "in [0, inf)", getattr(self, name))
        require("--decay", 0 < self.decay <= 1, "in (0, 1]", self.decay)
        minutes = self.max_minutes
        require("--max-minutes", minutes is None or 0 < minutes < float("inf"), "in (0, inf)", minutes)
