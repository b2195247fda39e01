"""Google's translation model like NVIDIA's, rebuilt by hand: residual LSTMs, uniform weights, attention."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

WORDS, SIZE = 40, 24


def uniform(layer: nn.LSTM) -> nn.LSTM:
    """Draws all weights from ±0.1 and halves nothing: as the published initialiser, with biases at zero."""
    for name, p in layer.named_parameters():
        nn.init.uniform_(p.data, -0.1, 0.1)
        if "bias" in name:
            nn.init.zeros_(p.data)
    return layer


class GNMT(nn.Module):
    """Source and target words to scores; one bidirectional layer, then residual ones, then attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE, padding_idx=0)
        below = uniform(nn.LSTM(SIZE, SIZE, bidirectional=True, batch_first=False))
        above = [uniform(nn.LSTM(2 * SIZE if k == 0 else SIZE, SIZE)) for k in range(3)]
        self.encoder = nn.ModuleList([below, *above])
        self.attend = nn.Linear(SIZE, SIZE)
        self.decoder = nn.ModuleList(
            [uniform(nn.LSTM(SIZE, SIZE))] + [uniform(nn.LSTM(2 * SIZE, SIZE)) for _ in range(3)]
        )
        self.scores = nn.Linear(SIZE, WORDS)
        self.dropout = nn.Dropout(0.2)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Source [S, B], lengths [B], target [T, B]: scores [T, B, words]."""
        packed = pack_padded_sequence(self.dropout(self.embedding(source)), lengths)
        x, _ = pad_packed_sequence(self.encoder[0](packed)[0])
        x = self.encoder[1](self.dropout(x))[0]
        for layer in self.encoder[2:]:
            x = layer(self.dropout(x))[0] + x
        y, state = self.decoder[0](self.dropout(self.embedding(target)))
        weights = (self.attend(y).transpose(0, 1) @ x.permute(1, 2, 0)).softmax(-1)
        context = (weights @ x.transpose(0, 1)).transpose(0, 1)
        y = self.decoder[1](torch.cat([self.dropout(y), context], -1), state)[0]
        for layer in self.decoder[2:]:
            y = layer(torch.cat([self.dropout(y), context], -1))[0] + y
        return self.scores(y)


def cases() -> Iterator[Case]:
    source, target = torch.arange(1, 31).reshape(10, 3), torch.arange(5, 29).reshape(8, 3)
    lengths = torch.tensor([10, 7, 7])
    yield Model("GNMT", GNMT, lambda model: model(source, lengths, target))


if __name__ == "__main__":
    run(cases)
