"""The LSTM encoder and decoder of fairseq, rebuilt by hand: packed input, then cells with attention."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

WORDS, SIZE, LAYERS = 40, 24, 2


class EncoderDecoder(nn.Module):
    """Source and target words to scores; the input of each step holds the last context (input feeding)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(WORDS, SIZE), nn.Embedding(WORDS, SIZE)
        self.encoder = nn.LSTM(SIZE, SIZE // 2, LAYERS, dropout=dropout, bidirectional=True)
        self.cells = nn.ModuleList(nn.LSTMCell(2 * SIZE if k == 0 else SIZE, SIZE) for k in range(LAYERS))
        for parameter in [*self.encoder.parameters(), *self.cells.parameters()]:
            parameter.data.uniform_(-0.1, 0.1)
        self.into, self.out = nn.Linear(SIZE, SIZE, bias=False), nn.Linear(2 * SIZE, SIZE, bias=False)
        self.scores, self.dropout = nn.Linear(SIZE, WORDS), nn.Dropout(dropout)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Source [S, B], lengths [B], target [T, B]: scores [T, B, words]."""
        packed, state = self.encoder(pack_padded_sequence(self.source(source), lengths, enforce_sorted=False))
        memory, _ = pad_packed_sequence(packed)
        both = [s.view(LAYERS, 2, -1, SIZE // 2).transpose(1, 2).reshape(LAYERS, -1, SIZE) for s in state]
        states = list(zip(*both, strict=True))
        away = torch.arange(len(memory))[:, None] >= lengths
        feed, outputs = memory.new_zeros(memory.shape[1:]), []
        for word in self.target(target):
            x = torch.cat([word, feed], -1)
            for k, cell in enumerate(self.cells):
                states[k] = cell(x, states[k])
                x = self.dropout(states[k][0])
            weights = (self.into(x) * memory).sum(-1).masked_fill(away, float("-inf")).softmax(0)
            feed = torch.tanh(self.out(torch.cat([(weights[..., None] * memory).sum(0), x], -1)))
            outputs.append(feed)
        return self.scores(torch.stack(outputs))


def cases() -> Iterator[Case]:
    source, target = torch.arange(1, 31).reshape(10, 3), torch.arange(5, 29).reshape(8, 3)
    lengths = torch.tensor([6, 10, 7])
    for dropout in (0.0, 0.1):
        build = lambda dropout=dropout: EncoderDecoder(dropout)  # noqa: E731
        yield Model(f"LSTM, dropout {dropout}", build, lambda model: model(source, lengths, target))


if __name__ == "__main__":
    run(cases)
