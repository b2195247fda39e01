"""Figures of forecasts: by hand, and as utilsforecast gives them."""

import gzip

import numpy as np
import pytest

from elman.baselines import backtest
from elman.baselines.forecasts import naive, naive2, seasonal_naive, theta
from elman.metrics import forecast

NAN = float("nan")


def test_figures_by_hand():
    y, guess = np.array([[100.0, 50, 0], [NAN, 10, 30]]), np.array([[100.0, 150, 0], [5, 30, 10]])
    assert forecast.absolute_error(y, guess).tolist() == pytest.approx([100 / 3, 20])
    assert forecast.smape(y, guess).tolist() == pytest.approx([(0 + 100 + 0) / 3, 100])
    history = np.array([1.0, 2, 4, 7])
    assert forecast.naive_error(history, 1) == pytest.approx((1 + 2 + 3) / 3)
    assert forecast.naive_error(history, 2) == pytest.approx((3 + 5) / 2)
    assert np.isnan(forecast.naive_error(np.ones(5), 1))
    assert forecast.mase(y, guess, np.array([10.0, 4])).tolist() == pytest.approx([10 / 3, 5])
    assert forecast.owa(10, 2, 20, 1) == pytest.approx((0.5 + 2) / 2)
    quantiles = np.array([[[90.0, 110]] * 3])
    levels = np.array([0.1, 0.9])
    # 100 lies between: 0.1 × 10 and 0.1 × 10; 50 below both: 0.9 × 40 and 0.1 × 60; 0: 0.9 × 90 and 0.1 × 110
    assert forecast.pinball(y[:1], quantiles, levels) == pytest.approx((1 + 21 + 46) / 3)
    assert forecast.coverage(y[:1], quantiles[..., 0], quantiles[..., 1]) == pytest.approx(1 / 3)
    assert forecast.scaled_crps(y[:1], quantiles, levels) == pytest.approx(2 * 68 / 3 / 50)


def test_a_window_without_targets_is_no_number():
    nothing = np.full((1, 3), NAN)
    assert np.isnan(forecast.smape(nothing, np.ones((1, 3)))).all()
    figures = backtest.point_figures(nothing, {"m": np.ones((1, 3))}, [np.arange(4.0)], 1)
    assert figures == {"m": {}}


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """Random series of 4 and of 3 steps each, forecasts and quantiles."""
    rng = np.random.default_rng(0)
    y, history = rng.normal(5, 2, (6, 4)), rng.normal(5, 2, (6, 30))
    quantiles = np.sort(rng.normal(5, 2, (6, 4, 3)), axis=-1)
    return {"y": y, "history": history, "quantiles": quantiles}


def test_figures_equal_utilsforecast(drawn):
    pd = pytest.importorskip("pandas")
    losses = pytest.importorskip("utilsforecast.losses")
    y, history, quantiles = drawn.values()
    ids = np.repeat([f"s{k}" for k in range(6)], 4)
    table = pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(30, 34), 6), "y": y.ravel()})
    for k, name in enumerate(("m-lo-80", "m", "m-hi-80")):
        table[name] = quantiles[..., k].ravel()
    before = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{k}" for k in range(6)], 30),
            "ds": np.tile(np.arange(30), 6),
            "y": history.ravel(),
        }
    )
    median, levels = quantiles[..., 1], np.array([0.1, 0.5, 0.9])
    scales = np.array([forecast.naive_error(each, 7) for each in history])
    names = {"m": ["m-lo-80", "m", "m-hi-80"]}
    pairs = {
        "mae": (losses.mae(table, ["m"]), forecast.absolute_error(y, median)),
        "smape": (losses.smape(table, ["m"]), forecast.smape(y, median) / 200),  # theirs is a share of 1
        "mase": (losses.mase(table, ["m"], 7, before), forecast.mase(y, median, scales)),
        "pinball": (losses.mqloss(table, names, levels), forecast.pinball(y, quantiles, levels)),
        "crps": (losses.scaled_crps(table, names, levels), forecast.scaled_crps(y, quantiles, levels)),
        "coverage": (
            losses.coverage(table, ["m"], 80),
            forecast.coverage(y, quantiles[..., 0], quantiles[..., 2]),
        ),
    }
    for name, (theirs, ours) in pairs.items():
        found = theirs.sort_values("unique_id")["m"].to_numpy(dtype=float)
        np.testing.assert_allclose(ours, found, rtol=1e-9, err_msg=name)


def test_intervals_are_stretched_to_cover_their_share():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(400, 5))
    y[0, 0] = NAN
    z = 1.2815515655446004  # of the 80 % interval
    median, low, high = np.zeros_like(y), np.full_like(y, -z / 2), np.full_like(y, z * 3)
    # the lower side is half as wide as it should be, the upper three times
    found = forecast.stretch(y, low, median, high, 0.8)
    covered = forecast.coverage(y, found * low, found * high)
    assert np.nanmean(covered) == pytest.approx(0.8, abs=0.001)
    assert forecast.stretch(y, 2 * low, median, high / 3, 0.8) == pytest.approx(1, abs=0.05)
    assert forecast.stretch(*(each[:19] for each in (y, low, median, high)), 0.8) == 1  # too few to tell
    assert forecast.stretch(y, 1e-9 * low, median, 1e-9 * high, 0.8) == 5


def test_the_naive_methods_by_hand():
    history = np.array([NAN, 1, 2, 3, NAN, 5, 6, NAN])
    assert naive(history, 3).tolist() == [6, 6, 6]
    assert seasonal_naive(history, 5, 4).tolist() == [6, 5, 6, 3, 6]  # the first phase was never seen
    assert seasonal_naive(np.array([1.0, 2, 3, 4, 5, NAN]), 4, 4).tolist() == [3, 4, 5, 2]
    assert seasonal_naive(np.array([NAN, 2.0]), 4, 2).tolist() == [2, 2, 2, 2]


def test_naive2_and_theta_find_a_season_and_a_trend():
    t = np.arange(60)
    season = np.array([0.5, 1.0, 1.5, 1.0])
    flat = 100 * season[t % 4]
    assert naive2(flat, 6, 4) == pytest.approx(100 * season[(60 + np.arange(6)) % 4])
    assert theta([flat], 6, 4)[0] == pytest.approx(100 * season[(60 + np.arange(6)) % 4], rel=1e-6)
    rising = 10 + 2.0 * t
    # half of the trend goes on from where the series stands
    assert naive2(rising, 3, 1).tolist() == [128, 128, 128]
    assert theta([rising], 3, 1)[0] == pytest.approx(128 + np.array([1, 2, 3]), abs=0.6)
    # noise has no season to take out
    noise = np.random.default_rng(0).normal(10, 1, 60)
    assert len(set(naive2(noise, 8, 4))) == 1
    # what is not positive cannot be divided by one: Theta subtracts it
    assert len(set(naive2(flat - 100, 8, 4))) == 1
    for low in (flat - 100, flat - 50):
        assert theta([low], 6, 4)[0] == pytest.approx(low[:6], abs=1e-6)
    for method in (naive2, lambda history, *sizes: theta([history], *sizes)[0]):
        gappy = np.where(np.isin(t, [0, 7, 30]), NAN, flat)
        assert method(gappy, 4, 4) == pytest.approx(method(flat, 4, 4), rel=0.03)
        assert method(np.array([3.0]), 2, 4) == pytest.approx([3, 3])


@pytest.mark.parametrize(
    ("name", "horizon", "season", "figures"),
    [("Hourly", 48, 24, (18.383, 2.395)), ("Weekly", 13, 1, (9.161, 2.777))],
)
def test_naive2_reaches_the_official_figures_of_the_m4_competition(shared, name, horizon, season, figures):
    def rows(part: str) -> list[np.ndarray]:
        with gzip.open(shared / f"m4/{part}/{name}-{part.lower()}.csv.gz", "rt") as file:
            lines = [line.replace('"', "").strip().split(",")[1:] for line in file.readlines()[1:]]
        return [np.array([float(cell) for cell in line if cell not in ("", "NA")]) for line in lines]

    histories, y = rows("Train"), np.stack(rows("Test"))
    guess = np.stack([naive2(history, horizon, season) for history in histories])
    found = backtest.point_figures(y, {"Naive2": guess}, histories, season)["Naive2"]
    assert (round(found["smape"], 3), round(found["mase"], 3)) == figures
    assert found["owa"] == 1
