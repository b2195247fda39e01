"""How checks are written and run: one promise each, the same random numbers every time."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

T = TypeVar("T")
Check = Callable[[T], None]


def seeded(check: Check[T]) -> Check[T]:
    """The check with random numbers of its own, the same every time; others' continue as before."""

    @functools.wraps(check)
    def run(thing: T) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            check(thing)

    return run


def promise(check: Check[T]) -> Check[T]:
    """``seeded``, with NaN in memory that nobody has written, so that no result can depend on it."""
    run_seeded = seeded(check)

    @functools.wraps(check)
    def run(thing: T) -> None:
        before = torch.are_deterministic_algorithms_enabled()
        only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(True)
        try:
            run_seeded(thing)
        finally:
            torch.use_deterministic_algorithms(before, warn_only=only_warns)

    return run


def named(checks: Iterable[Check[T]]) -> list[tuple[str, Check[T]]]:
    """Each check after its name without ``check_``, to parametrize tests over."""
    return [(_name(check), check) for check in checks]


def run_all(checks: Iterable[Check[T]], thing: T, title: str) -> None:
    """Runs every check, then raises one AssertionError that names each broken promise and what was measured.

    Args:
        checks: the checks.
        thing: what they are called with.
        title: what it is called in the message.

    Raises:
        AssertionError: at least one promise is broken; its cause is the group of all errors.
    """
    checks = list(checks)
    errors: list[Exception] = []
    lines = []
    for check in checks:
        try:
            check(thing)
        except Exception as error:  # a crash breaks the promise as well
            measured = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            indented = "\n".join(f"    {line}" for line in measured.splitlines())
            lines.append(f"  {_name(check)}: {_first_line(check)}\n{indented}")
            errors.append(error)
    if errors:
        head = f"{title} breaks {len(errors)} of {len(checks)} promises:"
        raise AssertionError("\n".join([head, *lines])) from ExceptionGroup(head, errors)


def _name(check: Any) -> str:
    name: str = check.__name__
    return name.removeprefix("check_")


def _first_line(check: Any) -> str:
    return inspect.cleandoc(check.__doc__ or "").partition("\n")[0]


# What checks are made of


def ensure(holds: object, measured: str) -> None:
    """Raises AssertionError with what was measured unless the promise holds."""
    if not holds:
        raise AssertionError(measured)


def equal(received: object, expected: object, what: str) -> None:
    """Raises AssertionError unless two values are equal; of dicts it names the first entry that differs."""
    if isinstance(received, dict) and isinstance(expected, dict) and received.keys() == expected.keys():
        for key, value in expected.items():
            equal(received[key], value, f"{what}, {key}")
    else:
        ensure(received == expected, f"{what} must be {_cut(expected)}. Got {_cut(received)}.")


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 500 else f"{text[:500]}…"


@contextmanager
def refused(kind: type[Exception], message: str, what: str) -> Iterator[None]:
    """Raises AssertionError unless an error of this kind is raised within, with a message that matches."""
    try:
        yield
    except kind as error:
        ensure(
            re.search(message, str(error)), f"{what} must be refused with {message!r}. Got {str(error)!r}."
        )
        return
    raise AssertionError(f"{what} must be refused with {kind.__name__}. Nothing was raised.")


@contextmanager
def setting(**values: object) -> Iterator[None]:
    """Puts a check's setting before the message of an AssertionError."""
    try:
        yield
    except AssertionError as error:
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        raise AssertionError(f"{shown}: {error}") from error
