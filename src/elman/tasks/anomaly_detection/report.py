"""The report of a detector: whether it is worth using, and its figures beside those of simple methods."""

from collections.abc import Mapping
from typing import Any

from elman.tasks.shared.table import behind_lines, table_lines

EVERYTHING, GAUSSIAN, FOREST = "flag everything", "windowed Gaussian", "isolation forest"
"""Simple methods that a detector is held against."""
_JUDGED = {"vus_pr": "VUS-PR", "f1": "F1 of rows"}
_HEADS = {"auc_pr": "AUC-PR", "vus_pr": "VUS-PR"}


def report_lines(results: Mapping[str, Any]) -> list[str]:
    """Returns the verdict, the table of the test part, where the model is behind, and what columns mean."""
    if "test" not in results:
        return ["trained on all rows; no test part"]
    test, simple = results["test"], results["baselines"]
    keys = [key for key in test if key != "rows"]
    rows = {
        name: [f"{row[key]:.4g}" if key in row else "" for key in keys]
        for name, row in {**simple, **results.get("alone", {}), "this model": test}.items()
    }
    heads = [f"{_HEADS.get(key, key.replace('_', ' ')):>15}" for key in keys]
    lines = [verdict(test, simple), *table_lines("on the test part", heads, rows)]
    lines += behind_lines(test, simple, {"error": "error"}, higher_is_better=False)
    better = {"f1": "F1 of rows", "range_f1": "F1 of ranges", "vus_pr": "VUS-PR", "nab": "NAB"}
    lines += behind_lines(test, simple, better, higher_is_better=True)
    if "f1" in test and FOREST not in simple:
        lines.append("isolation forest as a further method needs scikit-learn: pip install 'elman[text]'")
    lines.append("error: root mean squared, in the columns' standard deviations; ranges: the detected ones")
    if "vus_pr" in test:
        lines.append(
            "AUC-PR, VUS-PR: precision over recall at all thresholds, of rows, and with margins around labels"
        )
    return lines


def verdict(test: Mapping[str, Any], simple: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns one line that says whether the detector is worth using.

    It is if both its scores at all thresholds (VUS-PR) and its rows at its own threshold (F1) are above those
    of every simple method, flagging every row among them, or perfect.
    """
    if not _JUDGED.keys() <= test.keys():
        return (
            "whether it is worth using is unknown: the test part has no labelled anomalies "
            "(--label-column, --labels)"
        )
    better: list[str] = []
    worse: list[str] = []
    for key, name in _JUDGED.items():
        others = {method: row[key] for method, row in simple.items() if key in row}
        best = max(others, key=lambda method: others[method])
        perfect = test[key] == 1 > others.get(EVERYTHING, 0)  # more than a simple method can be
        is_better = perfect or test[key] > others[best]
        beside = f"{name} {test[key]:.3f}, {best} {others[best]:.3f}"
        (better if is_better else worse).append(beside)
    if not worse:
        return f"worth using: {'; '.join(better)}"
    if not better:
        return f"not worth using: {'; '.join(worse)}"
    part = "at another threshold" if "F1" in worse[0] else "at its own threshold alone"
    return f"worth using {part}: {'; '.join([*better, *worse])}"
