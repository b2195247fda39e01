"""The documents of a language model: text files, and the texts of tables."""

import gzip

import polars as pl
import pytest

from elman.data.tokens.documents import documents_of
from elman.errors import InputError

TEXTS = [f"this is the story number {k}, told once" for k in range(6)]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_the_texts_of_a_table_are_documents(tmp_path, ending):
    frame = pl.DataFrame({"id": range(6), "story": TEXTS, "stars": [1, 2] * 3})
    path = tmp_path / f"t.{ending}"
    writers = {
        "csv": frame.write_csv,
        "tsv": lambda path: frame.write_csv(path, separator="\t"),
        "jsonl": frame.write_ndjson,
        "parquet": frame.write_parquet,
        "csv.gz": lambda path: path.write_bytes(gzip.compress(frame.write_csv().encode())),
    }
    writers[ending](path)
    (tmp_path / "plain.txt").write_text("a text")
    assert documents_of([path]) == TEXTS
    assert documents_of([tmp_path]) == [tmp_path / "plain.txt", *TEXTS]


def test_several_columns_are_shown_with_the_flag(tmp_path):
    path = tmp_path / "t.csv"
    pl.DataFrame({"one": TEXTS, "two": TEXTS[::-1], "n": range(6)}).write_csv(path)
    with pytest.raises(InputError, match=r"--text-column one or --text-column two"):
        documents_of([path])
    assert documents_of([path], "two") == TEXTS[::-1]
    with pytest.raises(InputError, match=r"t\.csv: has no column 'three' of texts"):
        documents_of([path], "three")


def test_a_table_of_numbers_has_no_texts(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(InputError, match=r"has no column 'text' of texts .*; columns: a, b"):
        documents_of([tmp_path / "t.csv"])
