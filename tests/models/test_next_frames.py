"""The model of the next frame: its own predictions, patches, the linear prediction that it begins with."""

import pytest
import torch
from agreement import randomise

from elman.batch import Field, FrameBatch, Target
from elman.cells import ConvGRU, ConvLSTM
from elman.data.video.terms import TERMS, blurred, linear_terms
from elman.layers import Recurrent
from elman.models.next_frames import LOSSES, NextFrames, pixels

T, B, C, HEIGHT, WIDTH, P = 6, 3, 2, 6, 7, 2


def model_of(loss: str = LOSSES[0], kind: type = ConvGRU, **options) -> NextFrames:
    return NextFrames(Recurrent(kind(C * P * P, 4), 2), (C, HEIGHT, WIDTH), P, loss, **options)


def frames_of(steps: int = T) -> torch.Tensor:
    return torch.rand(steps, B, C, HEIGHT, WIDTH)


def batch_of(frames: torch.Tensor, told: torch.Tensor) -> FrameBatch:
    return FrameBatch(Field(frames), Target(frames[1:]), told)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [ConvGRU, ConvLSTM])
def test_a_prediction_reads_its_own_frames(loss, kind):
    model, frames = randomise(model_of(loss, kind)).eval(), frames_of()
    three = model.predict(frames, 3)
    assert three.shape == (3, B, C, HEIGHT, WIDTH)
    assert 0 <= three.min() < three.max() <= 1
    one = model.predict(frames, 1)
    torch.testing.assert_close(one[0], three[0])
    torch.testing.assert_close(model.predict(torch.cat([frames, one]), 2), three[1:])


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_that_of_the_frames_it_reads(loss):
    model, frames = randomise(model_of(loss)).eval(), frames_of()
    told = torch.ones(T, B, dtype=torch.bool)
    told[4:, 1] = False
    value = model(batch_of(frames, told))[0]
    assert value.count == (T - 1) * B
    own = model.predict(frames[:4], 1)[0]
    read = frames.clone()
    read[4, 1] = own[1]
    predicted = torch.stack([model.predict(read[:t], 1)[0] for t in range(1, T)])
    if loss == LOSSES[0]:
        return  # the loss is that of predictions before they are clipped
    expected = torch.nn.functional.binary_cross_entropy(predicted, frames[1:], reduction="none")
    torch.testing.assert_close(value.sum, expected.flatten(2).mean(-1).sum(), rtol=1e-4, atol=1e-4)


def test_it_begins_near_copying_and_near_any_linear_prediction():
    model, frames = model_of().eval(), frames_of()
    assert (model.predict(frames, 2) - frames[-1]).abs().max() < 0.1
    with torch.no_grad():
        model.readout.weight.zero_()
        model.anchor.copy_(torch.tensor([1.5, -0.5, 0, 0, 0, 0, 0.01]))
    wanted = (1.5 * frames[-1] - 0.5 * frames[-2] + 0.01).clamp(0, 1)
    torch.testing.assert_close(model.predict(frames, 1)[0], wanted)


def test_a_prediction_is_the_mixture_of_its_candidates():
    model, frames = randomise(model_of(horizon=2)).eval(), frames_of()
    candidates = model.candidates(frames, 3)
    assert candidates.shape == (3, 3, B, C, HEIGHT, WIDTH)
    torch.testing.assert_close(model.predict(frames, 3), candidates[0])
    with torch.no_grad():
        model.linear.copy_(torch.tensor([[1.5, -0.5, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0.1]]))
        model.mixing.copy_(torch.tensor([[0.5, 0.5, 0], [0.25, 0.5, 0.25]]))
    last, before = frames[-1], frames[-2]
    later = (blurred(last, 1.0) + 0.1).clamp(0, 1)
    wanted = [
        (candidates[0, 0] + (1.5 * last - 0.5 * before).clamp(0, 1)) / 2,
        *((candidates[0, k] + 2 * later + last) / 4 for k in (1, 2)),
    ]
    torch.testing.assert_close(model.predict(frames, 3), torch.stack(wanted))


def test_bytes_are_pixels():
    model, frames = model_of().eval(), (255 * frames_of()).byte()
    torch.testing.assert_close(model.predict(frames, 2), model.predict(frames.float() / 255, 2))
    assert pixels(frames).max() <= 1


def test_every_parameter_learns_from_its_own_predictions():
    model, frames = randomise(model_of()), frames_of()
    told = torch.zeros(T, B, dtype=torch.bool)
    told[:2] = True
    model(batch_of(frames, told))[0].sum.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_terms_are_frames_and_their_blurred_forms():
    last, before = torch.rand(2, 1, 9, 8), torch.rand(2, 1, 9, 8)
    terms = linear_terms(last, before)
    assert terms.shape == (TERMS, 2, 1, 9, 8)
    assert torch.equal(terms[0], last)
    assert torch.equal(terms[1], before)
    assert torch.equal(terms[-1], torch.ones_like(last))
    torch.testing.assert_close(terms[4], blurred(last, 2.0))
    constant = torch.full((1, 9, 8), 0.3)
    torch.testing.assert_close(blurred(constant, 2.0), constant)
    point = torch.zeros(1, 21, 21)
    point[0, 10, 10] = 1
    spread = blurred(point, 1.0)
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    places = torch.arange(21.0) - 10
    assert (spread.sum((0, 1)) * places**2).sum() == pytest.approx(1, abs=0.03)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"^the layer's input_size must be 8\. Got 4\.$"):
        NextFrames(Recurrent(ConvGRU(4, 4)), (C, HEIGHT, WIDTH), P)
    with pytest.raises(
        ValueError, match=r"^loss must be one of squared-error, cross-entropy\. Got 'hinge'\.$"
    ):
        model_of("hinge")
