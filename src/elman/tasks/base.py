"""What every task is: options, a model, training into a run folder, and a verb that uses the run."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from elman.config import check_regular, check_types, flag, from_json, read_json, require, shown, to_json
from elman.errors import InputError
from elman.registry import find, names
from elman.train import files
from elman.train.options import TrainingOptions
from elman.version import __version__

if TYPE_CHECKING:
    from torch import nn

    from elman.batch import Batches
    from elman.data.tokens.vocab import Vocabulary
    from elman.layers.recurrent import Recurrent
    from elman.train.loop import Loop, Reading

FORMAT_VERSION = 1


Paths = str | Path | Sequence[str | Path]


def as_paths(data: Paths) -> list[Path]:
    """One path or several, as a list; InputError where it is something else."""
    try:
        return [Path(p) for p in ([data] if isinstance(data, str | Path) else data)]
    except TypeError:
        raise InputError(f"data must be a path or a list of paths. Got {shown(data)}.") from None


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Options of the recurrent layer, the same for every task."""

    cell: str = "lstm"
    """a cell (elman, lstm, gru, …; elman:nonlinearity=relu), or FILE.py:Class"""
    hidden_size: int = 256
    """units of each layer"""
    layers: int = 1
    """layers, each reading the one before"""
    dropout: float = 0.0
    """probability between layers, and before and after them"""
    input_dropout: float = 0.0
    """variational: on each layer's input, one mask for all steps"""
    recurrent_dropout: float = 0.0
    """variational: on the recurrent product's input, one mask for all steps"""
    zoneout: float = 0.0
    """probability that a unit keeps its old state at a step"""
    weight_dropout: float = 0.0
    """weight drop on the recurrent weights"""
    residual: bool = False
    """every layer but the first adds its input to its output"""
    learned_state: bool = False
    """the initial state is learned; otherwise zero"""
    init: str = "advised"
    """advised (the cell's), torch, orthogonal, identity, forget-bias, chrono:T, uniform:R; + joins several"""


@dataclass(frozen=True, kw_only=True)
class TaskConfig(TrainingOptions, TaskOptions):
    """All options of a task; subclasses add their own."""

    def __post_init__(self) -> None:
        """Checks every type and range."""
        check_types(self)
        super().__post_init__()
        for name, most in (("hidden_size", 10**6), ("layers", 1000)):
            value = getattr(self, name)
            require(flag(name), 1 <= value <= most, f"an int in [1, {most}]", value)
        for name in ("dropout", "input_dropout", "recurrent_dropout", "zoneout", "weight_dropout"):
            require(flag(name), 0 <= getattr(self, name) < 1, "in [0, 1)", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class TextOptions(TaskConfig):
    """Options of a task that reads text; subclasses set the level that suits them."""

    level: Literal["characters", "bytes", "words", "subwords"] = "characters"
    """what a token is"""
    vocab_size: int | None = None
    """pieces of the vocabulary at most, the most frequent ones; none: all there are, or 8000 subwords"""
    min_count: int = 1
    """characters and words that occur less often are unknown; subwords are not joined"""
    lowercase: bool = False
    """read all text in lower case"""
    word_split: Literal["punctuation", "spaces"] = "punctuation"
    """words end at spaces and punctuation, or at spaces alone, as in text that was split before"""

    def vocabulary(self, texts: Iterable[str], specials: Sequence[str] = ()) -> "Vocabulary":
        """The vocabulary of the training texts; see ``elman.data.tokens.vocab.make_vocabulary``."""
        from elman.data.tokens.vocab import make_vocabulary

        return make_vocabulary(
            self.level,
            texts,
            size=self.vocab_size,
            min_count=self.min_count,
            lowercase=self.lowercase,
            word_split=self.word_split,
            specials=specials,
        )


@dataclass
class Parts:
    """A task's data, ready to be read batch by batch."""

    training: "Batches"
    validation: "Batches | None" = None
    test: "Batches | None" = None


@dataclass
class Sample:
    """Sequences to look at a model with.

    Attributes:
        batch: what the model reads.
        unit: what a step of the input is, in the plural.
        texts: for each row the text that each of its steps adds; None where numbers are read.
        features: names of the numbers that the first layer reads at each step; further ones have none.
        needed: steps between an answer and the farthest that it depends on, where the task knows.
    """

    batch: Any
    unit: str = "steps"
    texts: list[list[str]] | None = None
    features: tuple[str, ...] = ()
    needed: int | None = None


class Verb(ABC):
    """What a task's run is used for; a dataclass whose fields are the verb's flags, after the run folder.

    The class's name in lower case is the verb, its docstring the help.
    """

    example: ClassVar[str]
    """A command that works, for the help."""

    @abstractmethod
    def text(self, task: Any) -> Iterator[str]:
        """What is printed, piece by piece as it comes."""

    @abstractmethod
    def json(self, task: Any) -> dict[str, Any]:
        """The same as one object, for ``--json``."""


class Task(ABC):
    """Raw data in, answers out.

    A subclass names its ``Config``, builds its parts and model, and says what its numbers mean; fitting,
    saving, loading and resuming are the same for all.

    Args:
        config: the options; or give them by name.
        **options: fields of the task's Config.

    Raises:
        InputError: an unknown option, or a value out of its range.
    """

    Config: ClassVar[type[TaskConfig]]
    verb: ClassVar[type[Verb]]
    example: ClassVar[str]
    """A training command that works, for the help."""
    makes_data: ClassVar[bool] = False
    """Whether it draws its own sequences and reads no files."""
    estimator: ClassVar[Literal["classifier", "regressor"] | None] = None
    """What scikit-learn calls its kind, if that knows it."""

    def __init__(self, config: TaskConfig | None = None, /, **options: Any) -> None:
        name = type(self).__name__
        unknown = set(options) - {f.name for f in dataclasses.fields(self.Config)}
        if unknown:
            raise InputError(f"{name} has no option {sorted(unknown)[0]!r}")
        if config is not None and type(config) is not self.Config:
            raise InputError(
                f"{name} takes options by name, or one {self.Config.__name__}. Got {shown(config)}."
            )
        if config is not None and options:
            raise InputError(f"{name} takes options by name, or one {self.Config.__name__}, not both")
        self.config: Any = config if config is not None else self.Config(**options)
        self.facts: dict[str, Any] = {}
        self.folder: Path | None = None
        self.asked: frozenset[str] = frozenset()
        """Options that were named on the command line or in its recipe, so that a default was asked for there
        too."""
        self.model: Any = None
        self.results: dict[str, Any] = {}
        self.show_progress = False

    def __repr__(self) -> str:
        default = self.Config()
        given = {name: value for name, value in self.get_params().items() if value != getattr(default, name)}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    # What a subclass says of itself.

    @abstractmethod
    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads raw files and learns ``facts``; leaves in the run folder what a resumed run needs."""

    @abstractmethod
    def reopen(self, folder: Path) -> None:
        """Gets back from the run folder what ``read`` left there."""

    @abstractmethod
    def parts(self) -> Parts:
        """Batches of what was read."""

    @abstractmethod
    def build(self) -> "nn.Module":
        """The model, from config and facts alone."""

    @abstractmethod
    def reading(self) -> "Reading":
        """How the loss is shown."""

    @abstractmethod
    def measure(self, parts: Parts) -> dict[str, Any]:
        """Figures on the test part, a simple method's beside them."""

    @abstractmethod
    def report(self) -> str:
        """The results as lines for people."""

    @abstractmethod
    def evaluate(self, data: Paths) -> dict[str, Any]:
        """Figures on other files."""

    @abstractmethod
    def other_batches(self, data: list[Path]) -> "Batches":
        """Batches of other files, as ``evaluate`` reads them."""

    def as_sample(self, batch: Any) -> Sample:
        """A batch with what its steps are called; overridden where they have better names."""
        return Sample(batch)

    def prepare(self, model: "nn.Module") -> None:  # noqa: B027
        """Puts in place what a new model is to start from, where that is not drawn at random."""

    def save_extras(self, folder: Path) -> None:  # noqa: B027 - most tasks have none
        """Writes what the task needs beside config and weights."""

    def load_extras(self, folder: Path) -> None:  # noqa: B027
        """Reads it back; called before ``build``. Raises InputError where it does not fit."""

    def check_facts(self, source: str) -> None:  # noqa: B027
        """Raises InputError unless ``facts``, read from ``source``, are what this task wrote."""

    # What is the same for all.

    @property
    def name(self) -> str:
        """The task's name on the command line: its file's."""
        return type(self).__module__.rpartition(".")[2].replace("_", "-")

    def train(
        self,
        data: Paths | None = None,
        out: str | Path | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on files, into a run folder where ``out`` names one.

        Without data a language model reads the Python language reference; tasks that draw their own need
        none.

        Raises:
            InputError: the data or the folder are refused; a folder in use is left as it was.
            TrainingStopped: the loss or a gradient left the finite numbers.
        """
        paths = [] if data is None else as_paths(data)
        require("data", bool(paths) or data is None or self.makes_data, "at least one path", data)
        return self._fit(lambda folder: self.read(paths, folder), out, overwrite, show_progress)

    def _fit(
        self,
        read: Callable[[Path | None], None],
        out: str | Path | None,
        overwrite: bool,
        show_progress: bool,
    ) -> Self:
        """Reads, then trains; nothing is replaced before data, options and device are found to be usable.

        What ends in an error leaves the task as it was, and torch's random numbers are the caller's again.
        """
        import torch

        with torch.device("meta"):
            self.layer(1)  # an unknown cell or initialisation ends here
        before = dict(vars(self))
        try:
            with _own_random_numbers():
                return self._read_and_train(
                    read, None if out is None else Path(out), overwrite, show_progress
                )
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise

    def _read_and_train(
        self, read: Callable[[Path | None], None], out: Path | None, overwrite: bool, show_progress: bool
    ) -> Self:
        self.folder = out
        if self.folder is None:
            read(None)
            parts = self.parts()
            return self._train(parts, self._loop(parts, show_progress))
        files.check_new_folder(self.folder, overwrite)
        with files.scratch_folder(self.folder) as scratch:
            read(scratch)
            parts = self.parts()
            loop = self._loop(parts, show_progress)
            self._write_config(scratch)
            self.save_extras(scratch)
            files.install(scratch, self.folder)
        return self._train(parts, loop)

    def _loop(self, parts: Parts, show_progress: bool) -> "Loop":
        """The loop around a new model; nothing is written yet."""
        import torch

        from elman.train.loop import Loop
        from elman.train.progress import Silent, make_progress

        self.show_progress = show_progress
        torch.manual_seed(self.config.seed)
        try:
            self.model = self.build()
            _initialise_rest(self.model, self.config.init)
        except RuntimeError as error:  # all that torch says when memory does not suffice
            raise InputError(f"the model cannot be made: {str(error).splitlines()[0]}") from error
        self.prepare(self.model)
        progress = make_progress() if show_progress else Silent()
        return Loop(
            self.model,
            parts.training,
            parts.validation,
            self.config,
            self.folder,
            self.reading(),
            progress,
        )

    def _train(self, parts: Parts, loop: "Loop", *, resume: bool = False) -> Self:
        from elman.pictures.curve import draw_curve

        loop.run(resume)
        self.model.eval()
        self.results = {
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "steps": loop.position.step,
            "seconds": round(loop.history.lines[-1]["seconds"], 1) if loop.history.lines else 0.0,
            **self.measure(parts),
        }
        if self.folder is not None:
            reading = loop.reading
            title = f"{self.name}: {self.config.cell}, {self.config.hidden_size} units × {self.config.layers}"
            draw_curve(loop.history.lines, self.folder / files.CURVE, reading.name, reading, title)
            files.write_json(self.folder / files.RESULTS, self.results)
            (self.folder / files.CHECKPOINT).unlink(missing_ok=True)
        return self

    def sample(self, data: Paths | None = None) -> Sample:
        """Some sequences to look at the model with: a batch.

        Args:
            data: files of the task's kind; None: what the run folder keeps of its own data, the validation
                part or, where it has none, the training part.

        Raises:
            InputError: the files do not fit, or the run folder keeps no data.
        """
        if data is not None:
            batches: Batches | None = self.other_batches(as_paths(data))
        else:
            parts = self._kept_parts()
            batches = parts.training if parts.validation is None else parts.validation
        assert batches is not None
        return self.as_sample(next(iter(batches.epoch(0))))

    def _kept_parts(self) -> Parts:
        """The parts of the run's own data."""
        self._fitted()
        if self.folder is not None:
            self.reopen(self.folder)
        return self.parts()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All options by name, as scikit-learn asks for them."""
        return {name: getattr(self.config, name) for name in to_json(self.config)}

    def set_params(self, **options: Any) -> Self:
        """Changes options by name; the task is then to be fitted anew."""
        self.__init__(**{**self.get_params(), **options})  # type: ignore[misc]
        return self

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's tools ask of an estimator."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self.estimator,
            target_tags=TargetTags(required=self.estimator is not None),
            classifier_tags=ClassifierTags() if self.estimator == "classifier" else None,
            regressor_tags=RegressorTags() if self.estimator == "regressor" else None,
            input_tags=InputTags(three_d_array=True, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return self.model is not None

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes a fitted task to a run folder that ``elman.load`` reads."""
        from elman.train.checkpoint import save_weights

        model, folder = self._fitted(), Path(folder)
        files.check_new_folder(folder, overwrite)
        with files.scratch_folder(folder) as scratch:
            self._write_config(scratch)
            self.save_extras(scratch)
            save_weights(model, scratch / files.WEIGHTS)
            files.write_json(scratch / files.RESULTS, self.results)
            files.install(scratch, folder)

    def _fitted(self) -> "nn.Module":
        if self.model is None:
            raise InputError(f"{type(self).__name__} is not fitted yet")
        return self.model

    def layer(self, input_size: int, hidden_size: int | None = None, **options: Any) -> "Recurrent":
        """The recurrent layer of the options, of another size where one is given."""
        from elman.cells.named import make_cell
        from elman.layers.recurrent import Recurrent

        config = self.config
        try:
            return Recurrent(
                make_cell(config.cell, input_size, hidden_size or config.hidden_size),
                config.layers,
                dropout=config.dropout,
                input_dropout=config.input_dropout,
                recurrent_dropout=config.recurrent_dropout,
                zoneout=config.zoneout,
                weight_dropout=config.weight_dropout,
                residual=config.residual,
                learned_state=config.learned_state,
                init=config.init,
                **options,
            )
        except ValueError as error:
            raise InputError(str(error)) from None

    def _write_config(self, folder: Path) -> None:
        from elman.cells.named import fingerprint, is_file

        content: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "elman": __version__,
            "task": self.name,
            "config": to_json(self.config),
            "facts": self.facts,
        }
        if is_file(self.config.cell):
            content["cell_sha256"] = fingerprint(self.config.cell)
        files.write_json(folder / files.CONFIG, content)


def text_sample(batch: Any, vocabulary: "Vocabulary") -> Sample:
    """A batch of tokens, with the text that each adds to its row; none past the row's end."""
    tokens, lengths, resets = batch.inputs.values, batch.inputs.lengths, batch.inputs.resets
    texts = []
    for row in range(tokens.shape[1]):
        length = len(tokens) if lengths is None else int(lengths[row])
        decoder, pieces = vocabulary.decoder(), []
        for step, token in enumerate(tokens[:length, row].tolist()):
            if resets is not None and resets[step, row]:  # another text begins
                decoder = vocabulary.decoder()
            pieces.append(decoder.push(token))
        texts.append(pieces)
    return Sample(batch, vocabulary.level, texts)


def _own_random_numbers() -> Any:
    """Within it torch's random numbers may be seeded; after it they go on as if nothing had been drawn."""
    import torch

    return torch.random.fork_rng(devices=[])  # asking for a GPU's would start it


def _initialise_rest(model: "nn.Module", init: str) -> None:
    """Draws what is not of a recurrent layer from ±R, where the initialisation is ``uniform:R``."""
    from torch import nn

    from elman.cells.initialise import uniform_bound
    from elman.layers.recurrent import Recurrent

    bound = uniform_bound(init)
    if bound is None:
        return
    layers = [module for module in model.modules() if isinstance(module, Recurrent)]
    done = {id(parameter) for layer in layers for parameter in layer.parameters()}
    for parameter in model.parameters():
        if id(parameter) not in done:
            nn.init.uniform_(parameter, -bound, bound)


def load(folder: str | Path, cell: str | None = None) -> Any:
    """A trained task from its run folder, ready to use.

    Args:
        folder: the run folder, which may come from anywhere: it is data and never runs code.
        cell: ``FILE.py:Class`` again, where the model's cell is one of your own; that file is run.

    Raises:
        InputError: no run folder, or a damaged, unfinished or hostile one; the message names the file.
    """
    import torch

    from elman.train.checkpoint import load_weights

    task = open_run(folder, cell)
    assert task.folder is not None
    try:
        with torch.device("meta"):
            model = task.build()
    except InputError as error:
        raise InputError(f"{task.folder / files.CONFIG}: {error}") from None
    weights = load_weights(task.folder / files.WEIGHTS, model)
    model.load_state_dict(weights, assign=True)
    task.model = model.eval()
    return task


def open_run(folder: str | Path, cell: str | None = None, *, to_run: bool = True) -> Task:
    """A task's options, facts and results from its run folder, without the model.

    Args:
        folder: the run folder.
        cell: as for ``load``.
        to_run: whether the model will be built, so that a cell of the user's own must be named again.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder")
    path = folder / files.CONFIG
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("task"), str):
        raise InputError(f"{path}: is not the configuration of a run")
    version = content.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise InputError(f"{path}: format_version must be in [1, {FORMAT_VERSION}]. Got {shown(version)}.")
    if content["task"] not in names("tasks"):
        raise InputError(f"{path}: unknown task {shown(content['task'])}")
    cls = find("tasks", content["task"], Task)  # type: ignore[type-abstract]
    task = cls(from_json(cls.Config, content.get("config"), str(path)))
    if to_run:
        task.config = _own_cell(task.config, cell, content.get("cell_sha256"), str(path))
    facts = content.get("facts")
    if not isinstance(facts, dict):
        raise InputError(f"{path}: facts must be an object")
    task.facts = facts
    task.check_facts(str(path))
    task.folder = folder
    task.load_extras(folder)
    results = folder / files.RESULTS
    task.results = read_json(results) if results.exists() else {}
    if not isinstance(task.results, dict):
        raise InputError(f"{results}: must hold an object")
    return task


def resume(folder: str | Path, *, cell: str | None = None, show_progress: bool = False) -> Task:
    """Goes on with an interrupted or killed run, to the same weights as if it had never stopped.

    Raises:
        InputError: the run is finished already, or its folder holds something that no run leaves there.
    """
    task = open_run(folder, cell)
    assert task.folder is not None
    for path in task.folder.iterdir():  # a link would have something outside the folder overwritten
        if not (files.is_report(path) or files.is_left_of_a_report(path)):
            check_regular(path)
    saved = (task.folder / files.CHECKPOINT).exists()
    if not saved and (task.results or (task.folder / files.WEIGHTS).exists()):
        raise InputError(f"{folder}: is finished; there is nothing to resume")
    task.reopen(task.folder)
    parts = task.parts()
    with _own_random_numbers():
        # killed before its first checkpoint, a run starts again
        return task._train(parts, task._loop(parts, show_progress), resume=saved)


def _own_cell(config: Any, cell: str | None, recorded: object, source: str) -> Any:
    """The configuration with the user's own cell named again, since a run folder runs no code by itself."""
    import warnings

    from elman.cells.named import fingerprint, is_file

    if not is_file(config.cell):
        if cell is not None:
            raise InputError(f"{source}: the cell is {shown(config.cell)}; no --cell is needed to load it")
        return config
    if cell is None:
        raise InputError(
            f"{source}: the cell is {shown(config.cell)}, a file of its author's: name it again with "
            "--cell FILE.py:Class to have it run"
        )
    if not is_file(cell):
        raise InputError(f"--cell must be FILE.py:Class. Got {shown(cell)}.")
    if fingerprint(cell) != recorded:
        warnings.warn(f"{cell}: is not the file that the run was trained with", stacklevel=3)
    return dataclasses.replace(config, cell=cell)
