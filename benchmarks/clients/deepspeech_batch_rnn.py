"""DeepSpeech 2 like deepspeech.pytorch's, rebuilt by hand: batch norm, packed layers, summed directions."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

BANDS, SIZE, LETTERS = 20, 24, 29


class BatchRNN(nn.Module):
    """One layer over packed input, both directions summed, batch norm over all steps before it."""

    def __init__(self, kind: type[nn.Module], inputs: int, norm: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs) if norm else None
        self.rnn = kind(inputs, SIZE, bidirectional=True, bias=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Input [T, B, inputs] and lengths [B]: [T, B, SIZE]."""
        if self.norm is not None:
            x = self.norm(x.flatten(0, 1)).view(x.shape)
        y, _ = self.rnn(pack_padded_sequence(x, lengths))
        y, _ = pad_packed_sequence(y)
        return y.view(*y.shape[:2], 2, -1).sum(2)


class DeepSpeech(nn.Module):
    """Spectra to letters."""

    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.convolution = nn.Sequential(
            nn.Conv2d(1, 4, (5, 3), (2, 1), (2, 1)), nn.BatchNorm2d(4), nn.Hardtanh(0, 20)
        )
        self.rnns = nn.ModuleList(BatchRNN(kind, 4 * BANDS // 2 if k == 0 else SIZE, k > 0) for k in range(3))
        self.letters = nn.Linear(SIZE, LETTERS, bias=False)

    def forward(self, spectra: Tensor, lengths: Tensor) -> Tensor:
        """Spectra [B, 1, BANDS, T] and lengths [B]: logarithms [T, B, letters]."""
        x = self.convolution(spectra).flatten(1, 2).permute(2, 0, 1)
        for rnn in self.rnns:
            x = rnn(x, lengths)
        return self.letters(x).log_softmax(-1)


def cases() -> Iterator[Case]:
    torch.manual_seed(3)
    spectra, lengths = torch.randn(3, 1, BANDS, 25), torch.tensor([25, 17, 8])
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        yield Model(
            f"BatchRNN of {kind.__name__}", lambda kind=kind: DeepSpeech(kind), lambda m: m(spectra, lengths)
        )


if __name__ == "__main__":
    run(cases)
