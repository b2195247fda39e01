"""Squared error where single outputs are missing."""

import torch
from agreement import randomise

from elman.batch import Target
from elman.heads.squared_error import SquaredError


def test_weights_of_the_outputs_own_make_each_a_target():
    head = randomise(SquaredError(3, 2))
    features, values = torch.randn(5, 4, 3), torch.randn(5, 4, 2)
    weights = (torch.rand(5, 4, 2) < 0.6).float()
    loss = head.loss(features, Target(values, weights))
    errors = (head.predict(features) - values).square()
    torch.testing.assert_close(loss.sum, errors[weights == 1].sum())
    assert loss.count == weights.sum()
    # what does not count has no gradient, whatever stands there
    wild = torch.where(weights == 1, values, torch.full_like(values, 1e9))
    torch.testing.assert_close(head.loss(features, Target(wild, weights)).sum, loss.sum)
    whole = head.loss(features, Target(values, torch.ones_like(weights)))
    plain = head.loss(features, Target(values))
    torch.testing.assert_close(whole.sum / whole.count, plain.sum / plain.count)
