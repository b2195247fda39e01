"""Progress of training: a live bar in a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Protocol

_LINE_SECONDS = 10.0


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows a run's progress; ``update`` is called after every step and must be cheap."""

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:
        """Takes the completed share of the run, the seconds left, and the facts to show by name.

        The last share is 1, unless the run is interrupted.
        """

    def say(self, line: str) -> None:
        """Prints a line above the bar."""


class Silent(Progress):
    """Shows nothing."""

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:  # noqa: D102
        pass

    def say(self, line: str) -> None:  # noqa: D102
        pass

    def __exit__(self, *_: object) -> None: ...


class Lines(Progress):
    """Prints a plain line to standard error every few seconds, and one at the end."""

    def __init__(self) -> None:
        self._next = 0.0

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:  # noqa: D102
        if time.monotonic() >= self._next or share >= 1:
            self._next = time.monotonic() + _LINE_SECONDS
            shown = "  ".join(f"{name} {value}" for name, value in facts.items())
            self.say(f"{share:4.0%}  {shown}  left {clock(seconds_left)}")

    def say(self, line: str) -> None:  # noqa: D102
        with suppress(OSError):  # nobody reads it any more, as in 2>&1 | head: the training goes on
            print(line, file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None: ...


class Bar(Progress):
    """A live bar on standard error."""

    def __init__(self) -> None:
        # here, since only a terminal gets a bar, and every use of a run imports this module
        from rich import console, progress, table

        self._bar = progress.Progress(
            progress.TextColumn(
                "{task.percentage:3.0f}%", table_column=table.Column(no_wrap=True, min_width=4)
            ),
            progress.BarColumn(bar_width=12, table_column=table.Column(no_wrap=True, min_width=12)),
            progress.TextColumn(
                "{task.description}", table_column=table.Column(no_wrap=True, overflow="ellipsis", ratio=1)
            ),
            expand=True,
            console=console.Console(stderr=True, highlight=False),
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=1.0)
        self._next = 0.0

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the terminal is gone
            self._bar.refresh()
            self._bar.stop()

    def update(self, share: float, seconds_left: float, facts: dict[str, str]) -> None:  # noqa: D102
        if time.monotonic() >= self._next or share >= 1:
            self._next = time.monotonic() + 0.2
            shown = "  ".join(f"[dim]{name}[/] {value}" for name, value in facts.items())
            text = f"{clock(seconds_left)} [dim]left[/]  {shown}"
            with suppress(OSError):
                self._bar.update(self._task, completed=share, description=text, refresh=True)

    def say(self, line: str) -> None:  # noqa: D102
        with suppress(OSError):
            self._bar.console.print(line, markup=False)


def make_progress() -> Progress:
    """Returns a bar if standard error is a terminal, otherwise plain lines."""
    return Bar() if sys.stderr.isatty() else Lines()


def clock(seconds: float) -> str:
    """Formats seconds as h:mm:ss or m:ss; "–" if unknown."""
    if not 0 <= seconds < 10**7:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
