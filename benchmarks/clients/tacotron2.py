"""A Tacotron 2 like NVIDIA's, rebuilt by hand: convolutions, a packed LSTM, a decoder of two LSTM cells."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LETTERS, SIZE, MEL = 30, 32, 20


class Tacotron2(nn.Module):
    """Letters to mel frames, with attention that knows where it has been."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(LETTERS, SIZE)
        self.convolutions = nn.Sequential(
            nn.Conv1d(SIZE, SIZE, 5, padding=2), nn.BatchNorm1d(SIZE), nn.ReLU()
        )
        self.encoder = nn.LSTM(SIZE, SIZE // 2, batch_first=True, bidirectional=True)
        self.prenet = nn.Sequential(nn.Linear(MEL, SIZE), nn.ReLU(), nn.Dropout(0.5))
        self.attention_rnn = nn.LSTMCell(2 * SIZE, SIZE)
        self.query, self.place = (
            nn.Linear(SIZE, SIZE, bias=False),
            nn.Conv1d(2, SIZE, 3, padding=1, bias=False),
        )
        self.energy = nn.Linear(SIZE, 1, bias=False)
        self.decoder_rnn = nn.LSTMCell(2 * SIZE, SIZE)
        self.mel, self.gate = nn.Linear(2 * SIZE, MEL), nn.Linear(2 * SIZE, 1)

    def forward(self, letters: Tensor, lengths: Tensor, mels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Letters [B, L], their lengths [B], mels [T, B, MEL]: the mels predicted, gates, and attention."""
        x = self.convolutions(self.embedding(letters).transpose(1, 2)).transpose(1, 2)
        packed = pack_padded_sequence(x, lengths, batch_first=True)
        self.encoder.flatten_parameters()
        memory, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        away = torch.arange(memory.shape[1])[None] >= lengths[:, None]
        zeros = memory.new_zeros(len(letters), SIZE)
        attended, decoded, context = (zeros, zeros), (zeros, zeros), zeros
        weights = total = memory.new_zeros(memory.shape[:2])
        outputs = []
        for frame in self.prenet(mels):
            attended = self.attention_rnn(torch.cat([frame, context], -1), attended)
            h = F.dropout(attended[0], 0.1, self.training)
            places = self.place(torch.stack([weights, total], 1)).transpose(1, 2)
            energies = self.energy(torch.tanh(self.query(h)[:, None] + places + memory))[..., 0]
            weights = energies.masked_fill(away, -1e9).softmax(-1)
            total = total + weights
            context = (weights[:, None] @ memory)[:, 0]
            decoded = self.decoder_rnn(torch.cat([h, context], -1), decoded)
            out = torch.cat([decoded[0], context], -1)
            outputs.append((self.mel(out), self.gate(out), weights))
        return tuple(map(torch.stack, zip(*outputs, strict=True)))


def cases() -> Iterator[Case]:
    torch.manual_seed(5)
    letters, lengths = torch.randint(LETTERS, (3, 12)), torch.tensor([12, 9, 4])
    mels = torch.randn(15, 3, MEL)
    yield Model("Tacotron 2", Tacotron2, lambda model: model(letters, lengths, mels))


if __name__ == "__main__":
    run(cases)
