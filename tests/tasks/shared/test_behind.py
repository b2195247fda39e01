"""Every table of methods says where the model is behind."""

from elman.tasks.anomaly_detection.answers import AnomalyAnswers
from elman.tasks.anomaly_detection.report import verdict
from elman.tasks.classification.report import report_lines
from elman.tasks.shared.table import behind_lines


def test_each_figure_is_compared_with_the_best_that_has_it():
    others = {"one": {"f1": 0.5, "error": 2.0}, "two": {"error": 1.0}}
    own = {"f1": 0.25, "error": 1.5}
    assert behind_lines(own, others, {"f1": "F1", "nab": "NAB"}, higher_is_better=True) == [
        "the model is behind one by 0.25 (F1)"
    ]
    assert behind_lines(own, others, {"error": "error"}, higher_is_better=False) == [
        "the model is behind two by 0.5 (error)"
    ]
    assert behind_lines({"error": 1.0}, others, {"error": "error"}, higher_is_better=False) == []
    assert behind_lines(own, {}, {"f1": "F1"}, higher_is_better=True) == []


def test_anomalies_are_compared_by_error_and_by_what_was_found():
    test = {"error": 0.4, "rows": 10, "ranges": 1, "f1": 0.6, "range_f1": 0.5, "nab": 10.0}
    simple = {"previous value": {"error": 0.3, "ranges": 2}, "windowed Gaussian": test | {"nab": 12.5}}
    report = AnomalyAnswers.report(None, {"test": test, "baselines": simple})  # type: ignore[arg-type]
    behind = [line for line in report.splitlines() if "behind" in line]
    assert behind == [
        "the model is behind previous value by 0.1 (error)",
        "the model is behind windowed Gaussian by 2.5 (NAB)",
    ]


def test_the_first_line_says_whether_a_detector_is_worth_using():
    simple = {
        "previous value": {"error": 1.0},
        "flag everything": {"f1": 0.7, "vus_pr": 0.5},
        "isolation forest": {"f1": 0.6, "vus_pr": 0.6},
    }
    cases = {
        (
            0.8,
            0.7,
        ): "worth using: VUS-PR 0.800, isolation forest 0.600; F1 of rows 0.700, flag everything 0.650",
        (0.8, 0.02): "worth using at another threshold: VUS-PR 0.800",
        (0.1, 0.7): "worth using at its own threshold alone: F1 of rows 0.700",
        (0.1, 0.02): "not worth using: VUS-PR 0.100, isolation forest 0.600; F1 of rows 0.020, flag",
    }
    simple["flag everything"]["f1"] = 0.65
    for (vus_pr, f1), line in cases.items():
        assert verdict({"error": 1.0, "f1": f1, "vus_pr": vus_pr}, simple).startswith(line)
    perfect = {"error": 1.0, "f1": 1.0, "vus_pr": 1.0}
    simple["isolation forest"] |= {"f1": 1.0}
    assert verdict(perfect, simple).startswith(
        "worth using: VUS-PR 1.000, isolation forest 0.600; F1 of rows"
    )
    simple["flag everything"]["f1"] = 1.0  # all rows are anomalies
    assert verdict(perfect, simple).startswith("worth using at another threshold")
    assert verdict({"error": 1.0}, simple).startswith("whether it is worth using is unknown")


def test_means_over_folds_are_compared():
    figures = {"accuracy": 0.9, "macro_f1": 0.9, "log_loss": 0.3, "calibration_error": 0.1, "examples": 10}
    folds = {
        "majority": {"accuracy": [0.5, 0.5], "mean": 0.5, "deviation": 0.0},
        "tf-idf": {"accuracy": [0.8, 1.0], "mean": 0.9, "deviation": 0.1},
        "this model": {"accuracy": [0.9, 0.7], "mean": 0.8, "deviation": 0.1},
    }
    lines = report_lines({"test": figures, "baselines": {}, "folds": folds})
    assert "the model is behind tf-idf by 0.1 (mean accuracy)" in lines
