"""Options of the task video-prediction and of its verb."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, require
from elman.tasks.shared.options import ABSENT, Sized, StartOptions, Verb

OUTPUTS = (".mp4", ".gif", ".npz")
"""Suffixes of what predicted frames are written to."""


@dataclass(frozen=True, kw_only=True)
class Predict(Verb):
    """Predicts the frames after a part of a clip, and writes them beside the true ones.

    The model reads as many frames as it was trained to, from --begin on, and then its own predictions. A
    video shows the true frames on the left and, on the right, the given frames and the predicted ones after
    them; an .npz file has them as arrays true and predicted. Where the clip goes on long enough, the errors
    are printed beside those of copying the last frame.
    """

    data: Annotated[Path, Argument(positional=True, metavar="CLIP")]
    """video, folder of pictures, or planes (.npz, .npy), which are read in the size of the run"""
    out: Path | None = None
    """file to write, as its ending says: .mp4, .gif or .npz; if absent, the errors are only printed"""
    begin: int = 0
    """number of the first frame that is read"""
    frames: int | None = None
    """frames to predict; if absent, as many as in training"""
    rate: float = 10.0
    """frames a second of a video that is written"""
    overwrite: bool = False
    """replace a file that exists"""

    example: ClassVar[str] = "elman predict runs/video-prediction clip.npz --out next.gif"

    def __post_init__(self) -> None:
        """Checks every value."""
        require("--begin", 0 <= self.begin < 10**9, "an int in [0, 1e9)", self.begin)
        require(
            "--frames", self.frames is None or 1 <= self.frames <= 10_000, "an int in [1, 10000]", self.frames
        )
        require("--rate", 0 < self.rate <= 1000, "in (0, 1000]", self.rate)
        if self.out is not None:
            kind = self.out.suffix.lower()
            require("--out", kind in OUTPUTS, f"a file ending in {', '.join(OUTPUTS)}", str(self.out))
            require("--out", self.out.parent.is_dir(), "a file in a folder that exists", str(self.out))
            new = self.overwrite or not self.out.exists()
            require("--out", new, "a file that does not exist, or --overwrite given", str(self.out))

    def text(self, task: Any) -> Iterator[str]:
        """Yields a line about the prediction, and one for each frame whose truth is known."""
        yield from (f"{line}\n" for line in self._predicted(task).lines(self.out))

    def json(self, task: Any) -> dict[str, Any]:
        """Returns the errors of each frame."""
        answer: dict[str, Any] = self._predicted(task).json()
        return answer

    def _predicted(self, task: Any) -> Any:
        predicted = task.predict(self.data, begin=self.begin, frames=self.frames)
        if self.out is not None:
            predicted.write(self.out, self.rate)
        return predicted


@dataclass(frozen=True, kw_only=True)
class VideoConfig(StartOptions):
    """Trains a network that predicts the next frames of a clip, from its own predictions onwards.

    Reads videos of any container that PyAV opens, planes (.npz, .npy), folders of pictures, or folders of
    these, in one size. Cuts between scenes are found, and no frame is predicted across one. A folder with the
    files of MNIST gives moving digits: two that bounce within a square of 64 × 64, new ones in each epoch.
    """

    verb = Predict
    reads = "clips, folders of them, or the folder of MNIST's files; see above"
    example = "elman train video-prediction clip.npz --out runs/video-prediction --epochs 5"
    rank = 28
    sized = ("hidden_size", "dropout", "batch_size", "epochs")
    of_the_run = (
        *StartOptions.of_the_run,
        *("patch", "loss", "frame_size", "colour"),
    )
    groups = {
        "": ("context", "horizon", "pretrained"),
        "model": ("patch",),
        "training": ("loss", "taught", "windows"),
        "frames": ("frame_size", "frame_rate", "colour"),
        "parts of the data": ("split", "validation", "test", "on_bad"),
    }

    cell: str = "conv-lstm"
    """name of a cell that reads planes (conv-lstm, conv-gru), with options after a colon
    (conv-gru:kernel_size=5); or FILE.py:Class for a cell of your own"""
    hidden_size: Sized[int] = ABSENT
    """channels of each layer; if absent, 32 or, from 2,000 windows on, 64"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and after them; if absent, 0"""
    batch_size: Sized[int] = ABSENT
    """windows in a batch; if absent, 8"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 5 to 60: more for fewer windows"""
    learning_rate: float = 1e-3
    """highest learning rate"""
    context: int = 5
    """frames that are given"""
    horizon: int = 5
    """frames that are predicted after them"""
    patch: int = 4
    """height and width of the patches that frames are cut into; each becomes the channels of one place"""
    loss: Literal["squared-error", "cross-entropy"] = "squared-error"
    """squared-error: what is learnt is added to a least-squares prediction from the last two frames;
    cross-entropy: pixels by themselves, for frames that are mostly black or white"""
    taught: float = 0.5
    """share of the epochs over which training tells fewer and fewer true frames after the given ones
    (scheduled sampling); later it reads its own predictions alone. 0: always"""
    windows: int = 2000
    """moving digits: windows of an epoch"""
    frame_size: tuple[int, int] = (64, 64)
    """height and width in which frames are read, in pixels"""
    frame_rate: float | None = None
    """frames a second that are read of videos; if absent, all"""
    colour: bool = False
    """read red, green and blue; if absent, grey"""
    split: tuple[float, float, float] = (0.6, 0.2, 0.2)
    """shares of training, validation and test part: of the clips, drawn at random, if there are ten or more;
    of fewer, each clip's beginning, middle and end"""
    validation: tuple[Path, ...] = ()
    """clips or folders of the validation part; if present, its share of --split is trained on"""
    test: tuple[Path, ...] = ()
    """clips or folders of the test part; if present, its share of --split is trained on"""
    on_bad: Literal["stop", "skip"] = "stop"
    """what a clip that cannot be read does: stop the training, or be left out and told"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        require("--context", 2 <= self.context <= 10_000, "an int in [2, 10000]", self.context)
        require("--horizon", 1 <= self.horizon <= 10_000, "an int in [1, 10000]", self.horizon)
        require("--patch", 1 <= self.patch <= 256, "an int in [1, 256]", self.patch)
        require("--taught", 0 <= self.taught <= 1, "in [0, 1]", self.taught)
        require("--windows", 1 <= self.windows <= 10**8, "an int in [1, 1e8]", self.windows)
        fits = all(1 <= side <= 4096 for side in self.frame_size)
        require("--frame-size", fits, "two ints in [1, 4096]", list(self.frame_size))
        rate = self.frame_rate
        require("--frame-rate", rate is None or 0 < rate <= 10**6, "in (0, 1e6]", rate)

    @property
    def length(self) -> int:
        """Frames of a window."""
        return self.context + self.horizon
