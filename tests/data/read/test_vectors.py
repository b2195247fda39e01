"""Word vectors from text files."""

import numpy as np
import pytest

from elman.data.read.vectors import read_vectors
from elman.errors import InputError

WANTED = {"the": 0, "cat": 1, "at home": 2, "dog": 3}
GLOVE = "the 1 2 3\nat home 4 5 6\nsat 7 oops 9\ncat -1 0.5 1e-1\nthe 9 9 9\n"


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "vectors.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("header", ["", "5 3\n"], ids=["GloVe", "word2vec"])
@pytest.mark.parametrize("end", ["\n", " \n"])
def test_the_words_wanted_are_found(write, header, end):
    vectors, found = read_vectors(write(header + GLOVE.replace("\n", end)), WANTED)
    assert found.tolist() == [True, True, True, False]
    wanted = [[1, 2, 3], [-1, 0.5, 0.1], [4, 5, 6], [0, 0, 0]]
    np.testing.assert_array_equal(vectors, np.array(wanted, np.float32))


def test_a_word_that_is_no_utf8_spoils_nothing(write):
    vectors, found = read_vectors(write(b"caf\xe9 1 2\ncat 3 4\n"), WANTED)
    assert vectors[1].tolist() == [3, 4]
    assert found.sum() == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no vectors"),
        ("the\n", "line 1: must be a word and 1 numbers. Got 0"),
        ("5 3\nthe 1 2 3\ncat 1 2\n", "line 3: must be a word and 3 numbers. Got 2"),
        ("the 1 2 x\n", "line 1: must be a word and 3 numbers: .*'x'"),
        ("the 1 nan\n", "line 1: holds a number that is not finite"),
        ("the 1 1e99\n", "line 1: holds a number that is not finite"),
    ],
)
def test_a_bad_line_is_named(write, content, message):
    with pytest.raises(InputError, match=f"vectors.txt: {message}"), np.errstate(over="ignore"):
        read_vectors(write(content), WANTED)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.txt: No such file"):
        read_vectors(tmp_path / "none.txt", WANTED)
