"""N-grams beside the network of a classifier of texts."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_classifier import GOOD, TINY, X, Y, numbers, said

import elman
from elman.baselines.text_features import Ngrams
from elman.errors import InputError
from elman.metrics.calibration import probabilities
from elman.metrics.label_figures import log_loss
from elman.tasks.classification.explaining import places, support
from elman.tasks.classification.task import SequenceClassifier
from elman.tasks.classification.wide import Examples, kinds_of, learn
from elman.tasks.shared.wide import Wide

BOTH = TINY | {"ngrams": "auto"}
PAIRS = (X, [f"{y} {x}" for x, y in zip(X, Y, strict=True)])


def of_words(number: int = 200, multi_label: bool = False) -> Examples:
    """Texts of noise, one word of which decides; the last fifth is the validation part."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=number)
    items = [
        (" ".join([*(f"w{k}" for k in rng.integers(40, size=6)), ("red", "green", "blue")[label]]),)
        for label in y
    ]
    truth = np.eye(3, dtype=np.int64)[y]
    if multi_label:
        truth[:, 2] = y > 0
    validation = np.arange(number) >= number * 4 // 5
    return Examples(items, truth, [str(k) for k in y], np.ones(number), validation, multi_label)


@pytest.mark.parametrize("multi_label", [False, True])
def test_it_learns_what_one_word_decides(multi_label):
    texts = of_words(multi_label=multi_label)
    noise = np.random.default_rng(1).normal(size=(40, 3))
    wide, joined, found = learn(("words", "characters"), texts, noise)
    assert found["joined_log_loss"] < 0.2 < found["network_log_loss"]
    assert found["shares"][0] < found["shares"][1]
    p = probabilities(wide.outputs(texts.items), multi_label=multi_label)
    assert ((p > 0.5) == (texts.truth == 1)).all()
    assert joined.shape == (40, 3)
    assert found["features"] == wide.size


def test_a_network_that_knows_gets_the_larger_share():
    texts = of_words()
    shuffled = texts._replace(truth=texts.truth[np.random.default_rng(2).permutation(200)])
    network = 4.0 * shuffled.truth[shuffled.validation] - 2
    wide, joined, found = learn(("words",), shuffled, network)
    assert (joined.argmax(1) == shuffled.truth[shuffled.validation].argmax(1)).all()
    assert found["joined_log_loss"] <= found["features_log_loss"]
    assert wide.shares[0] > 0.5


def test_the_joined_logits_are_of_n_grams_that_did_not_learn_the_example():
    texts = of_words()
    shuffled = texts._replace(truth=texts.truth[np.random.default_rng(2).permutation(200)])
    wide, joined, found = learn(("words",), shuffled, np.zeros((40, 3)))
    rows = shuffled.validation
    by_all = wide.outputs([shuffled.items[k] for k in np.flatnonzero(rows)])
    right = shuffled.truth[rows].argmax(1)
    assert (by_all.argmax(1) == right).mean() > (joined.argmax(1) == right).mean()
    assert found["features_log_loss"] > 0.9  # there is nothing to learn


def test_a_large_validation_part_chooses_alone(monkeypatch):
    monkeypatch.setattr("elman.tasks.classification.wide._ENOUGH", 30)
    _, _, found = learn(("words",), of_words(), np.zeros((40, 3)))
    assert found["joined_log_loss"] < 0.4


def test_few_examples_have_no_wide_part():
    wide, joined, found = learn(("words",), of_words(8), np.ones((2, 3)))
    assert (wide, found) == (None, {})
    np.testing.assert_array_equal(joined, np.ones((2, 3)))


def test_the_kinds_follow_from_the_amount_of_text():
    assert kinds_of("auto", 1000) == kinds_of("both", 10**9) == ("words", "characters")
    assert kinds_of("auto", 5_000_001) == kinds_of("words", 5) == ("words",)
    assert kinds_of("auto", 100_000_001) == kinds_of("none", 5) == ()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wide")
    (folder / "a.csv").write_text(GOOD)
    task = SequenceClassifier(**BOTH, split=(0.5, 0.2, 0.3)).train([folder / "a.csv"], folder / "run")
    return task, folder


def test_a_report_has_three_rows(run):
    task, folder = run
    assert [*task.results["alone"]] == ["the n-grams alone", "the network alone"]
    report = task.report()
    assert "this model (network and n-grams)" in report
    assert "n-grams of words and characters; their logits count" in report
    assert task.results["test"]["accuracy"] == 1.0
    assert json.loads((folder / "run/results.json").read_text())["ngrams"]["kinds"] == ["words", "characters"]


def test_a_loaded_run_predicts_the_same(run, capsys):
    task, folder = run
    loaded = elman.load(folder / "run")
    np.testing.assert_array_equal(loaded.predict_proba(X), task.predict_proba(X))
    network, own = task.answers.network_logits, task.facts.wide
    part = loaded.read_alike(folder / "a.csv", with_labels=False)
    expected = own.shares[0] * network(part) + own.shares[1] * own.outputs(part.items)
    np.testing.assert_allclose(loaded.answers.logits(part), expected, rtol=1e-5)
    shown = said(capsys, "classify", str(folder / "run"), "--text", X[0])
    assert shown.startswith(Y[0])


def test_explaining_adds_both_parts(run):
    task, _ = run
    text = f"Zzz {X[0]}"
    (words,) = task.explain(text)
    assert words[0][0] == "zzz"
    assert max(words, key=lambda pair: pair[1])[0] == "good"  # the word that decides
    wide, label = task.facts.wide, [*task.classes_].index(Y[0])
    direction = np.where(np.arange(2) == label, 1.0, -1.0)
    (by_character,) = support(wide, (text,), direction)
    values = wide.outputs([(text,)])[0] - wide.bias
    assert len(by_character) == len(text)
    outside = values[label] - values[1 - label] - by_character.sum() / wide.shares[1]
    assert abs(outside) < 0.5 * abs(values[label] - values[1 - label])  # on the spaces around the text


def test_places_follow_the_pieces():
    assert places("The cat sat", ["the", "cat", "sat"]) == [(0, 4), (4, 8), (8, 11)]
    assert places("a banana a", ["a", "<unk>", "a"]) == [(0, 1), (1, 9), (9, 10)]
    assert places("walking!", ["walk", "ing", "!"]) == [(0, 4), (4, 7), (7, 8)]
    assert places("unknown", ["<unk>"]) == [(0, 7)]
    assert places("", []) == []


def test_none_is_the_network_alone_and_old_runs_stay_it(run, tmp_path):
    _, folder = run
    task = SequenceClassifier(**TINY).train([folder / "a.csv"], tmp_path / "run")
    assert "alone" not in task.results
    assert not (tmp_path / "run/ngrams.safetensors").exists()
    path = tmp_path / "run/config.json"
    config = json.loads(path.read_text())
    del config["config"]["ngrams"]
    path.write_text(json.dumps(config))
    assert elman.load(tmp_path / "run").config.ngrams == "none"


def test_pairs_several_labels_weights_and_memory_have_it_too():
    task = SequenceClassifier(**BOTH).fit(list(zip(*PAIRS, strict=True)), Y)
    assert task.facts.wide is not None
    assert [len(w) for w in task.explain((X[0], X[1]))] == [len(X[0].split()), len(X[1].split())]
    several = [[y, "all"] for y in Y]
    task = SequenceClassifier(**BOTH | {"class_weights": "balanced"}).fit(
        X, several, sample_weight=[1.0] * len(X)
    )
    assert task.score(X, several) > 0.9


def test_a_line_break_of_a_page_is_no_n_gram():
    task = SequenceClassifier(**BOTH).fit([x.replace(" ", "<br />", 1) for x in X], Y)
    keys = Ngrams.learn("words", [("br",)], 9).keys
    assert not task.facts.wide.parts[0].features.find(keys)[1].any()
    np.testing.assert_allclose(
        task.predict_proba([X[0].replace(" ", "<br />", 1)]), task.predict_proba([X[0].replace(" ", "\n", 1)])
    )


def test_sequences_of_numbers_have_no_n_grams():
    x, y, lengths = numbers()
    with pytest.raises(InputError, match=r"--ngrams must be auto or none for numeric sequences. Got both."):
        SequenceClassifier(**BOTH | {"ngrams": "both"}).fit(x, y, lengths)


def test_the_weights_of_examples_reach_the_n_grams():
    heavy = [100.0 if y == Y[0] else 0.01 for y in Y]
    task = SequenceClassifier(**BOTH | {"epochs": 1}).fit(X, Y, sample_weight=heavy)
    label = [*task.classes_].index(Y[0])
    assert (task.facts.wide.outputs([(text,) for text in X]).argmax(1) == label).all()


def test_folds_have_the_three_rows(run, tmp_path):
    _, folder = run
    task = SequenceClassifier(**BOTH | {"epochs": 1}, folds=2).train([folder / "a.csv"])
    assert {"the n-grams alone", "the network alone", "this model"} <= task.results["folds"].keys()


def test_a_refused_file_names_itself(run, tmp_path):
    _, folder = run
    path = tmp_path / "ngrams.safetensors"
    arrays = load_file(folder / "run/ngrams.safetensors")
    wrong = {
        "labels": arrays | {"bias": np.zeros(3, np.float32)},
        "a number": arrays | {"bias": np.array([0, np.nan], np.float32)},
        "keys": arrays | {"words/keys": arrays["words/keys"][::-1].copy()},
        "weights": arrays | {"words/weights": arrays["words/weights"][:-1].copy()},
        "types": arrays | {"words/weights": arrays["words/weights"].astype(np.float64)},
        "an array too many": arrays | {"more": np.zeros(1)},
        "one too few": {name: a for name, a in arrays.items() if name != "words/idf"},
        "no kind": {name: arrays[name] for name in ("bias", "shares")},
    }
    for content in wrong.values():
        save_file(content, path)
        with pytest.raises(InputError, match=r"ngrams\.safetensors: not the n-grams of this run: "):
            Wide.load(path, 2, "the n-grams of this run")
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"ngrams\.safetensors"):
        Wide.load(path, 2, "the n-grams of this run")


def test_where_n_grams_harm_the_report_says_so(run):
    task, _ = run
    found = task.results["ngrams"] | {"joined_log_loss": 0.7, "network_log_loss": 0.6}
    (remedy,) = task.answers.proposals({"ngrams": found})
    assert remedy.flags == "--ngrams none"
    assert not [*task.answers.proposals({"ngrams": found | {"joined_log_loss": 0.5}})]


def test_real_sentences_are_classified_better_than_by_a_short_training_of_the_network(shared):
    def read(name: str, number: int) -> tuple[list[str], list[int]]:
        lines = dict.fromkeys((shared / "sst" / name).read_text("utf-8").splitlines()[:number])
        return [line[2:] for line in lines], [int(line[0]) for line in lines]

    x, y = read("stsa.binary.train", 1500)
    other = read("stsa.binary.test", 800)
    task = SequenceClassifier(hidden_size=16, epochs=2, seed=1)
    task.fit(x[300:], y[300:], validation=(x[:300], y[:300]))
    part = task._examples(*other, None)
    truth = task.scheme.truth(part)
    by_network = log_loss(truth, probabilities(task.answers.network_logits(part)))
    by_ngrams = log_loss(truth, probabilities(task.facts.wide.outputs(part.items)))
    figures = task.evaluate(X=other[0], y=other[1])
    assert figures["log_loss"] < by_network - 0.05
    assert figures["log_loss"] < by_ngrams + 0.02  # though the network knows little
    assert figures["accuracy"] > 0.65
