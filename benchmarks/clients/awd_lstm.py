"""Merity's AWD-LSTM, rebuilt by hand: hidden weights dropped before each call, one layer after another."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn
from torch.nn import functional as F

WORDS, EMBEDDED, HIDDEN = 60, 16, 24


class WeightDrop(nn.Module):
    """Keeps the hidden weight under ``…_raw`` and sets a dropped copy on the layer at each call."""

    def __init__(self, layer: nn.Module, dropout: float) -> None:
        super().__init__()
        self.module, self.dropout = layer, dropout
        raw = layer.weight_hh_l0
        del layer._parameters["weight_hh_l0"]
        layer.register_parameter("weight_hh_l0_raw", nn.Parameter(raw.data))
        layer.flatten_parameters = lambda: None  # the weights are no longer one block

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As the layer's."""
        raw = self.module.weight_hh_l0_raw
        mask = F.dropout(
            torch.ones_like(raw), self.dropout, self.training
        )  # not of raw: in eval that is raw itself
        self.module.weight_hh_l0 = raw * mask
        return self.module(*inputs)


class AWD(nn.Module):
    """Two layers of unlike size with dropped weights, locked dropout between them, and a tied decoder."""

    def __init__(self, kind: type[nn.Module], drop: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, EMBEDDED)
        sizes = [(EMBEDDED, HIDDEN), (HIDDEN, EMBEDDED)]
        layers = [kind(*size) for size in sizes]
        self.rnns = nn.ModuleList([WeightDrop(layer, drop) for layer in layers] if drop else layers)
        self.decoder = nn.Linear(EMBEDDED, WORDS)
        self.decoder.weight = self.embedding.weight

    def forward(self, words: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Words [T, B] to scores [T, B, words] and the states of the layers."""
        x, states = self.embedding(words), []
        for rnn in self.rnns:
            x, state = rnn(x)
            states.append(state)
            if self.training:
                x = x * F.dropout(x.new_ones(1, *x.shape[1:]), 0.3)
        return self.decoder(x), states


def cases() -> Iterator[Case]:
    words = torch.arange(30 * 4).reshape(30, 4) * 7 % WORDS
    for kind in (nn.LSTM, nn.GRU):
        for drop in (0.0, 0.5):
            name = f"{kind.__name__}, weight dropout {drop}"
            yield Model(name, lambda kind=kind, drop=drop: AWD(kind, drop), lambda model: model(words))


if __name__ == "__main__":
    run(cases)
