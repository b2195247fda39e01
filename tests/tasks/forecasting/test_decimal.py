"""A forecaster and a detector read later files with the decimal mark of training."""

from pathlib import Path

import pytest

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


def test_a_decimal_mark_of_the_user_stays():
    assert Reading(decimal=".").as_trained(",").decimal == "."
    assert Reading().as_trained("").decimal is None
