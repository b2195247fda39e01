"""KServe's protocol, version 2, with Triton's parameters of sequences: ``/v2/models/{model}/infer``.

A request without a sequence begins with the initial state and leaves nothing; requests of one sequence
continue where the last one ended. Source: KServe's predict protocol 2, and Triton's extensions "sequence" and
"binary tensor data".
"""

import asyncio
import json
import time
from collections.abc import Hashable
from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from elman.errors import InputError
from elman.serve.engine import Full, Stopped
from elman.serve.guard import error_body
from elman.serve.limits import Limits
from elman.serve.metrics import Metrics
from elman.serve.runs import Runs, Served, awaited
from elman.serve.sessions import Chunks
from elman.version import __version__

_LENGTH = "inference-header-content-length"
_TYPES = {
    "FP32": "<f4",
    "FP64": "<f8",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "UINT8": "<u1",
}


class Sequences:
    """Open sequences, each with its stream."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[tuple[str, Hashable], tuple[Chunks, float, asyncio.Lock]] = {}

    async def session(self, run: Served, key: Hashable, *, starts: bool) -> tuple[Chunks, asyncio.Lock]:
        """Returns the stream of a sequence, a new one if it starts. Raises InputError, Full, Stopped."""
        self._drop_idle()
        place = (run.name, key)
        if starts:
            await self.end(run, key)
            session = await opened(run)
            self._open[place] = (session, time.monotonic(), asyncio.Lock())
        elif place not in self._open:
            raise InputError(f"no sequence {key!r} is open: its first request needs sequence_start")
        session, _, lock = self._open[place]
        self._open[place] = (session, time.monotonic(), lock)
        return session, lock

    async def end(self, run: Served, key: Hashable) -> None:
        """Frees the slot of a sequence."""
        found = self._open.pop((run.name, key), None)
        if found is not None and run.engine is not None:
            run.engine.close(found[0])

    def _drop_idle(self) -> None:
        """Ends sequences that have been idle too long."""
        now = time.monotonic()
        for place, (session, last, lock) in list(self._open.items()):
            if now - last > self._limits.idle_seconds and not lock.locked():
                del self._open[place]
                session.close()


async def opened(run: Served) -> Chunks:
    """Returns a new stream of a run."""
    form = run.form()
    assert run.engine is not None
    session = Chunks(run.engine, form)
    await awaited(run.engine.open(session))
    return session


def router(runs: Runs, limits: Limits, metrics: Metrics) -> APIRouter:
    """Returns the routes."""
    routes = APIRouter(tags=["KServe"])
    sequences = Sequences(limits)

    @routes.get("/v2/health/live")
    async def live() -> dict[str, Any]:
        """Says that the service runs."""
        return {"live": True}

    @routes.get("/v2/health/ready")
    async def ready() -> Response:
        """Says whether the service takes new streams."""
        ends = runs.ends.is_set()
        return JSONResponse({"ready": not ends}, 503 if ends else 200)

    @routes.get("/v2")
    async def server() -> dict[str, Any]:
        """Says what the service is."""
        return {"name": "elman", "version": __version__, "extensions": ["sequence", "binary_tensor_data"]}

    @routes.get("/v2/models/{model}")
    async def about(model: str) -> Response:
        """Says what a run reads and answers."""
        try:
            run = runs.named(model)
            form = run.form()
        except (LookupError, InputError) as error:
            return JSONResponse(_error(str(error)), 404)
        steps = [-1, *([len(form.inputs)] if form.inputs else [])]
        return JSONResponse(
            {
                "name": run.name,
                "versions": ["1"],
                "platform": "elman",
                "inputs": [{"name": "input", "datatype": form.datatype, "shape": steps}],
                "outputs": [{"name": "output", "datatype": "FP32", "shape": [-1, -1]}],
            }
        )

    @routes.get("/v2/models/{model}/ready")
    async def model_ready(model: str) -> Response:
        """Says whether a run takes streams."""
        known = model in runs and runs[model].engine is not None and not runs.ends.is_set()
        return JSONResponse({"name": model, "ready": known}, 200 if known else 404)

    @routes.post("/v2/models/{model}/infer", response_model=None)
    async def infer(model: str, http: HttpRequest) -> Response:
        """Reads steps [T, I] (tokens [T]); answers [T, O]."""
        try:
            run = runs.named(model)
            asked, steps = _read(await http.body(), http.headers.get(_LENGTH), run)
            if len(steps) > limits.chunk:
                raise InputError(f"a request must have at most {limits.chunk} steps. Got {len(steps)}.")
            answers = await _answered(run, sequences, asked.get("parameters") or {}, steps)
        except LookupError as error:
            return JSONResponse(_error(str(error)), 404)
        except InputError as error:
            return JSONResponse(_error(str(error)), 400)
        except (Full, Stopped) as error:
            reason = "full" if isinstance(error, Full) else "ends"
            metrics.rejected.labels(reason).inc()
            told = "all streams are taken; try again" if reason == "full" else "the service ends"
            return JSONResponse(_error(told), 503, {"retry-after": "1"})
        return _written(run, asked, np.stack(answers).astype("<f4"))

    return routes


async def _answered(run: Served, sequences: Sequences, parameters: Any, steps: Any) -> list[np.ndarray]:
    """Runs the steps in a stream of their own, or in that of their sequence."""
    if not isinstance(parameters, dict):
        raise InputError("parameters must be an object")
    key = parameters.get("sequence_id", 0)
    if not isinstance(key, int | str):
        raise InputError("sequence_id must be a whole number or a text")
    assert run.engine is not None or run.form()
    if key in (0, ""):
        session = await opened(run)
        try:
            return await session.submit(steps, is_binary=True)
        finally:
            session.close()
    session, lock = await sequences.session(run, key, starts=bool(parameters.get("sequence_start")))
    async with lock:
        try:
            return await session.submit(steps, is_binary=True)
        finally:
            if parameters.get("sequence_end"):
                await sequences.end(run, key)


def _read(body: bytes, header: str | None, run: Served) -> tuple[dict[str, Any], Any]:
    """Returns the request, and the steps of its only input."""
    form = run.form()
    cut = len(body)
    if header is not None:
        if not header.isdigit() or int(header) > len(body):
            raise InputError(f"{_LENGTH} must be at most the size of the request")
        cut = int(header)
    try:
        asked = json.loads(body[:cut])
        (given,) = asked["inputs"]
        shape, datatype = given["shape"], given["datatype"]
        parameters = given.get("parameters") or {}
        sizes_known = all(type(n) is int and 0 < n < 2**31 for n in shape)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            "a request must be a JSON object with one input: name, shape, datatype, data"
        ) from None
    if datatype not in _TYPES:
        raise InputError(f"datatype must be one of {', '.join(_TYPES)}. Got {datatype!r}.")
    if not sizes_known:
        raise InputError(f"shape must be positive whole numbers. Got {shape}.")
    if "binary_data_size" in parameters:
        values = np.frombuffer(body[cut:], np.uint8).tobytes()
        if parameters["binary_data_size"] != len(values) or len(values) % np.dtype(_TYPES[datatype]).itemsize:
            raise InputError("binary_data_size must be the number of bytes after the header")
        read = np.frombuffer(values, _TYPES[datatype])
    else:
        try:
            read = np.array(given.get("data"), _TYPES[datatype]).reshape(-1)
        except (ValueError, TypeError, OverflowError):
            raise InputError(f"data must be numbers of {datatype}") from None
    width = len(form.inputs)
    expected = [shape[0], width] if width else [shape[0]]
    if shape != expected or read.size != int(np.prod(shape)):
        what = f"[T, {width}]" if width else "[T]"
        raise InputError(f"shape must be {what} with as many values. Got {shape} and {read.size} values.")
    return asked, read.reshape(expected) if width else read


def _written(run: Served, asked: dict[str, Any], values: np.ndarray) -> Response:
    """Returns the answer, its values behind the header if the client wants them so."""
    outputs = asked.get("outputs") or [{}]
    wanted = (outputs[0].get("parameters") or {}) if isinstance(outputs[0], dict) else {}
    is_binary = wanted.get("binary_data", (asked.get("parameters") or {}).get("binary_data_output", False))
    output: dict[str, Any] = {"name": "output", "datatype": "FP32", "shape": list(values.shape)}
    answer: dict[str, Any] = {"model_name": run.name, "model_version": "1", "outputs": [output]}
    if "id" in asked:
        answer["id"] = asked["id"]
    if not is_binary:
        output["data"] = [None if np.isneginf(v) or np.isnan(v) else float(v) for v in values.reshape(-1)]
        return JSONResponse(answer)
    output["parameters"] = {"binary_data_size": values.nbytes}
    head = json.dumps(answer).encode()
    return Response(
        head + values.tobytes(), media_type="application/octet-stream", headers={_LENGTH: str(len(head))}
    )


def _error(message: str) -> dict[str, Any]:
    """Returns an error as the protocol words it."""
    return {"error": message, "elman": error_body(message)["error"]}
