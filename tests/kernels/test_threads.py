"""The compiled kernels on several threads: torch's and their own, called from several, and after a fork."""

import os
import signal
import threading

import pytest
import torch
from sweeps import BOUND, DTYPES, MAKE, kernels, problem, same_bits, worst

from elman.kernels.compiled import cpu

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

pytestmark = pytest.mark.parametrize("openmp", [True, False], ids=["torch's threads", "own threads"])

ALL = "reverse lengths resets mask maps rates"
# T, B, I, H; a sweep takes a thread more for every 16384 multiply-adds of a step: here enough for three
WIDE = (6, 9, 7, 130)
HIGH = (2, 120, 3, 17)  # more threads than blocks of units


@pytest.mark.parametrize("shape", [WIDE, HIGH], ids=["wide", "high"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MAKE)
def test_any_number_of_threads_gives_the_same_bits(openmp, name, dtype, shape, record_property):
    asked = problem(name, *shape, ALL, DTYPES[dtype])
    with kernels():
        alone = asked.solve()
    error, whose = worst(alone, asked.truth())
    record_property(f"worst error of {name}, {dtype}", error)
    assert error <= BOUND[dtype][name], whose
    for threads in (2, 2, 3, 4):
        with kernels(threads=threads, openmp=openmp):
            assert same_bits(asked.solve(), alone), f"on {threads} threads"


@pytest.mark.parametrize("threads", [1, 3])
def test_several_python_threads_at_once(openmp, threads):
    asked = problem("gru", *WIDE, ALL)
    with kernels(threads=threads, openmp=openmp):
        expected, found = asked.solve(), []
        team = [
            threading.Thread(target=lambda: found.extend(asked.solve() for _ in range(10)), daemon=True)
            for _ in range(4)
        ]
        for thread in team:
            thread.start()
        for thread in team:
            thread.join(timeout=600)
    assert len(found) == 40
    assert all(same_bits(one, expected) for one in found)


def succeeds_in_a_child(check) -> bool:
    """Whether the check holds in a forked child; one that hangs is ended."""
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        torch.use_deterministic_algorithms(
            False
        )  # torch would fill new memory with its threads, which are gone
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_forked_child_has_threads_of_its_own(openmp, threads):
    asked = problem("lstm", *WIDE, ALL)

    def check() -> bool:
        same = same_bits(asked.solve(), expected)
        return same and len(os.listdir("/proc/self/task")) == threads

    with kernels(threads=threads, openmp=openmp):
        expected = asked.solve()
        assert succeeds_in_a_child(check)
        assert succeeds_in_a_child(lambda: succeeds_in_a_child(check))
        assert same_bits(asked.solve(), expected)  # and the parent keeps its own


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_sweep(openmp):
    asked = problem("gru", *WIDE)
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            asked.solve()

    def check() -> bool:
        return same_bits(asked.solve(), expected)

    with kernels(threads=2, openmp=openmp):
        expected = asked.solve()
        other = threading.Thread(target=keep_busy)
        other.start()
        try:
            for _ in range(5):
                assert succeeds_in_a_child(check)
        finally:
            stop.set()
            other.join()
