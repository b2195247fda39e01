"""Options that every task shares, and what the command line needs to know of a task.

No heavy import: the help reads this.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Optional, TypeVar

from elman.config import check_types, counted, flag, require
from elman.data.read.reading import Reading
from elman.train.options import TrainingOptions

T = TypeVar("T")
if TYPE_CHECKING:
    Sized = Annotated[T, "a number once the data are read"]
else:
    Sized = Optional
"""The type of an option that follows from the amount of data unless the user gives it (``Sized[int]``)."""
ABSENT: Any = None
"""The default of such an option; ``sizing`` has the rules that replace it."""


class Verb(ABC):
    """A command that uses a trained run; a dataclass whose fields are the flags after the run folder.

    The class's name in lower case is the verb, its docstring the help. What a verb computes is a method of
    the task; a verb only passes its flags on and formats the result.
    """

    example: ClassVar[str]
    """A command that works, for the help."""

    @abstractmethod
    def text(self, task: Any) -> Iterator[str]:
        """Yields what is printed, piece by piece as it comes."""

    @abstractmethod
    def json(self, task: Any) -> dict[str, Any]:
        """Returns the same as one object, for ``--json``."""

    def objects(self, task: Any) -> Iterator[dict[str, Any]]:
        """Yields what ``--json`` prints, an object a line: one, unless a stream is answered as it comes."""
        yield self.json(task)


# Parts of other dataclasses make no methods, which these make anew: they would be a tenth of the help's time.
@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ModelOptions:
    """Options of the recurrent layer, the same for every task."""

    cell: str = "lstm"
    """name of a cell (elman, lstm, gru, …), with options after a colon (elman:nonlinearity=relu); or
    FILE.py:Class for a cell of your own"""
    hidden_size: int = 256
    """units of each layer"""
    layers: int = 1
    """number of stacked recurrent layers"""
    dropout: float = 0.0
    """dropout probability between layers, and before and after them"""
    input_dropout: float = 0.0
    """variational dropout probability on each layer's input; one mask for all steps"""
    recurrent_dropout: float = 0.0
    """variational dropout probability on the state that the recurrent weights multiply; one mask for all
    steps"""
    zoneout: float = 0.0
    """probability that a unit keeps its old state at a step"""
    weight_dropout: float = 0.0
    """dropout probability on the recurrent weights themselves; one mask for all steps"""
    residual: bool = False
    """add each layer's input to its output, except in the first layer"""
    learned_state: bool = False
    """learn the initial state; if absent, it is zero"""
    init: str = "advised"
    """initial weights: advised (what suits the cell), torch, orthogonal, identity, zero-recurrent,
    forget-bias, spread, chrono:T (T steps) or uniform:R (±R); + joins several"""

    @property
    def network(self) -> str:
        """The network in a few words, such as ``lstm, 16 units, 1 layer``."""
        return f"{self.cell}, {counted(self.hidden_size, 'unit')}, {counted(self.layers, 'layer')}"


@dataclass(frozen=True, kw_only=True)
class TaskConfig(TrainingOptions, ModelOptions):
    """All options of a task; subclasses add their own.

    A task's ``options.py`` defines one subclass. Its class variables describe the task to the command line,
    which reads them without loading the task.
    """

    verb: ClassVar[type[Verb]]
    """The command that uses a run."""
    example: ClassVar[str]
    """A training command that works, for the help."""
    reads: ClassVar[str] = "files or folders to train on; see above"
    """What training reads: the help of its files."""
    rank: ClassVar[int] = 50
    """Place in the list of tasks; the lowest comes first."""
    makes_data: ClassVar[bool] = False
    """Whether the task draws its own sequences and reads no files."""
    estimator: ClassVar[Literal["classifier", "regressor"] | None] = None
    """The kind of estimator in scikit-learn, if it has one."""
    of_old_runs: ClassVar[Mapping[str, Any]] = {}
    """Values of options that folders of earlier versions lack, where the default would change their run."""
    sized: ClassVar[tuple[str, ...]] = ()
    """Options that may be absent (``Sized``): they then follow from the amount of data."""
    absent_in_old_runs: ClassVar[tuple[str, ...]] = ()
    """Options in ``sized`` that have no value in folders of earlier versions, and need none once trained."""
    evaluates_with: ClassVar[tuple[str, ...]] = ()
    """Options of ``evaluate`` beside its files, such as ``dynamic``, that the task's method takes."""
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Groups of the task's own options in the help, by title; "" holds those that come first."""

    @property
    def varies(self) -> bool:
        """Whether training reads variations that are harder to predict than the data, as other keys are.

        Its loss is then no sign of a model that is too small.
        """
        return False

    @classmethod
    def task_name(cls) -> str:
        """The task's name on the command line: its folder's."""
        return cls.__module__.split(".")[-2].replace("_", "-")

    def __post_init__(self) -> None:
        """Checks every type and range."""
        check_types(self)
        super().__post_init__()
        for name, most in (("hidden_size", 10**6), ("layers", 1000)):
            value = getattr(self, name)
            require(flag(name), value is ABSENT or 1 <= value <= most, f"an int in [1, {most}]", value)
        for name in ("dropout", "input_dropout", "recurrent_dropout", "zoneout", "weight_dropout"):
            value = getattr(self, name)
            require(flag(name), value is ABSENT or 0 <= value < 1, "in [0, 1)", value)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class StartOptions(TaskConfig):
    """Options of a task whose training can start from a trained run."""

    of_the_run: ClassVar[tuple[str, ...]] = ("cell", "hidden_size", "layers", "residual", "learned_state")
    """Options that shape the model; with --pretrained they come from the run."""

    pretrained: Path | None = None
    """run folder of the same task to start from, with its cell and sizes; if absent, start from random
    weights"""


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class FileOptions(TaskConfig):
    """Options of a task that reads files of text: how they are written, where they do not show it."""

    encoding: str | None = None
    """encoding of text files, such as cp1252; if absent, UTF-8, or UTF-16 with its mark"""
    separator: str | None = None
    """character between the cells of a table (or: comma, semicolon, tab, bar, space); if absent, found from
    the file"""

    def __post_init__(self) -> None:
        """Checks every value."""
        super().__post_init__()
        self.reading  # noqa: B018 - its own checks

    @property
    def reading(self) -> Reading:
        """How files are read."""
        return Reading(self.separator, encoding=self.encoding)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class TableOptions(FileOptions):
    """Options of a task that reads tables with numbers."""

    decimal: Literal[".", ","] | None = None
    """decimal mark of numbers; if absent, whichever fits all of a column"""
    missing: tuple[str, ...] = ()
    """further cells that count as missing in columns of numbers, such as -999; if absent, only empty cells,
    NA, N/A, NaN, null, None, -, ?, .. and errors of spreadsheets"""

    @property
    def reading(self) -> Reading:
        """How files are read."""
        return Reading(self.separator, self.decimal, self.encoding, self.missing)

    def named_columns(self, *options: str) -> tuple[str, ...]:
        """Returns the columns of these options that have not their default names, and so must be there."""
        return tuple(
            getattr(self, name) for name in options if getattr(self, name) != getattr(type(self), name)
        )


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class ColumnOptions(TableOptions):
    """Options of a task that reads every column of numbers unless the user chooses."""

    columns: tuple[str, ...] = ()
    """columns of numbers to read, as a,b or a b; if absent, all without another meaning"""
    ignore_columns: tuple[str, ...] = ()
    """columns to leave out, as a,b or a b; if absent, none"""


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class SequenceOptions(TaskConfig):
    """Options of a task whose network reads whole sequences of numbers."""

    steps_of_old_runs: ClassVar[Mapping[str, Any]] = {
        "centre": "none",
        "differences": False,
        "frame": 1,
        "augment": 0.0,
    }
    """For ``of_old_runs``: what runs read and learnt before there were these options."""

    centre: Literal["none", "own", "both"] = "both"
    """numbers: read values less their sequence's own mean (own), values with their level (none), or both side
    by side; pixels of clips: less the background, which is the median of the frames so far"""
    differences: bool = True
    """numbers and pixels: also read each value's difference from the step before"""
    frame: Sized[int] = ABSENT
    """numbers: steps that are read at once, side by side; if absent, as many as leave about 100 frames"""
    augment: float = 1.0
    """numbers: strength of the random changes of scale and tempo, noise, and steps and columns left out, in
    training; clips: how far they are moved, and whether parts are learnt too; 0: none"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        frame = self.frame
        require("--frame", frame is ABSENT or 1 <= frame <= 10**6, "an int in [1, 1e6]", frame)
        require("--augment", 0 <= self.augment <= 5, "in [0, 5]", self.augment)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class TextOptions(FileOptions):
    """Options of a task that reads text; subclasses set the default level."""

    level: Literal["characters", "bytes", "words", "subwords"] = "characters"
    """what a token is"""
    vocab_size: int | None = None
    """most tokens in the vocabulary; the most frequent are kept. If absent, all, or 8000 subwords"""
    min_count: int = 1
    """characters and words that occur less often are unknown; subwords that do are not joined"""
    lowercase: bool = False
    """read all text in lower case"""
    word_split: Literal["punctuation", "spaces"] = "punctuation"
    """where words end: at spaces and punctuation, or at spaces alone (for text that is split already)"""
