"""The history file, which a kill may tear, and its sparkline."""

import math

import pytest

from elman.errors import TrainingStopped
from elman.train.history import History, looks_back, read_history, sparkline


def line(step: int, kind: str = "train", loss: float = 1.5) -> dict[str, object]:
    return {"kind": kind, "loss": loss, "step": step, "epoch": 1, "seconds": 0.25}


def test_lines_come_back_as_they_went_in(tmp_path):
    history = History(tmp_path / "history.jsonl")
    lines = [line(1), line(2, "validation", math.inf), line(3, loss=0.1)]
    for each in lines:
        history.append(each)
    assert history.lines == lines == read_history(tmp_path / "history.jsonl")
    assert history.bytes == (tmp_path / "history.jsonl").stat().st_size > 0


def test_without_a_file_it_remembers(tmp_path):
    history = History(None)
    history.append(line(1))
    assert history.lines == [line(1)]
    assert history.bytes == 0
    assert read_history(tmp_path / "none") == []


def test_a_new_run_begins_with_an_empty_file(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("something else\n")
    assert History(path).lines == []
    assert path.read_bytes() == b""


def test_a_folder_that_is_replaced_while_a_line_is_written_is_what_is_told(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    checks = []

    def check() -> None:
        checks.append(folder.exists())
        if not checks[-1]:
            raise TrainingStopped("run: was replaced")
        if len(checks) > 2:  # after those of the new file: another process replaces the folder now
            folder.rename(tmp_path / "old")

    history = History(folder / "history.jsonl", check=check)
    with pytest.raises(TrainingStopped, match="was replaced"):
        history.append(line(1))
    assert checks[-1] is False


def test_a_resumed_run_keeps_what_belongs_to_its_checkpoint(tmp_path):
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.append(line(1))
    kept = history.bytes
    history.append(line(2))
    resumed = History(path, keep_bytes=kept)
    assert resumed.lines == [line(1)]
    resumed.append(line(2, loss=7.0))
    assert read_history(path) == [line(1), line(2, loss=7.0)]


@pytest.mark.parametrize("torn", [b'{"kind": "train", "lo', b"\0\0\0\0", b"\xff\xfe", b'"text"', b"[" * 3000])
def test_a_torn_last_line_is_passed_over(tmp_path, torn):
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.append(line(1))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert read_history(path) == [line(1)]
    # as is one that a checkpoint counts on, which a power cut may tear
    again = History(path, keep_bytes=len(whole + torn))
    again.append(line(2))
    assert read_history(path) == [line(1), line(2)]


LAYER = {"layer": "one", "verdict": "healthy", "decay": 0.5, "half_life": 1.0, "norms": [1.0, None]}


def look(step: int, layer: dict[str, object] | None = None, **change: object) -> dict[str, object]:
    """A gradients line."""
    own = {"kind": "gradients", "step": step, "epoch": 1, "seconds": 0.25}
    return own | {"lags": [0, 1], "layers": [LAYER | (layer or {})]} | change


def test_a_watched_runs_lines_come_back(tmp_path):
    history = History(tmp_path / "history.jsonl")
    unknown = {"decay": None, "half_life": None}
    lines = [look(0), line(1) | {"updates": {"weight": 0.01}}, look(1, unknown), look(2, layers=[])]
    for each in lines:
        history.append(each)
    assert read_history(tmp_path / "history.jsonl") == lines


@pytest.mark.parametrize(
    "change",
    [{"kind": "other"}, {"loss": "1"}, {"step": None}, {"seconds": 10**400}]
    + [{"updates": [0.01]}, {"updates": {"weight": None}}]
    + [look(2, **change) for change in ({"lags": 2}, {"lags": [0]}, {"lags": [0, 0.5]}, {"layers": [[]]})]
    + [
        look(2, {"norms": 1.0}),
        look(2, {"norms": ["1", "2"]}),
        look(2, {"decay": "1"}),
        look(2, {"layer": 1}),
    ],
)
def test_a_line_that_is_not_ours_ends_the_history(tmp_path, change):
    history = History(tmp_path / "history.jsonl")
    for each in (line(1), line(2) | change, line(3)):
        history.append(each)
    assert read_history(tmp_path / "history.jsonl") == [line(1)]


@pytest.mark.parametrize(
    ("lives", "back"),
    [
        ([(0.5, 1.0)], 1.0),
        ([(0.5, 1.0), (0.9, 6.6), (None, None)], 6.6),
        ([(0.5, 1.0), (1.1, None)], math.inf),
        ([(0.5, 1.0), (None, None)], 1.0),
        ([(None, None)], None),
        ([], None),
    ],
)
def test_the_layer_that_keeps_it_longest_decides(lives, back):
    layers = [{"decay": decay, "half_life": half_life} for decay, half_life in lives]
    for layer in layers:
        layer["verdict"] = "healthy"
    assert looks_back({"layers": layers}) == back


def test_what_grows_beyond_all_numbers_does_not_fade():
    assert looks_back(look(1, {"decay": None, "half_life": None, "verdict": "exploding"})) == math.inf


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([5], "▁"),
        ([2, 2, 2], "▁▁▁"),
        ([7, 0, 3.5], "█▁▄"),
        ([1, math.nan, 8, math.inf], "▁█"),
        ([math.nan], ""),
        ([], ""),
    ],
)
def test_a_sparkline(values, shown):
    assert sparkline(values) == shown


def test_a_long_sparkline_is_thinned_out():
    shown = sparkline([float(k) for k in range(1000)], width=16)
    assert list(shown) == sorted(shown)
    assert len(shown) == 16
    assert (shown[0], shown[-1]) == ("▁", "█")
