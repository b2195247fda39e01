"""Files that are whole or not there, and folders that are replaced only where they may be."""

import errno
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from safetensors import SafetensorError

from elman.errors import InputError, TrainingStopped
from elman.train.files import (
    Claim,
    WriteError,
    check_new_folder,
    check_new_report,
    install,
    scratch_folder,
    write_atomically,
    write_json,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_writer_that_fails_leaves_the_old_content(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/elsewhere/.file.tmp"),
        SafetensorError(f"Error while serializing: I/O error: no space (os error {errno.ENOSPC})"),
    ],
    ids=["the system's", "safetensors'"],
)
def test_what_the_system_refuses_names_the_file(tmp_path, error):
    def write(_: Path) -> None:
        raise error

    with pytest.raises(WriteError) as refused:
        write_atomically(tmp_path / "file", write)
    assert (refused.value.filename, refused.value.strerror) == (
        str(tmp_path / "file"),
        "No space left on device",
    )


def test_a_folder_that_is_replaced_meanwhile_is_told_by_the_check(tmp_path):
    gone = []

    def check() -> None:
        if gone:
            raise TrainingStopped("was replaced")

    def write(_: Path) -> None:
        gone.append(True)
        raise SafetensorError(f"Error while serializing: I/O error: no file (os error {errno.ENOENT})")

    with pytest.raises(TrainingStopped, match="was replaced"):
        write_atomically(tmp_path / "file", write, check)


def test_until_it_is_whole_the_old_content_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    seen = []

    def write(temporary: Path) -> None:
        temporary.write_text("new")
        seen.append(path.read_text())

    write_atomically(path, write)
    assert (seen, path.read_text(), names(tmp_path)) == (["old"], "new", ["file"])


def test_the_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), fsync(fd)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("replace"), replace(self, to)))
    write_atomically(tmp_path / "file", lambda temporary: temporary.write_text("new"))
    assert order == ["fsync", "replace"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_the_users_usual_ones(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_json(tmp_path / "file", {})
        with scratch_folder(tmp_path / "folder") as scratch:
            install(scratch, tmp_path / "folder", overwrite=False)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~mask


def test_a_left_over_is_removed_and_a_link_in_its_place_not_followed(tmp_path):
    write_json(tmp_path / "file", {})
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (tmp_path / ".file.tmp").symlink_to(outside)
    write_json(tmp_path / "file", {"é": 1})
    assert (tmp_path / "file").read_text("utf-8") == '{\n  "é": 1\n}\n'
    assert outside.read_text() == "kept"
    assert names(tmp_path) == ["file", "outside"]


def run_folder(path: Path) -> Path:
    path.mkdir()
    (path / "config.json").write_text('{"format_version": 1, "task": "language-model", "config": {}}')
    return path


def test_a_run_that_lost_its_folder_leaves_the_temporary_file_of_the_one_that_has_it(tmp_path):
    """Both write a file of the same name at that moment."""
    folder = run_folder(tmp_path / "run")

    def write(temporary: Path) -> None:
        temporary.write_text("of the first")
        folder.rename(tmp_path / "elsewhere")
        run_folder(folder)
        temporary.write_text("of the second")

    with Claim(folder) as claim, pytest.raises(TrainingStopped, match="was replaced, moved or deleted"):
        write_atomically(folder / "file", write, claim.check)
    assert (folder / ".file.tmp").read_text() == "of the second"
    assert not (folder / "file").exists()


def test_where_a_run_may_be_put(tmp_path):
    check_new_folder(tmp_path / "new", overwrite=False)
    (tmp_path / "empty").mkdir()
    check_new_folder(tmp_path / "empty", overwrite=False)
    check_new_folder(run_folder(tmp_path / "run"), overwrite=True)


LINK = "--out must be a folder. Got a file or a link."
EXISTS = "already exists; choose another --out, or replace it with --overwrite"
REFUSED = [
    ("run", False, EXISTS),
    ("folder", False, EXISTS),
    ("app", True, "not a run folder, or it holds other files, so --overwrite does not replace it"),
    ("full run", True, "not a run folder, or it holds other files, so --overwrite does not replace it"),
    ("folder", True, "not a run folder (it has no config.json), so --overwrite does not replace it"),
    *((kind, overwrite, LINK) for kind in ("file", "link", "dangling") for overwrite in (False, True)),
]


def report_folder(path: Path) -> Path:
    path.mkdir()
    for name in ("report.html", "gates.csv"):
        (path / name).touch()
    write_json(path / "summary.json", {"files": ["gates.csv", "report.html", "summary.json"]})
    return path


def test_where_a_report_may_be_put(tmp_path):
    report = report_folder(tmp_path / "report")
    check_new_report(report, overwrite=True)
    (report / "gates.csv").unlink()  # of which one may have been taken away
    check_new_report(report, overwrite=True)
    run = run_folder(tmp_path / "run")
    report.rename(run / "inspect")
    check_new_folder(run, overwrite=True)


@pytest.mark.parametrize("kind", ["notes", "link", "folder", "unlisted", "no page", "no summary", "a pipe"])
def test_what_a_report_does_not_list_is_never_replaced(tmp_path, kind):
    run = run_folder(tmp_path / "run")
    report = report_folder(run / "inspect")
    if kind == "notes":
        (report / "notes.csv").write_text("kept")
    elif kind in ("link", "folder"):
        (report / "gates.csv").unlink()
        (report / "gates.csv").symlink_to(tmp_path) if kind == "link" else (report / "gates.csv").mkdir()
    elif kind == "unlisted":
        (report / "summary.json").write_text("{}")
    elif kind == "no page":
        (report / "report.html").unlink()
    else:
        (report / "summary.json").unlink()
        if kind == "a pipe":
            os.mkfifo(report / "summary.json")
    with pytest.raises(InputError, match=r"inspect: not a report, or it holds files .* does not replace it$"):
        check_new_report(report, overwrite=True)
    with pytest.raises(InputError, match="or it holds other files, so --overwrite does not replace it"):
        check_new_folder(run, overwrite=True)


@pytest.mark.parametrize("left", [".inspect.abc.tmp", ".inspect.abc.tmp.old"])
def test_a_report_that_was_killed_hinders_nothing_but_what_else_it_holds_is_kept(tmp_path, left):
    run = run_folder(tmp_path / "run")
    half = run / left
    half.mkdir()
    (half / "gates.png").touch()
    check_new_folder(run, overwrite=True)
    (half / "thesis.txt").touch()
    with pytest.raises(InputError, match="or it holds other files, so --overwrite does not replace it"):
        check_new_folder(run, overwrite=True)


@pytest.mark.parametrize(("kind", "overwrite", "rule"), REFUSED)
def test_where_a_run_may_not_be_put(tmp_path, kind, overwrite, rule):
    path = tmp_path / "there"
    if kind == "run":
        run_folder(path)
    elif kind == "app":
        path.mkdir()
        (path / "config.json").write_text('{"name": "an app"}')
    elif kind == "full run":
        (run_folder(path) / "thesis.txt").write_text("kept")
    elif kind == "folder":
        path.mkdir()
        (path / "thesis.txt").write_text("kept")
    elif kind == "file":
        path.write_text("kept")
    else:
        path.symlink_to(run_folder(tmp_path / "elsewhere") if kind == "link" else tmp_path / "nowhere")
    with pytest.raises(InputError) as error:
        check_new_folder(path, overwrite)
    assert str(error.value) == f"{path}: {rule}"


def test_a_scratch_folder_takes_the_place_of_a_run(tmp_path):
    folder = run_folder(tmp_path / "run")
    with scratch_folder(folder) as scratch:
        (scratch / "new").write_text("new")
        assert names(folder) == ["config.json"]
        install(scratch, folder, overwrite=True)
    assert names(tmp_path) == ["run"]
    assert names(folder) == ["new"]


def fail(folder: Path) -> None:
    """Half a run, then a mistake."""
    with scratch_folder(folder) as scratch:
        write_json(scratch / "half", {})
        raise InputError("no")


def test_what_goes_wrong_in_a_scratch_folder_leaves_nothing(tmp_path):
    folder = run_folder(tmp_path / "run")
    with pytest.raises(InputError, match="no"):
        fail(folder)
    assert names(tmp_path) == ["run"]
    assert names(folder) == ["config.json"]


def test_folders_made_for_a_run_go_if_it_does_not_come(tmp_path):
    folder = tmp_path / "a" / "b" / "run"
    with pytest.raises(InputError, match="no"):
        fail(folder)
    assert names(tmp_path) == []
    with scratch_folder(folder) as scratch:
        install(scratch, folder, overwrite=False)
    with pytest.raises(InputError, match="no"):
        fail(tmp_path / "a" / "c" / "run")
    assert names(tmp_path / "a") == ["b"]
    assert names(tmp_path / "a" / "b") == ["run"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be created: "), scratch_folder(tmp_path / "file" / "run"):
        pass


# Several runs at once


def filled(folder: Path, content: str) -> Path:
    run_folder(folder)
    (folder / "new.json").write_text(content)
    return folder


@pytest.mark.parametrize("before", ["absent", "empty"])
def test_the_second_of_two_runs_does_not_get_the_folder(tmp_path, before):
    folder = tmp_path / "run"
    if before == "empty":
        folder.mkdir()
    with scratch_folder(folder) as first, scratch_folder(folder) as second:
        for scratch in (first, second):
            check_new_folder(folder, False)
            (scratch / "who").write_text(scratch.name)
        install(first, folder, overwrite=False)
        with pytest.raises(InputError, match="already exists; choose another --out, or replace it with"):
            install(second, folder, overwrite=False)
        assert (folder / "who").read_text() == first.name
    assert names(tmp_path) == ["run"]


def test_a_folder_that_was_filled_between_the_last_look_and_the_renaming_is_kept(tmp_path, monkeypatch):
    folder = tmp_path / "run"

    def check(path: Path, overwrite: bool) -> None:
        if not path.exists():
            filled(path, "another's")
        else:
            check_new_folder(path, overwrite)

    with scratch_folder(folder) as scratch, pytest.raises(InputError, match="already exists"):
        install(scratch, folder, overwrite=False, check=check)
    assert (folder / "new.json").read_text() == "another's"
    assert names(tmp_path) == ["run"]


def test_what_is_no_run_is_not_replaced_even_if_it_came_after_the_first_check(tmp_path):
    folder = tmp_path / "run"
    with scratch_folder(folder) as scratch:
        check_new_folder(folder, True)
        folder.mkdir()
        (folder / "thesis.txt").write_text("kept")
        with pytest.raises(InputError, match="not a run folder"):
            install(scratch, folder, overwrite=True)
    assert names(folder) == ["thesis.txt"]


def test_a_claim_is_for_one_and_ends(tmp_path):
    run_folder(tmp_path / "run")
    with Claim(tmp_path / "run") as claim:
        claim.check()
        with pytest.raises(InputError, match="another process is training this run"):
            Claim(tmp_path / "run")
    Claim(tmp_path / "run").__exit__()


@pytest.mark.parametrize("what", ["replaced", "moved", "deleted", "replaced and the first deleted"])
def test_a_claim_sees_that_its_folder_is_gone(tmp_path, what):
    folder = run_folder(tmp_path / "run")
    with Claim(folder) as claim:
        folder.rename(tmp_path / "old")
        if "replaced" in what:
            run_folder(folder)
        if "deleted" in what:
            shutil.rmtree(tmp_path / "old")
        for _ in range(2):
            with pytest.raises(TrainingStopped, match="was replaced, moved or deleted during training"):
                claim.check()


def test_a_claim_follows_the_folder_to_its_place(tmp_path):
    with scratch_folder(tmp_path / "run") as scratch:
        (scratch / "config.json").write_text("{}")
        with Claim(scratch, tmp_path / "run") as claim:
            install(scratch, tmp_path / "run", overwrite=False)
            claim.check()


@pytest.mark.parametrize("moment", ["before", "while"])
def test_nothing_is_written_into_a_folder_that_was_replaced(tmp_path, moment):
    folder = run_folder(tmp_path / "run")

    def replace() -> None:
        folder.rename(tmp_path / "old")
        run_folder(folder)

    def write(temporary: Path) -> None:
        if moment == "while":
            temporary.write_text("mine")
            replace()
        else:
            raise AssertionError("nothing may be written")

    with Claim(folder) as claim:
        if moment == "before":
            replace()
        with pytest.raises(TrainingStopped):
            write_atomically(folder / "model", write, claim.check)
    assert names(folder) == ["config.json"]


def test_the_users_mask_holds_for_threads_at_once(tmp_path):
    """Reading the mask means setting it for a moment, for the whole process."""
    before = os.umask(0o027)
    try:
        with ThreadPoolExecutor(4) as pool:
            for k in range(50):
                pool.submit(write_json, tmp_path / f"{k}", {})
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}
