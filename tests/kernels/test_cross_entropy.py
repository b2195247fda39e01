"""The loss over many classes, some rows at a time."""

import pytest
import torch
import torch.nn.functional as F
from agreement import randomise
from torch import nn

from elman.batch import Target
from elman.heads.categorical import Categorical
from elman.kernels import cross_entropy
from elman.kernels.cross_entropy import is_worthwhile, linear_cross_entropy

N, SIZE, CLASSES = 11, 3, 7


@pytest.fixture(autouse=True)
def few_rows_at_a_time(monkeypatch):
    """Three rows of the classes here; the last part has two."""
    monkeypatch.setattr(cross_entropy, "_TABLE", 3 * CLASSES)


def drawn(dtype=torch.float64):
    features, weight, bias = torch.randn(N, SIZE), torch.randn(CLASSES, SIZE), torch.randn(CLASSES)
    tensors = [t.to(dtype).requires_grad_() for t in (features, weight, bias)]
    return tensors, torch.randint(CLASSES, (N,)), torch.rand(N, dtype=dtype) * (torch.rand(N) < 0.7)


def plain(tensors, targets, weights, smoothing):
    losses = F.cross_entropy(F.linear(*tensors), targets, reduction="none", label_smoothing=smoothing)
    return (losses if weights is None else losses * weights).sum()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_torchs_cross_entropy_with_its_gradients(smoothing, weighted):
    tensors, targets, weights = drawn()
    weights = weights if weighted else None
    expected = plain(tensors, targets, weights, smoothing)
    found = linear_cross_entropy(*tensors, targets, weights, smoothing)
    torch.testing.assert_close(found, expected)
    pairs = zip(
        torch.autograd.grad(3 * found, tensors), torch.autograd.grad(3 * expected, tensors), strict=True
    )
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs)


def test_large_logits_do_not_overflow():
    (features, weight, bias), targets, _ = drawn(torch.float32)
    found = linear_cross_entropy(1e4 * features, weight, bias, targets)
    torch.testing.assert_close(found, plain((1e4 * features, weight, bias), targets, None, 0.0))


def test_under_autocast_products_are_bfloat16_and_the_rest_is_float32():
    tensors, targets, _ = drawn(torch.float32)
    expected = plain(tensors, targets, None, 0.0)
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_cross_entropy(*tensors, targets)
    assert found.dtype == torch.float32
    assert found != expected
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0)
    for ours, theirs in zip(
        torch.autograd.grad(found, tensors), torch.autograd.grad(expected, tensors), strict=True
    ):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_no_gradient_is_made_where_none_is_wanted(monkeypatch):
    monkeypatch.setattr(cross_entropy, "_collect", None)
    (features, weight, bias), targets, _ = drawn()
    with torch.no_grad():
        assert not linear_cross_entropy(features, weight, bias, targets).requires_grad
    constant = [t.detach() for t in (features, weight, bias)]
    assert not linear_cross_entropy(*constant, targets).requires_grad


def test_it_refuses_to_be_differentiated_twice():
    tensors, targets, _ = drawn()
    with pytest.raises(RuntimeError, match="twice"):
        torch.autograd.grad(linear_cross_entropy(*tensors, targets), tensors, create_graph=True)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_head_with_many_classes_gives_what_one_with_few_gives(monkeypatch, weighted):
    """With an embedding as its weight, in training, as a language model has it."""
    embedding = nn.Embedding(CLASSES, SIZE).double()
    head = randomise(Categorical(SIZE, CLASSES, embedding, label_smoothing=0.1).double())
    features = torch.randn(4, 3, SIZE, dtype=torch.float64)
    target = Target(torch.randint(CLASSES, (4, 3)), torch.rand(4, 3).double() if weighted else None)
    assert is_worthwhile(features.flatten(0, 1), embedding.weight)

    def told():
        loss = head.loss(features, target)
        return *loss, *torch.autograd.grad(loss.sum, [embedding.weight, head.bias])

    found = told()
    monkeypatch.setattr(cross_entropy, "_TABLE", 10**6)
    assert not is_worthwhile(features.flatten(0, 1), embedding.weight)
    for ours, theirs in zip(found, told(), strict=True):
        torch.testing.assert_close(ours, theirs, check_dtype=False)


def test_what_follows_operators_sees_torchs(monkeypatch):
    """Vectorised gradients and the single losses of gradient flow need every logit."""
    embedding = nn.Embedding(CLASSES, SIZE)
    head = randomise(Categorical(SIZE, CLASSES, embedding))
    features, targets = torch.randn(5, 4, SIZE), torch.randint(CLASSES, (5, 4))
    each = torch.func.vmap(lambda f, t: head.loss(f, Target(t)).sum)(features, targets)
    with head.single_losses() as single:
        head.loss(features, Target(targets))
    torch.testing.assert_close(each, single[0].sum(1))
