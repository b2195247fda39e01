"""What the training loop costs: elman's loop against a bare forward + backward + step loop.

Both train the same language model on the same token batches; rounds alternate, so that a busy machine slows
both alike. Elman's loop runs as ``elman train`` does: learning-rate schedule, clipping, the check for
numbers that are not finite, progress, history and checkpoints (one in five seconds here, one a
minute by default). What ``--watch-gradients`` adds is in ``watching.py``.

    python benchmarks/training_loop.py [--rounds N] [--write FILE]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import document
import numpy as np
import torch
import torch.nn.functional as F

from elman.data.batches.tokens import TokenStreams
from elman.data.tokens.corpus import Corpus
from elman.data.tokens.vocab import ByteVocabulary
from elman.tasks.language_model.data import TextFacts
from elman.tasks.language_model.task import LanguageModel
from elman.train.loop import Loop
from elman.train.progress import Silent

SIZES = {(32, 64, 128): 400, (32, 100, 256): 100, (64, 100, 512): 24}  # rows, steps, units: batches a round


class Clock(Silent):
    """Notes the time after every step."""

    def __init__(self):
        self.times = []

    def update(self, share, seconds_left, facts):
        self.times.append(time.perf_counter())


def corpus(rows, chunk, batches):
    tokens = np.random.default_rng(0).integers(0, 96, rows * chunk * batches + chunk + 1).astype(np.uint8)
    return Corpus(tokens, np.zeros(1, np.int64), ByteVocabulary())


def make(rows, chunk, units):
    task = LanguageModel(
        hidden_size=units,
        batch_size=rows,
        bptt=chunk,
        epochs=1,
        level="bytes",
        checkpoint_seconds=5.0,
    )
    task.facts = TextFacts(ByteVocabulary())
    torch.manual_seed(0)
    return (
        task,
        task.build(),
        TokenStreams(corpus(rows, chunk, SIZES[rows, chunk, units]), rows, chunk, seed=0),
    )


def ours(rows, chunk, units):
    """Seconds a step of elman's loop."""
    task, model, batches = make(rows, chunk, units)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        Loop(model, batches, None, task.config, Path(folder), progress=clock).run()
    return list(np.diff(clock.times)[2:])


def bare(rows, chunk, units):
    """Seconds a step of a bare loop over the same model's parts in torch alone."""
    _, model, batches = make(rows, chunk, units)
    layer = torch.nn.LSTM(model.layer.input_size, units)
    head = torch.nn.Linear(units, 256)
    parameters = [*model.embedding.parameters(), *layer.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, fused=True)
    data = [(b.inputs.values, b.targets.values) for b in batches.epoch(0)]
    times, state = [], None
    for inputs, targets in data:
        features, state = layer(model.embedding(inputs), state)
        state = tuple(s.detach() for s in state)
        loss = F.cross_entropy(head(features).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter())
    return list(np.diff(times)[2:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, help="document whose section this run replaces")
    options = parser.parse_args()
    if options.write:
        document.check(options.write, "training loop")
    rows = []
    for size in SIZES:
        pairs = [(bare(*size), ours(*size)) for _ in range(options.rounds)]
        medians = [[1e3 * statistics.median(times) for times in pair] for pair in pairs]
        ratios = sorted(own / plain for plain, own in medians)
        plain, own = (statistics.median(column) for column in zip(*medians, strict=True))
        rate = size[0] * size[1] / own * 1e3
        spread = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f}–{ratios[-1]:.3f})"
        figures = [f"{plain:.1f}", f"{own:.1f}", f"{rate:,.0f}", spread]
        rows.append([" × ".join(map(str, size)), *figures])
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    head = ["rows × steps × units", "bare, ms a step", "elman, ms a step", "characters/s"]
    table = document.table([*head, "elman / bare, median (range)"], rows)
    document.publish("training loop", table, options.rounds, options.write)


if __name__ == "__main__":
    main()
