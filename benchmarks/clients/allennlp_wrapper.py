"""AllenNLP's wrapper of a recurrent layer, rebuilt by hand: rows sorted, empty rows left out, states kept."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

SIZE = 12


class Wrapper(nn.Module):
    """Rows of any length, also none; ``stateful`` begins where the last call ended."""

    def __init__(self, kind: type[nn.Module], stateful: bool) -> None:
        super().__init__()
        self.module, self.stateful = kind(SIZE, SIZE, 2, batch_first=True, bidirectional=True), stateful
        self._kept: tuple[Tensor, ...] | None = None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Input [B, T, size] and a mask [B, T] of true steps: outputs [B, T, 2 size]."""
        lengths = mask.sum(-1)
        order = lengths.argsort(descending=True, stable=True)
        filled = int((lengths > 0).sum())
        rows = order[:filled]
        packed = pack_padded_sequence(x[rows], lengths[rows], batch_first=True)
        state = None
        if self.stateful and self._kept is not None:
            state = tuple(s[:, rows].contiguous() for s in self._kept)
            state = state if len(state) == 2 else state[0]
        y, last = self.module(packed, state)
        if self.stateful:
            kept = last if isinstance(last, tuple) else (last,)
            self._kept = tuple(
                s.new_zeros(s.shape[0], len(x), s.shape[2]).index_copy(1, rows, s).detach() for s in kept
            )
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
        return y.new_zeros(len(x), *y.shape[1:]).index_copy(0, rows, y)


def cases() -> Iterator[Case]:
    torch.manual_seed(3)
    x, lengths = torch.randn(5, 9, SIZE), torch.tensor([4, 0, 9, 1, 7])
    mask = torch.arange(9) < lengths[:, None]

    def twice(model: Wrapper) -> list[Tensor]:
        model._kept = None
        return [model(x, mask), model(x.flip(1), mask)]

    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        for stateful in (False, True):
            name = f"{kind.__name__}, {'stateful' if stateful else 'not stateful'}"
            yield Model(name, lambda kind=kind, stateful=stateful: Wrapper(kind, stateful), twice)


if __name__ == "__main__":
    run(cases)
