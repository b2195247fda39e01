"""Real runs, really killed: whatever moment it comes at, the resumed run ends in the same bits.

One process imports everything and then forks a child for each command: importing takes longer than training.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import SMALL, text, timeless

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "dropout": 0.2}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items() if name != "epochs"]
TEXT = text(150)
EVERY_STEP = ["--checkpoint-seconds", "1e-9"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# A child kills itself at the n-th file that is written: with half of it written, with all of it written but
# not yet in place, or just after it was put in place.
FORKING = """
import json, os, pathlib, signal, sys
import matplotlib.figure, lightning_fabric, torch._dynamo
import elman.tasks.language_model, elman.train.checkpoint, elman.train.loop
from elman.cli import main
from elman.tasks.language_model import answers as language_model

language_model._SAMPLE = 50
os_fsync, path_replace, count = os.fsync, pathlib.Path.replace, 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def arm(moment, number):
    def fsync(fd):
        global count
        count += os.readlink(f"/proc/self/fd/{fd}").endswith(".tmp")
        if count == number and moment == "half":
            os.truncate(os.readlink(f"/proc/self/fd/{fd}"), os.fstat(fd).st_size // 2)
            die()
        os_fsync(fd)
        if count == number and moment == "before":
            die()

    def replace(path, target):
        found = path_replace(path, target)
        if count == number and moment == "after":
            die()
        return found

    os.fsync, pathlib.Path.replace = fsync, replace

for line in sys.stdin:
    task = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        os.dup2(2, 1)
        arm(task["moment"], task["number"])
        os._exit(main(task["arguments"]))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Elman = Callable[..., int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "corpus.txt").write_text(TEXT)
    return folder


@pytest.fixture(scope="module")
def elman(folder: Path) -> Iterator[Elman]:
    """Runs a command in a forked child; returns its exit status, −9 where it was killed."""
    server = subprocess.Popen(
        [sys.executable, "-c", FORKING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )

    def run(
        *arguments: object, moment: str = "", number: int = 0, meanwhile: Callable[[int], object] = id
    ) -> int:
        task = {
            "arguments": [str(each) for each in arguments],
            "log": str(folder / "log"),
            "moment": moment,
            "number": number,
        }
        server.stdin.write(json.dumps(task) + "\n")
        server.stdin.flush()
        meanwhile(int(server.stdout.readline()))
        return int(server.stdout.readline())

    yield run
    server.stdin.close()
    assert server.wait(600) == 0
    server.stdout.close()


def train(folder: Path, out: Path, epochs: int = OPTIONS["epochs"]) -> list[object]:
    last = [*EVERY_STEP, "--epochs", str(epochs)]
    return ["train", "language-model", folder / "corpus.txt", "--out", out, *FLAGS, *last]


@pytest.fixture(scope="module")
def unkilled(elman: Elman, folder: Path) -> dict[str, Any]:
    """What a run leaves that nobody kills."""
    assert elman(*train(folder, folder / "whole")) == 0
    found = timeless(folder / "whole")
    assert len(found["history"]) > 10
    assert found["results"]["test"]["tokens"] > 10
    return found


# The first three files that a run writes are config, vocabulary and an empty history, then come a checkpoint
# and one after every step, preceded at an epoch's end by the best weights, and last the picture, the n-grams,
# the weights as measuring left them, and the results.
STEPS = -(-(round(0.9 * len(TEXT)) - 1) // (4 * 20))
CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "model.safetensors"
MOMENTS = [
    ("half", 4, CHECKPOINT),
    ("before", 4, CHECKPOINT),
    ("after", 4, CHECKPOINT),
    ("half", 7, CHECKPOINT),
    ("before", 7, CHECKPOINT),
    ("after", 8, CHECKPOINT),
    ("half", 4 + STEPS, WEIGHTS),
    ("after", 4 + STEPS, WEIGHTS),
    ("before", 5 + STEPS, CHECKPOINT),
    ("before", 7 + 2 * STEPS, "loss.png"),
    ("half", 8 + 2 * STEPS, "ngrams.safetensors"),
    ("half", 9 + 2 * STEPS, WEIGHTS),
    ("after", 10 + 2 * STEPS, "results.json"),
]


@pytest.mark.parametrize(("moment", "number", "name"), MOMENTS)
def test_killed_while_writing_and_resumed(elman, unkilled, folder, tmp_path, moment, number, name):
    run = tmp_path / "run"
    assert elman(*train(folder, run), moment=moment, number=number) == -signal.SIGKILL
    left = [p.name for p in run.glob(".*")]
    assert left == ([] if moment == "after" else [f".{name}.tmp"])
    assert moment != "after" or (run / name).exists()
    assert elman("resume", run) == 0, (folder / "log").read_text()
    assert timeless(run) == unkilled
    assert sorted(p.name for p in run.iterdir()) == sorted(p.name for p in (folder / "whole").iterdir())


def test_killed_twice_at_the_same_write(elman, unkilled, folder, tmp_path):
    run = tmp_path / "run"
    assert elman(*train(folder, run), moment="half", number=8) == -signal.SIGKILL
    for _ in range(2):
        assert elman("resume", run, moment="half", number=3) == -signal.SIGKILL
    assert elman("resume", run) == 0
    assert timeless(run) == unkilled


def test_killed_before_there_is_a_run_folder(elman, folder, tmp_path):
    run = tmp_path / "run"
    assert elman(*train(folder, run), moment="before", number=2) == -signal.SIGKILL
    assert not run.exists()
    assert elman("resume", run) == 2


def wait_for(run: Path, running: Callable[[], object]) -> None:
    """Until the run's history has some lines; ``running`` fails if it ends before."""
    history = run / "history.jsonl"
    for _ in range(60_000):
        if history.exists() and history.read_bytes().count(b"\n") > 20:
            return
        running()
        time.sleep(0.01)
    raise AssertionError("the run did not get that far")


LONG = 40  # epochs, so that it is still training when the signal comes


@pytest.fixture(scope="module")
def long_unkilled(elman: Elman, folder: Path) -> dict[str, Any]:
    assert elman(*train(folder, folder / "long", LONG)) == 0
    return timeless(folder / "long")


def interrupted(elman: Elman, folder: Path, run: Path) -> None:
    """Started as a user starts it, and stopped by Ctrl-C."""
    command = [sys.executable, "-m", "elman.cli", *map(str, train(folder, run, LONG))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:

        def running() -> None:
            assert process.poll() is None, process.communicate()

        wait_for(run, running)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == f"elman: interrupted and saved; continue with: elman resume {run}"
    assert "Traceback" not in err


def killed(elman: Elman, folder: Path, run: Path) -> None:
    def kill(process: int) -> None:
        wait_for(run, lambda: os.kill(process, 0))
        os.kill(process, signal.SIGKILL)

    assert elman(*train(folder, run, LONG), meanwhile=kill) == -signal.SIGKILL


@pytest.mark.parametrize("end", [killed, interrupted])
def test_a_running_process_gets_a_signal(elman, long_unkilled, folder, tmp_path, end):
    run = tmp_path / "run"
    end(elman, folder, run)
    assert not (run / "results.json").exists()
    assert elman("resume", run) == 0, (folder / "log").read_text()
    assert timeless(run) == long_unkilled
