"""``/v1/completions`` and ``/v1/models``, in the form of OpenAI's interface."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from elman.errors import InputError
from elman.serve.engine import Engine, Full, Stopped
from elman.serve.guard import error_body
from elman.serve.limits import Limits
from elman.serve.metrics import Metrics
from elman.serve.runs import Runs, Served, awaited
from elman.serve.sessions import Piece, Request, Writing

_TASK = "language-model"
_MOST_TEXTS = 16


class Completion(BaseModel):
    """What a client asks for; the meaning of each field is OpenAI's, ``top_k`` that of ``elman generate``."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    prompt: str | list[str] = ""
    max_tokens: Annotated[int, Field(ge=0)] = 16
    temperature: Annotated[float, Field(ge=0, le=100)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    n: Annotated[int, Field(ge=1, le=_MOST_TEXTS)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**62)] | None = None
    stop: str | list[str] | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    echo: bool = False
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    user: str | None = None


class _Text:
    """One of the texts that a request asks for."""

    def __init__(self, engine: Engine, task: Any, request: Request) -> None:
        self.engine, self.request, self.task = engine, request, task
        self.writing = Writing(engine, task, request)

    async def open(self) -> None:
        await awaited(self.engine.open(self.writing))


def router(runs: Runs, limits: Limits, metrics: Metrics) -> APIRouter:
    """Returns the routes."""
    routes = APIRouter(tags=["completions"])

    @routes.get("/v1/models")
    async def models() -> dict[str, Any]:
        """Lists the runs."""
        own = [
            {"id": run.name, "object": "model", "owned_by": "elman", "task": run.task.name}
            for run in runs.values()
        ]
        return {"object": "list", "data": own}

    @routes.post("/v1/completions", response_model=None)
    async def completions(asked: Completion, http: HttpRequest) -> Response:
        """Continues one prompt or several; with ``stream``, by server-sent events."""
        try:
            run = runs.named(asked.model, lambda run: run.task.name == _TASK)
        except LookupError as error:
            return JSONResponse(error_body(str(error), code="model_not_found"), 404)
        if run.task.name != _TASK or run.engine is None:
            return JSONResponse(error_body(f"{run.name}: a run of {run.task.name} writes no text"), 400)
        if asked.max_tokens > limits.tokens:
            return JSONResponse(error_body(f"max_tokens must be at most {limits.tokens}"), 400)
        prompts = [asked.prompt] if isinstance(asked.prompt, str) else asked.prompt
        if not 1 <= len(prompts) * asked.n <= _MOST_TEXTS:
            return JSONResponse(error_body(f"at most {_MOST_TEXTS} texts are written at once"), 400)
        texts = [
            _Text(run.engine, run.task, _request(asked, prompt, number))
            for prompt in prompts
            for number in range(asked.n)
        ]
        try:
            await _open_all(texts)
        except (Full, Stopped) as error:
            reason = "full" if isinstance(error, Full) else "ends"
            metrics.rejected.labels(reason).inc()
            told = "all streams are taken; try again" if reason == "full" else "the service ends"
            return JSONResponse(error_body(told, "server_error", reason), 503, {"retry-after": "1"})
        answer = _Answer(run, asked, texts)
        if asked.stream:
            return StreamingResponse(answer.events(), media_type="text/event-stream")
        try:
            return JSONResponse(await answer.whole())
        except InputError as error:
            return JSONResponse(error_body(str(error)), 400)

    return routes


def _request(asked: Completion, prompt: str, number: int) -> Request:
    stop = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
    return Request(
        prompt=prompt,
        length=asked.max_tokens,
        temperature=asked.temperature,
        top_k=asked.top_k,
        top_p=asked.top_p,
        # texts of one request differ
        seed=None if asked.seed is None else asked.seed + number,
        stop=tuple(text for text in stop if text),
        logprobs=asked.logprobs,
    )


async def _open_all(texts: list[_Text]) -> None:
    """Gives every text a slot, or none."""
    try:
        for text in texts:
            await text.open()
    except BaseException:
        for text in texts:
            text.engine.close(text.writing)
        raise


class _Answer:
    """Writes the answer to one request."""

    def __init__(self, run: Served, asked: Completion, texts: list[_Text]) -> None:
        self._run, self._asked, self._texts = run, asked, texts
        self._id, self._created = f"cmpl-{uuid.uuid4().hex}", int(time.time())

    async def whole(self) -> dict[str, Any]:
        """Returns all texts."""
        pieces: list[list[Piece]] = [[] for _ in self._texts]
        async for number, piece in self._pieces():
            pieces[number].append(piece)
        joined = [
            Piece(
                "".join(p.text for p in own),
                sum(p.tokens for p in own),
                own[-1].finish,
                [one for p in own for one in p.logprobs],
            )
            for own in pieces
        ]
        choices = [self._choice(number, piece, is_first=True) for number, piece in enumerate(joined)]
        return self._object(choices) | {"usage": self._usage(sum(piece.tokens for piece in joined))}

    async def events(self) -> AsyncIterator[str]:
        """Yields the texts as they come."""
        seen, tokens = set(), 0
        try:
            async for number, piece in self._pieces():
                tokens += piece.tokens
                choice = self._choice(number, piece, is_first=number not in seen)
                seen.add(number)
                yield _event(self._object([choice]))
        except InputError as error:
            yield _event(error_body(str(error)))
            return
        if (self._asked.stream_options or {}).get("include_usage"):
            yield _event(self._object([]) | {"usage": self._usage(tokens)})
        yield "data: [DONE]\n\n"

    async def _pieces(self) -> AsyncIterator[tuple[int, Piece]]:
        """Yields the pieces of all texts as they come, and frees their slots, also if nobody reads on."""
        queue: asyncio.Queue[tuple[int, Piece | Exception]] = asyncio.Queue(8)

        async def one(number: int, text: _Text) -> None:
            try:
                async for piece in text.writing.pieces():
                    await queue.put((number, piece))
            except Exception as error:
                await queue.put((number, error))
            finally:
                text.engine.close(text.writing)

        tasks = [asyncio.create_task(one(number, text)) for number, text in enumerate(self._texts)]
        left = len(tasks)
        try:
            while left:
                number, piece = await queue.get()
                if isinstance(piece, Exception):
                    raise piece
                left -= bool(piece.finish)
                yield number, piece
        finally:
            for task in tasks:
                task.cancel()
            for text in self._texts:
                text.engine.close(text.writing)

    def _object(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "text_completion",
            "created": self._created,
            "model": self._run.name,
            "choices": choices,
        }

    def _choice(self, number: int, piece: Piece, *, is_first: bool) -> dict[str, Any]:
        text = piece.text
        if self._asked.echo and is_first:
            text = self._texts[number].request.prompt + text
        logprobs = None
        if self._asked.logprobs is not None:
            logprobs = {
                "tokens": [token for token, _, _ in piece.logprobs],
                "token_logprobs": [log_p for _, log_p, _ in piece.logprobs],
                "top_logprobs": [top for _, _, top in piece.logprobs],
                "text_offset": [],
            }
        return {"index": number, "text": text, "finish_reason": piece.finish or None, "logprobs": logprobs}

    def _usage(self, drawn: int) -> dict[str, int]:
        encode: Callable[[str], Any] = self._run.task.vocabulary.encode
        read = sum(len(encode(text.request.prompt)) for text in self._texts if text.request.prompt)
        return {"prompt_tokens": read, "completion_tokens": drawn, "total_tokens": read + drawn}


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"
