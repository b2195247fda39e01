"""Labels of anomalies in words, and columns of words that are no numbers."""

import logging

import pytest

from elman.data.channels.channels import Roles, read_channels
from elman.errors import InputError


def read(folder, head, rows):
    path = folder / "pump.csv"
    path.write_text("\n".join([head, *(f"{k},{k % 3},{row}" for k, row in enumerate(rows))]) + "\n")
    return read_channels(path, Roles("id", "t", "label"))


def test_usual_words_are_labels_and_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    (series,) = read(tmp_path, "t,flow,label", ["ok", " Normal ", "Attack", "fault", "ok"]).series
    assert series.labels.tolist() == [False, False, True, True, False]
    assert (
        "pump.csv: column 'label' is read as labels: attack and fault as 1, normal and ok as 0" in caplog.text
    )
    (series,) = read(tmp_path, "t,flow,label", ["normal"] * 3).series
    assert series.labels.tolist() == [False] * 3
    assert "as labels: normal as 0" in caplog.text


@pytest.mark.parametrize(("cell", "got"), [("warning", "'warning'"), ("", "None"), ("0", "'0'")])
def test_a_cell_among_them_that_may_mean_either_is_named(tmp_path, cell, got):
    with pytest.raises(InputError, match=f"row 3, column 'label': a label must be normal or .* Got {got}"):
        read(tmp_path, "t,flow,label", ["normal", cell, "anomaly"])


@pytest.mark.parametrize(
    ("rows", "way"),
    [
        (
            ["mill", "lathe"] * 3,
            "Read a series for each of its 2 values by --id-column unit, or leave it out by",
        ),
        (["normal", "outlier"] * 3, "Read unit as labels by --label-column unit, or leave it out by"),
        (["a", "b", "c", "d"], "--ignore-columns leaves a column out."),
        (["a"] * 6, "--ignore-columns leaves a column out."),
    ],
)
def test_what_to_do_with_a_column_of_words(tmp_path, rows, way):
    with pytest.raises(InputError, match=f"column 'unit': must be a finite number. .*{way}"):
        read(tmp_path, "t,flow,unit", rows)


def test_a_table_with_names_is_not_offered_others(tmp_path):
    with pytest.raises(InputError, match=r"'mill'\. --ignore-columns leaves a column out\."):
        read(tmp_path, "t,id,unit", ["mill", "lathe"] * 3)
