"""Pipes give their bytes once; while they are kept, they can be read again."""

import gzip
import os
import threading
from contextlib import contextmanager

import pytest

from elman.data.read.opening import read_bytes
from elman.data.read.pipes import can_be_read_again, is_pipe, kept_pipes
from elman.data.read.tables import read_table
from elman.data.read.text import arriving_lines, find_text_files, read_lines
from elman.errors import InputError

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@contextmanager
def pipe(folder, content):
    """A named pipe into which a thread writes."""
    path = folder / "pipe"
    if not path.exists():
        os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    yield path
    writer.join(10)
    assert not writer.is_alive()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_kept_pipe_is_read_again_and_again(tmp_path, pack):
    content = b"".join(b"line %d\n" % k for k in range(300_000))
    with pipe(tmp_path, pack(content)) as path, kept_pipes():
        assert is_pipe(path)
        assert can_be_read_again(path)
        first = next(read_bytes(path, 1000))  # part of it, as who looks at the first line
        assert content.startswith(first)
        with kept_pipes():  # within another block
            assert b"".join(read_bytes(path)) == content
        assert len(read_lines(path)) == 300_000
        assert find_text_files([path]) == [path]


def test_a_table_in_a_pipe_is_looked_at_twice(tmp_path):
    with pipe(tmp_path, b"a;b\n1;2,5\n") as path, kept_pipes():
        assert [read_table(path).row(0) for _ in range(2)] == [("1", "2,5")] * 2


def test_after_the_block_a_pipe_is_as_new(tmp_path):
    for content in ("x", "y"):
        with pipe(tmp_path, content.encode()) as path, kept_pipes():
            assert [read_lines(path) for _ in range(2)] == [[content], [content]]
    assert not can_be_read_again(path)
    with pytest.raises(InputError, match="pipe: must be a file or a folder"):
        find_text_files([path])


def test_lines_that_are_answered_as_they_come_are_not_kept(tmp_path):
    with kept_pipes():
        for content in (["a", "b"], ["c"]):
            with pipe(tmp_path, "\n".join(content).encode()) as path:
                assert [line for lines in arriving_lines(path, "pipe") for line in lines] == content


def test_what_is_no_pipe(tmp_path):
    (tmp_path / "file").write_text("x")
    assert not is_pipe(tmp_path / "file")
    assert not is_pipe(tmp_path / "absent")
    assert can_be_read_again(tmp_path / "file")
    with kept_pipes(), pytest.raises(InputError, match="absent: the file cannot be read"):
        list(read_bytes(tmp_path / "absent"))
