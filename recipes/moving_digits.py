"""Two MNIST digits that move in 64 × 64 pixels: 10 frames in, 10 out, within 75 minutes on two cores.

    python recipes/moving_digits.py ../shared/data/mnist runs/moving-digits

Beside the recurrent network stands one of convolutions alone, with as many weights, which reads the ten
frames as channels and gives the next ten at once; it is trained on the same windows. Measured on 500 windows
of the test images, in the unit of most papers too: the squared error summed over a frame, grey from 0 to 1.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from recipe import command, trained
from torch import Tensor, nn

import elman
from elman.batch import FrameBatch
from elman.heads.base import Loss
from elman.metrics.frames import FrameErrors
from elman.models.next_frames import pixels
from elman.models.predict import predict
from elman.tasks.video_prediction.options import VideoConfig
from elman.train.loop import Loop
from elman.train.progress import make_progress

NETWORK: dict[str, Any] = {
    "context": 10,
    "horizon": 10,
    "cell": "conv-lstm",
    "hidden_size": 64,
    "layers": 2,
    "loss": "cross-entropy",
    "taught": 0.3,
    "batch_size": 8,
    "learning_rate": 0.002,
    "warmup_steps": 50,
    "windows": 2000,
    "epochs": 40,
    "precision": "bfloat16",  # the convolutions of processors that have it are several times as fast
}
_LAYERS = 3  # between the first and the last convolution


class Convolutions(nn.Module):
    """Ten frames → the next ten, by convolutions of 3 × 3 over patches, without recurrence.

    Args:
        config: frames and patches.
        weights: number of weights, which the channels come nearest to.
    """

    def __init__(self, config: VideoConfig, weights: int) -> None:
        super().__init__()
        self.config = config
        patches = config.patch**2
        read, written = config.context * patches, config.horizon * patches

        def count(channels: int) -> int:
            return 9 * channels * (read + _LAYERS * channels + written)

        channels = min(range(8, 1024), key=lambda each: abs(count(each) - weights))
        self.first = nn.Conv2d(read, channels, 3, padding=1)
        self.middle = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(_LAYERS))
        self.last = nn.Conv2d(channels, written, 3, padding=1)

    def raw(self, frames: Tensor) -> Tensor:
        """Returns the logits of the next frames [horizon, B, C, H, W]."""
        patches = F.pixel_unshuffle(frames[: self.config.context], self.config.patch)
        x = F.relu(self.first(patches.transpose(0, 1).flatten(1, 2)))
        for convolution in self.middle:
            x = x + F.relu(convolution(x))
        later = self.last(x).float().unflatten(1, (self.config.horizon, -1)).transpose(0, 1)
        return F.pixel_shuffle(later, self.config.patch)

    def forward(self, batch: FrameBatch, state: None = None) -> tuple[Loss, None]:
        """Computes the loss, summed over predicted frames."""
        frames = pixels(batch.inputs.values)
        losses = F.binary_cross_entropy_with_logits(
            self.raw(frames), frames[self.config.context :], reduction="none"
        )
        of_frames = losses.flatten(2).mean(-1)
        return Loss(of_frames.sum(), of_frames.new_tensor(float(of_frames.numel()))), None


def main() -> None:
    """Trains, or goes on; prints the figures, and one line in the end."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with the files of MNIST")
    parser.add_argument("out", type=Path, help="run folder")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the recurrent network's training")
    arguments = parser.parse_args()
    network = elman.VideoPredictor(**NETWORK, max_minutes=arguments.minutes)
    own = trained(network, arguments.data, arguments.out)
    data, config = own.opened_data(), own.config
    parts = data.parts()
    assert parts.test is not None
    torch.manual_seed(config.seed)
    peer = Convolutions(config, own.results["parameters"])
    Loop(peer, parts.training, None, config, progress=make_progress()).run()
    peer.eval()
    frames = (pixels(batch.inputs.values) for batch in parts.test.epoch())
    errors = FrameErrors()
    for predicted, true in predict(peer, frames, lambda x: (peer.raw(x).sigmoid(), x[config.context :])):
        errors.add(predicted, true)
    of_peer, test, simple = errors.figures(), own.results["test"], own.results["baselines"]
    best = min(simple, key=lambda name: simple[name]["squared_error"])
    size = sum(p.numel() for p in peer.parameters())
    print(f"convolutions alone ({size:,} weights): {of_peer}")
    print(
        f"moving digits: {test['frame_error']:.1f} a frame, "
        f"{test['squared_error'] / simple[best]['squared_error']:.1%} of {best} "
        f"({simple[best]['frame_error']:.1f}), {test['squared_error'] / of_peer['squared_error']:.1%} of "
        f"convolutions alone ({of_peer['frame_error']:.1f}); sharpness {test['sharpness']:.2f} against "
        f"{of_peer['sharpness']:.2f}"
    )


if __name__ == "__main__":
    command(main)
