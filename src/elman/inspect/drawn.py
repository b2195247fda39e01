"""Helpers of the report's sections: new figures, and pictures as HTML."""

import re
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from elman.inspect import page
from elman.inspect.picture import Picture
from elman.pictures import base

_WIDTH = 5.4  # inches of a picture: its text must be readable on a phone


def figures(pictures: Iterator[Picture], folder: Path) -> list[str]:
    """Writes the files of the pictures; returns the pictures as HTML."""
    return [page.figure(p.name, p.write(folder), p.caption) for p in pictures]


def new_figure(height: float = 3.2) -> Figure:
    """Makes an empty figure as wide as the page."""
    return base.new_figure(_WIDTH, height)


def slug(name: str) -> str:
    """Converts a name to a part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
