"""Results as lines for people."""

from typing import Any

from elman.pictures.report import behind_line, classification_lines, shorten, table_lines

FIGURES: dict[str, Any] = {
    "accuracy": 0.75,
    "macro_f1": 0.7,
    "log_loss": 0.5,
    "calibration_error": 0.05,
    "examples": 1234,
}


def test_a_table_is_aligned():
    lines = table_lines("title", ("one", "number"), {"a": ["1", "2.50"], "a long name": ["12", "3"]})
    assert lines == [
        "title        one  number",
        "a              1    2.50",
        "a long name   12       3",
    ]


def test_the_best_simple_method_is_named_where_it_is_better():
    others = {"a": 0.5, "b": 0.75}
    assert behind_line(0.5, others, "accuracy", higher_is_better=True) == [
        "the model is behind b by 0.25 (accuracy)"
    ]
    assert behind_line(0.75, others, "accuracy", higher_is_better=True) == []
    assert behind_line(0.75, others, "MASE", higher_is_better=False) == [
        "the model is behind a by 0.25 (MASE)"
    ]
    assert behind_line(0.75, {}, "MASE", higher_is_better=False) == []


def test_a_temperature_at_its_bound_is_told():
    results = {"test": FIGURES, "calibration_error_before": 0.125}
    for temperature, told in ((19.999, True), (0.05, True), (1.0, False)):
        lines = classification_lines(results | {"temperature": temperature})
        assert any("a bound of what is tried" in line for line in lines) is told


def test_what_was_measured_is_told_and_nothing_else():
    assert classification_lines({}) == ["trained on all examples; no test part"]
    (head, own) = classification_lines({"validation": FIGURES, "temperature": 1.5})
    assert head.startswith("on the validation part (1,234 examples)")
    assert own.split() == ["this", "model", "0.7500", "0.7000", "0.5000", "0.0500"]
    report = "\n".join(
        classification_lines(
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
        "… and 10 labels more",
        "y 98.7%, but x: a: row 2",
    ):
        assert part in report
    assert "label 30" not in report


def test_long_texts_are_cut():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
