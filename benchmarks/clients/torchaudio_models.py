"""torchaudio: Tacotron 2, WaveRNN and DeepSpeech; its RNN-T has a cell of its own, which stays."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from torchaudio.models import DeepSpeech, Tacotron2, WaveRNN

    torch.manual_seed(3)
    letters, lengths = torch.randint(20, (2, 9)), torch.tensor([9, 6])
    mels, mel_lengths = torch.randn(2, 8, 12), torch.tensor([12, 10])

    def tacotron() -> torch.nn.Module:
        return Tacotron2(
            n_mels=8, n_symbol=20, symbol_embedding_dim=16, encoder_embedding_dim=16, attention_rnn_dim=24,
            attention_hidden_dim=8, prenet_dim=12, decoder_rnn_dim=24, postnet_embedding_dim=16,
        )  # fmt: skip

    yield Model("Tacotron 2", tacotron, lambda model: model(letters, lengths, mels, mel_lengths))
    wave, spectra = torch.randn(2, 1, 40), torch.randn(2, 1, 6, 14)

    def wave_rnn() -> torch.nn.Module:
        return WaveRNN(
            [2, 5],
            n_classes=10,
            hop_length=10,
            n_res_block=1,
            n_rnn=24,
            n_fc=24,
            n_freq=14,
            n_hidden=16,
            n_output=16,
        )

    frames = torch.randn(2, 1, 14, 8)
    yield Model("WaveRNN", wave_rnn, lambda model: model(wave, frames))
    yield Model("DeepSpeech", lambda: DeepSpeech(14, 24, 9), lambda model: model(spectra))


if __name__ == "__main__":
    # the compiled extension is built for CUDA; nothing here calls it
    run(cases, without_dependencies=("torchaudio==2.11.0",), remove=("torchaudio/lib/*.so",))
