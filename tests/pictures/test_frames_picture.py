"""The picture of rows of frames."""

import numpy as np
import pytest

from elman.pictures.frames import draw_frames


@pytest.mark.parametrize("shape", [(3, 6, 5), (30, 6, 5), (3, 6, 5, 3)], ids=["grey", "long", "colour"])
def test_a_file_is_written(tmp_path, shape):
    true = np.random.default_rng(0).random(shape)
    own = true.copy()
    own[0] = np.nan  # a given frame, which is not predicted
    heads = [f"+{k}" for k in range(shape[0])]
    draw_frames({"true": true, "predicted": own}, heads, tmp_path / "a.png", "title")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
