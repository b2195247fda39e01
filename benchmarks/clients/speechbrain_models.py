"""SpeechBrain: its layers, the CRDNN encoder, a dual-path block and the decoder with attention."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from speechbrain.lobes.models.CRDNN import CRDNN
    from speechbrain.lobes.models.dual_path import SBRNNBlock
    from speechbrain.nnet import RNN

    torch.manual_seed(3)
    x, share = torch.randn(3, 11, 8), torch.tensor([1.0, 0.7, 0.4])
    for kind in ("RNN", "LSTM", "GRU"):
        layer = getattr(RNN, kind)
        yield Model(
            kind,
            lambda layer=layer: layer(12, input_size=8, num_layers=2, bidirectional=True),
            lambda model: model(x, lengths=share),
        )
    spectra = torch.randn(2, 20, 16)
    yield Model(
        "CRDNN",
        lambda: CRDNN(
            input_shape=[None, None, 16],
            cnn_channels=[4, 4],
            rnn_class=RNN.LSTM,
            rnn_layers=2,
            rnn_neurons=12,
            dnn_neurons=12,
        ),
        lambda model: model(spectra),
    )
    yield Model(
        "dual-path block", lambda: SBRNNBlock(8, 12, 1, "LSTM", bidirectional=True), lambda model: model(x)
    )
    words = torch.randn(3, 5, 6)
    for kind in ("lstm", "gru", "rnn"):
        yield Model(
            f"decoder with attention, {kind}",
            lambda kind=kind: RNN.AttentionalRNNDecoder(kind, "content", 7, 5, 1, 8, 6),
            lambda model: model(words, x, share),
        )


if __name__ == "__main__":
    # the compiled extension of torchaudio is built for CUDA; nothing here calls it
    run(cases, "speechbrain==1.1.2", "torchaudio==2.11.0", remove=("torchaudio/lib/*.so",))
