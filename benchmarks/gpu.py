"""Runs the tests marked ``gpu``, then measures layers beside torch's (cuDNN); writes a report.

Needs torch and NumPy, and either Elman's environment or the folder of ``make gpu-pack``. Without a CUDA
device the tests are skipped, nothing is measured, and the report says so. With ``ELMAN_GPU_TESTS=cpu`` all of
it runs on the CPU, with small layers, to try whether it works.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "gpu-pack" / "site"
REPORT = ROOT / "gpu-report.md"
TEST_SECONDS = 240  # of six minutes
TABLE_SECONDS = 60  # after which no row begins
MEASURING_SECONDS = 100  # for the table with its imports
SHAPES = ((35, 20, 256), (70, 64, 512), (100, 128, 1024))  # T, B, I = H
SHAPES_OF_A_TRIAL = ((5, 2, 8),)
ROUNDS = 15
DEVICE = os.environ.get("ELMAN_GPU_TESTS", "cuda")


def environment() -> dict[str, str]:
    """Returns the environment of a process that imports this checkout, and the pack if there is one."""
    paths = [ROOT / "src", *([SITE] if SITE.is_dir() else [])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"}


def test() -> tuple[int, str]:
    """Runs the tests; returns pytest's status and its closing line."""
    # the other tests' conftest needs libraries that the pack leaves out
    options = ("-q", "-p", "no:cacheprovider", "--confcutdir", "tests/gpu", "-m", "gpu")
    options += ("-W", "ignore:elman was installed without")
    command = [sys.executable, "-m", "pytest", *options, "tests/gpu"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=TEST_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        print((error.stdout or b"").decode(errors="replace"))
        return 1, f"the tests were ended after {TEST_SECONDS} seconds"
    print(done.stdout, done.stderr, sep="")
    return done.returncode, (done.stdout.strip().splitlines() or ["pytest printed nothing"])[-1]


def describe() -> list[str]:
    """Returns what the figures were made on."""
    import torch

    import elman
    from elman.kernels.compiled.table import _kernels

    lines = [f"Elman {elman.__version__}, torch {torch.__version__}, Python {platform.python_version()}"]
    if torch.cuda.is_available():
        lines.append(f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {cudnn_version()}")
    elif DEVICE == "cuda":
        lines.append("no CUDA device: the tests were skipped and nothing was measured")
    else:
        lines.append(f"a trial on {DEVICE}: its times say nothing")
    if _kernels is None:
        lines.append("without Elman's compiled kernels, which run on a CPU only")
    return lines


def cudnn_version() -> str:
    import torch

    return str(torch.backends.cudnn.version())


def milliseconds(run: Callable[[], None], device: str) -> float:
    """Returns the median time of a call, by CUDA events on a GPU."""
    once = by_events if device == "cuda" else by_clock
    return statistics.median(once(run) for _ in range(ROUNDS))


def by_events(run: Callable[[], None]) -> float:
    """Returns the milliseconds of a call on the GPU."""
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


def by_clock(run: Callable[[], None]) -> float:
    """Returns the milliseconds of a call on the CPU."""
    begin = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - begin)


def training_step(layer: Callable, x: object) -> Callable[[], None]:
    """Returns a call of forward and backward."""

    def run() -> None:
        output = layer(x)[0]
        output.sum().backward()

    return run


def table(device: str, shapes: Sequence[tuple[int, int, int]]) -> list[str]:
    """Returns a table of forward and backward of torch's layers, of ours, and of ours step by step."""
    import torch

    import elman
    from elman.layers import Recurrent

    rows = [
        "| layer | T × B × H | torch (cuDNN), ms | Elman, ms | ratio | step by step, ms |",
        "|---|---|--:|--:|--:|--:|",
    ]
    deadline = time.monotonic() + TABLE_SECONDS
    for name in ("LSTM", "GRU", "RNN"):
        for T, B, H in shapes:
            if time.monotonic() > deadline:
                return [*rows, f"\nended after {TABLE_SECONDS} seconds"]
            theirs = getattr(torch.nn, name)(H, H).to(device)
            ours = getattr(elman, name)(H, H).to(device)
            ours.load_state_dict(theirs.state_dict())
            by_steps = Recurrent(ours.cell, backend="reference").to(device)
            x = torch.randn(T, B, H, device=device)
            runs = [training_step(layer, x) for layer in (theirs, ours, by_steps)]
            for run in runs * 2:  # the first calls choose algorithms and fill caches
                run()
            a, b, c = (milliseconds(run, device) for run in runs)
            rows.append(f"| {name} | {T} × {B} × {H} | {a:.3f} | {b:.3f} | {b / a:.2f} | {c:.3f} |")
    return rows


def measure() -> tuple[int, str]:
    """Measures in a process of its own; returns its status and what it printed."""
    command = [sys.executable, __file__, "--part", "table"]
    try:
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=MEASURING_SECONDS
        )
    except subprocess.TimeoutExpired:
        return 1, f"the measuring was ended after {MEASURING_SECONDS} seconds"
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Runs the tests marked gpu and measures layers beside cuDNN."
    )
    parser.add_argument("--report", type=Path, default=REPORT, help="file to write")
    parser.add_argument("--part", choices=["table"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "table":
        print("\n".join(describe()))
        import torch

        if DEVICE != "cuda" or torch.cuda.is_available():
            print("\nForward and backward, float32 (medians, CUDA events):\n")
            print("\n".join(table(DEVICE, SHAPES if DEVICE == "cuda" else SHAPES_OF_A_TRIAL)))
        return
    status, closing = test()
    measured, printed = measure()
    text = f"{printed}\ntests: {closing}\n"
    options.report.write_text(text, "utf-8")
    print(f"{text}\nwritten to {options.report}")
    sys.exit(status or measured)


if __name__ == "__main__":
    main()
