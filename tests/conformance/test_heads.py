"""What every head promises, measured; a new file in ``heads/`` without a case here fails."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from agreement import randomise
from torch import Tensor, nn
from torch.func import functional_call

from elman import registry
from elman.batch import Target
from elman.heads.base import Distribution, Head
from elman.heads.categorical import Categorical
from elman.heads.multi_label import MultiLabel
from elman.heads.negative_binomial import NegativeBinomial
from elman.heads.normal import Normal
from elman.heads.quantile import Quantile
from elman.heads.squared_error import SquaredError
from elman.heads.student_t import StudentT
from elman.models.autoregressive import Autoregressive

F, OUT = 3, 4
LEADING = [(5,), (4, 3), (1, 1)]  # sequences [B]; steps [T, B]


class Case(NamedTuple):
    make: Callable[[], Head]
    target: Callable[[tuple[int, ...]], Tensor]
    """Random targets with these leading axes."""
    worse: Callable[[Tensor], list[Tensor]]
    """Targets that the prediction must fit better than."""


CASES = {
    "categorical": Case(
        lambda: Categorical(F, OUT),
        lambda leading: torch.randint(OUT, leading),
        lambda best: [(best + k) % OUT for k in range(1, OUT)],
    ),
    "negative-binomial": Case(
        lambda: NegativeBinomial(F),
        lambda leading: torch.randint(6, leading).double(),
        lambda best: [best + 2, best + 9, (best - 2).clamp(min=0) + 4 * (best < 2)],
    ),
    "normal": Case(
        lambda: Normal(F),
        lambda leading: torch.randn(leading, dtype=torch.float64),
        lambda best: [best - 0.1, best + 0.1],
    ),
    "quantile": Case(
        lambda: Quantile(F),
        lambda leading: torch.randn(leading, dtype=torch.float64),
        lambda best: [best - 0.1, best + 0.1],
    ),
    "student-t": Case(
        lambda: StudentT(F),
        lambda leading: torch.randn(leading, dtype=torch.float64),
        lambda best: [best - 0.1, best + 0.1],
    ),
    "multi-label": Case(
        lambda: MultiLabel(F, OUT),
        lambda leading: torch.randint(2, (*leading, OUT)).double(),
        lambda best: [(best + flip) % 2 for flip in torch.eye(OUT)] + [1 - best],
    ),
    "squared-error": Case(
        lambda: SquaredError(F, OUT),
        lambda leading: torch.randn(*leading, OUT, dtype=torch.float64),
        lambda best: [best + step for step in torch.eye(OUT).mul(0.1)] + [best - 0.1],
    ),
}
NAMES = registry.names("heads")
each_head = pytest.mark.parametrize("name", NAMES)
each_distribution = pytest.mark.parametrize(
    "name", [name for name in NAMES if issubclass(registry.find("heads", name, Head), Distribution)]
)
each_shape = pytest.mark.parametrize("leading", LEADING, ids=str)


def make(name: str) -> Head:
    return randomise(CASES[name].make().double())


def draw(name: str, leading: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    return torch.randn(*leading, F, dtype=torch.float64), CASES[name].target(leading)


def one_by_one(head: Head, features: Tensor, values: Tensor, leading: tuple[int, ...]) -> Tensor:
    """Each target's loss, asked for alone."""
    alone = [
        head.loss(f[None], Target(v[None])).sum
        for f, v in zip(features.flatten(0, -2), values.flatten(0, len(leading) - 1), strict=True)
    ]
    return torch.stack(alone).view(leading)


def test_every_head_has_a_case():
    assert set(CASES) == set(NAMES)
    for name in NAMES:
        assert type(CASES[name].make()) is registry.find("heads", name, Head)
        assert "Units:" in registry.find("heads", name, Head).__doc__


@each_head
@each_shape
def test_the_loss_is_a_sum_and_a_count(name, leading):
    head, (features, values) = make(name), draw(name, leading)
    loss = head.loss(features, Target(values))
    alone = one_by_one(head, features, values, leading)
    assert loss.sum.shape == loss.count.shape == ()
    assert loss.count == math.prod(leading)
    torch.testing.assert_close(loss.sum, alone.sum())
    # and so a batch's is the sum of its rows', padding aside
    rows = [
        head.loss(f, Target(v)).sum
        for f, v in zip(features.split(1, -2), values.split(1, len(leading) - 1), strict=True)
    ]
    torch.testing.assert_close(loss.sum, torch.stack(rows).sum())


@each_head
@each_shape
def test_weights_scale_each_target(name, leading):
    head, (features, values) = make(name), draw(name, leading)
    weights = torch.rand(leading, dtype=torch.float64) * 3
    loss = head.loss(features, Target(values, weights))
    torch.testing.assert_close(loss.sum, (one_by_one(head, features, values, leading) * weights).sum())
    torch.testing.assert_close(loss.count, weights.sum())
    ones = head.loss(features, Target(values, torch.ones(leading, dtype=torch.float64)))
    torch.testing.assert_close(ones, head.loss(features, Target(values)), check_dtype=False)


@each_head
@each_shape
def test_single_losses_are_told(name, leading):
    head, (features, values) = make(name), draw(name, leading)
    alone = one_by_one(head, features, values, leading)
    weights = torch.rand(leading, dtype=torch.float64) + 0.1
    weights.view(-1)[1:2] = 0
    with head.single_losses() as told:
        plain, weighted = head.loss(features, Target(values)), head.loss(features, Target(values, weights))
    torch.testing.assert_close(told[0], alone)
    torch.testing.assert_close(
        told[1], (alone * weights).masked_fill(weights == 0, torch.nan), equal_nan=True
    )
    torch.testing.assert_close(plain, head.loss(features, Target(values)))
    torch.testing.assert_close(weighted, head.loss(features, Target(values, weights)))
    assert len(told) == 2  # none after it


@each_head
def test_a_weight_of_0_drops_a_target(name):
    leading = (4, 3)
    head, (features, values) = make(name), draw(name, leading)
    weights = torch.ones(leading, dtype=torch.float64)
    weights[1, 2] = weights[3, 0] = 0
    features.requires_grad_()
    loss = head.loss(features, Target(values, weights))
    (gradient,) = torch.autograd.grad(loss.sum, features)
    assert torch.equal(gradient.abs().sum(-1) > 0, weights > 0)
    other = torch.where(
        weights.view(4, 3, *[1] * (values.dim() - 2)) > 0, values, CASES[name].target(leading)
    )
    assert torch.equal(loss.sum, head.loss(features, Target(other, weights)).sum)
    assert loss.count == 10


@each_head
def test_a_padded_batch_has_the_loss_of_its_rows(name):
    head, (features, values) = make(name), draw(name, (4, 3))
    lengths = torch.tensor([4, 1, 2])
    weights = (torch.arange(4)[:, None] < lengths).double()
    loss = head.loss(features, Target(values, weights, lengths), lengths)
    rows = [
        head.loss(features[:n, [k]], Target(values[:n, [k]]), torch.tensor([n])).sum
        for k, n in enumerate(lengths.tolist())
    ]
    torch.testing.assert_close(loss.sum, torch.stack(rows).sum())
    assert loss.count == lengths.sum()


@each_head
def test_gradients_equal_numerical_ones(name):
    head, (features, values) = make(name), draw(name, (2, 3))
    weights = torch.rand(2, 3, dtype=torch.float64)
    names, parameters = zip(*head.named_parameters(), strict=True)

    def loss(features: Tensor, *given: Tensor) -> Tensor:
        head.forward = head.loss
        named = dict(zip(names, given, strict=True))
        return functional_call(head, named, (features, Target(values, weights))).sum

    assert torch.autograd.gradcheck(loss, (features.requires_grad_(), *parameters))


@each_head
@each_shape
def test_the_prediction_is_the_target_of_the_least_loss(name, leading):
    head, (features, _) = make(name), draw(name, leading)
    best = head.predict(features)
    least = one_by_one(head, features, best, leading)
    for other in CASES[name].worse(best):
        assert (one_by_one(head, features, other, leading) > least).all()


# Draws


@each_distribution
@pytest.mark.parametrize("leading", [(5,), (4, 3)], ids=str)
def test_draws_do_not_depend_on_what_stands_beside_them(name, leading):
    head, features = make(name), torch.randn(*leading, 1, F, dtype=torch.float64)
    scale = torch.rand(*leading, 1, dtype=torch.float64) * 50 + 0.1

    def draws(rows: slice | list[int]) -> tuple[Tensor, Tensor]:
        torch.manual_seed(1)
        return head.sample(features[rows], 30, scale[rows]), torch.rand(2)

    (every, after), (some, later) = draws(slice(None)), draws([3, 1])
    assert every.shape == (*leading, 30)
    torch.testing.assert_close(some, every[[3, 1]])
    assert torch.equal(after, later)  # and take as many random numbers


@each_distribution
def test_draws_have_the_distribution_of_the_loss(name):
    head, features = make(name).requires_grad_(False), torch.randn(1, 1, F, dtype=torch.float64)
    found, features = head.sample(features, 20_000)[0], features[0]
    if name == "quantile":
        at = torch.tensor([0.025, 0.3, 0.5, 0.62, 0.975], dtype=torch.float64)
        grid, below = head.quantiles(features, at)[:, 0], at
    else:
        whole = name == "negative-binomial"
        grid = torch.arange(3000.0) if whole else torch.linspace(-300, 300, 60_001)
        with head.single_losses() as told:
            head.loss(features.expand(len(grid), F), Target(grid.double()))
        below = (-told[0]).exp().cumsum(0) * (1 if whole else 0.01)
        assert below[-1] == pytest.approx(1, abs=0.01)
    share = torch.searchsorted(found.sort().values, grid.double(), right=True) / len(found)
    torch.testing.assert_close(share, below, atol=0.02, rtol=0, check_dtype=False)


# Numbers by hand


def test_a_categorical_head_by_hand():
    head = Categorical(1, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0], [1.0], [2.0]]) * math.log(2))
        head.bias.copy_(torch.tensor([0.0, 0.0, math.log(2)]))
    features = torch.tensor([[1.0], [0.0]])  # odds 1 : 2 : 8 and 1 : 1 : 2
    assert head.predict(features).tolist() == [2, 2]
    loss = head.loss(features, Target(torch.tensor([1, 2])))
    assert loss.sum.item() == pytest.approx(math.log(11 / 2) + math.log(4 / 2))
    assert loss.count == 2


def test_label_smoothing_by_hand():
    head = Categorical(F, OUT, label_smoothing=0.2)
    features, values = torch.randn(5, F), torch.randint(OUT, (5,))
    log_p = head.logits(features).log_softmax(-1)
    plain = -log_p.gather(1, values[:, None])[:, 0]
    smooth = 0.8 * plain - 0.2 * log_p.mean(-1)
    weights = torch.rand(5)
    torch.testing.assert_close(head.loss(features, Target(values)).sum, smooth.sum())
    torch.testing.assert_close(head.loss(features, Target(values, weights)).sum, (smooth * weights).sum())
    head.eval()  # what is measured is the model's own
    torch.testing.assert_close(head.loss(features, Target(values)).sum, plain.sum())


def test_class_weights_multiply_the_loss_and_not_the_count():
    head = Categorical(1, 2, class_weights=[3.0, 0.5])
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0], [math.log(3)]]))  # odds 1 : 3
    target = torch.tensor([0, 1, 1])
    for weights in (None, torch.ones(3)):
        loss = head.loss(torch.ones(3, 1), Target(target, weights))
        assert loss.sum.item() == pytest.approx(3 * math.log(4) + 2 * 0.5 * math.log(4 / 3))
        assert loss.count == 3
    assert set(head.state_dict()) == {"weight", "bias"}


def test_a_multi_label_head_by_hand():
    features, target = torch.tensor([[1.0], [0.0]]), Target(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    for weights, first in ((None, 1.0), ([2.0, 5.0], 2.0)):
        head = MultiLabel(1, 2, weights)
        with torch.no_grad():
            head.weight.copy_(torch.tensor([[1.0], [0.0]]) * math.log(3))  # odds 3 : 1 and 1 : 1, then 1 : 1
            head.bias.zero_()
        assert head.predict(features).tolist() == [[1, 0], [0, 0]]
        loss = head.loss(features, target)
        second = 1.0 if weights is None else 5.0
        wanted = first * math.log(4 / 3) + math.log(2) + math.log(2) + second * math.log(2)
        assert loss.sum.item() == pytest.approx(wanted / 2)
        assert loss.count == 2
        assert set(head.state_dict()) == {"weight", "bias"}


def test_a_squared_error_head_by_hand():
    head = SquaredError(1, 2)
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[2.0], [0.0]]))
        head.linear.bias.copy_(torch.tensor([0.0, 1.0]))
    features = torch.tensor([[1.0], [3.0]])
    assert head.predict(features).tolist() == [[2, 1], [6, 1]]
    loss = head.loss(features, Target(torch.tensor([[0.0, 0.0], [6.0, 4.0]]), torch.tensor([1.0, 0.5])))
    assert loss.sum == (4 + 1) / 2 + 0.5 * (0 + 9) / 2
    assert loss.count == 1.5


def test_a_tied_head_uses_the_embeddings_weight_and_keeps_none_of_its_own():
    embedding = nn.Embedding(OUT, F)
    head = Categorical(F, OUT, tied=embedding)
    assert set(head.state_dict()) == {"bias"}
    features = torch.randn(5, F)
    torch.testing.assert_close(head.logits(features), features @ embedding.weight.T)
    with torch.no_grad():
        embedding.weight.mul_(2)
    torch.testing.assert_close(head.logits(features), features @ embedding.weight.T)
    head.loss(features, Target(torch.zeros(5, dtype=torch.int64))).sum.backward()
    assert embedding.weight.grad.abs().sum() > 0


def test_a_tied_models_weight_is_saved_once():
    from elman.cells import LSTM
    from elman.layers import Recurrent

    model = Autoregressive(OUT, Recurrent(LSTM(F, F)), tied=True)
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    assert [name for name, shape in shapes.items() if shape == [OUT, F]] == ["embedding.weight"]
    assert len(list(model.parameters())) == 6
    # both of its uses reach it
    used = [
        torch.autograd.grad(loss, model.embedding.weight)[0]
        for loss in (model.features(torch.tensor([[1]]))[0].sum(), model.head.logits(torch.ones(1, F)).sum())
    ]
    assert all(gradient.abs().sum() > 0 for gradient in used)
