"""Results of a classifier as lines for people."""

from typing import Any

from elman.tasks.classification.report import report_lines

FIGURES: dict[str, Any] = {
    "accuracy": 0.75,
    "macro_f1": 0.7,
    "log_loss": 0.5,
    "calibration_error": 0.05,
    "examples": 1234,
}


def test_a_temperature_at_its_bound_is_told():
    results = {"test": FIGURES, "calibration_error_before": 0.125}
    for temperature, told in ((19.999, True), (0.05, True), (1.0, False)):
        lines = report_lines(results | {"temperature": temperature})
        assert any("at the bound of its range" in line for line in lines) is told


def test_what_was_measured_is_told_and_nothing_else():
    assert report_lines({}) == ["trained on all examples; no test part"]
    (head, own) = report_lines({"validation": FIGURES, "temperature": 1.5})
    assert head.startswith("on the validation part (1,234 examples)")
    assert own.split() == ["this", "model", "0.7500", "0.7000", "0.5000", "0.0500"]
    report = "\n".join(
        report_lines(
            {
                "test": FIGURES,
                "baselines": {"most frequent label": FIGURES},
                "temperature": 1.5,
                "calibration_error_before": 0.125,
                "folds": {"this model": {"accuracy": [0.7, 0.8], "mean": 0.75, "deviation": 0.05}},
                "labels": {
                    f"label {k}": {"precision": 1, "recall": 0, "f1": 0.5, "examples": 2.0} for k in range(40)
                },
                "mistakes": [
                    {"place": "a: row 2", "text": None, "label": "x", "predicted": "y", "probability": 0.987}
                ],
            }
        )
    )
    for part in (
        "on the test part (1,234 examples)",
        "pip install 'elman[text]'",
        "calibration error before the temperature (1.500, fitted on validation): 0.1250",
        "over 2 folds",
        "0.7000  0.8000",
        "label 29",
        "… and 10 more labels",
        "y 98.7%, but x: a: row 2",
    ):
        assert part in report
    assert "label 30" not in report
