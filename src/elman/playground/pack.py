"""What the network in the page needs, and its weights in the order in which the page reads them."""

import base64
from typing import Any

import numpy as np
import torch

from elman.cells import GRU, LSTM, Elman
from elman.config import counted
from elman.data.tokens.vocab.bytes import ByteVocabulary
from elman.errors import InputError

_CELLS = {Elman: "elman", LSTM: "lstm", GRU: "gru"}
_MOST_NUMBERS = 8_000_000  # 43 MB as text: more is no page to send to anybody


def packed(task: Any) -> tuple[dict[str, Any], str]:
    """Returns what the page says of a run's model, and its weights as base64 of little-endian float32.

    Args:
        task: a trained language model of characters.

    Raises:
        InputError: the page has no such network; the message says why.
    """
    if task.name != "language-model":
        raise InputError(f"the page shows language models, not runs of {task.name}")
    config, vocabulary, model = task.config, task.vocabulary, task.model
    if config.level != "characters" or isinstance(vocabulary, ByteVocabulary):
        raise InputError(f"the page shows models of characters. This run reads {config.level}.")
    layer = model.layer
    kind = _CELLS.get(type(layer.cell))
    if kind is None or layer.residual:
        what = "residual layers" if kind else type(layer.cell).__name__
        raise InputError(f"the page runs stacks of Elman, LSTM and GRU cells, not {what}")
    arrays = [model.embedding.weight]
    size = len(layer.cell.gates) * layer.cell.hidden_size
    initial = layer.initial_state(1)
    for k, weights in enumerate(layer.all_weights):
        own = dict(zip(layer.cell.parameters(), weights, strict=True))
        zeros = torch.zeros(size)
        arrays += [own["weight_ih"], own["weight_hh"], own.get("bias_ih", zeros), own.get("bias_hh", zeros)]
        arrays += [s[k, 0] for s in initial]
    arrays += [model.head.weights, model.head.bias]
    numbers = np.concatenate([a.detach().float().cpu().numpy().reshape(-1) for a in arrays]).astype("<f4")
    if len(numbers) > _MOST_NUMBERS:
        raise InputError(f"the page holds at most {_MOST_NUMBERS:,} weights. This run has {len(numbers):,}.")
    tokens = vocabulary.pieces(list(range(len(vocabulary))))
    bits = task.results.get("test", {})
    bits = bits.get("network_bits_per_token", bits.get("bits_per_token"))
    told = "" if bits is None else f"; {bits:.2f} bits a character on text that it has not seen"
    about = {
        "cell": kind,
        "relu": getattr(layer.cell, "nonlinearity", "tanh") == "relu",
        "layers": len(initial[0]),
        "hidden": layer.cell.hidden_size,
        "embedding": layer.input_size,
        "tokens": tokens,
        "never": task.answers.never_drawn,
        "opening": task.answers.opening().tolist(),
        "lowercase": bool(getattr(config, "lowercase", False)),
        "sentence": f"{config.network}, {counted(task.parameters(), 'parameter')}{told}.",
    }
    return about, base64.b64encode(numbers.tobytes()).decode()
