"""Sessions of the engine: a stream that answers chunks of steps, and a text that writes itself."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from elman.decode.sample import Drawing
from elman.serve.engine import Engine, Session
from elman.serve.forms import Form, no_step


@dataclass
class _Chunk:
    """Steps that are answered together."""

    steps: Sequence[Any]
    is_binary: bool
    future: "asyncio.Future[list[Any]]"
    answers: list[Any] = field(default_factory=list)
    at: int = 0


class Chunks(Session):
    """Reads chunks of steps, and answers each when its last step is done; made in the event loop's thread.

    Args:
        engine: where it has its slot.
        form: of the task.
    """

    def __init__(self, engine: Engine, form: Form) -> None:
        self._engine, self.form = engine, form
        self._queue: deque[_Chunk] = deque()
        self.steps = 0
        """Steps that were answered."""

    def submit(self, steps: Sequence[Any], *, is_binary: bool = False) -> "asyncio.Future[list[Any]]":
        """Queues steps; the result has an answer for each: an object, or a vector in binary form.

        The future fails with InputError if a step breaks a rule: the steps before it have been read.
        """
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        if not len(steps):
            future.set_result([])
            return future
        self._queue.append(_Chunk(steps, is_binary, future))
        self._engine.wake(self)
        return future

    def close(self) -> None:
        """Frees its slot."""
        self._engine.close(self)

    def waits(self) -> bool:
        """Whether a chunk is not done."""
        return bool(self._queue)

    def take(self) -> Any:
        """Returns the values of the next step."""
        chunk = self._queue[0]
        return self.form.read(chunk.steps[chunk.at])

    def give(self, outputs: np.ndarray) -> Callable[[], None] | None:
        """Adds an answer; after the chunk's last step, returns what resolves its future."""
        chunk = self._queue[0]
        chunk.answers.append((self.form.vector if chunk.is_binary else self.form.answer)(outputs))
        chunk.at += 1
        self.steps += 1
        if chunk.at < len(chunk.steps):
            return None
        self._queue.popleft()
        return lambda: _resolve(chunk.future, chunk.answers)

    def fail(self, error: Exception) -> Callable[[], None]:
        """Drops the first chunk; returns what tells it."""
        chunk = self._queue.popleft()
        return lambda: _reject(chunk.future, error)


@dataclass(frozen=True)
class Request:
    """What a text is to be.

    Attributes:
        prompt: text that it continues.
        length: most tokens.
        temperature: see ``elman.decode.sample.choose``, likewise the next two.
        top_k: see there.
        top_p: see there.
        seed: of the draws; None: random.
        stop: texts before which it ends.
        logprobs: most probable tokens told beside each; 0: none, None: not even the token's own.
    """

    prompt: str = ""
    length: int = 16
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None


@dataclass
class Piece:
    """Text that was written since the piece before.

    Attributes:
        text: it; may be empty at the end.
        tokens: how many were drawn for it.
        finish: "length" or "stop" in the last piece, otherwise "".
        logprobs: of each token its text, ln P, and the most probable ones with theirs.
    """

    text: str = ""
    tokens: int = 0
    finish: str = ""
    logprobs: list[tuple[str, float, dict[str, float]]] = field(default_factory=list)


MOST_UNREAD = 64
"""Pieces that a reader may leave unread before its text pauses."""
_CHARACTERS, _SECONDS = 8, 0.02  # after which a piece is handed over


class Writing(Session):
    """Writes a text token by token, as ``LanguageModel.generate`` does with the same seed.

    Args:
        engine: where it has its slot.
        task: a run of a language model.
        request: what it is to write.
    """

    def __init__(self, engine: Engine, task: Any, request: Request) -> None:
        self._engine, self._task, self._request = engine, task, request
        self._queue: asyncio.Queue[Piece | Exception] = asyncio.Queue()
        self._piece, self._since = Piece(), 0.0
        self._held = ""  # the end of the text, which may begin a stop text
        self._token = self._left = -1
        self._is_over = False

    async def pieces(self) -> AsyncIterator[Piece]:
        """Begins, and yields pieces as they come; its slot must be closed after the last.

        Raises:
            InputError: the prompt breaks a rule.
        """
        await asyncio.wrap_future(self._engine.call(self._begin))
        self._engine.wake(self)
        while True:
            piece = await self._queue.get()
            if isinstance(piece, Exception):
                raise piece
            yield piece
            if piece.finish:
                return
            if self._queue.qsize() == MOST_UNREAD // 2:
                self._engine.wake(self)

    def _begin(self) -> None:
        """Reads the prompt and draws the first token, in the engine's thread."""
        task, request = self._task, self._request
        answers, vocabulary = task.answers, task.vocabulary
        opening, not_first = vocabulary.opening(request.prompt) if request.prompt else (answers.opening(), ())
        logits, state = answers.opened(opening)
        if state is not None:
            self._engine.set_state(self, tuple(s[:, 0] for s in state))
        mixture = task.facts.ngrams
        self._mixed = None if mixture is None else mixture.stream(no_step, opening)
        self._decoder = vocabulary.decoder(request.prompt)
        self._drawing = Drawing(
            logits.device,
            request.temperature,
            request.top_k,
            request.top_p,
            request.seed,
            answers.never_drawn,
        )
        self._left, self._since = request.length, time.perf_counter()
        if self._mixed is not None:
            logits = self._mixed.logits(logits)
        told = self._draw(logits.index_fill(-1, torch.tensor(not_first, dtype=torch.int64), -torch.inf))
        if told:
            self._engine.tell(told)

    def waits(self) -> bool:
        """Whether there is a token to read, and a reader who keeps up."""
        return not self._is_over and self._token >= 0 and self._queue.qsize() < MOST_UNREAD

    def take(self) -> Any:
        """Returns the token that was drawn last."""
        return np.int64(self._token)

    def give(self, outputs: np.ndarray) -> Callable[[], None] | None:
        """Draws the next token."""
        logits = torch.from_numpy(outputs)[None]
        if self._mixed is not None:
            self._mixed.read(self._token)
            logits = self._mixed.logits(logits)
        return self._draw(logits)

    def fail(self, error: Exception) -> Callable[[], None]:
        """Ends the text."""
        self._is_over = True
        return lambda: self._queue.put_nowait(error)

    def _draw(self, logits: torch.Tensor) -> Callable[[], None] | None:
        """Draws a token and adds its text; returns what hands a piece over, if one is ready."""
        if self._left > 0:
            self._left -= 1
            self._token = int(self._drawing.draw(logits))
            self._piece.tokens += 1
            self._note(logits)
            self._add(self._decoder.push(self._token))
        if self._left == 0 and not self._is_over:
            self._is_over = True
            self._add(self._decoder.flush())
            self._piece.finish = self._piece.finish or "length"
            self._piece.text += self._held
        now, piece = time.perf_counter(), self._piece
        if not piece.finish and len(piece.text) < _CHARACTERS and now - self._since < _SECONDS:
            return None
        self._piece, self._since = Piece(), now
        return lambda: self._queue.put_nowait(piece)

    def _add(self, text: str) -> None:
        """Adds text, and ends before a stop text."""
        if self._piece.finish:
            return
        stops = self._request.stop
        if not stops:
            self._piece.text += text
            return
        self._held += text
        at = min((place for stop in stops if (place := self._held.find(stop)) >= 0), default=-1)
        if at >= 0:
            self._piece.text += self._held[:at]
            self._held, self._piece.finish, self._is_over = "", "stop", True
            return
        kept = max((_overlap(self._held, stop) for stop in stops), default=0)
        cut = len(self._held) - kept
        self._piece.text += self._held[:cut]
        self._held = self._held[cut:]

    def _note(self, logits: torch.Tensor) -> None:
        """Notes ln P of the token, if they are asked for."""
        number = self._request.logprobs
        if number is None:
            return
        log_p = logits[0].float().log_softmax(-1)
        best = log_p.topk(min(number, len(log_p)))
        pieces = self._task.vocabulary.pieces([self._token, *best.indices.tolist()])
        top = dict(zip(pieces[1:], best.values.tolist(), strict=True))
        self._piece.logprobs.append((pieces[0], float(log_p[self._token]), top))


def _overlap(text: str, stop: str) -> int:
    """Returns the length of the longest end of a text that begins ``stop``."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)


def _resolve(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _reject(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
