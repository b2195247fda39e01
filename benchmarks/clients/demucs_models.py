"""Demucs: the separator with an LSTM in its middle, and the hybrid one with LSTMs in its branches."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs

    torch.manual_seed(3)
    waves = torch.randn(1, 2, 4096)
    yield Model(
        "Demucs", lambda: Demucs(["a", "b"], channels=8, depth=3, lstm_layers=2), lambda model: model(waves)
    )
    yield Model(
        "HDemucs", lambda: HDemucs(["a", "b"], channels=8, depth=6, nfft=1024), lambda model: model(waves)
    )


if __name__ == "__main__":
    run(cases, "einops", "julius", "pyyaml", without_dependencies=("demucs==4.1.0",))
