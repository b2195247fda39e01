"""N-gram counts beside the network of a language model."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from tiny import SMALL, text

import elman
from elman.baselines.ngram import witten_bell_nats
from elman.errors import InputError
from elman.tasks.language_model.task import LanguageModel
from elman.tasks.shared import token_streams
from elman.tasks.shared.ngrams import fit_weights
from elman.tasks.shared.token_streams import log_probabilities

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "dropout": 0.0}
FILE = "ngrams.safetensors"


def fit(**options: Any) -> LanguageModel:
    return LanguageModel(**OPTIONS | options).fit(texts=[text(2000)])


@pytest.fixture(scope="module")
def task() -> LanguageModel:
    return fit()


def test_the_network_is_the_same_and_the_combination_ahead(task):
    alone = fit(ngrams="none")
    for name, weight in alone.model.state_dict().items():
        assert torch.equal(weight, task.model.state_dict()[name])
    test, found = task.results["test"], task.results["ngrams"]
    assert test["network_bits_per_token"] == pytest.approx(alone.results["test"]["bits_per_token"], rel=1e-6)
    assert test["bits_per_token"] <= min(test["network_bits_per_token"], *task.results["baselines"].values())
    assert found["kept"]
    assert found["gain_bits"] > 2 * found["standard_error"]
    assert "ngrams" not in alone.results
    assert "network_bits_per_token" not in alone.results["test"]
    rows = [line.split("  ")[1] for line in task.report().splitlines() if line.startswith("  ")]
    assert rows[:4] == [
        "letter frequency",
        f"Witten–Bell, order {found['order']}",
        "the network alone",
        "this model (network and n-grams)",
    ]
    assert f"n-grams of order {found['order']}: {found['ngrams']:,}" in task.report()


@pytest.mark.parametrize("level", ["characters", "bytes", "words", "subwords"])
def test_the_figure_is_that_of_the_mixed_probabilities(level):
    task = fit(level=level, ngrams="3")
    mixture, other = task.facts.ngrams, text(200, seed=1)
    assert (mixture.counts.order, task.results["ngrams"]["order"]) == (3, 3)
    windows = task.answers.windows([other])
    network = np.exp(log_probabilities(task.model, windows))
    assert np.isnan(network[0])
    tokens = windows.corpus.tokens.astype(np.int64)
    nats = 0.0
    for i in range(1, len(tokens)):
        p, known, followed = mixture.counts.follow(tokens[:i]).distribution()
        weight = mixture.weights[known, 0 if followed < 2 else 1 if followed < 10 else 2]
        nats -= math.log(weight * p[tokens[i]] + (1 - weight) * network[i])
    figures = task.evaluate(texts=[other])
    assert figures["nats_per_token"] == pytest.approx(nats / (len(tokens) - 1), rel=1e-9)
    assert figures["network_bits_per_token"] == pytest.approx(-np.log2(network[1:]).mean(), rel=1e-9)
    train = task.data.parts().training.corpus
    mixture.weights[:] = 1
    expected, count = witten_bell_nats(train.tokens, tokens, len(task.vocabulary), 3)
    assert task.evaluate(texts=[other])["nats_per_token"] == pytest.approx(expected / count, rel=1e-9)


def test_the_steps_of_generating_have_the_probabilities_of_evaluating(task, monkeypatch):
    seen: list[torch.Tensor] = []
    opening = "the cat sat\na"
    tokens = task.vocabulary.encode(opening + " big mat\nthe").astype(np.int64)
    begin = len(task.vocabulary.encode(opening))

    def forced(step: Any, logits: torch.Tensor, *_: Any) -> Any:
        for token in tokens[begin:]:
            seen.append(logits[0])
            logits = step(torch.tensor([token]))
            yield torch.tensor(token)

    monkeypatch.setattr("elman.tasks.shared.token_streams.sample", forced)
    "".join(task.generate(opening, length=1000))
    windows = task.answers.windows([task.vocabulary.decode(tokens)])
    expected = task.facts.ngrams.log_p(log_probabilities(task.model, windows), windows.corpus)
    assert len(seen) == len(tokens) - begin
    for log_p, token, known in zip(seen, tokens[begin:], expected[begin:], strict=True):
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-5)
        assert log_p[token].item() == pytest.approx(known, abs=1e-4)


def test_a_run_keeps_its_counts(tmp_path, task):
    run = LanguageModel(**OPTIONS).fit(texts=[text(2000)], out=tmp_path / "run")
    task.save(tmp_path / "saved")
    for folder, own in (("run", run), ("saved", task)):
        loaded = elman.load(tmp_path / folder)
        assert loaded.evaluate(texts=["the cat sat"]) == run.evaluate(texts=["the cat sat"])
        assert [*loaded.generate("the", seed=3)] == [*run.generate("the", seed=3)]
        assert loaded.report() == own.report()
    assert not (tmp_path / "saved" / "tokens.npy").exists()
    assert (tmp_path / "run" / FILE).stat().st_size < 12 * len(run.facts.ngrams.counts)


def test_without_a_gain_auto_leaves_them_out(tmp_path, monkeypatch):
    monkeypatch.setattr(  # a network as good as there can be
        token_streams, "log_probabilities", lambda _, windows: np.full(len(windows.corpus), math.log(0.25))
    )
    drawn = np.random.default_rng(0).choice(list("abcd"), 3000)
    task = LanguageModel(**OPTIONS).fit(texts=["".join(drawn)], out=tmp_path / "run")
    assert task.facts.ngrams is None
    assert not task.results["ngrams"]["kept"]
    assert not (tmp_path / "run" / FILE).exists()
    assert "network_bits_per_token" not in task.results["test"]
    assert "are left out: their gain of" in task.report()


def test_an_order_needs_a_validation_part_and_must_be_in_its_range(caplog):
    caplog.set_level("INFO", "elman")
    task = fit(ngrams="4", split=(0.9, 0.0, 0.1))
    assert task.facts.ngrams is None
    assert "without a validation part" in caplog.text
    for wrong in ("0", "21", "x", "1.5", ""):
        with pytest.raises(InputError, match=r"^--ngrams must be auto, none or in \[1, 20\]. Got "):
            LanguageModel(ngrams=wrong)


def change(name: str, value: Any) -> Any:
    return lambda arrays: arrays | {name: value}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change("weights", np.full((2, 3), 1.5)), r"the weights of the n-grams must be in \[0, 1\]"),
        (change("weights", np.full((2, 3), np.nan)), r"the weights of the n-grams must be in \[0, 1\]"),
        (change("weights", np.full((1, 3), 0.5)), r"of shape \[2, 3\]"),
        (change("weights", np.full((2, 3), 1, np.int64)), "must hold counts for each length"),
        (change("tokens/1", np.full(14, 99, np.uint8)), "n-grams of length 1"),
        (change("counts/2", np.zeros((2, 2), np.uint8)), "three rows of whole numbers"),
        (change("children/2", np.zeros(3, np.int64)), "three rows of whole numbers"),
        (change("other", np.zeros(3)), "must hold counts for each length"),
        (lambda arrays: {k: v for k, v in arrays.items() if k != "counts/1"}, "not the n-grams of this run"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, damage, message):
    task = fit(ngrams="2")
    task.save(tmp_path / "run")
    path = tmp_path / "run" / FILE
    save_file(damage(load_file(path)), path)
    with pytest.raises(InputError, match=message) as error:
        elman.load(tmp_path / "run")
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    fit(ngrams="2").save(tmp_path / "run")
    (tmp_path / "run" / FILE).write_bytes(b"no safetensors")
    with pytest.raises(InputError, match="not the n-grams of this run"):
        elman.load(tmp_path / "run")


def test_the_weights_make_the_validation_part_most_probable():
    rng = np.random.default_rng(0)
    counted, network = rng.uniform(0.01, 1, (2, 4000))
    classes = rng.integers(3, size=4000)
    weights = fit_weights(counted, network, classes, 4)
    grid = np.linspace(0, 1, 1001)
    for k in range(3):
        own = classes == k
        nats = [-np.log(w * counted[own] + (1 - w) * network[own]).sum() for w in grid]
        assert weights[k] == pytest.approx(grid[np.argmin(nats)], abs=0.03)
    overall = [-np.log(w * counted + (1 - w) * network).sum() for w in grid]
    assert weights[3] == pytest.approx(grid[np.argmin(overall)], abs=0.01)  # a class without tokens
