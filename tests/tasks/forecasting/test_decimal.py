"""Later files are read with the decimal mark of training, whatever the task."""

from pathlib import Path

import pytest

import elman
from elman import SequenceClassifier, SequenceRegressor
from elman.data.read.reading import Reading
from elman.errors import InputError
from elman.tasks.anomaly_detection.data import ChannelData, read_alike
from elman.tasks.anomaly_detection.options import AnomalyDetectionConfig
from elman.tasks.forecasting.answers import SeriesAnswers
from elman.tasks.forecasting.data import SeriesData
from elman.tasks.forecasting.options import ForecastingConfig


def write(folder: Path, name: str, cells: list[str]) -> Path:
    path = folder / name
    rows = [f"2023-05-{day:02};{cell}" for day, cell in enumerate(cells, 1)]
    path.write_text("\n".join(["ds;y", *rows]) + "\n")
    return path


TRAINING = [f"2.{k}50,5" for k in range(10)] * 3
LATER = ["2.750", "640"] * 10


def test_forecasts_read_later_files_as_in_training(tmp_path):
    config = ForecastingConfig(horizon=2, season=(2,))
    data = SeriesData.read(config, [write(tmp_path, "a.csv", TRAINING)], None)
    assert data.facts.decimal == ","
    answers = object.__new__(SeriesAnswers)
    answers.config, answers.facts = config, data.facts
    assert answers.read([write(tmp_path, "b.csv", LATER)]).y[:2].tolist() == [2750, 640]
    with pytest.raises(InputError, match=r"Got '2\.5'\. The decimal mark is ','"):
        answers.read([write(tmp_path, "c.csv", ["2.5"] * 20)])


def test_a_detector_reads_later_files_as_in_training(tmp_path):
    config = AnomalyDetectionConfig(time_column="ds")
    facts = ChannelData.read(config, [write(tmp_path, "a.csv", TRAINING)], None).facts
    assert facts.decimal == ","
    (series,) = read_alike(config, facts, write(tmp_path, "b.csv", LATER))
    assert series.values[:2, 0].tolist() == [2750, 640]


def steps(folder: Path, name: str, cells: list[str], target: str) -> Path:
    path = folder / name
    ends = {"y": ["1", "2"], "label": ["a", "b"]}[target]
    rows = [f"s{k // 3};{cell};{ends[k // 3 % 2]}" for k, cell in enumerate(cells)]
    path.write_text("\n".join([f"unique_id;x;{target}", *rows]) + "\n")
    return path


def test_sequences_are_read_as_in_training(tmp_path):
    tiny = {"hidden_size": 2, "epochs": 1, "split": (0.8, 0.2, 0.0)}
    regressor = SequenceRegressor(**tiny).train(steps(tmp_path, "a.csv", TRAINING, "y"), tmp_path / "r")
    classifier = SequenceClassifier(**tiny).train(steps(tmp_path, "b.csv", TRAINING, "label"), tmp_path / "c")
    assert (regressor.config.decimal, classifier.config.decimal) == (",", ",")
    later = steps(tmp_path, "later.csv", LATER[:6], "y")
    (tmp_path / "plain.csv").write_text(later.read_text().replace("2.750", "2750"))
    opened = elman.load(tmp_path / "r")
    assert opened.predict_file(later)[1].tolist() == opened.predict_file(tmp_path / "plain.csv")[1].tolist()
    later = steps(tmp_path, "later.csv", LATER[:6], "label")
    (tmp_path / "plain.csv").write_text(later.read_text().replace("2.750", "2750"))
    opened = elman.load(tmp_path / "c")
    assert list(opened.classify(later)) == list(opened.classify(tmp_path / "plain.csv"))


def test_a_decimal_mark_of_the_user_stays():
    assert Reading(decimal=".").as_trained(",").decimal == "."
    assert Reading().as_trained("").decimal is None
