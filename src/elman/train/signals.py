"""Signals that ask a program to stop: Ctrl-C, SIGTERM (the system shuts down), SIGHUP (a terminal closes)."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # not every system has all


@contextmanager
def handling(handle: Callable[[int, Any], None]) -> Iterator[None]:
    """Calls a function when a signal asks the program to stop; restores the former handlers at the end.

    A signal that the program was started to ignore (``nohup``) stays ignored. Only the main thread gets
    signals; in other threads this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
