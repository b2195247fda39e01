"""Single quotes around the cells of a table, or before them."""

import logging

import pytest

from elman.data.read.tables import read_table

FILM = "It's slow, said one"


@pytest.mark.parametrize("header", ["'review','score'", "review,score"])
def test_single_quotes_around_cells_are_no_part_of_them(tmp_path, caplog, header):
    caplog.set_level(logging.INFO, "elman")
    path = tmp_path / "films.csv"
    doubled = FILM.replace("'", "''")
    path.write_text("\n".join([header, *(f"'{doubled}','{k}'" for k in range(5))]) + "\n")
    assert read_table(path).rows() == [(FILM, str(k)) for k in range(5)]
    assert read_table(path).columns == ["review", "score"]
    assert caplog.messages[0] == f"{path}: single quotes around cells are no part of them"


@pytest.mark.parametrize(
    "rows",
    [
        ["'tis the season,1", "rock 'n' roll,2", "the dogs',3"],
        ["'A' and 'B',1", "plain,2", "'C',3"],
        ["\"'Quoted'\",1", "\"'Again'\",2", "\"'And again'\",3"],
    ],
)
def test_other_single_quotes_stay(tmp_path, rows):
    path = tmp_path / "songs.csv"
    path.write_text("\n".join(["song,n", *rows]) + "\n")
    assert [row[0] for row in read_table(path).rows()] == [row.rsplit(",", 1)[0].strip('"') for row in rows]


def test_the_mark_of_a_text_before_every_number_is_left_out_and_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = tmp_path / "sheet.csv"
    path.write_text("day,n,year,name\n'2024-01-01,'-3.5,'98,'x\n'2024-01-02,,99,'y\n'2024-01-03,'4,'97,'z\n")
    table = read_table(path)
    assert table["day"].to_list() == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert table["n"].to_list() == ["-3.5", None, "4"]
    assert table["year"].to_list() == ["'98", "99", "'97"]
    assert table["name"].to_list() == ["'x", "'y", "'z"]
    assert caplog.messages == [f"{path}: day, n: the single quote before each cell left out"]
