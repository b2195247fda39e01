"""The engine of a service: one thread owns a model and advances every stream that has a step to read.

A tick takes one step of each waiting stream and runs them in one call. There is no waiting for company: what
arrives during a tick is in the next one. What else touches the model or a state (opening, closing, reading a
prompt, handing a state out) is a call that the thread makes between two ticks.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

import numpy as np
import torch

from elman.serve.metrics import Metrics
from elman.state import State


class Full(Exception):
    """Every slot is taken."""


class Stopped(Exception):
    """The engine answers no more steps."""


class Rows(Protocol):
    """States side by side, each of which advances with or without the others; ``layer.slots(S)``."""

    state: Any

    def step(self, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor: ...  # noqa: D102

    def reset(self, rows: torch.Tensor) -> None: ...  # noqa: D102


class Model(Protocol):
    """What the engine advances."""

    slots: Rows

    def advance(self, values: np.ndarray, rows: torch.Tensor) -> np.ndarray:
        """Reads a step [n, …] of the streams in these rows [n]; returns their outputs [n, O]."""
        ...


class Session:
    """A stream in one slot of an engine; a subclass says what it reads and what it does with the outputs.

    Attributes:
        row: its slot.
    """

    row = -1

    def waits(self) -> bool:
        """Whether there is a step to read now."""
        raise NotImplementedError

    def take(self) -> Any:
        """Returns the values of the next step."""
        raise NotImplementedError

    def give(self, outputs: np.ndarray) -> Callable[[], None] | None:
        """Takes the outputs [O] of that step, in the engine's thread.

        Returns:
            What is to be called in the event loop's thread now, such as the resolution of a future.
        """
        raise NotImplementedError

    def fail(self, error: Exception) -> Callable[[], None]:
        """Gives up what is read now, in the engine's thread; returns what is to be called as ``give`` does.

        Args:
            error: an InputError of ``take``, after which the stream may go on; any other: it is lost.
        """
        raise NotImplementedError


class Engine:
    """Owns a model and its slots; its methods may be called from any thread.

    Args:
        model: what the ticks advance.
        slots: S, most streams at once.
        call_soon: runs a function in the thread that the answers are for, such as an event loop's.
        metrics: counts ticks and steps.
        name: of the model, for the metrics.
    """

    def __init__(
        self, model: Model, slots: int, call_soon: Callable[..., Any], metrics: Metrics, name: str
    ) -> None:
        self._model, self._call_soon, self._metrics, self._name = model, call_soon, metrics, name
        self._free = deque(range(slots))
        self._waiting: dict[Session, float] = {}
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._stops = self._is_over = False
        self.slots = slots
        self._thread = threading.Thread(target=self._run, name=f"elman-engine-{name}", daemon=True)
        self._thread.start()

    @property
    def open_streams(self) -> int:
        """How many slots are taken."""
        return self.slots - len(self._free)

    def open(self, session: Session, state: State | None = None) -> "Future[None]":
        """Gives a session a slot, with the initial state or a given one [L, H, …] for each of the cell's.

        Raises:
            Full: there is none left.
            Stopped: the engine stops.
        """
        with self._changed:
            if self._stops:
                raise Stopped
            if not self._free:
                raise Full
            session.row = self._free.popleft()
        self._metrics.streams.labels(self._name).set(self.open_streams)

        def begin() -> None:
            self._model.slots.reset(torch.tensor([session.row]))
            if state is not None:
                self._model.slots.state[session.row] = state

        return self.call(begin)

    def close(self, session: Session) -> None:
        """Frees the session's slot; steps that it has not read are dropped."""
        with self._changed:
            if session.row < 0:
                return
            self._waiting.pop(session, None)
            self._free.append(session.row)
            session.row = -1
        self._metrics.streams.labels(self._name).set(self.open_streams)

    def wake(self, session: Session) -> None:
        """Says that a session has a step to read.

        Raises:
            Stopped: the engine has stopped.
        """
        with self._changed:
            if self._is_over:
                raise Stopped
            if session.row >= 0 and session not in self._waiting:
                self._waiting[session] = time.perf_counter()
                self._changed.notify()

    def call(self, function: Callable[[], Any]) -> "Future[Any]":
        """Runs a function in the engine's thread, between two ticks.

        Raises:
            Stopped: the engine has stopped.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._is_over:
                raise Stopped
            self._calls.append((function, future))
            self._changed.notify()
        return future

    def state(self, session: Session) -> "Future[State]":
        """Returns a copy of a session's state, after the steps that it has read."""
        return self.call(lambda: self._model.slots.state[session.row])

    def set_state(self, session: Session, state: State) -> None:
        """Puts a state into a session's slot, if it still has one; in the engine's thread only."""
        if session.row >= 0:
            self._model.slots.state[session.row] = state

    def tell(self, function: Callable[[], None]) -> None:
        """Has a function called in the thread that the answers are for."""
        self._call_soon(function)

    def reset(self, session: Session) -> "Future[None]":
        """Takes a session back to the initial state."""
        return self.call(lambda: self._model.slots.reset(torch.tensor([session.row])))

    def stop(self, seconds: float = 10.0) -> None:
        """Opens no more streams, answers the steps that wait, and ends the thread within the time given."""
        with self._changed:
            self._stops = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _run(self) -> None:
        torch.set_grad_enabled(False)
        while True:
            with self._changed:
                while not (self._waiting or self._calls or self._stops):
                    self._changed.wait()
                calls, self._calls = self._calls, deque()
                if self._is_over or (self._stops and not calls and not self._waiting):
                    self._is_over = True
                    return
            for function, future in calls:
                self._answer(function, future)
            self._tick()

    @staticmethod
    def _answer(function: Callable[[], Any], future: "Future[Any]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)

    def _tick(self) -> None:
        """Advances every stream that waits by one step."""
        with self._changed:
            sessions, since = list(self._waiting), list(self._waiting.values())
            # one that is closed meanwhile writes to its old slot, which is reset before it is used again
            rows = {session: session.row for session in sessions}
            self._waiting.clear()
        if not sessions:
            return
        began = time.perf_counter()
        answers: list[Callable[[], None] | None] = []
        read, values = [], []
        for session in sessions:
            try:
                values.append(session.take())
                read.append(session)
            except Exception as error:
                answers.append(session.fail(error))
        if read:
            answers += self._advanced(read, values, [rows[session] for session in read])
        done = time.perf_counter()
        told = [answer for answer in answers if answer is not None]
        if told:
            self._call_soon(_all, told)
        with self._changed:
            for session in sessions:
                if session.row >= 0 and session.waits():
                    self._waiting.setdefault(session, done)
        self._metrics.tick(self._name, began - min(since), done - began, len(read))

    def _advanced(
        self, sessions: list[Session], values: list[Any], rows: list[int]
    ) -> list[Callable[[], None] | None]:
        """Runs a step of some sessions; returns what they want called."""
        try:
            outputs = self._model.advance(np.stack(values), torch.tensor(rows))
        except Exception as error:
            return [session.fail(error) for session in sessions]
        answers = []
        for session, own in zip(sessions, outputs, strict=True):
            try:
                answers.append(session.give(own))
            except Exception as error:
                answers.append(session.fail(error))
        return answers


def _all(answers: list[Callable[[], None]]) -> None:
    for answer in answers:
        answer()
