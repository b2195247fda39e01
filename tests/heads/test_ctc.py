"""Connectionist temporal classification against brute force over all paths."""

import itertools

import numpy as np
import pytest
import torch

from elman.batch import Target
from elman.heads.ctc import CTC, align, best_symbols, steps_needed, symbols_of

F, V = 3, 2


def collapsed(path):
    """Repeated classes merged, then blanks left out."""
    merged = [k for n, k in enumerate(path) if n == 0 or path[n - 1] != k]
    return tuple(k for k in merged if k != V)


def paths(log_p, symbols):
    """Yields every path of the symbols, and its log-probability."""
    steps = len(log_p)
    for path in itertools.product(range(V + 1), repeat=steps):
        if collapsed(path) == tuple(symbols):
            yield path, sum(float(log_p[t, k]) for t, k in enumerate(path))


@pytest.fixture
def head():
    torch.manual_seed(1)
    return CTC(F, V).double()


@pytest.mark.parametrize("symbols", [(), (0,), (1, 0), (1, 1), (0, 1, 0)])
def test_the_loss_sums_over_every_path(head, symbols):
    features = torch.randn(5, 1, F, dtype=torch.float64)
    log_p = head.log_probabilities(features)[:, 0].detach()
    total = torch.tensor([p for _, p in paths(log_p, symbols)]).logsumexp(0)
    values = torch.tensor(symbols, dtype=torch.int64)[:, None]
    loss = head.loss(features, Target(values, lengths=torch.tensor([len(symbols)])))
    assert loss.sum.item() == pytest.approx(-float(total), rel=1e-5)
    assert loss.count == len(symbols)


def test_a_padded_batch_has_the_loss_of_its_rows(head):
    features = torch.randn(6, 4, F, dtype=torch.float64)
    values, read = torch.randint(V, (3, 4)), torch.tensor([6, 4, 5, 0])
    symbols, weights = torch.tensor([2, 1, 3, 0]), torch.tensor([1.0, 2.0, 0.5, 1.0])
    with head.single_losses() as single:
        loss = head.loss(features, Target(values, weights, symbols), read)
    alone = [
        head.loss(
            features[:n, [k]], Target(values[:u, [k]], lengths=torch.tensor([u])), torch.tensor([n])
        ).sum
        for k, (n, u) in enumerate(zip([6, 4, 5], [2, 1, 3], strict=True))
    ]
    expected = torch.stack([*alone, torch.zeros((), dtype=torch.float64)]) * weights
    torch.testing.assert_close(single[0], expected, check_dtype=False)
    torch.testing.assert_close(loss.sum, expected.sum(), check_dtype=False)
    assert loss.count == 2 * 1 + 1 * 2 + 3 * 0.5
    features[read[1] :, 1] = 1e6  # past the end of a row
    assert head.loss(features, Target(values, weights, symbols), read).sum == loss.sum


def test_a_row_too_short_for_its_symbols_has_an_infinite_loss_unless_its_weight_is_0(head):
    features, values = (
        torch.randn(2, 2, F, dtype=torch.float64, requires_grad=True),
        torch.tensor([[0, 0]] * 2),
    )
    assert steps_needed([0, 0]) == 3
    assert torch.isinf(head.loss(features, Target(values)).sum)
    target = Target(values, torch.tensor([0.0, 1.0]), torch.tensor([2, 1]))
    loss = head.loss(features, target)
    (gradient,) = torch.autograd.grad(loss.sum, features)
    assert torch.isfinite(loss.sum)
    assert loss.count == 1
    assert (gradient[:, 0] == 0).all()
    assert torch.isfinite(gradient).all()


def test_gradients_equal_numerical_ones(head):
    features = torch.randn(4, 2, F, dtype=torch.float64, requires_grad=True)
    target = Target(torch.tensor([[0, 1], [1, 1]]), lengths=torch.tensor([2, 1]))

    def loss(features, weight, bias):
        head.linear.weight.data, head.linear.bias.data = weight.data, bias.data
        log_p = torch.nn.functional.linear(features, weight, bias)
        head.log_probabilities = lambda _: log_p.log_softmax(-1)
        return head.loss(features, target, torch.tensor([4, 3])).sum

    torch.autograd.gradcheck(loss, (features, head.linear.weight, head.linear.bias))


def test_bfloat16_logits_are_summed_in_float32():
    head = CTC(F, V)
    features, target = torch.randn(200, 1, F), Target(torch.tensor([[0], [1]]))
    exact = head.loss(features, target)
    with torch.autocast("cpu", torch.bfloat16):
        rough = head.loss(features, target)
    assert rough.sum.dtype == torch.float32
    assert rough.sum.item() == pytest.approx(exact.sum.item(), rel=0.02)


def test_the_best_path_is_merged_and_without_blanks():
    path = [V, 0, 0, V, 0, 1, 1, V]
    log_p = np.log(np.full((8, 3), 0.1, np.float32))
    log_p[np.arange(8), path] = np.log([0.5, 0.6, 0.7, 0.8, 0.9, 0.5, 0.4, 0.5])
    read = best_symbols(log_p, V)
    assert read.ids.tolist() == [0, 0, 1]
    assert read.begins.tolist() == [1, 4, 5]
    assert read.ends.tolist() == [3, 5, 7]
    assert read.confidences == pytest.approx([0.7, 0.9, 0.5])
    assert [len(part) for part in best_symbols(log_p[:1], V)] == [0] * 4
    assert [len(part) for part in best_symbols(log_p[:0], V)] == [0] * 4


def test_rows_are_read_to_their_ends(head):
    features = torch.randn(6, 3, F, dtype=torch.float64)
    lengths = torch.tensor([6, 2, 0])
    for row, read in enumerate(head.read(features, lengths)):
        best = head.predict(features)[: lengths[row], row].tolist()
        assert tuple(read.ids) == collapsed(best)


@pytest.mark.parametrize("symbols", [(), (1,), (0, 0), (0, 1, 0)])
def test_the_alignment_is_the_best_path_of_its_symbols(head, symbols):
    log_p = head.log_probabilities(torch.randn(5, F, dtype=torch.float64)).detach().numpy()
    best, _ = max(paths(log_p, symbols), key=lambda each: each[1])
    path = align(log_p, symbols, V)
    assert tuple(path) == best
    assert tuple(symbols_of(path, log_p, V).ids) == symbols


def test_an_alignment_needs_enough_steps():
    with pytest.raises(ValueError, match="2 symbols need 3 steps"):
        align(np.zeros((2, 3)), (0, 0), V)
    assert align(np.zeros((0, 3)), (), V).shape == (0,)
