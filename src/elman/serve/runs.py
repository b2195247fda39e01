"""The runs that a service answers for, each with the engine of its streams."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from elman.errors import InputError
from elman.serve.engine import Engine
from elman.serve.forms import Form, streams_of
from elman.serve.limits import Limits
from elman.serve.metrics import Metrics


class Served:
    """A run and, where the task has streams, its engine.

    Attributes:
        name: by which clients call it.
        task: the run.
        engine: None if the run has no streams.
        why_not: why it has none.
        lock: held by a request that is answered as a whole.
    """

    def __init__(self, name: str, task: Any, limits: Limits) -> None:
        self.name, self.task = name, task
        self.lock = asyncio.Lock()
        self.engine: Engine | None = None
        found = streams_of(task, limits.streams)
        self.why_not = found if isinstance(found, str) else ""
        self._streams = None if isinstance(found, str) else found

    def start(self, limits: Limits, metrics: Metrics) -> None:
        """Starts the engine, whose answers come in the running event loop."""
        if self._streams:
            call_soon = asyncio.get_running_loop().call_soon_threadsafe
            self.engine = Engine(self._streams[0], limits.streams, call_soon, metrics, self.name)

    def form(self) -> Form:
        """Returns the form of a new stream. Raises InputError if the run has no streams."""
        if self._streams is None:
            raise InputError(f"{self.name}: has no streams: {self.why_not}")
        return self._streams[1]()

    def states(self) -> dict[str, list[int]]:
        """Returns the shape of each state of one stream [layers, …], by name."""
        layer = self.task.model.layer
        names, state = layer.cell.states(), layer.initial_state(1)
        return {name: [s.shape[0], *s.shape[2:]] for name, s in zip(names, state, strict=True)}


class Runs(Mapping[str, Served]):
    """All runs of a service by name.

    Args:
        tasks: by name.
        limits: of the service.
        metrics: of the service.
    """

    def __init__(self, tasks: Mapping[str, Any], limits: Limits, metrics: Metrics) -> None:
        self._runs = {name: Served(name, task, limits) for name, task in tasks.items()}
        self._limits, self._metrics = limits, metrics
        self.ends = asyncio.Event()
        """Set when the service has been told to end."""
        self.sockets = 0
        """Open websockets."""

    def __getitem__(self, name: str) -> Served:
        return self._runs[name]

    def __iter__(self) -> Any:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def named(self, name: str | None, has: Callable[[Served], bool] = lambda _: True) -> Served:
        """Returns the run of this name, or without a name the first that fits.

        Raises:
            LookupError: there is none.
        """
        if name is not None and name in self._runs:
            return self._runs[name]
        found = next((run for run in self._runs.values() if has(run)), None)
        if name is not None or found is None:
            known = ", ".join(self._runs)
            raise LookupError(f"no run is called {name!r}; known: {known}" if name else "no run answers this")
        return found

    def start(self) -> None:
        """Starts all engines, in the event loop."""
        self.loop = asyncio.get_running_loop()
        for run in self._runs.values():
            run.start(self._limits, self._metrics)

    async def drained(self) -> None:
        """Waits until every websocket is closed, for the time of grace at most."""
        end = time.monotonic() + self._limits.grace_seconds
        while self.sockets and time.monotonic() < end:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Answers the steps that wait, and ends all engines."""
        self.ends.set()
        engines = [run.engine for run in self._runs.values() if run.engine is not None]
        await asyncio.gather(*(asyncio.to_thread(e.stop, self._limits.grace_seconds) for e in engines))


async def awaited(future: "Future[Any]") -> Any:
    """Awaits what an engine answers."""
    return await asyncio.wrap_future(future)
