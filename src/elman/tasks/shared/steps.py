"""What the network of a task reads of numeric sequences, by the task's options."""

import numpy as np

from elman.data.batches.ragged import Prepare
from elman.data.steps import Steps, varied
from elman.tasks.shared.options import SequenceOptions


def steps_of(config: SequenceOptions) -> Steps:
    """Returns what a network reads of a sequence."""
    return Steps(config.centre != "own", config.centre != "none", config.differences, config.frame or 1)


def prepare_of(config: SequenceOptions) -> Prepare:
    """Returns what turns standardised steps into a network's inputs; in training it varies them."""
    steps = steps_of(config)

    def prepare(x: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
        return steps.inputs(varied(x, config.augment, random) if random and config.augment else x)

    return prepare
