"""Running a model over batches."""

import pytest
import torch
from tiny import examples, regressor
from torch import nn

from elman.models.predict import device_of, predict


def test_each_batch_gives_its_own_result_in_order():
    model, data = regressor().eval(), examples(8, batch_size=3)
    results = list(predict(model, data.epoch(0), lambda batch: model.predict(batch.inputs)))
    assert [len(r) for r in results] == [3, 3, 2]
    for result, batch in zip(results, data.epoch(0), strict=True):
        torch.testing.assert_close(result, model.predict(batch.inputs).detach())


def test_no_gradient_is_kept_and_dropout_is_off():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    x = torch.ones(50, 3)
    (first,), (second,) = (list(predict(model, [x], model)) for _ in range(2))
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_put_back_into_its_mode(training):
    model = nn.Linear(2, 2).train(training)
    modes = []

    def f(x):
        modes.append(model.training)
        return model(x)

    list(predict(model, torch.ones(2, 1, 2), f))
    assert modes == [False, False]
    assert model.training is training
    some = predict(model, torch.ones(2, 1, 2), f)
    next(some)
    some.close()  # as when the consumer has seen enough
    assert model.training is training
    with pytest.raises(ZeroDivisionError):
        list(predict(model, torch.ones(2, 1, 2), lambda x: 1 / 0))
    assert model.training is training


def test_batches_go_to_the_models_device_and_are_read_one_at_a_time():
    model, read = nn.Linear(2, 2, device="meta"), []
    assert device_of(model) == torch.device("meta")

    def batches():
        for number in range(3):
            read.append(number)
            yield torch.ones(1, 2)

    results = predict(model, batches(), lambda x: (str(x.device), len(read)))
    assert next(results) == ("meta", 1)
    assert list(results) == [("meta", 2), ("meta", 3)]
