"""The command line, as people meet it: help, mistakes, one object for programs, and pipes."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import SMALL as SMALL_TASK
from tiny import interrupt_at, reviews, table, text

import elman
from elman import registry
from elman.cli import main
from elman.cli.main import flags_of_training
from elman.cli.parse import flags_of
from elman.tasks.language_model.data import CorpusData
from elman.tasks.language_model.task import LanguageModel
from elman.train import files, progress

TASKS = {name: registry.task_options(name) for name in registry.task_names()}
VERBS = [*dict.fromkeys(task.verb.__name__.lower() for task in TASKS.values()), "evaluate", "show", "resume"]
LM, SMALL = (
    ["train", "language-model", "corpus.txt"],
    ["--hidden-size", "8", "--epochs", "2", "--batch-size", "4"],
)
SMALL_CLASSIFIER = SMALL_TASK | {"embedding_size": 6, "min_count": 1, "ngrams": "none"}
SMALL_LM = [*SMALL, "--embedding-size", "4", "--bptt", "20"]


class Said:
    """What a command printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def call(*arguments: object) -> Said:
        capfd.readouterr()
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as stop:
            status = stop.code
        return Said(status, *capfd.readouterr())

    return call


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data, to work in."""
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(text())
    Path("table.csv").write_text(table())
    return tmp_path


def trained(run: Callable[..., Said], *more: object) -> Said:
    said = run(*LM, "--out", "run", *SMALL_LM, *more)
    assert said.status == 0, said.err
    return said


# Help

HELPS = [[], ["--help"], ["-h"], ["train"], ["train", "--help"]]
HELPS += [["train", name, "--help"] for name in TASKS] + [[verb, "--help"] for verb in VERBS]


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_ends_with_an_example(run, arguments):
    said = run(*arguments)
    assert (said.status, said.err) == (0, "")
    *_, title, example = said.out.splitlines()
    assert title == "example:"
    verb = example.split()[1]
    assert verb == (arguments[0] if arguments and arguments[0] in VERBS else "train")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_option_stands_in_a_group_and_says_what_its_absence_means(task):
    assert [flag.spelling for flag in flags_of_training(task, task()) if flag.group == "other"] == []
    flags = [*flags_of(task), *flags_of(task.verb)]
    assert [flag.spelling for flag in flags if not flag.help] == []
    without_default = [flag for flag in flags if flag.default in (None, ())]
    words = ("absent", "if present", "instead of")
    assert [flag.spelling for flag in without_default if not any(word in flag.help for word in words)] == []


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if "folder" not in task.reads])
def test_what_the_help_says_of_files_is_what_is_read(run, name):
    Path("folder").mkdir()
    Path("folder", "table.csv").write_text(table())
    said = run("train", name, "folder", "--out", "run", *SMALL)
    assert said.status == 2
    assert TASKS[name].makes_data or "folder: " in said.err.splitlines()[-1]
    assert TASKS[name].reads in " ".join(run("train", name, "--help").out.split())


def test_the_overview_lists_all_there_is(run):
    out = run("--help").out
    for name in [*TASKS, *(f"elman {verb} RUN" for verb in VERBS)]:
        assert name in out
    assert run("--version").out == f"elman {elman.__version__}\n"


COMMANDS = [
    ["--help"],
    *(["train", name, "--help"] for name in TASKS),
    *([verb, "--help"] for verb in VERBS),
    ["train", "regression", "--unitz", "3"],
]
LIBRARIES = ("lightning_fabric", "matplotlib", "numpy", "polars", "safetensors", "tokenizers", "torch")


@pytest.fixture(scope="module")
def imported() -> dict[str, list[str]]:
    """By command, what a new process has imported after it; each command adds to those before."""
    program = """if True:
        import contextlib, io, json, sys
        from elman.cli import main
        found = {}
        for command in json.load(sys.stdin):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                try:
                    main(command)
                except SystemExit:
                    pass
            found[" ".join(command)] = sorted({name.partition(".")[0] for name in sys.modules})
        print(json.dumps(found))
    """
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(COMMANDS),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


@pytest.mark.parametrize("library", LIBRARIES)
def test_help_and_a_wrong_flag_import_no_library_that_computes(imported, library):
    assert len(imported) == len(COMMANDS)
    assert [command for command, names in imported.items() if library in names] == []


def processor_time(environment: dict[str, str], *arguments: str) -> float:
    """Of a new process of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


YARDSTICK = ("-c", "import tyro")
HELPS_IN_TIME = (
    ("--help",),
    ("train", "classification", "--help"),  # which has most options
)


@pytest.fixture(scope="module")
def helps_in_time(tmp_path_factory) -> dict[tuple[str, ...], float]:
    """The best of six times of each command and of the yardstick.

    In turn: whatever else the machine does, it does to all. The first round
    keeps the bytecode of all, as an installation does, and is the slowest.
    """
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    programs = {YARDSTICK: YARDSTICK} | {each: ("-m", "elman.cli", *each) for each in HELPS_IN_TIME}
    rounds = [
        {each: processor_time(environment, *program) for each, program in programs.items()} for _ in range(6)
    ]
    return {each: min(times[each] for times in rounds) for each in programs}


@pytest.mark.parametrize("command", HELPS_IN_TIME, ids=" ".join)
def test_help_takes_at_most_twice_what_its_parser_takes_to_import(helps_in_time, command):
    assert helps_in_time[command] <= 2 * helps_in_time[YARDSTICK]


# Mistakes

YAML = {
    "missing.yaml": None,
    "broken.yaml": "hidden_size: [8",
    "list.yaml": "- 8",
    "unknown.yaml": "units: 8",
    "type.yaml": "hidden_size: '8'",
    "range.yaml": "dropout: 1.0",
}
NEEDS = {verb: ["table.csv"] for verb in ("detect", "predict", "recognise", "evaluate", "transcribe")}
MISTAKES: list[tuple[list[str], str]] = [
    (["trian"], "unknown command 'trian'; known: train, evaluate, show, inspect, resume, "),
    (["train", "lm"], "unknown task 'lm'; known: language-model, classification, "),
    ([*LM[:2], "missing.txt"], "missing.txt: no such file or folder"),
    ([*LM[:2], "empty.txt"], "empty.txt: a corpus needs text. None of the 1 documents holds any."),
    ([*LM[:2], "binary"], "binary: "),
    ([*LM[:2], "tiny.txt"], "split 0.9/0.05/0.05: every part needs at least 2 tokens."),
    (["train", "regression", "binary"], "binary: line 3: text must be UTF-8. Byte 128 is 0x80"),
    (["train", "regression", "empty.csv"], "empty.csv: has no rows"),
    (["train", "regression"], "regression reads one file. Got 0."),
    ([*LM, "--cell", "lsmt"], "unknown cell 'lsmt'; known: "),
    ([*LM, "--cell", "missing.py:Mine"], "--cell: missing.py: no such file"),
    ([*LM, "--init", "zero"], "unknown initialisation 'zero'"),
    ([*LM, "--hidden-size", "0"], "--hidden-size must be an int in [1, 1000000]. Got 0."),
    ([*LM, "--hidden-size", "1000000"], "the model cannot be made: "),
    ([*LM, "--hidden-size", "eight"], "--hidden-size must be an int. Got 'eight'"),
    ([*LM, "--hidden-size", "1.5"], "--hidden-size must be an int. Got '1.5'"),
    ([*LM, "--dropout", "much"], "--dropout must be a number. Got 'much'"),
    (["inspect", "full", "--lags", "far"], "--lags must be an int. Got 'far' (see elman inspect --help)"),
    ([*LM, "--hidden-size"], "--hidden-size needs a value"),
    ([*LM, "--hiden-size", "8"], "Unrecognized options: --hiden-size, 8; did you mean --hidden-size?"),
    ([*LM, "--zzz"], "Unrecognized options: --zzz (see elman train language-model --help)"),
    (
        [*LM, "--level", "letters"],
        "--level must be one of 'characters', 'bytes', 'words', 'subwords'. Got 'letters'",
    ),
    ([*LM, "--dropout", "nan"], "--dropout must be a finite number or null. Got nan."),
    ([*LM, "--split", "0.5", "0.5"], "--split needs 3 values"),
    ([*LM, "--split", "1", "1", "1"], "split 1/1/1: must be three shares that sum to 1"),
    (
        [*LM, "--tied", "--embedding-size", "64"],
        "tied weights need an output size (256) equal to the embedding size (64)",
    ),
    ([*LM, "--out", "corpus.txt"], "corpus.txt: --out must be a folder. Got a file or a link."),
    ([*LM, "--out", "full"], "full: already exists; choose another --out, or replace it with --overwrite"),
    (
        [*LM, "--out", "full", "--overwrite"],
        "full: not a run folder (it has no config.json), so --overwrite does not replace it",
    ),
    ([*LM, "--out", "corpus.txt/run"], "corpus.txt: is a file, so no folder can be created in it"),
    ([*LM, "--out", "x" * 300], "x" * 300 + ": File name too long"),
    ([*LM, "--config", "missing.yaml"], "missing.yaml: No such file or directory"),
    ([*LM, "--config=missing.yaml"], "missing.yaml: No such file or directory"),
    ([*LM, "--config", "broken.yaml"], "broken.yaml: not YAML: "),
    ([*LM, "--config", "list.yaml"], "list.yaml: must hold one object of options. Got list."),
    ([*LM, "--config", "unknown.yaml"], "unknown.yaml: unknown option 'units'"),
    ([*LM, "--config", "type.yaml"], "type.yaml: hidden_size must be an int. Got '8'."),
    ([*LM, "--config", "range.yaml"], "range.yaml: --dropout must be in [0, 1). Got 1.0."),
    ([*LM, "--config"], "--config needs a value"),
    *(([verb], "RUN" + ", FILE" * (verb in ("predict", "recognise")) + " must be given") for verb in VERBS),
    *(([verb, "nowhere", *NEEDS.get(verb, [])], "nowhere: no such run folder") for verb in VERBS),
    (["show", "full"], "full: not a run folder (it has no config.json)"),
    (["show", "x" * 300], "x" * 300 + ": File name too long"),
    (["train", "copy", "corpus.txt"], "copy draws its own sequences and reads no files. Got corpus.txt."),
    (["train", "adding", "--length", "1"], "--length must be an int in [2, 1e6]. Got 1."),
    (["train", "digits"], "digits reads one folder. Got 0."),
    (["train", "digits", "corpus.txt"], "corpus.txt: must be a folder with train-images-idx3-ubyte and "),
    (
        ["train", "digits", "full"],
        "full: holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_a_mistake_ends_in_one_line_and_nothing_is_written(run, here, arguments, message):
    Path("empty.txt").touch()
    Path("empty.csv").touch()
    Path("tiny.txt").write_text("abc")
    Path("binary").write_bytes(bytes(range(256)))
    Path("full").mkdir()
    Path("full/thesis.txt").touch()
    for name, content in YAML.items():
        if content is not None:
            Path(name).write_text(content)
    before = sorted(here.rglob("*"))
    said = run(*arguments)
    assert (said.status, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith(f"elman: {message}")
    assert sorted(here.rglob("*")) == before


def test_a_mistake_in_using_a_run_ends_in_one_line(run):
    trained(run)
    for arguments, message in [
        (["generate", "run", "--temperature", "-1"], "temperature must be in [0, inf). Got -1.0."),
        (["generate", "run", "--seed", "-1"], "--seed must be an int in [0, 2^63). Got -1."),
        (["generate", "run", "--lenght", "3"], "Unrecognized options: --lenght, 3; did you mean --length?"),
        (["predict", "run", "table.csv"], "run: is a run of language-model; its verb is generate"),
        (["evaluate", "run"], "evaluate needs at least one file"),
        (["evaluate", "run", "missing.txt"], "missing.txt: no such file or folder"),
        (["resume", "run"], "run: is finished; there is nothing to resume"),
        (
            ["generate", "run", "--cell", "own.py:Mine"],
            "run/config.json: the cell is 'lstm'; no --cell is needed",
        ),
    ]:
        said = run(*arguments)
        assert (said.status, said.out) == (2, ""), arguments
        (line,) = said.err.splitlines()
        assert line.startswith(f"elman: {message}")
    for damaged in (
        '{"test": 1}',
        '{"sample": {"text": []}}',
        '{"test": {"bits_per_token": "0"}, "baselines": {}}',
    ):
        Path("run/results.json").write_text(damaged)
        said = run("show", "run")
        assert (said.status, said.err) == (
            2,
            "elman: run/results.json: must hold the results of language-model\n",
        )


def test_a_full_disk_is_said_in_one_line(run, monkeypatch):
    def full(path: Path, write: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "write_atomically", full)
    said = run(*LM, "--out", "run", *SMALL_LM)
    assert said.status == 2
    assert said.err.splitlines()[-1].startswith("elman: ")
    assert said.err.splitlines()[-1].endswith("json: No space left on device")
    assert not list(Path().glob("*run*"))
    assert not list(Path().glob(".*"))


def test_a_run_that_leaves_the_finite_numbers_ends_with_status_1(run):
    wild = [
        "--cell",
        "elman:nonlinearity=relu",
        "--learning-rate",
        "1e20",
        "--optimizer",
        "sgd",
        "--clip",
        "off",
    ]
    said = run(*LM, "--out", "run", *SMALL_LM, *wild)
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("elman: step ")
    assert "is not finite: " in said.err
    assert said.err.endswith("the last checkpoint is kept in run\n")
    assert "Traceback" not in said.err


# Training and what follows


def test_training_prints_results_to_output_and_progress_to_error(run):
    said = trained(run)
    assert "this model" in said.out
    assert said.out.endswith("next        elman generate run\n")
    assert "epoch 1: validation bits/char" in said.err
    assert "left" in said.err
    assert "epoch 1" not in said.out


@pytest.mark.parametrize(
    "arguments",
    [[*LM, *SMALL_LM], ["train", "regression", "table.csv", *SMALL]],
    ids=["language-model", "regression"],
)
def test_json_is_exactly_one_object(run, arguments):
    def one(*arguments: object) -> dict[str, Any]:
        said = run(*arguments, "--json")
        assert said.status == 0, said.err
        assert said.out.count("\n") == 1
        return json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    name = arguments[1]
    results = one(*arguments, "--out", "run")
    assert results["run"] == "run"
    assert results["test"]
    shown = one("show", "run")
    assert (shown["task"], shown["config"]["hidden_size"]) == (name, 8)
    assert {"run": "run", **shown["results"]} == results
    assert set(one("evaluate", "run", arguments[2])) == set(results["test"])
    verb = TASKS[name].verb.__name__.lower()
    assert one(verb, "run", *(["table.csv"] if verb == "predict" else ["--length", "9"]))


def test_options_from_a_file_and_flags_that_win(run):
    Path("options.yaml").write_text(
        "hidden-size: 9\nembedding_size: 5\nlearning_rate: 3e-3\nepochs: 1\nbptt: 20\n"
    )
    for given in (["--config", "options.yaml"], ["--config=options.yaml"]):
        assert run(*LM, "--out", "run", "--overwrite", *given, "--embedding-size", "6").status == 0
        config = elman.load("run").config
        assert (config.hidden_size, config.embedding_size, config.learning_rate) == (9, 6, 3e-3)


@pytest.mark.parametrize("recipe", ["true", "false"])
@pytest.mark.parametrize(("flag", "lowercase"), [("--lowercase", True), ("--no-lowercase", False)])
def test_a_flag_may_repeat_or_turn_what_the_recipe_says(run, recipe, flag, lowercase):
    Path("recipe.yaml").write_text(f"lowercase: {recipe}")
    trained(run, "--config", "recipe.yaml", flag)
    assert json.loads(run("show", "run", "--json").out)["config"]["lowercase"] is lowercase


def test_the_next_command_names_a_cell_of_ones_own(run):
    Path("own.py").write_text((Path(__file__).parents[1] / "examples/own_cell.py").read_text())
    said = trained(run, "--cell", "own.py:MinimalGatedUnit")
    (line,) = [line for line in said.out.splitlines() if line.startswith("next ")]
    words = line.split()[2:]
    assert words == ["generate", "run", "--cell", "own.py:MinimalGatedUnit"]
    assert run(*words, "--length", "3").status == 0


def test_a_figure_that_no_number_holds_is_said(run, monkeypatch):
    trained(run)
    monkeypatch.setattr(LanguageModel, "evaluate", lambda *_: {"nats_per_token": 900.0, "perplexity": None})
    assert "perplexity      too large to show" in run("evaluate", "run", "corpus.txt").out


def test_without_out_the_run_goes_where_the_tasks_name_says(run):
    assert run(*LM, *SMALL_LM).status == 0
    assert Path("runs/language-model/model.safetensors").exists()


def test_show_a_finished_run(run):
    trained(run, "--cell", "gru")
    out = run("show", "run").out
    assert out.startswith("run: language-model, gru, 8 units, 1 layer\n")
    assert "options: cell gru, hidden_size 8, epochs 2, batch_size 4, embedding_size 4, bptt 20\n" in out
    assert "epoch 2," in out
    assert any("▁" in line and line.strip().startswith("train") for line in out.splitlines())
    assert "this model" in out


def test_show_a_watched_run(run):
    assert run(*LM, "--out", "run", *SMALL_LM, "--watch-gradients", "5").status == 0
    (line,) = (line for line in run("show", "run").out.splitlines() if line.startswith("looks back"))
    first, _, last, unit = line.removeprefix("looks back").split()
    assert 0 < float(first) < 20
    assert 0 < float(last) < 20
    assert unit == "steps"


def test_interrupted_shown_and_resumed(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(progress, "make_progress", lambda: interrupt_at(3))
        said = run(*LM, "--out", "run", *SMALL_LM)
    assert (said.status, said.out) == (130, "")
    assert said.err.endswith("elman: interrupted and saved; continue with: elman resume run\n")
    assert run("show", "run").out.endswith("not finished; continue with: elman resume run\n")
    said = run("generate", "run")
    assert said.status == 2
    assert said.err == "elman: run: its training has saved no weights yet; elman resume run continues it\n"
    said = run("resume", "run")
    assert said.status == 0
    assert "this model" in said.out
    assert "not finished" not in run("show", "run").out
    assert not Path("run/checkpoint.safetensors").exists()


def test_the_weights_of_an_unfinished_run_are_used_and_it_is_said(run):
    trained(run)
    assert run("generate", "run", "--length", "5").err == ""
    Path("run/checkpoint.safetensors").write_bytes(b"")
    said = run("generate", "run", "--length", "5")
    assert said.status == 0
    assert said.err == (
        "elman: run: its training has not ended, so these are its best weights so far; "
        "elman resume run continues it\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_measures_a_run_is_resumed(run, monkeypatch, number):
    def stop(*_: object, **named: object) -> None:
        os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel.Answers, "measure", stop)
        said = run(*LM, "--out", "a run", *SMALL_LM)
    assert (said.status, said.out) == (128 + number, "")
    hint = "trained, interrupted while measuring; continue with: elman resume 'a run'"
    assert said.err.splitlines()[-1] == f"elman: {hint}"
    assert run("resume", "a run").status == 0
    assert "not finished" not in run("show", "a run").out


def test_interrupted_before_training_it_says_only_that(run, monkeypatch):
    def stop(*_: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CorpusData, "read", stop)
    said = run(*LM, "--out", "run", *SMALL_LM)
    assert (said.status, said.err, said.out) == (130, "elman: interrupted\n", "")


# Pipes


def test_text_into_head_ends_quietly(run):
    trained(run)
    command = [sys.executable, "-m", "elman.cli", "generate", "run", "--length", "1000000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(20)) == 20
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_help_into_a_closed_pipe_ends_quietly():
    read, write = os.pipe()
    os.close(read)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "elman.cli"]
    with subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE, env=buffered) as process:
        os.close(write)
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["classify", "run", "--text", "a", "--text", "b"], "--text must be given once. Got it twice"),
        (["classify", "run", "--text=a", "--text", "a"], "--text must be given once. Got it twice"),
        (
            ["train", "regression", "t.csv", "--columns", "a", "--epochs", "1", "--columns", "b"],
            "--columns must be given once; give all its values behind one. Got it twice",
        ),
        (["train", "language-model", "t", "--cell", "gru", "--cell=lstm"], "--cell must be given once"),
        (["show", "run", "--cell", "a.py:A", "--cell", "b.py:B"], "--cell must be given once"),
    ],
)
def test_an_option_stands_once(run, arguments, told):
    said = run(*arguments)
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert told in said.err


# How files are read


@pytest.fixture(scope="module")
def of_reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny classifier of texts in UTF-8."""
    folder = tmp_path_factory.mktemp("reviews")
    (folder / "reviews.csv").write_text(reviews())
    options = SMALL_CLASSIFIER | {"epochs": 1}
    elman.SequenceClassifier(**options).train([folder / "reviews.csv"], folder / "run")
    return folder / "run"


@pytest.mark.parametrize("verb", ["classify", "evaluate"])
def test_the_encoding_that_an_error_names_can_be_given_to_a_verb(run, of_reviews, verb):
    Path("later.csv").write_bytes("text,label\nein schöner Film,pos\nein übler,neg\n".encode("cp1252"))
    said = run(verb, of_reviews, "later.csv")
    assert said.status == 2
    assert "--encoding cp1252 is likely" in said.err
    assert run(verb, of_reviews, "later.csv", "--encoding", "cp1252").status == 0
    assert elman.load(of_reviews, encoding="cp1252").evaluate("later.csv")["examples"] == 2
    said = run(verb, of_reviews, "later.csv", "--encoding", "nonsense")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert "--encoding must be an encoding that Python knows" in said.err


def test_the_separator_can_be_given_to_a_verb(run, of_reviews):
    Path("later.csv").write_text("text,label;a\nwell, yes,good;x\noh, no,bad;y\n")
    assert run("classify", of_reviews, "later.csv").status == 2
    Path("later.csv").write_text("text:label\nwell, yes:good\noh, no:bad\n")
    assert run("classify", of_reviews, "later.csv", "--separator", ":").out.count("\n") == 2


def test_a_run_that_reads_no_tables_refuses_their_options(run):
    trained(run)
    said = run("evaluate", "run", "corpus.txt", "--decimal", ",")
    assert (said.status, said.err) == (
        2,
        "elman: --decimal is not for language-model, which reads no such files\n",
    )
