"""The example that draws who remembers how long: it trains each point once and goes on where it stopped."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples/long_memory.py"


@pytest.fixture
def draw(tmp_path, monkeypatch, capfd):
    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["long_memory.py", "--hidden-size", "4", *arguments])
        monkeypatch.chdir(tmp_path)
        runpy.run_path(str(EXAMPLE), run_name="__main__")
        return capfd.readouterr().out

    return call


def test_points_are_trained_once_and_drawn(draw, tmp_path):
    first = draw("--lags", "3", "4", "--methods", "tanh", "--epochs", "1")
    folder = tmp_path / "runs/long-memory"
    assert sorted(path.name for path in folder.iterdir()) == ["long_memory.png", "tanh-3", "tanh-4"]
    assert [line.split()[:3] for line in first.splitlines()[:2]] == [
        ["3", "steps", "tanh"],
        ["4", "steps", "tanh"],
    ]
    before = (folder / "tanh-3/history.jsonl").stat().st_mtime_ns
    more = draw("--lags", "3", "4", "--methods", "tanh", "GRU, chrono", "--epochs", "1")
    assert (folder / "tanh-3/history.jsonl").stat().st_mtime_ns == before
    assert set(first.splitlines()) < set(more.splitlines())
    assert (folder / "GRU-chrono-3/results.json").exists()
    with pytest.raises(SystemExit, match="chrono needs a number of steps of at least 3"):
        draw("--lags", "2", "--methods", "GRU, chrono")
    with pytest.raises(SystemExit, match="tanh-3: was trained with other options; give another --out"):
        draw("--lags", "3", "--methods", "tanh", "--epochs", "2")
