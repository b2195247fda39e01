"""The decoders of OpenNMT-py, rebuilt by hand: one asks what its layer is, one feeds stacked cells."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn

WORDS, SIZE, LAYERS = 40, 24, 2


class Standard(nn.Module):
    """The decoder that runs its whole layer at once and asks for ``nn.GRU`` by ``isinstance``."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        self.encoder = getattr(nn, kind)(SIZE, SIZE // 2, LAYERS, dropout=0.2, bidirectional=True)
        self.rnn = getattr(nn, kind)(SIZE, SIZE, LAYERS, dropout=0.2)
        self.into, self.scores = nn.Linear(SIZE, SIZE), nn.Linear(2 * SIZE, WORDS)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Source [S, B], target [T, B]: scores [T, B, words]."""
        memory, state = self.encoder(self.embedding(source))
        state = state if isinstance(state, tuple) else (state,)
        state = tuple(
            s.view(LAYERS, 2, -1, SIZE // 2).transpose(1, 2).reshape(LAYERS, -1, SIZE) for s in state
        )
        if isinstance(self.rnn, nn.GRU):
            y, _ = self.rnn(self.embedding(target), state[0])
        else:
            y, _ = self.rnn(self.embedding(target), state)
        weights = (self.into(y).transpose(0, 1) @ memory.permute(1, 2, 0)).softmax(-1)
        context = (weights @ memory.transpose(0, 1)).transpose(0, 1)
        return self.scores(torch.cat([y, context], -1))


class InputFeeding(nn.Module):
    """The decoder whose every step reads the last step's attended output, through stacked cells."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        self.encoder = getattr(nn, kind)(SIZE, SIZE)
        self.cells = nn.ModuleList(
            getattr(nn, kind + "Cell")(SIZE * (2 - min(k, 1)), SIZE) for k in range(LAYERS)
        )
        self.out, self.scores = nn.Linear(2 * SIZE, SIZE), nn.Linear(SIZE, WORDS)
        self.dropout = nn.Dropout(0.2)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """As ``Standard.forward``."""
        memory, state = self.encoder(self.embedding(source))
        states = [(state[0][0], state[1][0]) if isinstance(state, tuple) else state[0]] * LAYERS
        feed, outputs = memory.new_zeros(memory.shape[1:]), []
        for word in self.embedding(target):
            x = torch.cat([word, feed], -1)
            for k, cell in enumerate(self.cells):
                states[k] = cell(x, states[k])
                x = self.dropout(states[k][0] if isinstance(states[k], tuple) else states[k])
            weights = (x * memory).sum(-1).softmax(0)
            feed = torch.tanh(self.out(torch.cat([(weights[..., None] * memory).sum(0), x], -1)))
            outputs.append(feed)
        return self.scores(torch.stack(outputs))


def cases() -> Iterator[Case]:
    source, target = torch.arange(30).reshape(10, 3), torch.arange(5, 29).reshape(8, 3)
    for decoder in (Standard, InputFeeding):
        for kind in ("LSTM", "GRU"):
            # the standard GRU asks isinstance(rnn, nn.GRU) at every call
            way = "swap" if decoder is Standard else "convert"
            build = lambda decoder=decoder, kind=kind: decoder(kind)  # noqa: E731
            yield Model(f"{decoder.__name__}, {kind}", build, lambda model: model(source, target), way)


if __name__ == "__main__":
    run(cases)
