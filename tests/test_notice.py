"""Filters of warnings are as before, whichever thread leaves first."""

import threading
import warnings

from elman.notice import without_warnings


def test_two_threads_leave_the_filters_as_they_were():
    before = list(warnings.filters)
    entered, may_leave = threading.Event(), threading.Event()

    def second() -> None:
        with without_warnings():
            entered.set()
            may_leave.wait(10)

    with without_warnings():
        other = threading.Thread(target=second)
        other.start()
        entered.wait(0.2)  # it would enter now, if it could
    may_leave.set()
    other.join()
    assert warnings.filters == before


def test_only_the_named_warnings_are_ignored(recwarn):
    with without_warnings("All-NaN"):
        warnings.warn("All-NaN slice", UserWarning, stacklevel=1)
        warnings.warn("other", UserWarning, stacklevel=1)
    assert [str(each.message) for each in recwarn] == ["other"]
