import math

import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from elman.pictures.base import ORANGE, PALE
from elman.pictures.curve import draw_curve


def line(step: int, kind: str = "train", loss: float = 1.5) -> dict[str, object]:
    return {"kind": kind, "loss": loss, "step": step, "epoch": 1, "seconds": 0.25}


@pytest.mark.parametrize(
    "losses",
    [[], [1.0], [3.0, 2.0, 1.0, 0.5], [2.0, 2.0, 2.0], [1.0, math.nan, 2.0, math.inf]],
    ids=["empty", "one", "several", "flat", "not finite"],
)
@pytest.mark.parametrize("validated", [False, True], ids=["training", "both"])
def test_the_curve_is_a_picture(tmp_path, losses, validated):
    lines = [line(k, loss=loss) for k, loss in enumerate(losses)]
    lines += [line(k, "validation", loss) for k, loss in enumerate(losses) if validated]
    draw_curve(lines, tmp_path / "loss.png", "bits/char", lambda loss: 1.44 * loss, "title")
    picture = imread(tmp_path / "loss.png")
    assert picture.shape[:2] == (600, 1050)
    blue, orange = ((abs(picture[..., :3] - c).max(-1) < 0.02).sum() for c in map(to_rgb, (PALE, ORANGE)))
    assert (blue > 0) == (len(losses) > 0)
    assert (orange > 0) == (validated and len(losses) > 0)
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]


def test_lines_of_another_kind_are_passed_over(tmp_path):
    lines = [line(1), line(2, loss=0.5)]
    look = {"kind": "gradients", "lags": [], "layers": [], "step": 1, "epoch": 1, "seconds": 0.25}
    for name, given in (("plain", lines), ("watched", [lines[0], look, lines[1]])):
        draw_curve(given, tmp_path / f"{name}.png", "nats", float, "title")
    assert (imread(tmp_path / "plain.png") == imread(tmp_path / "watched.png")).all()


def test_the_epoch_whose_weights_were_kept_is_marked(tmp_path):
    lines = [line(k) | {"epoch": k} for k in range(1, 5)]
    lines += [
        line(k, "validation", loss) | {"epoch": k} for k, loss in ((1, 3.0), (2, 1.0), (3, 1.0), (4, 2.0))
    ]
    draw_curve(lines, tmp_path / "a.svg", "nats", float, "title")
    assert "<!-- kept: epoch 2 -->" in (tmp_path / "a.svg").read_text()
    lines[-1]["judged"] = 0.1
    draw_curve(lines, tmp_path / "b.svg", "nats", float, "title")
    assert "<!-- kept: epoch 4 -->" in (tmp_path / "b.svg").read_text()
