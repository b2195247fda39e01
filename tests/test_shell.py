"""The command line as a shell starts it: encodings, signals, pipes that close, disks that are full."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny import reviews, sentences, text

from elman import LanguageModel, SequenceClassifier, Translator
from elman.cli import main
from elman.data.read import opening
from elman.data.read import text as reading_text
from elman.data.tokens import corpus
from elman.tasks.shared.run_folder import open_run

ELMAN = (sys.executable, "-m", "elman")
SMALL = {"hidden_size": 4, "embedding_size": 4, "epochs": 1, "batch_size": 8}
FLAGS = ["--hidden-size=4", "--embedding-size=4", "--batch-size=4", "--bptt=20"]
STRANGE = "Žižka, ∀ 漢字 🎲 – "
ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def environment(**more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONIOENCODING", "LC_ALL")}
    return own | {"OMP_NUM_THREADS": "1"} | more


def run(folder: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*ELMAN, *arguments], cwd=folder, timeout=300, check=False, **given)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of characters that few encodings have, and files to give them."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "corpus.txt").write_text(STRANGE * 20 + text(60), "utf-8")
    (folder / "reviews.csv").write_text(
        reviews(40).replace("pos", "gut→").replace("neg", "schlecht漢"), "utf-8"
    )
    (folder / "pairs.tsv").write_text(sentences(40).replace("mat", "漢字"), "utf-8")
    (folder / "new.txt").write_text("the 漢字\n", "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a machine without fonts for these characters
        train_all(folder)
    return folder


def train_all(folder: Path) -> None:
    LanguageModel(**SMALL, bptt=20).train(folder / "corpus.txt", folder / "lm")
    SequenceClassifier(**SMALL).train(folder / "reviews.csv", folder / "classes")
    Translator(**SMALL).train(folder / "pairs.tsv", folder / "pairs")


COMMANDS = {
    "show": ["show", "lm"],
    "generate": ["generate", "lm", "--length", "60", "--temperature", "3", "--prompt", STRANGE],
    "classify": ["classify", "classes", "new.txt"],
    "translate": ["translate", "pairs", "new.txt"],
    "train": ["train", "language-model", "corpus.txt", *FLAGS, "--epochs=1", "--overwrite", "--out"],
}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("command", COMMANDS)
def test_any_encoding_takes_the_output(runs, monkeypatch, command, encoding):
    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.chdir(runs)
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", errors)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command replaces it
    more = [f"out-{encoding}"] if command == "train" else []
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        status = main([*COMMANDS[command], *more])
    output.flush()
    said = errors.buffer.getvalue().decode(encoding)
    assert status == 0, said
    assert output.buffer.getvalue().decode(encoding).strip()
    assert said.count("lacks some characters") <= 1


@pytest.mark.parametrize("variables", ENCODINGS.values(), ids=ENCODINGS)
def test_a_shell_may_choose_the_encoding(runs, variables):
    ran = run(runs, "show", "lm", env=environment(**variables))
    assert ran.returncode == 0
    assert ran.stdout.startswith(b"lm: language-model, lstm, 4 units, 1 layer\n")
    ran.stdout.decode("cp1252" if "cp1252" in variables.values() else "ascii")
    assert b"Traceback" not in ran.stderr


# Signals


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_stop_saves_and_the_run_is_resumed(forked, tmp_path, monkeypatch, capsys, name):
    (tmp_path / "corpus.txt").write_text(text(300))
    command = ["train", "language-model", "corpus.txt", *FLAGS, "--epochs=3000", "--out=run"]

    def stop(process: int) -> None:
        history = tmp_path / "run" / "history.jsonl"
        while not (history.exists() and history.read_bytes().count(b"\n") > 3):
            os.kill(process, 0)  # it still runs
            time.sleep(0.02)
        os.kill(process, getattr(signal, name))

    ran = forked.run([command], tmp_path, meanwhile=stop)
    assert ran.returncode == 128 + getattr(signal, name)
    assert ran.stdout == ""
    assert ran.stderr.splitlines()[-1] == "elman: interrupted and saved; continue with: elman resume run"
    monkeypatch.chdir(tmp_path)
    assert main(["show", "run"]) == 0
    assert "not finished; continue with: elman resume run" in capsys.readouterr().out


# Pipes and disks


@pytest.mark.parametrize("arguments", [["--help"], ["train", "classification", "--help"]], ids=" ".join)
def test_help_into_head_ends_quietly(tmp_path, arguments):
    line = f"{' '.join(ELMAN)} {' '.join(arguments)} | head -n 1; echo status ${{PIPESTATUS[0]}} >&2"
    ran = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.count("\n") == 1
    assert ran.stderr == "status 0\n"


def test_training_goes_on_when_nobody_reads_it(runs):
    flags = [*FLAGS, "--epochs=1", "--ngrams=none"]
    line = f"{' '.join(ELMAN)} train language-model corpus.txt {' '.join(flags)} --out unread 2>&1"
    ran = subprocess.run(
        ["bash", "-c", f"{line} | head -n 0; exit ${{PIPESTATUS[0]}}"],
        cwd=runs,
        capture_output=True,
        check=False,
        env=environment(),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    assert (runs / "unread" / "results.json").exists()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["show", "lm"], ["generate", "lm"], ["show", "lm", "--json"]]
)
def test_a_full_disk_behind_the_output_is_one_line(runs, forked, arguments):
    ran = forked.run([arguments], runs, Path("/dev/full"))
    assert (ran.returncode, ran.stderr) == (2, "elman: cannot continue: No space left on device\n")


def test_no_output_at_all(runs):
    line = f"{' '.join(ELMAN)} show lm >&-"
    ran = subprocess.run(["bash", "-c", line], cwd=runs, capture_output=True, check=False)
    assert b"Traceback" not in ran.stderr


TRAININGS = {
    "language-model": ("corpus.txt", ["--bptt=20", "--ngrams=none"]),
    "classification": ("reviews.csv", []),
    "translation": ("pairs.tsv", []),
}
TINY = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.filterwarnings("ignore:no installed font has")
@pytest.mark.parametrize("task", TRAININGS)
def test_training_from_a_pipe_is_training_from_its_file(runs, tmp_path, monkeypatch, task):
    monkeypatch.chdir(tmp_path)
    file, flags = TRAININGS[task]
    os.mkfifo("pipe")
    writer = threading.Thread(
        target=Path("pipe").write_bytes, args=((runs / file).read_bytes(),), daemon=True
    )
    writer.start()
    for data in ("pipe", str(runs / file)):
        assert (
            main(["train", task, data, *flags, *TINY, "--overwrite", "--out", f"{Path(data).name}.run"]) == 0
        )
    first, second = (path.read_bytes() for path in Path().glob("*.run/model.safetensors"))
    assert first == second


@pytest.fixture
def piped() -> Iterator[int]:
    """A pipe into standard input, in which 64 KiB have room; its other end."""
    kept = os.dup(0)
    end, begin = os.pipe()
    os.dup2(end, 0)
    os.close(end)
    yield begin
    os.dup2(kept, 0)
    os.close(kept)


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="this system has no /dev/stdin")
def test_training_from_standard_input(piped, tmp_path, monkeypatch, capsys):
    os.write(piped, reviews(40).encode())
    os.close(piped)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "classification", "/dev/stdin", *TINY]) == 0
    capsys.readouterr()
    assert main(["show", "runs/classification"]) == 0
    assert "40 examples" in capsys.readouterr().out


def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "log.txt"
    path.write_text(text(60))
    read = opening.read_bytes

    def growing(file: Path, *arguments: object, **options: object) -> Iterator[bytes]:
        yield from read(file, *arguments, **options)
        with path.open("a") as log:
            log.write("Ω new lines of a log\n")

    for module in (reading_text, corpus):
        monkeypatch.setattr(module, "read_bytes", growing)
    size = path.stat().st_size
    task = LanguageModel(**SMALL, bptt=20, ngrams="none").train(path, tmp_path / "run")
    assert path.stat().st_size > size
    assert len("".join(task.generate(length=5, seed=0))) == 5
    assert open_run(tmp_path / "run").origin.bytes > 0


@contextmanager
def limited(limit: int) -> Iterator[None]:
    """Lets this process write files of at most so many bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_system_that_refuses_a_file_ends_training_in_one_line(tmp_path, monkeypatch, capsys):
    pytest.importorskip("resource", reason="this system has no limits of a file's size")
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(text(60))
    flags = ["--hidden-size=100", *FLAGS[1:], "--epochs=1", "--ngrams=none", "--checkpoint-seconds=0.000001"]
    with limited(100_000):
        status = main(["train", "language-model", "corpus.txt", *flags, "--out=run"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert last.startswith("elman: run/checkpoint.safetensors: cannot be written: File too large. What was ")
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no folder that nobody may write")
def test_a_folder_that_nobody_may_write_ends_in_one_line(runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    for arguments in (
        ["train", "language-model", "corpus.txt", *FLAGS, "--out", "/proc/self/run"],
        ["inspect", "lm", "--out", "/proc/self/page"],
    ):
        assert main(arguments) == 2
        assert (
            capsys.readouterr()
            .err.splitlines()[-1]
            .startswith(f"elman: {arguments[-1]}: cannot be created: ")
        )


def test_training_on_a_folder_with_its_own_runs(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(text(60))
    flags = [*FLAGS, "--epochs=1", "--ngrams=none"]
    for out in ("runs/first", "runs/second"):
        assert main(["train", "language-model", ".", *flags, "--out", out]) == 0
    assert ".: 1 run folder left out: runs/first" in caplog.text
    weights = {Path("runs", name, "model.safetensors").read_bytes() for name in ("first", "second")}
    assert len(weights) == 1
