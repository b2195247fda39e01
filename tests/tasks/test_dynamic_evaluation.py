"""Dynamic evaluation of language models."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import SMALL, text

import elman
from elman.cli import main
from elman.data.batches.tokens import TokenWindows
from elman.errors import InputError
from elman.tasks.language_model.task import LanguageModel
from elman.tasks.shared.dynamic import Dynamic, Setting
from elman.tasks.shared.token_streams import log_probabilities
from elman.train.progress import Silent

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "dropout": 0.0, "ngrams": "none"}
REPETITIVE = "on the mat a dog ran, and a red cat!\n" * 40
"""Of known characters, always the same."""


def fit(out: Path | None = None, **options: object) -> LanguageModel:
    # a comma and an exclamation mark, so that they are known
    return LanguageModel(**OPTIONS | options).fit(texts=[text(1500) + "a cat, a dog!\n" * 30], out=out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(tmp_path_factory.mktemp("dynamic") / "run").folder


@pytest.fixture(scope="module")
def task(folder: Path) -> LanguageModel:
    return elman.load(folder)


def adapted(task: LanguageModel, rate: float, content: str = REPETITIVE, decay: float = 0.0) -> np.ndarray:
    corpus, _ = task.answers.corpus([content])
    dynamic = Dynamic(task.model, 20, task.opened_data().parts().training.corpus, Silent())
    return dynamic.log_p(corpus, Setting(rate, decay), "test")


def static(task: LanguageModel, content: str = REPETITIVE) -> np.ndarray:
    return log_probabilities(task.model, TokenWindows(task.answers.corpus([content])[0]))


def test_on_a_repetitive_text_it_is_ahead_and_the_run_stays(folder, task):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    weights = {name: weight.clone() for name, weight in task.model.state_dict().items()}
    figures = task.evaluate(texts=[REPETITIVE], dynamic=True)
    assert figures["dynamic_rate"] > 0
    assert figures["dynamic_bits_per_token"] < figures["bits_per_token"] - 0.2
    own = task.evaluate(texts=[REPETITIVE])
    assert {name: figures[name] for name in own} == own
    assert {*figures} - {*own} == {
        *(f"dynamic_{name}" for name in own if name not in ("tokens", "unknown")),
        "dynamic_rate",
        "dynamic_decay",
    }
    for name, weight in task.model.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert not task.model.training
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_first_segment_is_predicted_as_ever_and_later_ones_are_not(task):
    log_p, usual = adapted(task, 1e-2), static(task)
    assert np.isnan(log_p[0])
    assert log_p[1:21] == pytest.approx(usual[1:21], abs=1e-5)
    assert abs(log_p[21:41] - usual[21:41]).max() > 1e-3
    assert log_p[-200:].mean() > log_p[1:201].mean() + 0.1


def test_without_steps_it_is_static_evaluation_with_its_documents(task):
    assert adapted(task, 0.0)[1:] == pytest.approx(static(task)[1:], abs=1e-5)
    corpus, _ = task.answers.corpus(["the cat", "a", "a big dog ran on the mat", "on"])
    dynamic = Dynamic(task.model, 20, corpus, Silent())
    log_p = dynamic.log_p(corpus, Setting(1e-9), "test")
    expected = log_probabilities(task.model, TokenWindows(corpus))
    assert np.array_equal(np.isnan(log_p), np.isnan(expected))
    assert np.flatnonzero(np.isnan(log_p)).tolist() == corpus.starts.tolist()
    assert log_p[~np.isnan(log_p)] == pytest.approx(expected[~np.isnan(expected)], abs=1e-4)


def test_each_step_follows_the_formula(task):
    """Two segments by hand: one step between them."""
    training = task.opened_data().parts().training.corpus
    content = REPETITIVE[:41]
    tokens = torch.from_numpy(task.vocabulary.encode(content).astype(np.int64))
    dynamic = Dynamic(task.model, 20, training, Silent())
    model = fit_copy(task)
    parameters = dict(model.named_parameters())
    features, state = model.features(tokens[:20, None])
    loss = torch.nn.functional.cross_entropy(model.head.logits(features)[:, 0], tokens[1:21])
    gradients = torch.autograd.grad(loss, [*parameters.values()])
    rate, decay = 3e-3, 0.25
    with torch.no_grad():
        for parameter, gradient, scale in zip(parameters.values(), gradients, dynamic._scales, strict=True):
            parameter -= (1 - decay) * rate * gradient / scale
    features, _ = model.features(tokens[20:40, None], tuple(s.detach() for s in state))
    expected = model.head.logits(features)[:, 0].log_softmax(-1)[torch.arange(20), tokens[21:41]]
    corpus, _ = task.answers.corpus([content])
    found = dynamic.log_p(corpus, Setting(rate, decay), "test")[21:]
    assert found == pytest.approx(expected.detach().numpy(), abs=1e-5)


def fit_copy(task: LanguageModel):
    model = task.build()
    model.load_state_dict(task.model.state_dict())
    return model.eval()


def test_the_validation_part_chooses_and_may_choose_none(task):
    dynamic = Dynamic(task.model, 20, task.opened_data().parts().training.corpus, Silent())
    content = REPETITIVE[: len(REPETITIVE) // 3]
    corpus, _ = task.answers.corpus([content])
    best = dynamic.choose(corpus, lambda log_p, _: -float(np.nanmean(log_p)))
    losses = {rate: -np.nanmean(adapted(task, rate, content)) for rate in (0.0, best.rate / 10, best.rate)}
    assert min(losses, key=losses.get) == best.rate > 0
    assert dynamic.choose(corpus, lambda log_p, _: float(np.nanmean(log_p))) != best
    # steps so long that no number is left are never chosen
    too_long = adapted(task, 1e6, content)
    assert np.isneginf(too_long).any()
    assert not np.isnan(too_long[1:]).any()
    usual = -np.nanmean(static(task, content))

    def worse(log_p: np.ndarray, _: object) -> float:
        return abs(-float(np.nanmean(log_p)) - usual)

    assert dynamic.choose(corpus, worse) == Setting(0.0, 0.0)


@pytest.mark.parametrize(
    "best", [(1e-5, 0.0), (1e-4, 0.001), (3e-4, 0.0), (1e-3, 0.01), (1e-2, 0.001), (0.0, 0.0)]
)
def test_the_search_finds_the_best_setting_wherever_it_is(task, monkeypatch, best):
    def told(_: Dynamic, text: object, setting: Setting, doing: str) -> np.ndarray:
        return np.array(setting)

    def loss(setting: np.ndarray, text: object) -> float:
        distance = np.log10(np.maximum(setting, 1e-12)) - np.log10(np.maximum(best, 1e-12))
        return float(np.square(distance).sum())

    training = task.opened_data().parts().training.corpus
    monkeypatch.setattr(Dynamic, "log_p", told)
    assert Dynamic(task.model, 20, training, Silent()).choose(training, loss) == Setting(*best)


@pytest.mark.parametrize("level", ["characters", "words", "subwords"])
def test_with_ngrams_both_rows_adapt(level, tmp_path):
    (tmp_path / "validation.txt").write_text(REPETITIVE)
    task = fit(ngrams="3", level=level, validation=(tmp_path / "validation.txt",))
    figures = task.evaluate(texts=[REPETITIVE], dynamic=True)
    for name in ("bits_per_token", "network_bits_per_token"):
        assert figures[f"dynamic_{name}"] < figures[name]
    assert figures["dynamic_bits_per_token"] != figures["dynamic_network_bits_per_token"]
    assert ("dynamic_bits_per_character" in figures) == (level != "characters")


def test_characters_that_training_lacks_cost_what_they_cost(task):
    figures = task.evaluate(texts=["the cat ☃ sat on the ☃\n"], dynamic=True)
    alone = task.evaluate(texts=["the cat ☃ sat on the ☃\n"])
    assert figures["bits_per_token"] == alone["bits_per_token"]
    assert figures["tokens"] == alone["tokens"]
    assert figures["dynamic_bits_per_token"] == pytest.approx(figures["bits_per_token"], abs=1.0)


def test_the_command_prints_both_and_shows_progress(folder, tmp_path, capsys):
    (tmp_path / "other.txt").write_text(REPETITIVE)
    assert main(["evaluate", str(folder), str(tmp_path / "other.txt"), "--dynamic"]) == 0
    out, error = capsys.readouterr()
    rows = dict(line.rsplit("  ", 1) for line in out.splitlines())
    rows = {name.strip(): value for name, value in rows.items()}
    assert float(rows["dynamic bits per token"]) < float(rows["bits per token"])
    assert "dynamic evaluation step size" in error
    assert "dynamic evaluation the text" in error
    assert main(["evaluate", str(folder), str(tmp_path / "other.txt"), "--dynamic", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["dynamic_rate"] == float(rows["dynamic rate"])


def test_what_it_needs_is_said(folder, task, tmp_path, capsys):
    without = fit(split=(0.9, 0.0, 0.1))
    with pytest.raises(InputError, match=r"^--dynamic: the run has no validation part"):
        without.evaluate(texts=["a cat"], dynamic=True)
    task.save(tmp_path / "saved")
    with pytest.raises(InputError, match=r"tokens\.npy"):
        elman.load(tmp_path / "saved").evaluate(texts=["a cat"], dynamic=True)
    elman.SequenceRegressor(**SMALL).fit([np.ones((3, 1)) * k for k in range(40)], range(40)).save(
        tmp_path / "other"
    )
    capsys.readouterr()  # notices of the fits
    assert main(["evaluate", str(tmp_path / "other"), "x.csv", "--dynamic"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("elman: --dynamic is for language models. Got ")
    assert len(line.splitlines()) == 1
