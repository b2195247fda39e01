"""The websocket ``/v1/stream``: steps in, answers out, as docs/serving.md describes it."""

import asyncio
import contextlib
import json
import struct
import time
from typing import Any

import numpy as np
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from elman.config import shown
from elman.errors import InputError
from elman.serve import states
from elman.serve.engine import Full, Stopped
from elman.serve.guard import PROTOCOL, error_body
from elman.serve.limits import Limits
from elman.serve.metrics import Metrics
from elman.serve.runs import Runs, Served, awaited
from elman.serve.sessions import Chunks

_GOING_AWAY, _POLICY, _BROKEN, _FULL = 1001, 1008, 1011, 1013
_DTYPES = {"FP32": "<f4", "UINT32": "<u4"}


class _Ends(Exception):
    """A stream is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Streaming:
    """Answers one websocket.

    Args:
        socket: not yet accepted.
        runs: of the service.
        limits: of the service.
        metrics: of the service.
    """

    def __init__(self, socket: WebSocket, runs: Runs, limits: Limits, metrics: Metrics) -> None:
        self._socket, self._runs, self._limits, self._metrics = socket, runs, limits, metrics
        self._messages: asyncio.Queue[dict[str, Any] | bytes | None] = asyncio.Queue(limits.queued)
        self._began = time.monotonic()

    async def run(self) -> None:
        """Answers until either side ends the stream."""
        engines = [run.engine for run in self._runs.values() if run.engine is not None]
        if self._runs.ends.is_set() or all(e.open_streams >= e.slots for e in engines):
            reason, message = ("ends", "the service ends") if self._runs.ends.is_set() else _full(engines)
            self._metrics.rejected.labels(reason).inc()
            body = error_body(message, "server_error", reason)
            await self._socket.send_denial_response(JSONResponse(body, 503, {"retry-after": "1"}))
            return
        offered = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        reading = asyncio.create_task(self._read())
        try:
            await self._answer()
        except _Ends as end:
            await self._close(end.code, str(end))
        except (WebSocketDisconnect, ConnectionError):
            pass
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _read(self) -> None:
        """Queues messages; while the queue is full nothing is read, so that the client has to wait."""
        try:
            while True:
                received = await self._socket.receive()
                if received["type"] == "websocket.disconnect":
                    return
                if received.get("bytes") is not None:
                    await self._messages.put(received["bytes"])
                    continue
                try:
                    message = json.loads(received["text"])
                except ValueError:
                    message = None
                if not isinstance(message, dict):
                    message = {"type": "", "problem": "a message must be a JSON object"}
                await self._messages.put(message)
        finally:
            with contextlib.suppress(asyncio.QueueFull):
                self._messages.put_nowait(None)

    async def _next(self, seconds: float) -> dict[str, Any] | bytes:
        """Returns the next message; ends the stream if it is too late, or the service ends."""
        left = self._limits.session_seconds - (time.monotonic() - self._began)
        getting = asyncio.ensure_future(self._messages.get())
        ending = asyncio.ensure_future(self._runs.ends.wait())
        try:
            done, _ = await asyncio.wait(
                {getting, ending}, timeout=max(0.0, min(seconds, left)), return_when=asyncio.FIRST_COMPLETED
            )
            if getting in done:
                message = getting.result()
                if message is None:
                    raise WebSocketDisconnect
                return message
        finally:
            getting.cancel()
            ending.cancel()
        if ending in done:
            raise _Ends(_GOING_AWAY, "the service ends")
        reason = "no message came in time" if left > seconds else "the longest time of a stream is over"
        raise _Ends(_POLICY, reason)

    async def _answer(self) -> None:
        """Opens the session and answers its messages in turn."""
        run, form, session = await self._opened()
        assert run.engine is not None
        try:
            while True:
                message = await self._next(self._limits.idle_seconds)
                try:
                    if await self._one(run, session, message):
                        return
                except InputError as error:
                    await self._error("invalid", str(error))
        except _Ends as end:
            if end.code == _GOING_AWAY and not form.has_hidden:
                await self._send({"type": "state", "state": await self._state(run, session)})
            raise
        except Stopped:
            raise _Ends(_GOING_AWAY, "the service ends") from None
        finally:
            run.engine.close(session)

    async def _opened(self) -> tuple[Served, Any, Chunks]:
        """Reads ``session.start`` and opens the session."""
        start = await self._next(self._limits.send_seconds)
        if not isinstance(start, dict) or start.get("type") != "session.start":
            raise _Ends(_POLICY, 'the first message must be {"type": "session.start"}')
        try:
            run = self._runs.named(start.get("model"), lambda run: run.engine is not None)
            form = run.form()
            state = None
            if start.get("state") is not None:
                if form.has_hidden:
                    raise InputError(f"a stream of {run.name} cannot begin with a state")
                state, kept = states.unpacked(start["state"], run.states())
                try:
                    form.keep(kept)
                except ValueError as error:
                    raise InputError(f"state: {error}") from None
        except (InputError, LookupError) as error:
            await self._error("invalid", str(error), fatal=True)
            raise _Ends(_POLICY, "session.start was refused") from None
        assert run.engine is not None
        session = Chunks(run.engine, form)
        try:
            await awaited(run.engine.open(session, state))
        except Full:
            self._metrics.rejected.labels("full").inc()
            raise _Ends(_FULL, f"all {run.engine.slots} streams are taken; try again") from None
        except Stopped:
            raise _Ends(_GOING_AWAY, "the service ends") from None
        await self._send(
            {
                "type": "session.ready",
                "model": run.name,
                "task": run.task.name,
                "datatype": form.datatype,
                "inputs": list(form.inputs),
                "outputs": list(form.outputs),
                "has_state": not form.has_hidden,
            }
        )
        return run, form, session

    async def _one(self, run: Served, session: Chunks, message: dict[str, Any] | bytes) -> bool:
        """Answers one message; returns whether it ends the stream."""
        assert run.engine is not None
        first = session.steps
        if isinstance(message, bytes):
            answers = await self._answers(session, self._rows(session, message), is_binary=True)
            if answers:
                await self._send_bytes(struct.pack("<Q", first) + np.stack(answers).astype("<f4").tobytes())
            return False
        kind = message.get("type")
        if kind == "steps":
            answers = await self._answers(session, session.form.steps(message), is_binary=False)
            await self._send({"type": "answers", "first": first, "answers": answers})
        elif kind == "reset":
            await awaited(run.engine.reset(session))
            session.form.reset()
            await self._send({"type": "reset"})
        elif kind == "mark":
            await self._send({"type": "mark", "id": message.get("id"), "steps": first})
        elif kind == "state":
            if session.form.has_hidden:
                raise InputError(f"{run.name}: keeps more than the layer's state, which is not handed out")
            await self._send({"type": "state", "state": await self._state(run, session)})
        elif kind == "end":
            await self._close(1000, "")
            return True
        else:
            told = message.get("problem") or f"unknown type {shown(kind)}"
            raise InputError(f"{told}; known: steps, reset, mark, state, end")
        return False

    def _rows(self, session: Chunks, message: bytes) -> Any:
        """Returns the steps of a binary frame."""
        form = session.form
        values = max(1, len(form.inputs))
        if not message or len(message) % (4 * values):
            raise InputError(
                f"a binary frame must hold steps of {values} values, each a little-endian {form.datatype} of "
                f"4 bytes. Got {len(message)} bytes."
            )
        read = np.frombuffer(message, _DTYPES[form.datatype])
        return read.reshape(-1, values) if form.inputs else read

    async def _answers(self, session: Chunks, steps: Any, *, is_binary: bool) -> list[Any]:
        if len(steps) > self._limits.chunk:
            raise InputError(f"a message must have at most {self._limits.chunk} steps. Got {len(steps)}.")
        try:
            return await session.submit(steps, is_binary=is_binary)
        except (InputError, Stopped):
            raise
        except Exception as error:
            await self._error("internal", type(error).__name__, fatal=True)
            raise _Ends(_BROKEN, "a step failed") from error

    async def _state(self, run: Served, session: Chunks) -> str:
        assert run.engine is not None
        state = await awaited(run.engine.state(session))
        return states.packed(run.task.model.layer.cell.states(), state, session.form.kept())

    async def _error(self, code: str, message: str, *, fatal: bool = False) -> None:
        await self._send({"type": "error", "code": code, "message": message, "fatal": fatal})

    async def _send(self, message: dict[str, Any]) -> None:
        await self._sent(self._socket.send_text(json.dumps(message, ensure_ascii=False)))

    async def _send_bytes(self, message: bytes) -> None:
        await self._sent(self._socket.send_bytes(message))

    async def _sent(self, sending: Any) -> None:
        """Waits until the client takes what is sent, for some seconds."""
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await sending
        except TimeoutError:
            self._metrics.rejected.labels("slow").inc()
            raise _Ends(_POLICY, "the answer was not taken in time") from None

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, TimeoutError, ConnectionError, WebSocketDisconnect):
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._socket.close(code, reason)


def _full(engines: list[Any]) -> tuple[str, str]:
    if not engines:
        return "streams", "no run of this service has streams"
    return "full", f"all {sum(engine.slots for engine in engines)} streams are taken; try again"
