"""The idx reader on good, damaged and real files."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from tiny import idx, idx_files

from elman.data.read.idx import TEST, TRAINING, find_images, read_idx, read_labelled_images
from elman.errors import InputError

IMAGES = np.random.default_rng(0).integers(256, size=(5, 3, 4)).astype(np.uint8)
GOOD = idx(IMAGES)
ZEROS = (0).to_bytes(4, "big")


def write(folder: Path, content: bytes, name: str = "t10k-images-idx3-ubyte") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "pack"), [("plain", bytes), ("packed.gz", gzip.compress)])
def test_what_was_written_is_read(tmp_path, name, pack):
    found = read_idx(write(tmp_path, pack(GOOD), name), 3)
    assert found.dtype == np.uint8
    assert np.array_equal(found, IMAGES)


def test_the_head_byte_by_byte(tmp_path):
    """Two images of one row and three columns."""
    content = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
    assert read_idx(write(tmp_path, content), 3).tolist() == [[[1, 2, 3]], [[4, 5, 255]]]


DAMAGES = {
    "nothing": (b"", "begins with 00 00 08 03. Got nothing."),
    "another format": (b"\x89PNG" + GOOD[4:], "begins with 00 00 08 03. Got 89 50 4e 47."),
    "labels": (idx(IMAGES[:, 0, 0]), "begins with 00 00 08 03. Got 00 00 08 01."),
    "floats": (b"\x00\x00\x0d\x03" + GOOD[4:], "begins with 00 00 08 03. Got 00 00 0d 03."),
    "half a head": (GOOD[:9], "ends within its header"),
    "truncated": (GOOD[:-1], r"must hold 60 bytes for shape \[5, 3, 4\]. Got only 59."),
    "too long": (GOOD + b"\x00", r"must hold 60 bytes for shape \[5, 3, 4\]. Got more."),
    "no images": (GOOD[:4] + ZEROS + GOOD[8:16], r"must hold between 1 and .* bytes. Got \[0, 3, 4\]."),
    "a huge claim": (
        GOOD[:4] + b"\xff" * 12,
        r"must hold between 1 and 2,147,483,648 bytes. Got \[4294967295,",
    ),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize(("content", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_said_in_one_line(tmp_path, content, message, packed):
    path = write(tmp_path, gzip.compress(content) if packed else content, "x.gz" if packed else "x")
    with pytest.raises(InputError, match=rf"^[^\n]*/{path.name}: [^\n]*{message}[^\n]*$"):
        read_idx(path, 3)


@pytest.mark.parametrize(
    "content",
    [GOOD, gzip.compress(GOOD)[:-9], gzip.compress(GOOD)[:30] + b"junk" + gzip.compress(GOOD)[34:]],
    ids=["not packed", "cut", "changed"],
)
def test_a_damaged_archive_is_said_in_one_line(tmp_path, content):
    path = write(tmp_path, content, "x.gz")
    with pytest.raises(InputError, match=r"^[^\n]*/x\.gz: cannot be read: [^\n]+$"):
        read_idx(path, 3)


def test_labels_lie_beside_their_images(tmp_path):
    (tmp_path / "mnist").mkdir()
    for part, number in (("train", 8), ("t10k", 4)):
        for name, content in idx_files("mnist", part, number).items():
            (tmp_path / name).write_bytes(content)
    folder = tmp_path / "mnist"
    for part, number in ((TRAINING, 8), (TEST, 4)):
        path = find_images(folder, part)
        assert path == folder / part
        images, labels = read_labelled_images(path)
        assert images.shape == (number, 28, 28)
        assert labels.tolist() == [k % 3 for k in range(number)]
    assert find_images(folder) == folder / TEST
    packed = folder / f"{TEST}.gz"
    packed.write_bytes(gzip.compress((folder / TEST).read_bytes()))
    (folder / TEST).unlink()
    assert find_images(folder) == packed
    assert find_images(packed) == packed
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz: no such file"):
        read_labelled_images(packed)
    (folder / TRAINING.replace("images-idx3", "labels-idx1")).write_bytes(idx(np.arange(7)))
    with pytest.raises(InputError, match=r"must have a label for each of 8 images\. Got 7\."):
        read_labelled_images(folder / TRAINING)
    with pytest.raises(InputError, match="odd: must have images-idx3-ubyte in its name"):
        read_labelled_images(write(tmp_path, GOOD, "odd"))
    packed.unlink()
    with pytest.raises(InputError, match="holds neither t10k-images-idx3-ubyte nor"):
        find_images(folder)


def test_the_real_files(shared):
    images, labels = read_labelled_images(find_images(shared / "mnist", TEST))
    assert (images.shape, labels.shape) == ((10_000, 28, 28), (10_000,))
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (
        images[0].sum() == images[0, 7:27, 4:22].sum() > 0
    )  # the first 7 lies within these rows and columns
