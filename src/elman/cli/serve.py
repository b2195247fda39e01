"""Runs a service of trained runs until a signal ends it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from elman.cli import output
from elman.cli.parse import flags_of, parse
from elman.config import Argument, require
from elman.errors import InputError
from elman.registry import load_module
from elman.serve.limits import LOCAL, Limits

_TOKEN = "ELMAN_TOKEN"


@dataclass(frozen=True)
class Serve:
    """Serves trained models: streams by websocket, texts, and whole requests (docs/serving.md).

    Answers on this machine only, unless --host says otherwise, which needs a token.
    """

    example: ClassVar[str] = "elman serve runs/language-model --port 8000"

    runs: Annotated[tuple[Path, ...], Argument(positional=True, metavar="RUN")]
    """run folders; clients call each by its folder's name"""
    host: str = "127.0.0.1"
    """address to listen at; 0.0.0.0: every address of the machine"""
    port: int = 8000
    """port to listen at; 0: any free one, which is printed"""
    token_file: Path | None = None
    """file with the token that every request must bring; if absent, the environment variable ELMAN_TOKEN"""
    allow_host: tuple[str, ...] = ()
    """further names by which clients may call the service, such as models.example.org"""
    allow_origin: tuple[str, ...] = ()
    """origins of web pages that may call the service, such as https://example.org"""
    cell: str | None = None
    """FILE.py:Class of your own cell, if a run was trained with one; the file is executed"""


def main(arguments: list[str], about: str, load: Callable[[Path, str | None], Any]) -> int:
    """Runs ``elman serve``; returns its exit status.

    Args:
        arguments: after the verb.
        about: what the help says of it.
        load: opens a run folder, with the user's own cell.
    """
    flags = [*flags_of(Serve), *flags_of(Limits, vars(Limits()))]
    options = parse(flags, arguments, "elman serve", about, Serve.example)
    if not options.runs:
        raise InputError("serve needs at least one run folder: elman serve RUN")
    require("--port", 0 <= options.port < 2**16, "in [0, 65536)", options.port)
    limits = Limits(**{each.name: getattr(options, each.name) for each in fields(Limits)})
    token = token_of(options.token_file, options.host)
    names = names_of(options.runs)
    server = load_module("elman.serve.server")  # says which extra is missing before anything is loaded
    tasks = {name: load(path, options.cell) for name, path in zip(names, options.runs, strict=True)}
    place = (options.host, options.port)
    status: int = server.run(
        tasks, *place, limits, token, options.allow_host, options.allow_origin, output.say
    )
    return status


def names_of(paths: Sequence[Path]) -> list[str]:
    """Returns the names by which runs are called: those of their folders.

    Raises:
        InputError: two are alike.
    """
    names = [path.resolve().name for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two runs are called {name!r}: the folders' names must differ")
    return names


def token_of(file: Path | None, host: str) -> str:
    """Returns the token of a service. Raises InputError if others could reach it without one."""
    token = os.environ.get(_TOKEN, "")
    if file is not None:
        try:
            token = file.read_text().strip()
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read as a token: {error}") from None
        if not token:
            raise InputError(f"{file}: holds no token")
    if not token and host not in LOCAL:
        raise InputError(
            f"--host {host}: others can reach this service, so it needs a token: --token-file FILE, or the "
            f"environment variable {_TOKEN}"
        )
    return token
