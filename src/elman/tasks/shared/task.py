"""The base of all tasks: options, data, a model, training into a run folder, and answers."""

import dataclasses
import html
import json
import shlex
import signal
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from elman.cells.initialise import uniform_bound
from elman.cells.named import fingerprint, is_file, make_cell
from elman.config import require, shown, to_json
from elman.data.read.pipes import kept_pipes
from elman.draws import Draws, for_shapes
from elman.errors import InputError, Interrupted, TrainingStopped, not_fitted
from elman.exporters.source import ToExport
from elman.layers.recurrent import Recurrent
from elman.notice import notice
from elman.pictures.base import can_draw
from elman.pictures.curve import draw_curve
from elman.tasks.shared.advice import advice_lines, what_to_try
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.facts import TaskFacts
from elman.tasks.shared.notebook import as_html
from elman.tasks.shared.options import ABSENT, StartOptions, TaskConfig, Verb
from elman.tasks.shared.origin import Origin
from elman.tasks.shared.sizing import sized, sizes_text
from elman.tasks.shared.sources import Paths, as_paths
from elman.train import files, progress
from elman.train.checkpoint import save_weights
from elman.train.history import read_history
from elman.train.loop import Loop, LossUnit, evaluate
from elman.train.options import TrainingOptions
from elman.train.progress import Silent, make_progress
from elman.version import __version__

FORMAT_VERSION = 1
_ANY_SIZE = 1024  # units of a layer that is made to check its other options, before the data are read


class Task(ABC):
    """Reads raw data, trains a model, and gives answers.

    A subclass defines six things: its ``Config`` (options), ``Facts`` (learnt from the data), ``Data``
    (reads, stores, reopens and batches), ``Answers`` (predicts, measures and reports), ``build`` (the model)
    and ``loss_unit`` (how the loss is shown). Fitting, saving, loading and resuming are the same for all.

    Args:
        config: the options, instead of options by name.
        **options: fields of the task's Config.

    Attributes:
        config: the options; they are immutable.
        facts: the facts of the training data; None before training.
        data: the examples, if they are in memory or open.
        model: the trained model; None before training.
        results: figures of the training.
        origin: the data that it was trained on, and when; empty before training.
        folder: the run folder; None if the task is only in memory.

    Raises:
        InputError: an unknown option, or a value out of its range.
    """

    Config: ClassVar[type[TaskConfig]]
    Facts: ClassVar[type[TaskFacts]]
    Data: ClassVar[type[TaskData]]
    Answers: ClassVar[type[TaskAnswers]]
    plane_axes: ClassVar[int] = 0
    """Axes of what its layers read after the features: 2 for pictures."""

    def __init__(self, config: TaskConfig | None = None, /, **options: Any) -> None:
        name = type(self).__name__
        fields = {f.name for f in dataclasses.fields(self.Config)}
        unknown = set(options) - fields
        if unknown:
            raise InputError(f"{name} has no option {sorted(unknown)[0]!r}")
        if config is not None and type(config) is not self.Config:
            raise InputError(
                f"{name} takes options by name, or one {self.Config.__name__}. Got {shown(config)}."
            )
        if config is not None and options:
            raise InputError(f"{name} takes options by name, or one {self.Config.__name__}, not both")
        self.config: Any = config if config is not None else self.Config(**options)
        # scikit-learn names every option of a copy, which then was not the user's choice
        self.named = frozenset(options) if len(options) < len(fields) else frozenset()
        """Options that the user named, even with their default values."""
        self.facts: Any = None
        self.data: Any = None
        self.model: Any = None
        self.results: dict[str, Any] = {}
        self.origin = Origin()
        self.history: list[dict[str, Any]] = []
        self.folder: Path | None = None
        self._stale: tuple[str, ...] = ()  # options whose values an earlier fit took from its data

    def __repr__(self) -> str:
        default = self.Config()
        changed = {key: value for key, value in self.get_params().items() if value != getattr(default, key)}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in changed.items())})"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: loss curve and results, if the task is trained."""
        if self.model is None:
            return f"<code>{html.escape(repr(self))}</code>"
        in_folder = None if self.folder is None else self.folder / files.HISTORY
        history = self.history if in_folder is None else read_history(in_folder)
        return as_html(self._title(), history, self.loss_unit(), self.report())

    # To be defined by a subclass

    @abstractmethod
    def build(self) -> nn.Module:
        """Returns a new model, from config and facts alone."""

    @abstractmethod
    def loss_unit(self) -> LossUnit:
        """Returns how the loss is shown, from the config alone."""

    # The same for all tasks

    @property
    def name(self) -> str:
        """The task's name on the command line: the name of its folder."""
        return self.Config.task_name()

    @property
    def verb(self) -> type[Verb]:
        """The command that uses a run of this task."""
        return self.Config.verb

    @property
    def answers(self) -> Any:
        """The trained model's ``Answers``. Raises InputError if the task is not fitted."""
        return self._answers_of(self._fitted(), self.folder)

    def _answers_of(self, model: nn.Module | None = None, folder: Path | None = None) -> TaskAnswers:
        """Returns what answers for a model, or for results alone; it draws pictures in the folder."""
        return self.Answers(self.config, self.facts, model, folder)

    def train(
        self,
        data: Paths | None = None,
        out: str | Path | None = None,
        *,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on files, into a run folder if ``out`` names one.

        Without data, a language model reads the Python language reference. Tasks that draw their own data
        read no files.

        Raises:
            InputError: the data or the folder break a rule; an existing folder then stays unchanged.
            TrainingStopped: the loss or a gradient is not finite.
        """
        paths = [] if data is None else as_paths(data)
        makes_data = self.Config.makes_data
        require("data", bool(paths) or data is None or makes_data, "at least one path", data)

        def read(folder: Path | None) -> TaskData:
            with kept_pipes():
                read = self._read(paths, folder)
            read.paths = paths
            return read

        return self._fit(read, out, overwrite, show_progress)

    def _read(self, paths: list[Path], folder: Path | None) -> TaskData:
        """Reads the data from files."""
        if isinstance(self.config, StartOptions):
            return self.Data.read(self.config, paths, folder, named=self.named)  # type: ignore[call-arg]
        return self.Data.read(self.config, paths, folder)

    def _fit(
        self,
        read: Callable[[Path | None], TaskData],
        out: str | Path | None,
        overwrite: bool,
        show_progress: bool,
    ) -> Self:
        """Reads, then trains; replaces nothing before data, options and device have been checked.

        A new task does the work and its attributes are copied at the end: after an error this task is
        unchanged.
        """
        with for_shapes():
            self.layer(1)  # raises InputError for an unknown cell or initialisation
        run = type(self)(self.config)
        run._stale = self.origin.sized
        run._read_and_train(read, None if out is None else Path(out), overwrite, show_progress)
        vars(self).update({**vars(run), "named": self.named})
        return self

    def _read_and_train(
        self, read: Callable[[Path | None], TaskData], out: Path | None, overwrite: bool, show_progress: bool
    ) -> None:
        self.folder = out
        if out is None:
            parts = self._take(read(None))
            loop = self._loop(parts, show_progress)
            self._tell_sizes()
            self._train(parts, loop, show_progress)
            return
        files.check_new_folder(out, overwrite)
        with ExitStack() as until_trained:
            with files.scratch_folder(out) as scratch:
                parts = self._take(read(scratch))
                self._write(scratch)
                claim = until_trained.enter_context(files.Claim(scratch, out))
                loop = self._loop(parts, show_progress, claim.check)
                files.install(scratch, out, overwrite)
            self._tell_sizes()
            self._train(parts, loop, show_progress)

    def _take(self, data: TaskData) -> Parts:
        """Takes over data, with their options and facts; returns their batches."""
        self.facts = data.facts
        data.config = dataclasses.replace(data.config, **dict.fromkeys(self._stale, ABSENT))
        data.config, chosen = sized(data.config, data.sizes())
        self.data, self.config = data, data.config
        self.origin = Origin.of(data.paths, data.amounts, chosen)
        return data.parts()

    def _tell_sizes(self) -> None:
        """Tells which options the amount of data determined, once nothing can be refused any more."""
        if self.origin.sized:
            notice(f"{self.origin.amount}: {sizes_text(self.config, self.origin.sized)}")

    def _loop(self, parts: Parts, show_progress: bool, check: Callable[[], None] = lambda: None) -> Loop:
        """Returns the training loop of a new model; writes nothing."""
        draws = Draws(self.config.seed)
        try:
            with draws.building():
                self.model = self.build()
                _initialise_rest(self.model, self.config.init)
        except RuntimeError as error:  # torch's only sign of too little memory
            raise InputError(f"the model cannot be made: {str(error).splitlines()[0]}") from error
        _start_from(self.model, self.data.initial())
        shown = progress.make_progress() if show_progress else progress.Silent()
        return Loop(
            self.model,
            parts.training,
            parts.validation,
            self._loop_options(),
            self.folder,
            self.loss_unit(),
            shown,
            draws,
            check,
            judge=self._judge(parts),
        )

    def _train(self, parts: Parts, loop: Loop, show_progress: bool, *, resume: bool = False) -> None:
        run = shlex.quote(str(self.folder))
        try:
            if not resume:
                self._pretrain(loop, show_progress)
            loop.run(resume)
            try:
                self._finish(parts, loop, show_progress)
            except KeyboardInterrupt as signalled:  # Interrupted is one
                if self.folder is None:
                    raise
                said = f"trained, interrupted while measuring; continue with: elman resume {run}"
                raise Interrupted(said, getattr(signalled, "number", signal.SIGINT)) from None
        except files.WriteError as error:
            raise TrainingStopped(
                f"{error.filename}: cannot be written: {error.strerror}. What was saved before is whole; "
                f"when this is mended, continue with: elman resume {run}"
            ) from error

    def _judge(self, parts: Parts) -> Callable[[], float] | None:
        """Returns what counts the errors per target on the validation part (see ``Loop``); None: nothing."""
        return None

    def _loop_options(self) -> TrainingOptions:
        """Returns the options of the training loop."""
        options: TrainingOptions = self.config
        return options

    def _pretrain(self, loop: Loop, show_progress: bool) -> None:  # noqa: B027 - most tasks have nothing to do
        """Trains the model before the training itself, whose loop is given.

        It is called until the loop has its first checkpoint, so an interrupted one must go on where it was.
        """

    def _finish(self, parts: Parts, loop: Loop, show_progress: bool) -> None:
        """Measures the trained model and writes what the run folder still lacks."""
        loop.check()  # measuring draws pictures
        self.model.eval()
        self.history = loop.history.lines
        self.results = {
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "steps": loop.position.step,
            "seconds": round(self.history[-1]["seconds"], 1) if self.history else 0.0,
            **self._measure(parts, show_progress),
        }
        of_the_task = self._answers_of().proposals(self.results)
        self.results["what_to_try"] = [
            {"flags": remedy.flags, "why": remedy.why}
            for remedy in what_to_try(self.config, self.history, of_the_task)
        ]
        if self.folder is not None:
            loop.check()
            if can_draw():
                unit = loop.loss_unit
                draw_curve(self.history, self.folder / files.CURVE, unit.name, unit, self._title())
            else:
                notice("matplotlib is not installed, so the run has no pictures")
            # after measuring, which may fit some weights
            self.facts.save_fitted(self.folder, loop.check)
            save_weights(self.model, self.folder / files.WEIGHTS, loop.check)
            files.write_json(self.folder / files.RESULTS, self.results, loop.check)
            (self.folder / files.CHECKPOINT).unlink(missing_ok=True)

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Measures the model after training."""
        progress = make_progress() if show_progress else Silent()
        folder = self.folder if can_draw() else None
        answers = self._answers_of(self._fitted(), folder)
        return answers.measure(self.data, parts, progress.say)

    def _asked(self) -> Any:
        """Returns the options as the user gave them, without the sizes that the data determined."""
        return dataclasses.replace(self.config, **dict.fromkeys(self.origin.sized, ABSENT))

    def _title(self) -> str:
        """Describes the run in one line."""
        return f"{self.name}: {self.config.network}"

    def evaluate(self, data: Paths = ()) -> dict[str, Any]:
        """Measures the model on other files. Raises InputError for bad files or an unfitted task."""
        return self.answers.evaluate(as_paths(data))

    def report(self) -> str:
        """Returns the results as readable lines, and what to try next."""
        report = self._answers_of().report(self.results)
        return "\n".join([report, *advice_lines(self.results)])

    def excerpt(self, data: Paths | None = None) -> Excerpt:
        """Returns a batch of sequences for inspecting the model.

        Args:
            data: files of the task's kind; None: the run's own data, from the validation part, or from the
                training part if there is no validation part.

        Raises:
            InputError: a file breaks a rule, or the run folder holds no data.
        """
        answers = self.answers
        if data is not None:
            return answers.excerpt(answers.batches(as_paths(data)))
        parts = self.opened_data().few()
        return answers.excerpt(parts.training if parts.validation is None else parts.validation)

    def opened_data(self) -> Any:
        """Returns the task's own data, reopened for a loaded run. Raises InputError if there are none."""
        if self.data is None:
            if self.folder is None:
                raise not_fitted(type(self).__name__)
            self.data = self.Data.reopen(self.config, self.facts, self.folder)
        return self.data

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes a fitted task to a run folder that ``elman.load`` reads."""
        model, folder = self._fitted(), Path(folder)
        files.check_new_folder(folder, overwrite)
        with files.scratch_folder(folder) as scratch:
            self._write(scratch)
            save_weights(model, scratch / files.WEIGHTS)
            files.write_json(scratch / files.RESULTS, self.results)
            files.install(scratch, folder, overwrite)

    def to_export(self) -> ToExport:
        """Returns the trained model, and the options and facts that its exported files keep.

        Raises:
            InputError: the task is not fitted, or its answers are more than one pass of a network.
        """
        model = self._fitted()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            kept: dict[str, Any] = {
                "task": self.name,
                "config": to_json(self.config),
                "facts": self.facts.save(folder),
            }
            kept |= {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
        texts = {
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in kept.items()
        }
        notes = []
        if getattr(self.facts, "wide", None) is not None:
            notes.append(
                "the linear part beside the network is not exported, so answers differ from the run's"
            )
        return ToExport(model, texts, notes, self._figure_of, self.loss_unit().name)

    def _figure_of(self, model: nn.Module) -> float | None:
        """Measures a model of this task on the run's own test part; None if there is none."""
        test = self.opened_data().parts().test
        return None if test is None else self.loss_unit()(evaluate(model, test).mean)

    def parameters(self) -> int | None:
        """Returns the number of parameters; None if the model cannot be made, as with a cell of one's own."""
        if self.results:
            known = self.results.get("parameters")
            return known if type(known) is int else None
        try:
            with for_shapes():
                return sum(p.numel() for p in (self.model or self.build()).parameters())
        except InputError:
            return None

    def layer(self, input_size: int, hidden_size: int | None = None, **options: Any) -> Recurrent:
        """Returns a recurrent layer with the task's options.

        Args:
            input_size: features of a step.
            hidden_size: units; None: as the options say.
            **options: further arguments of ``Recurrent``.
        """
        config = self.config
        try:
            return Recurrent(
                make_cell(
                    config.cell, input_size, hidden_size or config.hidden_size or _ANY_SIZE, self.plane_axes
                ),
                config.layers,
                dropout=config.dropout or 0.0,
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

    def _fitted(self) -> nn.Module:
        if self.model is None:
            raise not_fitted(type(self).__name__)
        return self.model

    def _write(self, folder: Path) -> None:
        """Writes the files of a run folder other than weights and results."""
        content: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "elman": __version__,
            "task": self.name,
            "config": to_json(self.config),
            "facts": self.facts.save(folder),
            "origin": to_json(self.origin),
        }
        if is_file(self.config.cell):
            content["cell_sha256"] = fingerprint(self.config.cell)
        files.write_json(folder / files.CONFIG, content)
        if self.data is not None:
            self.data.save(folder)

    # scikit-learn

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns all options by name, as scikit-learn requests them."""
        asked = self._asked()
        return {name: getattr(asked, name) for name in to_json(asked)}

    def set_params(self, **options: Any) -> Self:
        """Changes options by name; the task must then be fitted again."""
        self.__init__(**{**self.get_params(), **options})  # type: ignore[misc]
        return self

    def __sklearn_tags__(self) -> Any:
        """Returns the tags that scikit-learn's tools read."""
        # only scikit-learn calls this, so it is installed; no task needs it otherwise
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        kind = self.Config.estimator
        return Tags(
            estimator_type=kind,
            target_tags=TargetTags(required=kind is not None),
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
            input_tags=InputTags(three_d_array=True, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return self.model is not None


def _start_from(model: nn.Module, start: dict[str, Tensor]) -> None:
    """Gives a model its initial weights, by name. Raises InputError if one has another shape."""
    own = model.state_dict()
    for name, tensor in start.items():
        expected = list(own[name].shape) if name in own else None
        if list(tensor.shape) != expected:
            raise InputError(
                f"--pretrained: the run must have the same weights. Its {name} has the shape "
                f"{list(tensor.shape)}; the new model's: {expected or 'absent'}."
            )
    model.load_state_dict(start, strict=False)


def _initialise_rest(model: nn.Module, init: str) -> None:
    """Draws all parameters outside recurrent layers from ±R if the initialisation is ``uniform:R``."""
    bound = uniform_bound(init)
    if bound is None:
        return
    layers = [module for module in model.modules() if isinstance(module, Recurrent)]
    done = {id(parameter) for layer in layers for parameter in layer.parameters()}
    for parameter in model.parameters():
        if id(parameter) not in done:
            nn.init.uniform_(parameter, -bound, bound)
