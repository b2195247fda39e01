"""Stanza: its packed LSTM, the one with dropout between steps, and its highway LSTM."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from stanza.models.common.hlstm import HighwayLSTM
    from stanza.models.common.packed_lstm import PackedLSTM
    from torch.nn.utils.rnn import pack_padded_sequence

    torch.manual_seed(3)
    x, lengths = torch.randn(4, 9, 8), [9, 6, 6, 2]
    for dropout in (0.0, 0.3):
        yield Model(
            f"PackedLSTM, dropout between steps {dropout}",
            lambda dropout=dropout: PackedLSTM(
                8, 12, 2, batch_first=True, bidirectional=True, pad=True, rec_dropout=dropout
            ),
            lambda model: model(x, lengths),
        )
    packed = pack_padded_sequence(x, lengths, batch_first=True)
    yield Model(
        "HighwayLSTM",
        lambda: HighwayLSTM(8, 12, 2, batch_first=True, bidirectional=True, highway_func=torch.tanh),
        lambda model: model(packed, lengths),
    )


if __name__ == "__main__":
    run(cases, "stanza==1.15.0")
