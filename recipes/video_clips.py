"""Three short clips, each with a network of its own, against the best linear predictor, within 75 minutes.

    python recipes/video_clips.py ../shared/data/video_clips runs/video-clips

The first 60 % of a clip are trained on, the next 20 % choose the epoch, the last 20 % are measured: 5 frames
in, 5 out, no window across a cut. The linear predictor has the least squared error of all that weigh the last
two frames and their blurred forms, with weights of its own for each frame ahead.
"""

import argparse
from pathlib import Path
from typing import Any

from recipe import command, trained

import elman
from elman.errors import InputError

NETWORK: dict[str, Any] = {
    "context": 5,
    "horizon": 5,
    "hidden_size": 32,
    "epochs": 15,
    "batch_size": 8,
    "learning_rate": 0.001,
    "taught": 0.3,
    "precision": "bfloat16",
    "max_minutes": 20.0,
}
_FIGURE, _LINEAR = "median_squared_error", "linear from two frames"


def main() -> None:
    """Trains and measures a network for each clip, or goes on; prints a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with planes, NAME_gray64.npz")
    parser.add_argument("out", type=Path, help="folder of the runs")
    arguments = parser.parse_args()
    clips = sorted(arguments.data.glob("*_gray64.npz"))
    if not clips:
        raise InputError(f"{arguments.data}: must hold clips, NAME_gray64.npz")
    lines = []
    for clip in clips:
        name = clip.stem.removesuffix("_gray64")
        results = trained(elman.VideoPredictor(**NETWORK), clip, arguments.out / name).results
        own, linear = results["test"][_FIGURE], results["baselines"][_LINEAR][_FIGURE]
        lines.append(f"{name} {own / linear:.1%} of the linear predictor ({own:.6f} and {linear:.6f})")
    print(f"video clips, median frame's squared error a pixel: {'; '.join(lines)}")


if __name__ == "__main__":
    command(main)
