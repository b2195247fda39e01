"""What a person sees while a model trains."""

import io

import pytest

from elman.train import progress
from elman.train.progress import Bar, Lines, clock, make_progress


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (90061, "25:01:01"),
        (-1, "–"),
        (1e9, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_a_clock(seconds, shown):
    assert clock(seconds) == shown


def test_plain_lines_come_every_few_seconds(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with Lines() as lines:
        for _ in range(25):
            lines.update(0.5, 61, {"loss": "1.000"})
            now += 1
        lines.say("epoch 1")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [" 50%  loss 1.000  left 1:01"] * 3 + ["epoch 1"]


def test_the_last_line_says_that_all_is_done(capsys):
    with Lines() as lines:
        for share in (0.1, 0.3, 1.0):
            lines.update(share, 0, {})
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["10%", "100%"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_lines_above_it(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    bar = make_progress()
    assert isinstance(bar, Bar)
    with bar:
        bar.update(0.25, 61, {"loss": "1.000"})
        bar.say("epoch 1: [validation] 2.000")
        bar.update(1.0, 0, {"loss": "0.500"})
    shown = terminal.getvalue()
    assert "25%" in shown
    assert "100%" in shown
    assert "epoch 1: [validation] 2.000" in shown  # brackets are no markup
    assert shown.index("1.000") < shown.index("epoch 1") < shown.index("0.500")


def test_elsewhere_there_are_plain_lines():
    assert isinstance(make_progress(), Lines)
