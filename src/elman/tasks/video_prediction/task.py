"""Video prediction: the frames that follow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from elman.config import require, typed
from elman.data.read.planes import clip_of_array
from elman.data.read.video import plane_of, read_video
from elman.data.video.scenes import Scene
from elman.errors import InputError
from elman.models.next_frames import NextFrames
from elman.tasks.shared.sources import Paths, as_paths, check_one_source
from elman.tasks.shared.task import Task
from elman.tasks.video_prediction.answers import VideoAnswers
from elman.tasks.video_prediction.data import VideoData, view_of
from elman.tasks.video_prediction.facts import VideoFacts
from elman.tasks.video_prediction.options import VideoConfig
from elman.tasks.video_prediction.prediction import Prediction
from elman.train.loop import LossUnit


class VideoPredictor(Task):
    """Predicts the frames that follow some frames of a clip, from its own predictions onwards.

    Patches of each frame → convolutional recurrent layers → patches of the next frame.

    Loss: mean over pixels, a frame.

    Args:
        **options: fields of ``VideoConfig`` (``elman train video-prediction --help`` explains them).

    Shapes:
        clips: arrays [T, H, W] or, in colour, [T, H, W, 3]; bytes, or floats from 0 to 1

    Raises:
        InputError: an option out of its range.
    """

    Config = VideoConfig
    Facts = VideoFacts
    Data = VideoData
    Answers = VideoAnswers
    plane_axes = 2

    model: NextFrames

    def fit(
        self,
        data: Paths | None = None,
        *,
        clips: Sequence[Any] | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on files, or on clips in memory; the option ``split`` applies to both.

        Args:
            data: paths.
            clips: arrays instead of paths, which keep their size if it is ``frame_size``.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Raises:
            InputError: there are both files and clips or neither, or one breaks a rule.
            TrainingStopped: the loss or a gradient is not finite.
        """
        check_one_source(data is not None, clips is not None, "clips")
        if clips is None:
            return self.train(data, out, overwrite=overwrite, show_progress=show_progress)
        for option in ("validation", "test"):
            value = getattr(self.config, option)
            require(f"the option {option}", not value, "left out for clips in memory", value)
        given = [self._clip(clip, f"clip {number}") for number, clip in enumerate(clips)]

        def read(folder: Path | None) -> VideoData:
            return VideoData.of(self.config, given, folder, self.named)

        return self._fit(read, out, overwrite, show_progress)

    def predict(self, clip: Any, *, begin: int = 0, frames: int | None = None) -> Prediction:
        """Predicts the frames after a part of a clip.

        Args:
            clip: a path, or an array [T, H, W] or, in colour, [T, H, W, 3].
            begin: number of the first frame that is read.
            frames: to predict; None: as many as in training.

        Returns:
            ``given``, ``predicted`` and ``true`` frames as arrays in [0, 1], and ``write(path, rate)``.

        Raises:
            InputError: the clip cannot be read, or has too few frames after ``begin``.
        """
        answers = self.answers
        begin, frames = typed(int, begin, "--begin"), typed(int | None, frames, "--frames")
        require("--begin", begin >= 0, "at least 0", begin)
        require("--frames", frames is None or frames >= 1, "at least 1", frames)
        if isinstance(clip, str | Path):
            (path,) = as_paths(clip)
            read = read_video(path, view_of(self.config))
        else:
            read = self._clip(clip, "the clip").frames
        predicted: Prediction = answers.predict(read, begin, frames)
        return predicted

    def _clip(self, clip: Any, place: str) -> Scene:
        """Returns a clip in memory in the size of the run."""
        frames, view = clip_of_array(clip, place), view_of(self.config)
        return Scene.of([plane_of(frame, view) for frame in frames], place)

    def build(self) -> NextFrames:
        """Returns the model: recurrent layers over patches, and what they add to a linear prediction."""
        config, facts = self.config, self.facts
        layer = self.layer(facts.channels * config.patch**2)
        try:
            return NextFrames(layer, facts.shape, config.patch, config.loss, config.dropout, config.horizon)
        except ValueError as error:
            raise InputError(str(error)) from None

    def loss_unit(self) -> LossUnit:
        """Shows the loss a pixel."""
        name = "nats/pixel" if self.config.loss == "cross-entropy" else "squared error"
        return LossUnit(name, 1.0, "frames")
