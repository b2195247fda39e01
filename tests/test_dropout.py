"""Dropout: the probability it is given, the mean it keeps, and torch's own where something else is asked."""

import pytest
import torch

from elman.dropout import dropout, mask


@pytest.mark.parametrize("p", [0.001, 0.15, 0.5, 0.9])
def test_elements_are_dropped_with_that_probability_and_the_mean_stays(p):
    torch.manual_seed(0)
    n = 400_000
    found = dropout(torch.full((n // 8, 8), 2.0), p)
    spread = (p * (1 - p) / n) ** 0.5
    assert abs(float((found == 0).float().mean()) - p) < 4 * spread
    assert abs(float(found.mean()) - 2) < 4 * 2 * spread / (1 - p)
    assert len(found.unique()) == 2
    # no element tells of its neighbours, which come from the same number drawn
    dropped = (found == 0).float() - p
    assert abs(float((dropped[:, 0] * dropped[:, 1]).mean())) < 4 * p * (1 - p) / (n // 8) ** 0.5


def test_gradient_and_type():
    x = torch.ones(1000, dtype=torch.float64, requires_grad=True)
    y = dropout(x, 0.4)
    y.sum().backward()
    assert torch.equal(y.detach(), x.grad)
    assert dropout(torch.ones(8, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16
    assert mask((3, 5), 0.5, x).shape == (3, 5)
    assert dropout(torch.ones(0, 4), 0.5).shape == (0, 4)


def test_the_seed_decides():
    def draw(seed):
        torch.manual_seed(seed)
        return dropout(torch.ones(64), 0.5)

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_nothing_and_everything():
    x = torch.randn(50)
    assert dropout(x, 0.0) is x or torch.equal(dropout(x, 0.0), x)
    assert torch.equal(dropout(x, 0.7, training=False), x)
    assert torch.equal(dropout(x, 1.0), torch.zeros(50))
    with pytest.raises(ValueError, match="dropout probability"):
        dropout(x, 1.5)


def test_in_a_compiled_or_batched_program_it_is_torchs():
    torch.manual_seed(0)
    batched = torch.func.vmap(lambda x: dropout(x, 0.5), randomness="different")(torch.ones(4, 100))
    assert 0 < float((batched == 0).float().mean()) < 1
