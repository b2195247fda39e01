"""The speech denoiser of Facebook Research, rebuilt by hand: a U-Net over waves, an LSTM in its middle."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn

CHANNELS, DEPTH, KERNEL, STRIDE = 6, 3, 8, 4


class Denoiser(nn.Module):
    """Convolutions down, a recurrent net, convolutions up with what went down added."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        before, channels = 1, CHANNELS
        for _ in range(DEPTH):
            self.down.append(
                nn.Sequential(
                    nn.Conv1d(before, channels, KERNEL, STRIDE),
                    nn.ReLU(),
                    nn.Conv1d(channels, 2 * channels, 1),
                    nn.GLU(1),
                )
            )
            up = [
                nn.Conv1d(channels, 2 * channels, 1),
                nn.GLU(1),
                nn.ConvTranspose1d(channels, before, KERNEL, STRIDE),
            ]
            self.up.insert(0, nn.Sequential(*up, *([nn.ReLU()] if before > 1 else [])))
            before, channels = channels, 2 * channels
        self.lstm = nn.LSTM(before, before, 2, bidirectional=not causal)
        self.narrow = None if causal else nn.Linear(2 * before, before)

    def forward(
        self, wave: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Waves [B, 1, time] and the state of the LSTM: clean waves and the state."""
        skips, x = [], wave
        for block in self.down:
            x = block(x)
            skips.append(x)
        x, state = self.lstm(x.permute(2, 0, 1), state)
        x = (x if self.narrow is None else self.narrow(x)).permute(1, 2, 0)
        for block in self.up:
            skip = skips.pop()
            x = block(x + skip[..., : x.shape[-1]])
        return x, state


def cases() -> Iterator[Case]:
    torch.manual_seed(3)
    wave = torch.randn(2, 1, 596)

    def streamed(model: Denoiser) -> list[Tensor]:
        state, parts = None, []
        for part in wave.split(298, -1):
            y, state = model(part, state)
            parts.append(y)
        return parts

    yield Model("not causal", lambda: Denoiser(causal=False), lambda model: model(wave)[0])
    yield Model("causal, streamed", lambda: Denoiser(causal=True), streamed)


if __name__ == "__main__":
    run(cases)
