"""Puts the page together: one file without outside parts, whose policy lets nothing else run."""

import base64
import json
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from elman.errors import InputError
from elman.playground.pack import packed
from elman.train.files import write_atomically

_HERE = Path(__file__).parent
FILE = "index.html"


def page(task: Any, title: str) -> str:
    """Returns the page of a run as HTML.

    Args:
        task: a trained language model of characters.
        title: of the page.

    Raises:
        InputError: the page has no such network.
    """
    about, weights = packed(task)
    style = _read("page.css")
    script = "\n".join(map(_read, ("net.js", "view.js", "learn.js")))
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    )
    # < begins no tag in a script element of data
    content = json.dumps(about).replace("<", "\\u003c")
    parts = {
        "policy": policy,
        "title": escape(title),
        "style": style,
        "about": content,
        "weights": weights,
        "script": script,
    }
    html = _read("page.html")
    pieces = []
    while "{" in html:
        before, _, rest = html.partition("{")
        name, _, html = rest.partition("}")
        pieces += [before, parts[name]]
    return "".join([*pieces, html])


def write(task: Any, folder: Path, title: str, *, overwrite: bool = False) -> Path:
    """Writes the page of a run into a folder; returns its path.

    Raises:
        InputError: the page has no such network, or is there already and ``overwrite`` is false.
    """
    path = folder / FILE
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; --overwrite replaces it")
    html = page(task, title)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda temporary: temporary.write_text(html, "utf-8"))
    return path


def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"
