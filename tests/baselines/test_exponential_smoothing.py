"""Exponential smoothing and Theta of many series, against plain loops over one series."""

import numpy as np
import pytest

from elman.baselines import exponential_smoothing as ets
from elman.baselines.exponential_smoothing import Form, exponential_smoothing
from elman.baselines.forecasts import theta

NAN = float("nan")


def made(steps: int, seed: int, season: int = 4) -> np.ndarray:
    random = np.random.default_rng(seed)
    t = np.arange(steps)
    return 50 + 0.3 * t + 10 * np.sin(2 * np.pi * t / season) + random.normal(0, 2, steps).cumsum() / 4


def smoothed(y, form, alpha, beta, phi, gamma, level, slope, season):
    """Hyndman et al. 2008, table 2.1, one step after the other: errors and the last state."""
    season, errors, m = list(season), [], len(season)
    for t, value in enumerate(y):
        trend = level + phi * slope
        if np.isnan(value):
            level, slope = trend, phi * slope
            continue
        if form.multiplicative:
            index = season[t % m] if form.seasonal else 1.0
            error = (value - trend * index) / (trend * index)
            level, slope = trend * (1 + alpha * error), phi * slope + beta * trend * error
            season[t % m] = index * (1 + gamma * error)
        else:
            index = season[t % m] if form.seasonal else 0.0
            error = value - trend - index
            level, slope = trend + alpha * error, phi * slope + beta * error
            season[t % m] = index + gamma * error
        errors.append(error)
    return np.array(errors), level, slope, np.array(season)


@pytest.mark.parametrize("multiplicative", [False, True])
@pytest.mark.parametrize("seasonal", [False, True])
@pytest.mark.parametrize("trend", ["none", "damped"])
def test_the_recursion_is_that_of_the_book(multiplicative, trend, seasonal):
    form = Form(multiplicative, trend, seasonal)
    first, second = made(30, 0), made(21, 1)
    first[[5, 17]] = NAN
    rows = ets._Rows([first, second], 4)
    alpha, beta, phi, gamma = 0.4, 0.1, 0.9, 0.2
    if trend == "none":
        beta, phi = 0.0, 0.0
    rates = ets._Rates(*(np.full((2, 1), value) for value in (alpha, beta, phi, gamma)))
    neutral = 1.0 if multiplicative else 0.0
    seasons = neutral + 0.1 * np.array([[1.0, -1, 2, -2]] * 2).T[..., None]
    state = ets._State(
        np.full((2, 1), 0.9), np.full((2, 1), 0.0 if trend == "none" else 0.01), seasons.copy()
    )
    state, squares, sums = rows._smooth(form, rates, state, range(30))
    for row, y in enumerate((first, second)):
        begin = 30 - len(y)
        season = np.roll(seasons[:, row, 0], -begin)
        start = (0.9, 0.0 if trend == "none" else 0.01, season)
        errors, level, slope, season = smoothed(y / rows.unit[row], form, alpha, beta, phi, gamma, *start)
        assert squares[row, 0] == pytest.approx(np.square(errors).sum())
        assert sums[row, 0] == pytest.approx(errors.sum())
        assert state.level[row, 0] == pytest.approx(level)
        assert state.slope[row, 0] == pytest.approx(slope)
        if seasonal:
            assert np.roll(state.season[:, row, 0], -begin) == pytest.approx(season)


def test_the_likelihood_is_that_of_the_errors():
    rows = ets._Rows([made(40, 2)], 4)
    rates = ets._Rates(*(np.full((1, 1), value) for value in (0.3, 0.0, 0.0, 0.1)))
    form = Form(True, "none", True)
    misfit, _ = rows._misfit(form, rates)
    state = rows._first_state(form, 1)
    back, _, _ = rows._smooth(form, rates, state, range(39, -1, -1))
    y = rows.y[:, 0]
    errors, *_ = smoothed(y, form, 0.3, 0, 0, 0.1, back.level[0, 0], 0.0, back.season[:, 0, 0])
    guesses = y / (1 + errors)
    exact = 40 * np.log(np.square(errors).mean()) + 2 * np.log(guesses).sum()
    assert misfit[0, 0] == pytest.approx(exact, abs=0.05)


def test_many_series_are_forecast_as_each_alone():
    series = [made(steps, seed) for seed, steps in enumerate((3, 9, 24, 25, 60))]
    series[3][[2, 7, 24]] = NAN
    series.append(np.array([NAN, 5.0]))
    alone = np.concatenate([exponential_smoothing([y], 6, 4) for y in series])
    assert exponential_smoothing(series, 6, 4) == pytest.approx(alone)
    assert alone[-1] == pytest.approx(5)
    one, two = exponential_smoothing([series[4], 1000 * series[4]], 6, 4)
    assert two == pytest.approx(1000 * one)
    assert theta(series, 6, 4) == pytest.approx(np.concatenate([theta([y], 6, 4) for y in series]))


def test_level_trend_and_season_are_found():
    t = np.arange(80)
    for season in (
        20 + 5 * np.sin(2 * np.pi * t / 4),
        (20 + 0.5 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 4)),
    ):
        found = exponential_smoothing([season[:72], season[:72] - 100], 8, 4)
        assert found[0] == pytest.approx(season[72:], rel=0.01)
        assert found[1] == pytest.approx(season[72:] - 100, abs=3)
    assert exponential_smoothing([np.full(20, 7.0), np.zeros(20)], 3, 4) == pytest.approx(
        np.array([[7.0] * 3, [0.0] * 3])
    )


def test_theta_is_the_mean_of_the_trend_and_the_smoothed_second_line():
    y = made(30, 3, season=1)
    slope, level = np.polyfit(np.arange(30), y, 1)
    line = 2 * y - (level + slope * np.arange(30))
    best = (np.inf, 0.0)
    for rate in np.linspace(0.01, 0.99, 99):
        # errors are linear in the first level: two runs give the best one
        runs = []
        for first in (0.0, 1.0):
            state, errors = first, []
            for value in line:
                errors.append(value - state)
                state += rate * (value - state)
            runs.append((np.array(errors), state))
        (zero, last), (one, last_of_one) = runs
        move = one - zero
        first = -(zero @ move) / (move @ move)
        errors = zero + first * move
        best = min(best, (errors @ errors, last + first * (last_of_one - last)))
    expected = (best[1] + level + slope * (30 + np.arange(5))) / 2
    assert theta([y], 5, 1)[0] == pytest.approx(expected)
