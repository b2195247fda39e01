"""Asteroid's recurrent block, rebuilt by hand: dual paths over chunks of a separated signal."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn

SIZE, CHUNK, CHUNKS = 12, 7, 5


class DualPath(nn.Module):
    """A layer along the chunks and one across them, each with a projection, a norm and a skip."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        layer = getattr(nn, kind.upper())
        self.inside = layer(SIZE, SIZE, 1, dropout=0.0, batch_first=True, bidirectional=True)
        self.across = layer(SIZE, SIZE, 1, dropout=0.0, batch_first=True, bidirectional=False)
        self.first, self.second = nn.Linear(2 * SIZE, SIZE), nn.Linear(SIZE, SIZE)
        self.norms = nn.ModuleList(nn.GroupNorm(1, SIZE) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Signals [B, SIZE, CHUNK, CHUNKS]: the same shape."""
        rows = len(x)
        self.inside.flatten_parameters()
        y = self.inside(x.permute(0, 3, 2, 1).reshape(rows * CHUNKS, CHUNK, SIZE))[0]
        x = x + self.norms[0](self.first(y).view(rows, CHUNKS, CHUNK, SIZE).permute(0, 3, 2, 1))
        y = self.across(x.permute(0, 2, 3, 1).reshape(rows * CHUNK, CHUNKS, SIZE))[0]
        return x + self.norms[1](self.second(y).view(rows, CHUNK, CHUNKS, SIZE).permute(0, 3, 1, 2))


def cases() -> Iterator[Case]:
    torch.manual_seed(3)
    x = torch.randn(2, SIZE, CHUNK, CHUNKS)
    for kind in ("lstm", "gru", "rnn"):
        yield Model(f"dual path of {kind}", lambda kind=kind: DualPath(kind), lambda model: model(x))


if __name__ == "__main__":
    run(cases)
