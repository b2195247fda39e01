"""A disk that is full in the middle of a save: what was saved before stays whole, and one line says so."""

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from tiny import SMALL, same_bits, text, weights

import elman
from elman import LanguageModel
from elman.cli import main
from elman.errors import TrainingStopped
from elman.tasks.shared.run_folder import resume
from elman.train import checkpoint

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "epochs": 3, "ngrams": "none", "checkpoint_seconds": 1e-9}
FULL = f"Error while serializing: I/O error: {os.strerror(errno.ENOSPC)} (os error {errno.ENOSPC})"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "corpus.txt").write_text(text(100))
    return tmp_path / "corpus.txt"


def fill_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> list[bytes]:
    """Lets every save after some fail half way; returns the contents of those that did not."""
    saved: list[bytes] = []
    save = checkpoint.save_file

    def save_file(
        tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None
    ) -> None:
        save(tensors, path, metadata)
        if len(saved) == after:
            os.truncate(path, path.stat().st_size // 2)
            raise SafetensorError(FULL)
        saved.append(path.read_bytes())

    monkeypatch.setattr(checkpoint, "save_file", save_file)
    return saved


@pytest.mark.parametrize("after", [1, 3])
def test_the_checkpoint_before_stays_whole_and_the_run_is_resumed(tmp_path, corpus, monkeypatch, after):
    whole = LanguageModel(**OPTIONS).train(corpus, tmp_path / "whole")
    with monkeypatch.context() as patched:
        saved = fill_disk(patched, after)
        with pytest.raises(TrainingStopped) as stopped:
            LanguageModel(**OPTIONS).train(corpus, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    assert str(stopped.value) == (
        f"{path}: cannot be written: No space left on device. What was saved before is whole; when this is "
        f"mended, continue with: elman resume {tmp_path / 'run'}"
    )
    assert path.read_bytes() == saved[-1]
    assert not list((tmp_path / "run").glob(".*"))
    again = resume(tmp_path / "run")
    assert same_bits(weights(again.model), weights(whole.model))
    assert same_bits(weights(elman.load(tmp_path / "run").model), weights(whole.model))


def test_the_command_ends_in_one_line(tmp_path, corpus, monkeypatch, capsys):
    fill_disk(monkeypatch, 1)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    status = main(["train", "language-model", str(corpus), "--out", str(tmp_path / "run"), *flags])
    assert status == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"elman: {tmp_path / 'run'}/checkpoint")


def test_a_history_that_cannot_be_written_is_named(tmp_path, corpus, monkeypatch):
    opened = Path.open

    def full(path: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        if path.name == "history.jsonl" and mode == "a":
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(TrainingStopped, match=r"history\.jsonl: cannot be written: Disk quota exceeded"):
        LanguageModel(**OPTIONS).train(corpus, tmp_path / "run")
