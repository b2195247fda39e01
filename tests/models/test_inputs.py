"""What a model reads: ids, numbers or planes."""

import numpy as np
import pytest
import torch
from agreement import randomise
from torch import nn

from elman.batch import Batch, Field, Target
from elman.cells import GRU, LSTM
from elman.data.batches.by_length import ByLength
from elman.data.batches.ragged import pad
from elman.data.features import write_features
from elman.heads.categorical import Categorical
from elman.heads.squared_error import SquaredError
from elman.layers import Recurrent
from elman.layers.attention import Additive, Attention
from elman.models.autoregressive import Autoregressive
from elman.models.classifier import Classifier
from elman.models.framewise import Framewise
from elman.models.inputs import PictureEncoder, encode
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling
from elman.models.seq2seq import Seq2Seq
from elman.train.loop import Loop, evaluate
from elman.train.options import TrainingOptions

V, E, H, SHAPE = 7, 4, 5, (3, 9, 6)
KINDS = ("ids", "numbers", "planes")


def encoder(kind: str) -> nn.Module | None:
    return {"ids": nn.Embedding(V, E), "numbers": None, "planes": PictureEncoder(*SHAPE, E, (4, 4))}[kind]


def values(kind: str, *leading: int) -> torch.Tensor:
    if kind == "ids":
        return torch.randint(V, leading)
    return torch.rand(*leading, *((E,) if kind == "numbers" else SHAPE))


def seq2seq(source: nn.Module | None, source_size: int | None = None, feeding: bool = False) -> Seq2Seq:
    net, decoder = Recurrent(LSTM(E, H)), Recurrent(LSTM(6 * (1 + feeding), H))
    attention = Additive(H, H)
    options = {"begin": 0, "input_feeding": feeding, "source": source, "source_size": source_size}
    return Seq2Seq(V, net, decoder, attention, **options)


MODELS = {
    "classifier": lambda kind: Classifier(layer(), Categorical(H, 3), Pooling(layer()), encoder(kind)),
    "pooled": lambda kind: Pooled(layer(), SquaredError(H, 2), embedding=encoder(kind)),
    "framewise": lambda kind: Framewise(layer(), SquaredError(H, 2), embedding=encoder(kind)),
    "seq2seq": lambda kind: seq2seq(encoder(kind) or nn.Identity()),
}


def layer() -> Recurrent:
    return Recurrent(LSTM(E, H))


def targets(name: str, T: int, B: int) -> Target:
    return {
        "classifier": lambda: Target(torch.randint(3, (B,))),
        "pooled": lambda: Target(torch.randn(B, 2)),
        "framewise": lambda: Target(torch.randn(T, B, 2), torch.ones(T, B)),
        "seq2seq": lambda: Target(torch.randint(V, (4, B))),
    }[name]()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_every_model_reads_every_kind_and_padding_changes_nothing(name, kind):
    model = randomise(MODELS[name](kind))
    batch = Batch(Field(values(kind, 6, 3), torch.tensor([6, 2, 4])), targets(name, 6, 3))
    if batch.targets.weights is not None:
        batch.targets.weights[2:, 1] = batch.targets.weights[4:, 2] = 0
    loss, _ = model(batch)
    loss.sum.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in reading_parameters(model))
    other = batch.inputs.values.clone()
    other[2:, 1], other[4:, 2] = values(kind, 4), values(kind, 2)
    again, _ = model(Batch(Field(other, batch.inputs.lengths), batch.targets))
    torch.testing.assert_close(again.sum, loss.sum)


def reading_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Those of the module in front of the layer."""
    slot = model.source_embedding if isinstance(model, Seq2Seq) else model.embedding
    return [] if slot is None else [*slot.parameters()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_steps_equals_the_whole(kind):
    model = randomise(Framewise(layer(), SquaredError(H, 2), embedding=encoder(kind))).eval()
    x = values(kind, 5, 1)
    whole, _ = model.predict(x)
    stream = model.stream()
    torch.testing.assert_close(torch.stack([stream.step(step) for step in x[:, 0]]), whole[:, 0])


RECURRENT = ["layer.bias_hh_l0", "layer.bias_ih_l0", "layer.weight_hh_l0", "layer.weight_ih_l0"]


def test_weights_keep_the_names_of_earlier_run_folders():
    """Each of these is what a run folder of version 0.1 holds."""
    models = {
        "language model": Autoregressive(V, Recurrent(GRU(E, H))),
        "text classifier": Classifier(layer(), Categorical(H, 3), Pooling(layer()), nn.Embedding(V, E)),
        "number classifier": Classifier(layer(), Categorical(H, 3), Pooling(layer())),
        "regression": Pooled(layer(), SquaredError(H, 2)),
        "anomalies": Framewise(layer(), SquaredError(H, 2)),
    }
    own = {
        "language model": ["embedding.weight", "head.bias", "head.weight"],
        "text classifier": ["embedding.weight", "head.bias", "head.weight", "temperature"],
        "number classifier": ["head.bias", "head.weight", "temperature"],
        "regression": ["head.linear.bias", "head.linear.weight"],
        "anomalies": ["head.linear.bias", "head.linear.weight"],
    }
    for name, model in models.items():
        assert sorted(model.state_dict()) == sorted([*own[name], *RECURRENT]), name
    for size, names in ((None, []), (V, ["source_embedding.weight"])):
        model = seq2seq(None, size) if size else Seq2Seq(V, *same_width(), begin=0)
        front = [key for key in model.state_dict() if "embedding" in key]
        assert front == ["embedding.weight", *names]


def same_width() -> tuple[Recurrent, Recurrent, Attention]:
    return layer(), layer(), Additive(H, H)


@pytest.mark.parametrize("feeding", [False, True])
def test_the_source_of_a_translator_has_a_width_of_its_own(feeding):
    model = randomise(seq2seq(nn.Identity(), feeding=feeding)).eval()
    assert model.embedding.embedding_dim == 6
    source = Field(values("numbers", 6, 2), torch.tensor([6, 3]))
    state = model.begin_decoding(source)
    log_p, _ = model.step(torch.zeros(2, dtype=torch.int64), state)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(2))
    first = model(Batch(source, Target(torch.ones(1, 2, dtype=torch.int64))))[0]
    torch.testing.assert_close(first.sum, -log_p[:, 1].sum())


def test_a_translators_impossible_sources_are_refused():
    with pytest.raises(ValueError, match="not both"):
        seq2seq(nn.Identity(), V)
    with pytest.raises(ValueError, match=r"input size must be 6, .* shared embedding. Got 4"):
        seq2seq(None)
    with pytest.raises(ValueError, match=r"must be even\. Got 7"):
        Seq2Seq(V, layer(), Recurrent(LSTM(7, H)), Additive(H, H), begin=0, input_feeding=True)


# Pictures


def test_a_picture_is_read_alike_wherever_it_stands():
    net = randomise(PictureEncoder(*SHAPE, E))
    x = torch.rand(4, 2, *SHAPE)
    assert net(x).shape == (4, 2, E)
    torch.testing.assert_close(net(x)[3, 1], net(x[3, 1]))


def test_pixels_are_shares_of_255():
    net = randomise(PictureEncoder(1, 5, 5, E))
    pixels = torch.randint(256, (2, 3, 1, 5, 5), dtype=torch.uint8)
    torch.testing.assert_close(net(pixels), net(pixels.float() / 255))


def test_where_something_is_in_a_picture_matters():
    net = randomise(PictureEncoder(1, 16, 16, E))
    left, right = torch.zeros(2, 1, 16, 16)
    left[:, 4:6, 2:4], right[:, 4:6, 10:12] = 1, 1
    assert (net(left) - net(right)).abs().max() > 1e-3


def test_eight_clips_are_learnt_by_heart_from_their_file(tmp_path):
    """From pixels on disk through batches by steps to classes."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 6, 8)
    clips = [rng.integers(0, 256, (n, 1, 8, 8)).astype(np.uint8) for n in lengths]
    features = write_features(tmp_path / "clips", clips)
    data = ByLength(features, torch.arange(8) % 3, features.lengths, steps_per_batch=20, seed=0)
    torch.manual_seed(0)
    layer = Recurrent(GRU(6, 16))
    model = Classifier(layer, Categorical(16, 3), Pooling(layer), PictureEncoder(1, 8, 8, 6, (8, 8)))
    assert evaluate(model, data).mean > 0.8
    Loop(model, data, None, TrainingOptions(epochs=60, learning_rate=0.02)).run()
    assert evaluate(model, data).mean < 0.05


def test_impossible_pictures_are_refused():
    with pytest.raises(ValueError, match="must be positive"):
        PictureEncoder(1, 0, 5, E)
    with pytest.raises(ValueError, match=r"must have the shape \[1, 5, 5\]\. Got \[1, 5, 4\]"):
        PictureEncoder(1, 5, 5, E)(torch.zeros(3, 1, 5, 4))


def test_dropout_is_on_what_an_encoder_gives_and_not_on_numbers():
    x = torch.ones(3, 2, E)
    assert torch.equal(encode(None, x, 0.5, True), x)
    assert torch.equal(encode(nn.Identity(), x, 0.5, True), x)
    embedded = encode(nn.Embedding(V, E), torch.zeros(50, 1, dtype=torch.int64), 0.5, True)
    assert 0 < (embedded == 0).float().mean() < 1


def test_clips_are_padded_as_the_bytes_that_they_are():
    clips = [np.full((n, *SHAPE), n, np.uint8) for n in (2, 3)]
    field = pad(clips)
    assert field.values.dtype == torch.uint8
    assert field.values.shape == (3, 2, *SHAPE)
    assert field.values[:, 0, 0, 0, 0].tolist() == [2, 2, 0]
