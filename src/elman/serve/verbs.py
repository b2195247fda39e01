"""``POST /v1/VERB``: what ``elman VERB RUN --json`` prints, of texts or files in the request."""

import asyncio
import base64
import binascii
import dataclasses
import inspect
import tempfile
from pathlib import Path
from typing import Any, get_type_hints

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from elman.config import listed, shown, typed
from elman.errors import InputError
from elman.serve.guard import error_body
from elman.serve.limits import Limits
from elman.serve.runs import Runs, Served

_DATA, _TEXT = "data", "single"
_NOT_SERVED = {"stream", "rate", "live", "overwrite"}  # of standard input, ports and files
_WRITES = "out"


def router(runs: Runs, limits: Limits) -> APIRouter:
    """Returns a route for each verb of the runs."""
    routes = APIRouter(tags=["verbs"])
    for name in dict.fromkeys(run.task.verb.__name__.lower() for run in runs.values()):
        _add(routes, name, runs, limits)
    return routes


def _add(routes: APIRouter, name: str, runs: Runs, limits: Limits) -> None:
    def is_of(run: Served) -> bool:
        return str(run.task.verb.__name__).lower() == name

    verb = next(run.task.verb for run in runs.values() if is_of(run))

    async def answer(http: HttpRequest) -> Response:
        try:
            body = await http.json()
        except ValueError:
            return JSONResponse(error_body("the request must be a JSON object"), 400)
        if not isinstance(body, dict):
            return JSONResponse(error_body("the request must be a JSON object"), 400)
        model = body.pop("model", None)
        try:
            run = runs.named(model if model is None else str(model), is_of)
            if not is_of(run):
                own = run.task.verb.__name__.lower()
                raise InputError(f"{run.name}: is a run of {run.task.name}; its verb is {own}")
        except (LookupError, InputError) as error:
            return JSONResponse(error_body(str(error)), 404)
        async with run.lock:
            try:
                return JSONResponse(await asyncio.to_thread(_answer, run.task, body))
            except InputError as error:
                return JSONResponse(error_body(str(error)), 400)

    files = ' Files are ``"data": [{"name": "x.csv", "content": "…"}]`` (or "base64").'
    answer.__doc__ = (
        f"{inspect.cleandoc(verb.__doc__ or '').partition(chr(10))[0]}\n\n"
        f"The body is a JSON object of the options of ``elman {name}``: {', '.join(_options(verb))}."
        f"{files if _DATA in _fields(verb) else ''}"
    )
    routes.add_api_route(f"/v1/{name}", answer, methods=["POST"], response_model=None, name=name)


def _fields(verb: Any) -> dict[str, Any]:
    """Returns the types of a verb's options by name."""
    hints = get_type_hints(verb)
    return {field.name: hints[field.name] for field in dataclasses.fields(verb)}


def _options(verb: Any) -> list[str]:
    """Returns the options that a request may name: none that opens or writes a file here."""
    fields = _fields(verb)
    return [
        _outer(name) for name, hint in fields.items() if name not in _NOT_SERVED and "Path" not in str(hint)
    ]


def _outer(name: str) -> str:
    return "text" if name == _TEXT else name


def _answer(task: Any, body: dict[str, Any]) -> Any:
    """Runs the verb; returns its object, or a list of them."""
    verb = task.verb
    fields, known = _fields(verb), _options(verb)
    files = body.pop(_DATA, None)
    unknown = [name for name in body if name not in known]
    if unknown:
        raise InputError(f"unknown option {shown(unknown[0])}; known: {listed(known)}")
    given = {_TEXT if name == "text" and _TEXT in fields else name: value for name, value in body.items()}
    given = {name: typed(fields[name], value, name) for name, value in given.items()}
    if _WRITES in fields:
        raise InputError(f"{verb.__name__.lower()} writes files; use the command")
    if _DATA not in fields and files is not None:
        raise InputError(f"{verb.__name__.lower()} reads no files")
    if _DATA in fields and files is None and given.get(_TEXT) is None:
        raise InputError(
            "data must hold a file, or text a text" if _TEXT in fields else "data must hold a file"
        )
    with tempfile.TemporaryDirectory(prefix="elman-serve-") as folder:
        if files is not None:
            paths = _written(files, Path(folder))
            given[_DATA] = paths if "tuple" in str(fields[_DATA]) else paths[0]
            if len(paths) > 1 and given[_DATA] is paths[0]:
                raise InputError("data must hold one file")
        try:
            found = list(verb(**given).objects(task))
        except InputError as error:  # without where the files lie here
            raise InputError(str(error).replace(f"{folder}/", "")) from None
    return found[0] if len(found) == 1 else found


def _written(files: Any, folder: Path) -> tuple[Path, ...]:
    """Writes the files of a request into a folder."""
    if not isinstance(files, list) or not files:
        raise InputError('data must be a list of {"name": …, "content": …}')
    paths = []
    for number, file in enumerate(files):
        name = file.get("name") if isinstance(file, dict) else None
        if not isinstance(name, str) or Path(name).name != name or name in ("", ".", "..") or "\0" in name:
            raise InputError(
                f"data {number}: name must be a file's name without a folder. Got {shown(name)}."
            )
        if len(name) > 100:
            raise InputError(f"data {number}: name must have at most 100 characters")
        path = folder / name
        if path in paths:
            raise InputError(f"data {number}: there are two files {shown(name)}")
        content, encoded = file.get("content"), file.get("base64")
        if isinstance(content, str) == isinstance(encoded, str):
            raise InputError(f"data {number}: must hold content or base64, a text")
        try:
            path.write_bytes(
                content.encode() if isinstance(content, str) else base64.b64decode(encoded, validate=True)
            )
        except (binascii.Error, UnicodeEncodeError, ValueError):
            raise InputError(f"data {number}: {name}: is not valid text or base64") from None
        paths.append(path)
    return tuple(paths)
