"""What a report suggests: after made curves, and after runs that were made to be wrong."""

import pytest

from elman import SequenceClassifier
from elman.diagnose.remedies import Remedy
from elman.tasks.classification.options import ClassificationConfig
from elman.tasks.forecasting.answers import SeriesAnswers
from elman.tasks.forecasting.options import ForecastingConfig
from elman.tasks.music.options import MusicConfig
from elman.tasks.shared.advice import advice_lines, what_to_try


def history(train, validation, steps=1000):
    lines = [{"kind": "train", "loss": loss, "step": steps} for loss in train]
    return lines + [{"kind": "validation", "loss": loss, "step": steps} for loss in validation]


def flags(config, lines, of_the_task=()):
    return [remedy.flags for remedy in what_to_try(config, lines, of_the_task)]


CONFIG = ClassificationConfig(epochs=10, dropout=0.3, hidden_size=64, batch_size=32, learning_rate=2e-3)
FALLING, FLAT = [2.0, 1.5, 1.0, 0.5], [1.0, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.6999]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (history(FALLING, [1.0, 0.9, 0.8]), ["--epochs 20"]),
        (history(FALLING, [1.0]), ["--epochs 20"]),
        (history(FALLING, FLAT), []),
        (history(FALLING, [1.0, 0.8, 0.9, 1.0]), ["--dropout 0.5", "--hidden-size 32"]),
        (history(FALLING, [1.0, 0.8, 0.801]), []),  # as good as level
        (history([1.0, 3.0, 3.0, 3.0], [1.0, 1.5, 2.0]), ["--learning-rate 0.0005"]),
        (history([1.0, 3.0], [1.0]), ["--epochs 20"]),  # too few pieces to say
        (history([1.0, 1.2, 0.9, 1.1], [1.0, 0.9, 0.9]), ["--dropout 0.15", "--hidden-size 128"]),
        (history([2.0, 0.7], FLAT), ["--dropout 0.15", "--hidden-size 128"]),
        (history([2.0, 0.01], [0.02, 0.01, 0.01]), []),  # solved
        (history(FALLING, FLAT, steps=50), ["--batch-size 8"]),
        (history(FALLING, []), []),
        ([], ["--batch-size 8"]),
    ],
)
def test_each_fault_of_a_curve_has_its_options(lines, expected):
    assert flags(CONFIG, lines) == expected


def test_a_training_in_all_keys_explains_a_loss_that_is_not_below_the_validation_loss():
    level, sizes = (
        history([2.0, 1.2], FLAT),
        {"batch_size": 8, "dropout": 0.4, "hidden_size": 64, "epochs": 10},
    )
    assert flags(MusicConfig(**sizes), level) == []
    assert flags(MusicConfig(**sizes, transpose=0), level) == ["--dropout 0.2", "--hidden-size 128"]


@pytest.mark.parametrize(("steps", "epochs"), [(1, 3000), (40, 80), (200, 20), (5000, 20)])
def test_after_few_steps_there_must_be_many_more_epochs(steps, epochs):
    assert flags(CONFIG, history(FALLING, [1.0, 0.9, 0.8], steps))[0] == f"--epochs {epochs}"


@pytest.mark.parametrize(("steps", "told"), [(1, "changed once;"), (2, "changed 2 times;")])
def test_one_step_is_once(steps, told):
    assert any(told in remedy.why for remedy in what_to_try(CONFIG, history(FALLING, FLAT, steps)))


def test_a_run_that_its_minutes_ended_wants_more_of_them():
    config = ClassificationConfig(epochs=10, max_minutes=2.0)
    assert flags(config, history(FALLING, [1.0, 0.9, 0.8])) == ["--max-minutes 4.0"]
    assert flags(config, history(FALLING, [2 - k / 10 for k in range(10)])) == ["--epochs 20"]


def test_at_most_three_none_twice_and_none_that_is_set():
    task = [Remedy({"layers": layers}, "why") for layers in (1, 2, 2, 3, 4)]
    found = flags(CONFIG, history(FALLING, [1.0, 0.9]), task)
    assert found == ["--epochs 20", "--layers 2", "--layers 3"]
    assert flags(CONFIG, history(FALLING, FLAT), [Remedy({"horizon": 5}, "not an option of the task")]) == []


def test_a_forecast_behind_a_simple_method_gets_members_and_the_other_model():
    answers = SeriesAnswers(ForecastingConfig(), None)
    results = {"test": {"mase": 1.2}, "baselines": {"naive": {"mase": 1.3}, "Theta": {"mase": 1.1}}}
    assert [remedy.flags for remedy in answers.proposals(results)] == ["--ensemble 5", "--model es-rnn"]
    assert "Theta is ahead in MASE" in next(answers.proposals(results)).why
    assert not list(answers.proposals({**results, "test": {"mase": 1.0}}))
    assert not list(answers.proposals({}))


TEXTS = [f"{word} number {k % 7} of day {k}" for k in range(60) for word in ("good", "bad")]
LABELS = ["up", "down"] * 60


def trained(**options):
    task = SequenceClassifier(hidden_size=8, embedding_size=8, seed=1, **options)
    half = len(TEXTS) // 2
    return task.fit(TEXTS[:half], LABELS[:half], validation=(TEXTS[half:], LABELS[half:]))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epochs": 1}, "--epochs 38: the validation loss was still falling when the run ended"),
        ({"epochs": 3, "batch_size": 60}, "--batch-size 15: the weights were changed 3 times"),
    ],
)
def test_runs_made_to_be_wrong_say_what_to_try(options, expected):
    task = trained(**options)
    assert any(line.strip().startswith(expected) for line in task.report().splitlines())
    assert task.report().endswith("\n".join(advice_lines(task.results)))


RANDOM = [LABELS[(k * 7919) % 113 % 2] for k in range(len(TEXTS))]


@pytest.mark.parametrize(
    ("options", "flags", "why"),
    [
        ({"learning_rate": 0.02, "epochs": 15}, "--dropout 0.2", "then rose by"),
        ({"learning_rate": 3.0, "epochs": 5, "schedule": "constant"}, "--learning-rate 0.75", "loss rose"),
    ],
)
def test_labels_that_no_text_explains_are_learnt_by_heart_or_not_at_all(options, flags, why):
    plain = {"dropout": 0.0, "word_dropout": 0.0, "average": "none", "ngrams": "none"}
    task = SequenceClassifier(hidden_size=32, embedding_size=32, batch_size=4, seed=1, **plain, **options)
    task.fit(TEXTS[:60], RANDOM[:60], validation=(TEXTS[60:], RANDOM[60:]))
    first, *_ = task.results["what_to_try"]
    assert first["flags"] == flags
    assert why in first["why"]


def test_errors_that_fall_while_the_loss_rises_are_no_overfitting():
    lines = history([2.0, 1.0, 0.5, 0.2], [0.6, 0.5, 0.7, 0.9])
    assert "--dropout 0.5" in flags(CONFIG, lines)
    judged = iter([0.4, 0.3, 0.2, 0.19])
    falling = [line | {"judged": next(judged)} if line["kind"] == "validation" else line for line in lines]
    (first, *_) = what_to_try(CONFIG, falling)
    assert first.flags == "--epochs 20"
    assert first.why == "the validation error was still falling when the run ended"
