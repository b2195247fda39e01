"""transformers: Encodec's audio codec, whose encoder and decoder hold LSTMs."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(3)
    wave = torch.randn(2, 1, 640)

    def build() -> torch.nn.Module:
        config = EncodecConfig(
            hidden_size=16,
            num_filters=4,
            codebook_size=16,
            codebook_dim=16,
            upsampling_ratios=[4, 2],
            target_bandwidths=[24.0],
        )
        return EncodecModel(config)

    yield Model("encoder", build, lambda model: model.encoder(wave))
    yield Model("decoder", build, lambda model: model.decoder(wave[:, :, :320].reshape(2, 16, 20)))


if __name__ == "__main__":
    run(cases, "transformers==4.57.6")
