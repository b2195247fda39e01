"""What the streams of each task read and answer, and the models behind them.

A form belongs to one stream: it turns what a client sends into the steps of the model, and the model's
outputs into answers. The model's own state lies in the engine's slots.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from elman.config import shown
from elman.data.read.arrays import check_finite, numbers
from elman.errors import InputError
from elman.serve.engine import Rows
from elman.tasks.tagging.streaming import NumberRows

GUESSES = 5
"""Most probable next tokens in an answer."""


class Model:
    """Runs one step of many streams: embedding → slots of the recurrent layer → head.

    Args:
        slots: of the layer.
        embed: values [n, …] → x [n, I].
        read: outputs of the layer [n, O] and x → what a form reads [n, V].
    """

    def __init__(
        self,
        slots: Rows,
        embed: Callable[[torch.Tensor], torch.Tensor],
        read: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        self.slots, self._embed, self._read = slots, embed, read

    @torch.inference_mode()
    def advance(self, values: np.ndarray, rows: torch.Tensor) -> np.ndarray:
        """Reads a step of the streams in some rows [n]; returns outputs [n, V]."""
        x = self._embed(torch.from_numpy(values))
        result: np.ndarray = self._read(self.slots.step(x, rows), x).float().numpy()
        return result


class Form:
    """One stream's reading and answering; see the module.

    Attributes:
        datatype: of a value in a binary frame, as KServe names it.
        inputs: names of the values of a step; none: one token.
        outputs: names of the values of an answer in binary form.
        has_hidden: whether the stream remembers more than the layer's state and ``kept``, so that its state
            cannot be handed out.
    """

    datatype: ClassVar[str] = "FP32"
    has_hidden: ClassVar[bool] = False
    inputs: Sequence[str]
    outputs: Sequence[str]

    def steps(self, message: dict[str, Any]) -> Sequence[Any]:
        """Returns the steps of a message ``{"type": "steps", "x": [...]}``. Raises InputError."""
        x = message.get("x")
        if not isinstance(x, list):
            raise InputError("a message of steps must hold a list x")
        return x

    def read(self, step: Any) -> np.ndarray:
        """Returns what the model reads at a step, in the engine's thread.

        Raises:
            InputError: the step breaks a rule; the stream has not changed.
        """
        raise NotImplementedError

    def vector(self, output: np.ndarray) -> np.ndarray:
        """Returns the answer to the step that was read last, in binary form [O]."""
        raise NotImplementedError

    def answer(self, output: np.ndarray) -> dict[str, Any]:
        """Returns the same answer as an object."""
        raise NotImplementedError

    def reset(self) -> None:
        """Begins anew."""
        raise NotImplementedError

    def kept(self) -> dict[str, torch.Tensor]:
        """Returns what a stream keeps beside the layer's state, by name."""
        return {}

    def keep(self, kept: dict[str, torch.Tensor]) -> None:
        """Takes what ``kept`` returned. Raises ValueError if it is something else."""
        if kept:
            raise ValueError(f"a state of this model holds no {sorted(kept)[0]!r}")


class Tokens(Form):
    """A language model's stream: tokens or text in, what may come next out.

    Args:
        task: the run.
    """

    datatype = "UINT32"
    inputs = ()

    def __init__(self, task: Any) -> None:
        self._vocabulary = task.vocabulary
        self.outputs = ("log_p",)
        self._token = -1
        self._before: np.ndarray | None = None
        self._mixture = task.facts.ngrams
        self._recent: list[int] = []
        self.reset()

    def reset(self) -> None:
        """Begins anew."""
        self._before, self._recent = None, []
        self._follow()

    def _follow(self) -> None:
        mixture = self._mixture
        opening = np.array(self._recent, np.int64)
        self._mixed = None if mixture is None else mixture.stream(no_step, opening)

    def steps(self, message: dict[str, Any]) -> Sequence[Any]:
        """Returns the tokens of ``{"type": "steps", "x": […]}`` or ``{"type": "steps", "text": "…"}``."""
        text = message.get("text")
        if text is None:
            return super().steps(message)
        if not isinstance(text, str):
            raise InputError(f"text must be a text. Got {shown(text)}.")
        tokens: list[int] = self._vocabulary.encode(text).tolist()
        return tokens

    def read(self, step: Any) -> np.ndarray:
        """Returns a token."""
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise InputError(f"a token must be a whole number. Got {shown(step)}.")
        if not 0 <= step < len(self._vocabulary):
            raise InputError(f"a token must be in [0, {len(self._vocabulary)}). Got {step}.")
        self._token = int(step)
        return np.int64(self._token)  # type: ignore[return-value]

    def vector(self, output: np.ndarray) -> np.ndarray:
        """Returns ln P of each token as the next one [V]."""
        logits = torch.from_numpy(output)[None]
        if self._mixed is not None:
            self._mixed.read(self._token)
            logits = self._mixed.logits(logits)
            self._recent = [*self._recent, self._token][-self._mixture.counts.order :]
        log_p: np.ndarray = logits.log_softmax(-1)[0].numpy()
        self._before = log_p
        return log_p

    def answer(self, output: np.ndarray) -> dict[str, Any]:
        """Returns the token's text, its bits (None for the first) and the most probable next tokens."""
        before, token = self._before, self._token
        log_p = self.vector(output)
        best = np.argsort(-log_p, kind="stable")[:GUESSES]
        guesses = zip(self._vocabulary.pieces(best), np.exp(log_p[best]).tolist(), strict=True)
        (piece,) = self._vocabulary.pieces([token])
        bits = None if before is None else float(-before[token]) / math.log(2)
        return {"token": token, "text": piece, "bits": bits, "next": [[text, p] for text, p in guesses]}

    def kept(self) -> dict[str, torch.Tensor]:
        """Returns ln P of the next token, and the tokens that n-grams look at."""
        kept = {} if self._before is None else {"log_p": torch.from_numpy(self._before)}
        if self._mixture is not None:
            kept["recent"] = torch.tensor(self._recent, dtype=torch.int64)
        return kept

    def keep(self, kept: dict[str, torch.Tensor]) -> None:
        """Takes what ``kept`` returned."""
        size = len(self._vocabulary)
        before, recent = kept.pop("log_p", None), kept.pop("recent", None)
        if before is not None and (before.shape != (size,) or before.dtype != torch.float32):
            raise ValueError(f"log_p must be {size} numbers")
        if recent is not None:
            if recent.dtype != torch.int64 or recent.dim() != 1 or len(recent) > 64:
                raise ValueError("recent must be at most 64 tokens")
            if len(recent) and not (int(recent.min()) >= 0 and int(recent.max()) < size):
                raise ValueError(f"recent must be tokens in [0, {size})")
        super().keep(kept)
        self._before = None if before is None else before.numpy()
        self._recent = [] if recent is None else recent.tolist()
        self._follow()


def no_step(token: torch.Tensor) -> torch.Tensor:
    """Stands for a network's step in a mixture whose network the engine runs."""
    raise RuntimeError("the engine runs the network")


class Tags(Form):
    """A tagger's stream: rows of numbers in, a tag and its probability out.

    Args:
        task: the run, of numbers, in one direction.
    """

    def __init__(self, task: Any) -> None:
        self._facts, self._model = task.facts, task.model
        self.inputs, self.outputs = task.facts.features, tuple(map(str, task.facts.tags))
        self.reset()

    def reset(self) -> None:
        """Begins anew."""
        self._rows = NumberRows(self._facts)
        self._path = self._model.tag_stream()

    def read(self, step: Any) -> np.ndarray:
        """Returns a row, standardised, with its changes."""
        return self._rows.inputs(row_of(step, len(self.inputs)))[0]

    def vector(self, output: np.ndarray) -> np.ndarray:
        """Returns the scores of the tags [V]: of a softmax their log-probabilities."""
        return output

    def answer(self, output: np.ndarray) -> dict[str, Any]:
        """Returns the tag, and the scores of all."""
        tag = self._path.take(torch.from_numpy(output))
        return {"tag": self._facts.tags[tag], "scores": dict(zip(self.outputs, output.tolist(), strict=True))}

    has_hidden = True


class Scores(Form):
    """A detector's stream: rows in, scores and expected values out.

    Args:
        task: the run.
    """

    has_hidden = True  # what errors were usual so far

    def __init__(self, task: Any) -> None:
        self._task = task
        self.inputs = task.facts.columns
        self.outputs = ("score", "anomaly", *(f"expected {name}" for name in self.inputs))
        self.reset()

    def reset(self) -> None:
        """Begins anew."""
        self._detector = self._task.stream()

    def read(self, step: Any) -> np.ndarray:
        """Returns a row as the network reads it; with a calendar, ``{"values": […], "time": "…"}``."""
        time = ""
        if isinstance(step, dict):
            step, time = step.get("values"), str(step.get("time", ""))
        inputs = self._detector.inputs(row_of(step, len(self.inputs)), time)
        return inputs.astype(np.float32)

    def vector(self, output: np.ndarray) -> np.ndarray:
        """Returns score, whether it is an anomaly, and the expected values."""
        point = self._detector.judge(output)
        return np.array([point.score, point.anomaly, *point.expected], np.float32)

    def answer(self, output: np.ndarray) -> dict[str, Any]:
        """Returns the same, and which column is to blame; None until the row can be judged."""
        point = self._detector.judge(output)
        expected = [None if math.isnan(value) else float(value) for value in point.expected]
        judged = point.judged
        return {
            "score": point.score if judged else None,
            "anomaly": point.anomaly if judged else None,
            "column": self.inputs[point.column] if judged else None,
            "expected": expected,
        }


def row_of(step: Any, columns: int) -> np.ndarray:
    """Returns a row of numbers; None stands for a missing one. Raises InputError."""
    if isinstance(step, list):
        step = [math.nan if value is None else value for value in step]
    values = numbers(step, "the row")
    if values.ndim == 0 and columns == 1:
        values = values[None]
    if values.shape != (columns,):
        raise InputError(f"the row must be [{columns}]. Got {list(values.shape)}.")
    check_finite(values, "the row", missing=True)
    return values


def streams_of(task: Any, slots: int) -> tuple[Model, Callable[[], Form]] | str:
    """Returns the model of a run's streams and what makes the form of each, or why the run has none."""
    model = task.model
    layer: Any = getattr(model, "layer", None)
    if task.name == "language-model":
        return (
            Model(layer.slots(slots), model.embedding, lambda output, _: model.head.logits(output)),
            lambda: Tokens(task),
        )
    if task.name == "tagging" and task.facts.features:
        if layer.bidirectional:
            return "it reads in both directions; train it with --no-bidirectional"
        return (
            Model(layer.slots(slots), model.embed, lambda output, _: model.scores(output)),
            lambda: Tags(task),
        )
    if task.name == "anomaly-detection" and hasattr(model, "embed"):

        def read(output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = model.head.predict(model.read(output, x))
            return result

        return Model(layer.slots(slots), model.embed, read), lambda: Scores(task)
    return f"runs of {task.name} answer whole requests, not streams"
