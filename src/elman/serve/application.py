"""The service as an ASGI app, which any ASGI server runs or mounts."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.requests import Request
from starlette.responses import Response

from elman.errors import InputError
from elman.playground.page import page
from elman.serve import completions, infer, verbs
from elman.serve.guard import Guard, error_body
from elman.serve.limits import LOCAL, Limits
from elman.serve.metrics import Metrics
from elman.serve.runs import Runs
from elman.serve.stream import Streaming
from elman.version import __version__


def app(
    tasks: Mapping[str, Any],
    limits: Limits | None = None,
    *,
    token: str = "",
    hosts: Collection[str] = LOCAL,
    origins: Collection[str] = (),
) -> FastAPI:
    """Returns an app that answers for trained tasks.

    Args:
        tasks: loaded runs, by the names that clients call them by.
        limits: what clients get at most.
        token: that every request must bring; "": none.
        hosts: names by which the service may be called (the Host header); empty: any.
        origins: origins of pages, besides the app's own, that may call it.
    """
    limits, metrics = limits or Limits(), Metrics()
    runs = Runs(tasks, limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        runs.start()
        yield
        await runs.stop()

    service = FastAPI(
        title="Elman",
        version=__version__,
        description="Recurrent networks that stream: texts, rows and whole requests.",
        lifespan=lifespan,
    )
    service.state.runs = runs
    service.include_router(completions.router(runs, limits, metrics))
    service.include_router(infer.router(runs, limits, metrics))
    service.include_router(verbs.router(runs, limits))
    service.add_middleware(
        Guard,
        limits=limits,
        metrics=metrics,
        hosts=hosts,
        origins=origins,
        token=token,
    )

    @service.get("/", tags=["service"])
    async def front(model: str | None = None) -> Response:
        """Shows the page of a language model (``elman playground``); ``?model=`` names another run."""
        try:
            run = runs.named(model, lambda run: run.task.name == "language-model")
            content = await asyncio.to_thread(page, run.task, run.name)
        except (LookupError, InputError) as error:
            return JSONResponse(error_body(f"{error}; the requests are described at /openapi.json"), 404)
        return HTMLResponse(content, headers={"x-content-type-options": "nosniff"})

    @service.get("/metrics", tags=["service"])
    async def counted() -> Response:
        """Returns counts in Prometheus's text format."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @service.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        runs.sockets += 1
        try:
            await Streaming(socket, runs, limits, metrics).run()
        finally:
            runs.sockets -= 1

    @service.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(place) for place in first["loc"][1:]) or "the request"
        return JSONResponse(error_body(f"{where}: {first['msg']}"), 400)

    return service
