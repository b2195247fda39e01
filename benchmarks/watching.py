"""What ``--watch-gradients 100`` adds to a run: a look's time, as a share of a hundred steps without one.

Every kind of loss: at each step (language models), from a last state (digits), pooled over all steps
(classifiers), and attended to from another layer (translation). Each network trains on random batches and
looks every few steps; rounds alternate.

    python benchmarks/watching.py [--rounds N] [--write FILE]
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import document
import numpy as np
import torch
from torch import nn
from training_loop import Clock

from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM
from elman.heads.categorical import Categorical
from elman.layers import Recurrent
from elman.layers.attention import ATTENTIONS
from elman.models.autoregressive import Autoregressive
from elman.models.classifier import Classifier
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling
from elman.models.seq2seq import Seq2Seq
from elman.train.loop import Loop
from elman.train.options import TrainingOptions

EVERY = 4  # steps between two looks
WORDS = 10_000


class Same:
    """One batch again and again.

    Args:
        batch: the batch.
        steps: how many times.
    """

    def __init__(self, batch: Batch, steps: int) -> None:
        self.batch, self.steps = batch, steps

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """From one step on."""
        for _ in range(start, self.steps):
            yield self.batch


def language_model(rows: int, steps: int, units: int) -> tuple[nn.Module, Batch]:
    """A loss at each step."""
    words = torch.randint(256, (steps + 1, rows))
    return Autoregressive(256, Recurrent(LSTM(128, units))), Batch(Field(words[:-1]), Target(words[1:]))


def digits() -> tuple[nn.Module, Batch]:
    """A loss of the last state."""
    model = Pooled(Recurrent(GRU(1, 128)), Categorical(128, 10))
    return model, Batch(Field(torch.randn(784, 64, 1)), Target(torch.randint(10, (64,))))


def classifier(layers: int) -> tuple[nn.Module, Batch]:
    """A loss of all steps, both ways: as ``elman train classification`` pools by default."""
    lengths = torch.randint(50, 401, (32,))
    layer = Recurrent(LSTM(128, 128), layers, bidirectional=True)
    pooling = Pooling(layer, "concat")
    model = Classifier(layer, Categorical(pooling.features, 2), pooling, nn.Embedding(WORDS, 128))
    words = torch.randint(WORDS, (400, 32))
    return model, Batch(Field(words, lengths), Target(torch.randint(2, (32,))))


def translator() -> tuple[nn.Module, Batch]:
    """A decoder that attends to an encoder's steps."""
    encoder, decoder = Recurrent(LSTM(256, 256), bidirectional=True), Recurrent(LSTM(256, 512))
    model = Seq2Seq(WORDS, encoder, decoder, ATTENTIONS["dot"](512, 512), begin=0)
    source, target = torch.randint(WORDS, (20, 64)), torch.randint(WORDS, (20, 64))
    return model, Batch(Field(source, torch.randint(8, 21, (64,))), Target(target, torch.ones(20, 64)))


NETWORKS: dict[str, tuple[Callable[[], tuple[nn.Module, Batch]], int]] = {
    "language model, 32 × 64 × 128": (lambda: language_model(32, 64, 128), 200),
    "language model, 32 × 100 × 256": (lambda: language_model(32, 100, 256), 80),
    "language model, 64 × 100 × 512": (lambda: language_model(64, 100, 512), 24),
    "digits, 64 × 784 × 128": (digits, 40),
    "classifier, 32 × 400 × 128, both ways": (lambda: classifier(1), 40),
    "classifier, 32 × 400 × 128, both ways, two layers": (lambda: classifier(2), 24),
    "translation, 64 × 20 × 512": (translator, 40),
}  # rows × steps × units, and batches a round


def watched(make: Callable[[], tuple[nn.Module, Batch]], steps: int) -> tuple[float, float]:
    """Seconds of a step without a look, and those that a look adds."""
    torch.manual_seed(0)
    model, batch = make()
    clock = Clock()
    options = TrainingOptions(epochs=1, watch_gradients=EVERY)
    Loop(model, Same(batch, steps), None, options, progress=clock).run()
    times = np.diff(clock.times)  # the first is the second step's
    looked = np.arange(1, len(times) + 1) % EVERY == 0
    plain = float(np.median(times[~looked]))
    return plain, float(np.median(times[looked])) - plain


def main() -> None:
    """Prints the table, and writes it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, help="document whose section this run replaces")
    options = parser.parse_args()
    if options.write:
        document.check(options.write, "watching")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NETWORKS}
    for number in range(options.rounds):
        for name, (make, steps) in NETWORKS.items():
            found[name].append(watched(make, steps))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    rows = []
    for name, measured in found.items():
        shares = sorted(look / (100 * plain) for plain, look in measured)
        plain, look = (1e3 * statistics.median(column) for column in zip(*measured, strict=True))
        spread = f"{statistics.median(shares):.1%} ({shares[0]:.1%}–{shares[-1]:.1%})"
        rows.append([name, f"{plain:.1f}", f"{look:.1f}", spread])
    table = document.table(["network", "step, ms", "look, ms", "of a hundred steps, median (range)"], rows)
    document.publish("watching", table, options.rounds, options.write)


if __name__ == "__main__":
    main()
