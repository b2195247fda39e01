"""The model that predicts the tokens of a text in both directions."""

import pytest
import torch
from agreement import randomise
from torch import nn

from elman.batch import Batch, Field, Target
from elman.cells import LSTM
from elman.layers import Recurrent
from elman.models.bidirectional_lm import BidirectionalLanguageModel

V, E, H = 7, 4, 5


def model(**options):
    predicted = options.pop("predicted", None)
    made = BidirectionalLanguageModel(
        nn.Embedding(V, E), Recurrent(LSTM(E, H), **options), predicted=predicted
    )
    return randomise(made).eval()


def batch(tokens, lengths):
    return Batch(Field(tokens, torch.tensor(lengths)), Target(torch.zeros(len(lengths), dtype=torch.int64)))


TOKENS = torch.tensor([[1, 2], [3, 4], [5, 6], [2, 0]])  # the second row has three tokens


def by_hand(made, row, predicted=range(V)):
    """The losses of a row's targets, each direction alone."""
    x = made.embedding(row)[:, None]
    classes = {token: k for k, token in enumerate(predicted)}
    losses = []
    for direction in range(made.directions):
        own = slice(direction * H, (direction + 1) * H)
        order = row if direction == 0 else row.flip(0)
        output = made.layer(x)[0][:, 0, own]
        output = output if direction == 0 else output.flip(0)
        for features, token in zip(output[:-1], order[1:].tolist(), strict=True):
            if token in classes:
                logits = features @ made.head.weight.T + made.head.bias
                losses.append(-logits.log_softmax(0)[classes[token]])
    return torch.stack(losses)


@pytest.mark.parametrize("options", [{"bidirectional": True}, {}, {"num_layers": 2}])
def test_each_direction_predicts_the_token_that_it_reads_next(options):
    made = model(**options)
    loss, state = made(batch(TOKENS, [4, 3]))
    wanted = torch.cat([by_hand(made, TOKENS[:, 0]), by_hand(made, TOKENS[:3, 1])])
    assert state is None
    assert int(loss.count) == len(wanted) == 5 * made.directions
    torch.testing.assert_close(loss.sum, wanted.sum())


def test_tokens_that_are_not_predicted_are_no_targets():
    predicted = torch.tensor([2, 3, 6])
    made = model(bidirectional=True, predicted=predicted)
    loss, _ = made(batch(TOKENS, [4, 3]))
    wanted = torch.cat([by_hand(made, row, predicted.tolist()) for row in (TOKENS[:, 0], TOKENS[:3, 1])])
    assert made.head.weight.shape == (3, H)
    assert int(loss.count) == len(wanted) < 10
    torch.testing.assert_close(loss.sum, wanted.sum())


def test_the_direction_that_reads_forward_sees_no_token_that_it_predicts():
    made = model(bidirectional=True)
    own, other = TOKENS[:, :1].clone(), TOKENS[:, :1].clone()
    other[-1] = 0
    forward = [made.features(Field(tokens, torch.tensor([4])))[:-1, :, :H] for tokens in (own, other)]
    torch.testing.assert_close(*forward, rtol=0, atol=0)


def test_two_layers_in_both_directions_are_refused():
    with pytest.raises(ValueError, match="a stacked layer must read in one direction"):
        model(bidirectional=True, num_layers=2)
