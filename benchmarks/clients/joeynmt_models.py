"""Joey NMT: its recurrent encoder and decoder; the decoder asks for ``nn.LSTM`` by ``isinstance``."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn

WORDS, SIZE = 30, 12


def cases() -> Iterator[Case]:
    from joeynmt.decoders import RecurrentDecoder
    from joeynmt.encoders import RecurrentEncoder

    class Translator(nn.Module):
        """The encoder and the decoder, with embeddings beside them."""

        def __init__(self, kind: str) -> None:
            super().__init__()
            self.words = nn.Embedding(WORDS, SIZE)
            self.encoder = RecurrentEncoder(kind, SIZE, SIZE, num_layers=2, bidirectional=True)
            self.decoder = RecurrentDecoder(
                kind, SIZE, SIZE, self.encoder, num_layers=2, vocab_size=WORDS, init_hidden="bridge"
            )

        def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
            """Source [B, S], lengths [B], target [B, T]: scores [B, T, words]."""
            mask = (torch.arange(source.shape[1]) < lengths[:, None])[:, None]
            memory, state, *_ = self.encoder(self.words(source), lengths, mask)
            return self.decoder(self.words(target), memory, state, mask, target.shape[1])[0]

    source, target, lengths = (
        torch.arange(30).reshape(3, 10),
        torch.arange(24).reshape(3, 8),
        torch.tensor([10, 7, 3]),
    )
    for kind in ("lstm", "gru"):
        yield Model(
            kind, lambda kind=kind: Translator(kind), lambda model: model(source, lengths, target), way="swap"
        )


if __name__ == "__main__":
    run(cases, "joeynmt==2.3.0", "importlib_metadata")
