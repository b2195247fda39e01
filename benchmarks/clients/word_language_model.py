"""The word language model of PyTorch's examples, rebuilt by hand: embedding, recurrent net, tied decoder."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn

WORDS, SIZE, LAYERS = 50, 24, 2


class LanguageModel(nn.Module):
    """Predicts the next word; ``kind`` names the layer."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        if kind in ("LSTM", "GRU"):
            self.rnn = getattr(nn, kind)(SIZE, SIZE, LAYERS, dropout=0.2)
        else:
            self.rnn = nn.RNN(SIZE, SIZE, LAYERS, nonlinearity=kind.removeprefix("RNN_").lower(), dropout=0.2)
        self.decoder = nn.Linear(SIZE, WORDS)
        self.decoder.weight = self.embedding.weight
        self.dropout = nn.Dropout(0.2)

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Words [T, B] to logarithms of probabilities [T, B, words], and the last state."""
        outputs, state = self.rnn(self.dropout(self.embedding(words)))
        return self.decoder(self.dropout(outputs)).log_softmax(-1), state


def cases() -> Iterator[Case]:
    words = torch.arange(35 * 4).reshape(35, 4) % WORDS
    for kind in ("LSTM", "GRU", "RNN_TANH", "RNN_RELU"):
        yield Model(kind, lambda kind=kind: LanguageModel(kind), lambda model: model(words))


if __name__ == "__main__":
    run(cases)
