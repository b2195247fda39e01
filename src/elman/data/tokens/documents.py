"""Documents of files: a text file is one, and so is each text in a table."""

from collections.abc import Sequence
from pathlib import Path

from elman.data.labelled.columns import text_column_of
from elman.data.read.opening import kind_of
from elman.data.read.reading import PLAIN, Reading
from elman.data.read.tables import TABLES, read_table, text_column
from elman.data.read.text import find_text_files
from elman.errors import InputError


def documents_of(
    paths: Sequence[Path], column: str | None = None, reading: Reading = PLAIN
) -> list[Path | str]:
    """Returns the text files that are named or lie in named folders, and the texts of tables among them.

    Args:
        paths: files and folders.
        column: column of the texts in tables; None: the only column of sentences.
        reading: how tables are read.

    Raises:
        InputError: see ``find_text_files`` and ``text_column_of``; or a table holds no text.
    """
    documents: list[Path | str] = []
    for file in find_text_files(paths):
        if kind_of(file) not in TABLES:
            documents.append(file)
            continue
        table = read_table(file, reading)
        texts = [text for text in text_column(table, text_column_of(table, file, column)) if text.strip()]
        if not texts:
            raise InputError(f"{file}: its column of texts is empty")
        documents += texts
    return documents
