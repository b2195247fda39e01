"""Several runs with one folder at once: a folder holds one run, whole, and every other ends in one line."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tiny import SMALL, same_bits, weights

import elman
from elman.cli import main
from elman.errors import InputError, TrainingStopped
from elman.tasks.language_model.answers import TextAnswers
from elman.tasks.language_model.data import CorpusData
from elman.tasks.shared import run_folder
from elman.train import checkpoint, files, loop

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "checkpoint_seconds": 1e-9}
TEXTS = ("the cat sat on the mat. " * 20, "DER KATER SASS AUF DER MATTE! " * 20)


def train(path: Path, number: int, *, overwrite: bool = False) -> elman.LanguageModel:
    """Trains on one of the texts, whose characters differ, so that a mixture of both runs does not load."""
    return elman.LanguageModel(**OPTIONS).fit(texts=[TEXTS[number]], out=path, overwrite=overwrite)


@pytest.fixture(scope="module")
def alone() -> list[elman.LanguageModel]:
    return [elman.LanguageModel(**OPTIONS).fit(texts=[each]) for each in TEXTS]


def holds(path: Path, expected: elman.LanguageModel) -> bool:
    """Whether the folder is the run of this model, with all that belongs to it."""
    task = elman.load(path)
    losses = [line["loss"] for line in files_lines(path / "history.jsonl")]
    return (
        same_bits(weights(task.model), weights(expected.model))
        and task.facts == expected.facts
        and losses == [line["loss"] for line in expected.history]
        and task.results["test"] == expected.results["test"]
        and not (path / files.CHECKPOINT).exists()
    )


def files_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def once(owner: Any, name: str, then: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls ``then`` when the function is first called, before it runs."""
    function, called = getattr(owner, name), []

    def wrapped(*args: Any, **options: Any) -> Any:
        if not called:
            called.append(True)
            then()
        return function(*args, **options)

    monkeypatch.setattr(owner, name, wrapped)


@pytest.mark.parametrize("before", ["absent", "empty"])
def test_of_two_that_read_at_once_the_first_to_train_has_the_folder(tmp_path, monkeypatch, alone, before):
    path = tmp_path / "run"
    if before == "empty":
        path.mkdir()
    once(CorpusData, "of", lambda: train(path, 1), monkeypatch)
    with pytest.raises(InputError, match="run: already exists; choose another --out"):
        train(path, 0)
    assert holds(path, alone[1])
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


PLACES = {
    "a checkpoint": (loop, "save_checkpoint"),
    "the weights": (loop, "save_weights"),
    "half a checkpoint": (checkpoint, "save_file"),
    "measuring": (TextAnswers, "measure"),
    "a step": (loop.Loop, "_one_step"),
    "a line of the history": (loop.Loop, "_append"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_run_that_is_replaced_stops_and_leaves_the_other_alone(tmp_path, monkeypatch, alone, place):
    path = tmp_path / "run"
    once(*place, lambda: train(path, 1, overwrite=True), monkeypatch)
    with pytest.raises(TrainingStopped, match="run: was replaced, moved or deleted during training"):
        train(path, 0)
    assert holds(path, alone[1])
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("how", ["save", "moved", "deleted"])
def test_a_run_stops_whatever_takes_its_folder_away(tmp_path, monkeypatch, capsys, alone, how):
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(TEXTS[0])
    path = Path("run")

    def take() -> None:
        if how == "save":
            alone[1].save(path, overwrite=True)
        else:
            path.rename(tmp_path / "elsewhere")

    once(loop.Loop, "_one_step", take, monkeypatch)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    assert main(["train", "language-model", "corpus.txt", "--out", "run", *flags]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1] == (
        "elman: run: was replaced, moved or deleted during training, so this run stops"
    )
    if how == "save":
        assert same_bits(weights(elman.load(path).model), weights(alone[1].model))
        assert sorted(p.name for p in path.iterdir()) == [
            "config.json",
            "model.safetensors",
            "ngrams.safetensors",
            "results.json",
            "vocabulary.json",
        ]
    else:
        assert not path.exists()


def test_a_save_does_not_replace_what_came_meanwhile(tmp_path, monkeypatch, alone):
    path = tmp_path / "run"
    once(files, "write_json", lambda: alone[1].save(path), monkeypatch)
    with pytest.raises(InputError, match="already exists"):
        alone[0].save(path)
    assert same_bits(weights(elman.load(path).model), weights(alone[1].model))


def interrupted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_end_epoch", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(path, 0)
    assert (path / files.CHECKPOINT).exists()


def test_a_run_is_resumed_by_one(tmp_path, monkeypatch, alone):
    path, refused = tmp_path / "run", []
    interrupted(path, monkeypatch)

    def again() -> None:
        with pytest.raises(InputError, match="another process is training this run") as error:
            run_folder.resume(path)
        refused.append(str(error.value))

    once(loop.Loop, "_one_step", again, monkeypatch)
    run_folder.resume(path)
    assert len(refused) == 1
    assert holds(path, alone[0])
    with pytest.raises(InputError, match="is finished; there is nothing to resume"):
        run_folder.resume(path)


def test_a_training_is_not_resumed_while_it_runs(tmp_path, monkeypatch, alone):
    path = tmp_path / "run"

    def again() -> None:
        with pytest.raises(InputError, match="another process is training this run"):
            run_folder.resume(path)

    once(loop, "save_weights", again, monkeypatch)
    train(path, 0)
    assert holds(path, alone[0])


def test_without_locks_one_run_still_works(tmp_path, monkeypatch, alone):
    """As on a file system that has none."""

    def flock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", flock)
    interrupted(tmp_path / "run", monkeypatch)
    run_folder.resume(tmp_path / "run")
    assert holds(tmp_path / "run", alone[0])


def test_threads_that_share_a_folder(tmp_path, alone):
    path, barrier = tmp_path / "run", threading.Barrier(4)

    def run(number: int) -> int | None:
        barrier.wait()
        try:
            train(path, number % 2)
        except InputError as error:
            return None if "already exists" in str(error) else -1
        return number % 2

    with ThreadPoolExecutor(4) as pool:
        (won,) = [each for each in pool.map(run, range(4)) if each is not None]
    assert holds(path, alone[won])


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["", "overwrite"])
def test_processes_that_share_a_folder(tmp_path, alone, forked, more):
    """The one that keeps the folder is whole; every other one says why it did not, in one line."""
    path = tmp_path / "run"
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    commands = []
    for number, content in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(content)
        commands.append(["train", "language-model", tmp_path / f"{number}.txt", "--out", path, *flags, *more])
    running = forked.at_once([[command] for command in commands])
    said = [process.stderr for process in running]
    statuses = [process.returncode for process in running]
    assert "Traceback" not in said[0] + said[1]
    if more:
        finished = elman.load(path)
        (kept,) = (k for k in range(2) if finished.facts == alone[k].facts)
        assert statuses[kept] == 0
        assert statuses[1 - kept] in (0, 1)  # finished before it was replaced, or stopped
    else:
        assert sorted(statuses) == [0, 2]
        kept = statuses.index(0)
        assert "already exists; choose another --out" in said[1 - kept].splitlines()[-1]
    assert holds(path, alone[kept])
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
