"""Options that every task shares, and what a task tells the command line.

No heavy import: the help reads this.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from elman.config import check_types, flag, require
from elman.train.options import TrainingOptions


class Verb(ABC):
    """What a task's run is used for; a dataclass whose fields are the verb's flags, after the run folder.

    The class's name in lower case is the verb, its docstring the help. What a verb computes is a method of
    the task; a verb only passes its flags on and says how the result is printed.
    """

    example: ClassVar[str]
    """A command that works, for the help."""

    @abstractmethod
    def text(self, task: Any) -> Iterator[str]:
        """What is printed, piece by piece as it comes."""

    @abstractmethod
    def json(self, task: Any) -> dict[str, Any]:
        """The same as one object, for ``--json``."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
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
class TaskConfig(TrainingOptions, ModelOptions):
    """All options of a task; subclasses add their own.

    A task's ``options.py`` defines one subclass. Its class variables are what the command line shows of the
    task without loading it.
    """

    verb: ClassVar[type[Verb]]
    """What a run is used for."""
    example: ClassVar[str]
    """A training command that works, for the help."""
    rank: ClassVar[int] = 50
    """Place in the list of tasks: what newcomers ask for comes first."""
    makes_data: ClassVar[bool] = False
    """Whether the task draws its own sequences and reads no files."""
    estimator: ClassVar[Literal["classifier", "regressor"] | None] = None
    """The kind of scikit-learn's estimator, if that knows it."""
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Groups of the task's own options in the help, by title; "" names those that stand first."""

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
