"""The forecaster's results as lines for people."""

from elman.tasks.forecasting.answers import report_lines


def test_forecasts_stand_beside_simple_methods():
    own = {"smape": 12.5, "mase": 1.25, "mae": 3.0, "owa": 0.5, "forecasts": 1200}
    naive = {"smape": 10.0, "mase": 1.0, "mae": 2.0}
    intervals = {"crps": 0.125, "coverage_80": 0.75, "coverage_95": 1.0}
    results = {"test": own | intervals, "baselines": {"naive": naive}}
    assert report_lines(results, 4) == [
        "not worth using: the model is behind naive by 0.25 (MASE 1.25, naive 1)",
        "1,200 forecasts of 4 steps on the test part:",
        "",
        "                sMAPE       MASE        OWA        MAE",
        "naive              10          1                     2",
        "this model       12.5       1.25        0.5          3",
        "",
        "CRPS 0.1250; the 80 % interval covers 75.0%, the 95 % interval 100.0%",
    ]
    assert report_lines({}, 4) == ["trained on all steps; no test part"]
