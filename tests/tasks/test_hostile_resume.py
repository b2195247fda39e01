"""An unfinished run that somebody prepared: resuming it touches nothing outside; damage is refused."""

import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny import SMALL, interrupt_at, text, timeless

import elman
from elman.errors import InputError, Interrupted
from elman.train import progress

CHECKPOINT, HISTORY, TOKENS, STARTS = "checkpoint.safetensors", "history.jsonl", "tokens.npy", "documents.npy"
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("unfinished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "make_progress", lambda: interrupt_at(12))
        task = elman.LanguageModel(**SMALL, embedding_size=4, bptt=30)
        with pytest.raises(Interrupted):
            task.fit(texts=[text()], out=folder, show_progress=True)
        yield folder


def array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    return lambda folder: np.save(folder / name, change(np.array(np.load(folder / name))))


def put(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def link(name: str) -> Damage:
    return lambda folder: (folder / name).symlink_to((folder / name).rename(folder.parent / "outside"))


def pipe(name: str) -> Damage:
    return lambda folder: ((folder / name).unlink(), os.mkfifo(folder / name))


CASES: dict[str, tuple[str, Damage]] = {
    **{f"link: {name}": (name, link(name)) for name in (CHECKPOINT, HISTORY, TOKENS, STARTS)},
    **{f"pipe: {name}": (name, pipe(name)) for name in (CHECKPOINT, HISTORY, TOKENS, STARTS)},
    "link: picture": ("loss.png", lambda folder: (folder / "loss.png").symlink_to(folder.parent / "outside")),
    "no checkpoint": (CHECKPOINT, put(CHECKPOINT, b"")),
    "checkpoint's header": (CHECKPOINT, put(CHECKPOINT, struct.pack("<Q", 2**60) + b"{}")),
    "no tokens": (TOKENS, put(TOKENS, b"")),
    "tokens missing": (TOKENS, lambda folder: (folder / TOKENS).unlink()),
    "tokens unknown": (TOKENS, array(TOKENS, lambda tokens: tokens + 100)),
    "tokens of floats": (TOKENS, array(TOKENS, lambda tokens: tokens.astype(float))),
    "tokens pickled": (TOKENS, lambda folder: np.save(folder / TOKENS, np.array([{}]), allow_pickle=True)),
    "starts past the end": (STARTS, array(STARTS, lambda starts: np.array([0, 10**9]))),
    "starts negative": (STARTS, array(STARTS, lambda starts: np.array([-1]))),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("name", "damage"), CASES.values(), ids=CASES)
def test_is_refused(unfinished, tmp_path, name, damage):
    folder = tmp_path / "run"
    shutil.copytree(unfinished, folder)
    outside = tmp_path / "outside"
    outside.write_bytes(b"kept")
    damage(folder)
    before = outside.read_bytes()
    with pytest.raises(InputError) as error:
        elman.resume(folder)
    assert str(error.value).startswith(f"{folder / name}: ")
    assert "\n" not in str(error.value)
    assert outside.read_bytes() == before


def test_unharmed_it_is_resumed(unfinished, tmp_path):
    wanted = elman.LanguageModel(**SMALL, embedding_size=4, bptt=30).fit(
        texts=[text()], out=tmp_path / "whole"
    )
    shutil.copytree(unfinished, tmp_path / "run")
    assert elman.resume(tmp_path / "run").results["test"] == wanted.results["test"]
    assert timeless(tmp_path / "run") == timeless(tmp_path / "whole")


def test_before_its_first_checkpoint_it_starts_again(unfinished, tmp_path, caplog):
    caplog.set_level("INFO", "elman")
    elman.LanguageModel(**SMALL, embedding_size=4, bptt=30).fit(texts=[text()], out=tmp_path / "whole")
    shutil.copytree(unfinished, tmp_path / "run")
    for name in (CHECKPOINT, "model.safetensors"):
        (tmp_path / "run" / name).unlink()
    elman.resume(tmp_path / "run")
    assert f"{tmp_path / 'run'}: has no checkpoint yet, so training begins again" in caplog.messages
    assert timeless(tmp_path / "run") == timeless(tmp_path / "whole")
