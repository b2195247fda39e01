"""Small detectors of arrays and of tables."""

from pathlib import Path
from typing import Any

from tiny import SMALL, rhythm, rhythm_values

from elman.tasks.anomaly_detection.options import Detect
from elman.tasks.anomaly_detection.task import AnomalyDetector


def fitted(X: Any = None, **options: Any) -> AnomalyDetector:
    X = rhythm_values(300) if X is None else X
    return AnomalyDetector(**SMALL | {"window": 20, "learning_rate": 0.02} | options).fit(X)


def trained(
    folder: Path, out: str | None = None, content: str | None = None, **options: Any
) -> AnomalyDetector:
    (folder / "table.csv").write_text(rhythm(200) if content is None else content)
    given = SMALL | {"window": 20, "split": (0.5, 0.2, 0.3)} | options
    return AnomalyDetector(**given).train([folder / "table.csv"], None if out is None else folder / out)


def lines(verb: Detect, task: AnomalyDetector) -> list[str]:
    return "".join(verb.text(task)).splitlines()
