"""Models: a step is the full pass taken apart, the future is not seen, padding does not count."""

import pytest
import torch
from agreement import randomise
from torch import Tensor

from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM, Cell, Elman, PeepholeLSTM, ProjectedLSTM
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.models.autoencoder import Autoencoder
from elman.models.autoregressive import Autoregressive
from elman.models.framewise import Framewise
from elman.models.pooled import Pooled

V, I, H, T, B = 11, 5, 6, 9, 4
each_cell = pytest.mark.parametrize("cell", [Elman, GRU, LSTM, ProjectedLSTM, PeepholeLSTM])


def language_model(cell: type[Cell] = LSTM, **options: object) -> Autoregressive:
    layer = Recurrent(cell(I, H), dtype=torch.float64, **options)
    return randomise(Autoregressive(V, layer, dropout=0.5).double()).eval()


def pooled(cell: type[Cell] = LSTM, **options: object) -> Pooled:
    layer = Recurrent(cell(I, H), **options)
    return randomise(Pooled(layer, SquaredError(layer.output_size, 2)).double()).eval()


# Autoregressive


@each_cell
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "residual": True, "learned_state": True}], ids=str)
def test_stepwise_logits_equal_those_of_a_full_pass(cell, options):
    model = language_model(cell, **options)
    tokens = torch.randint(V, (T, B))
    features, final = model.features(tokens)
    stream = model.stream(B)
    logits = [stream.step(token) for token in tokens]
    torch.testing.assert_close(torch.stack(logits), model.head.logits(features), rtol=0, atol=1e-12)
    torch.testing.assert_close(stream.state, final, rtol=0, atol=1e-12)


@each_cell
def test_no_later_token_changes_a_feature(cell):
    model = language_model(cell)
    tokens = torch.randint(V, (T, B))
    features, _ = model.features(tokens)
    for t in range(T):
        changed = tokens.clone()
        changed[t:] = (changed[t:] + 1) % V
        others, _ = model.features(changed)
        assert torch.equal(others[:t], features[:t])
        assert not torch.isclose(others[t], features[t]).all(-1).any()


def test_a_models_loss_is_its_heads_and_its_state_is_carried():
    model = language_model()
    tokens = torch.randint(V, (T + 1, B))
    whole, final = model(Batch(Field(tokens[:-1]), Target(tokens[1:])))
    scores = model.head.logits(model.features(tokens[:-1])[0]).log_softmax(-1)
    torch.testing.assert_close(whole.sum, -scores.gather(-1, tokens[1:, :, None]).sum())
    assert whole.count == T * B
    first, state = model(Batch(Field(tokens[:4]), Target(tokens[1:5])))
    second, state = model(Batch(Field(tokens[4:-1]), Target(tokens[5:])), state)
    torch.testing.assert_close(first.sum + second.sum, whole.sum)
    torch.testing.assert_close(state, final)


def test_lengths_and_resets_reach_the_layer():
    model = language_model()
    tokens = torch.randint(V, (T, B))
    lengths, resets = torch.tensor([9, 3, 5, 1]), torch.zeros(T, B, dtype=torch.bool)
    resets[2, 0] = True
    x = model.embedding(tokens)
    batch = Batch(Field(tokens, lengths, resets), Target(tokens))
    wanted = model.head.loss(model.layer(x, None, lengths, resets)[0], batch.targets).sum
    assert torch.equal(model(batch)[0].sum, wanted)
    assert not torch.isclose(wanted, model(Batch(Field(tokens), Target(tokens)))[0].sum)


def test_dropout_works_in_training_alone():
    model, tokens = language_model(), torch.randint(V, (T, B))
    assert torch.equal(model.features(tokens)[0], model.features(tokens)[0])
    dropped = (model.train().features(tokens)[0] == 0).float().mean()
    assert 0.3 < dropped < 0.7


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="cannot be bidirectional"):
        Autoregressive(V, Recurrent(LSTM(I, H), bidirectional=True))
    with pytest.raises(ValueError, match=r"output size \(6\) equal to the embedding size \(5\)"):
        Autoregressive(V, Recurrent(LSTM(I, H)), tied=True)
    # what counts is the layer's output, not its units
    Autoregressive(V, Recurrent(ProjectedLSTM(I, H, proj_size=I)), tied=True)


# Pooled


@each_cell
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forward", "both"])
def test_padding_changes_nothing(cell, bidirectional):
    model = pooled(cell, num_layers=2, bidirectional=bidirectional)
    x, lengths = torch.randn(T, B, I, dtype=torch.float64), torch.tensor([3, T, 1, 6])
    alone = torch.cat([model.predict(Field(x[:n, [b]])) for b, n in enumerate(lengths.tolist())])
    for padding in (0.0, 1e3):
        padded = x.clone()
        for b, n in enumerate(lengths.tolist()):
            padded[n:, b] = padding
        torch.testing.assert_close(model.predict(Field(padded, lengths)), alone, rtol=0, atol=1e-12)


def by_hand(layer: Recurrent, x: Tensor) -> Tensor:
    """h after the last step of h' = tanh(W x + b + U h + c) forward, and after the first in reverse."""
    ends = []
    for suffix, steps in (("", range(len(x))), ("_reverse", reversed(range(len(x))))):
        w, u, b, c = (
            getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = torch.zeros(H, dtype=torch.float64)
        for t in steps:
            h = torch.tanh(w @ x[t] + b + u @ h + c)
        ends.append(h)
    return torch.cat(ends)


def test_of_both_directions_each_ones_end_is_taken():
    model = pooled(Elman, bidirectional=True)
    x, lengths = torch.randn(T, 3, I, dtype=torch.float64), [T, 1, 4]
    wanted = torch.stack([by_hand(model.layer, x[:n, b]) for b, n in enumerate(lengths)])
    torch.testing.assert_close(model.features(Field(x, torch.tensor(lengths))), wanted, rtol=0, atol=1e-12)


def test_the_output_state_of_the_last_layer_is_pooled():
    model = pooled(ProjectedLSTM, num_layers=2)  # its output is not its first state's size
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert torch.equal(model.features(Field(x)), model.layer(x)[0][-1])
    loss, state = model(Batch(Field(x), Target(torch.zeros(B, 2, dtype=torch.float64))))
    torch.testing.assert_close(loss.sum, model.predict(Field(x)).square().mean(-1).sum())
    assert state is None


# Framewise


def framewise(
    cell: type[Cell] = LSTM, dropout: float = 0.0, passed_on: bool = False, **options: object
) -> Framewise:
    layer = Recurrent(cell(I, H), **options)
    head = SquaredError(layer.output_size + I * passed_on, 2)
    return randomise(Framewise(layer, head, dropout, passed_on=passed_on)).eval()


@pytest.mark.parametrize("passed_on", [False, True])
@each_cell
def test_every_step_is_answered_and_stepwise_alike(cell, passed_on):
    model, x = framewise(cell, num_layers=2, passed_on=passed_on), torch.randn(T, B, I)
    whole, _ = model.predict(x)
    assert whole.shape == (T, B, 2)
    first, state = model.predict(x[:4])
    second, _ = model.predict(x[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    stream = model.stream()
    steps = torch.stack([stream.step(step).clone() for step in x[:, 0]])
    torch.testing.assert_close(steps, whole[:, 0], rtol=1e-5, atol=1e-5)


def test_the_loss_of_every_step_is_that_of_its_prediction():
    model, x, y = framewise(), torch.randn(T, B, I), torch.randn(T, B, 2)
    loss, state = model(Batch(Field(x), Target(y)))
    torch.testing.assert_close(loss.sum, (model.predict(x)[0] - y).square().mean(-1).sum())
    assert (loss.count, state) == (T * B, None)
    torch.manual_seed(0)
    dropped = framewise(dropout=0.5).train()
    assert not torch.equal(dropped.predict(x)[0], dropped.predict(x)[0])


def test_a_head_that_reads_the_inputs_too_depends_on_them_without_the_layer():
    model, x = framewise(passed_on=True), torch.randn(T, B, I)
    with torch.no_grad():
        for weight in model.layer.parameters():
            weight.zero_()
    found = model.predict(x)[0]
    torch.testing.assert_close(found, model.head.predict(torch.cat([torch.zeros(T, B, H), x], -1)))
    torch.testing.assert_close(model.features(Field(x))[..., H:], x)


# Autoencoder


def autoencoder(cell: type[Cell] = LSTM, window: int = T, **options: object) -> Autoencoder:
    encoder = Recurrent(cell(I, H), **options)
    decoder = Recurrent(cell(encoder.output_size, H), **options)
    return randomise(Autoencoder(encoder, decoder, SquaredError(decoder.output_size, 2), window)).eval()


@each_cell
def test_a_window_is_reconstructed_from_its_end(cell):
    model, x = autoencoder(cell), torch.randn(T, B, I)
    code = model.encoder(x)[0][-1]
    backwards, _ = model.decoder(torch.stack([code] * T))
    torch.testing.assert_close(model.predict(x), model.head.predict(backwards.flip(0)))
    torch.testing.assert_close(model.last(x), model.predict(x)[-1])


def test_it_is_trained_to_give_back_what_it_read_in_order():
    model, x, y = autoencoder(), torch.randn(T, B, I), torch.randn(T, B, 2)
    loss, state = model(Batch(Field(x), Target(y)))
    torch.testing.assert_close(loss.sum, (model.predict(x) - y).square().mean(-1).sum())
    assert (loss.count, state) == (T * B, None)


def test_its_stream_reconstructs_each_step_from_the_window_it_ends():
    model, x = autoencoder(window=4), torch.randn(T, I)
    stream = model.stream()
    found = torch.stack([stream.step(step) for step in x])
    wanted = [model.predict(x[max(0, t - 3) : t + 1, None])[-1, 0] for t in range(T)]
    torch.testing.assert_close(found, torch.stack(wanted), rtol=1e-5, atol=1e-5)
