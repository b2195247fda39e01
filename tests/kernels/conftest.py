"""Kernels that are named, memory that is poisoned, and figures that are printed at the end."""

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator

import pytest

if os.environ.get(
    "ELMAN_KERNELS"
):  # another build of the compiled kernels (make sanitize); before elman is imported
    name = "elman.kernels._kernels"
    assert name not in sys.modules, "ELMAN_KERNELS is read only where tests/kernels alone is run"
    loader = importlib.machinery.ExtensionFileLoader(name, os.environ["ELMAN_KERNELS"])
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    loader.exec_module(sys.modules[name])

from elman.kernels.compiled import cpu


@pytest.fixture(autouse=True)
def poisoned() -> Iterator[None]:
    """NaN in whatever memory the kernels take from their store."""
    if cpu._kernels is None:
        yield
        return
    cpu._kernels.poison(True)
    yield
    cpu._kernels.poison(False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what tests recorded: of ``worst error of …`` the largest, and every line of ``measured``."""
    largest: dict[str, tuple[float, str]] = {}
    lines = []
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for key, value in getattr(report, "user_properties", []):
            if key == "measured":
                lines.append(value)
            elif key.startswith("worst error of"):
                largest[key] = max(largest.get(key, (0.0, "")), (value, report.nodeid.rpartition("::")[2]))
    lines += [f"{key:44} {error:.2e}  in {where}" for key, (error, where) in sorted(largest.items())]
    if lines:
        terminalreporter.section("kernels")
        terminalreporter.write("\n".join(lines) + "\n")
