"""Frames that a model predicts, its figures and the report."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from elman.batch import Batches
from elman.config import counted, require
from elman.data.video.windows import Source, Windows
from elman.diagnose.remedies import Remedy
from elman.metrics.frames import FrameErrors
from elman.models.next_frames import CANDIDATES, NextFrames, pixels
from elman.models.predict import predict
from elman.pictures.frames import draw_frames
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import behind_lines, table_lines
from elman.tasks.video_prediction.data import VideoData, measured, scenes_to_measure, windows_of
from elman.tasks.video_prediction.facts import VideoFacts
from elman.tasks.video_prediction.mixing import mixing
from elman.tasks.video_prediction.options import VideoConfig
from elman.tasks.video_prediction.prediction import Prediction

FIGURE, MEDIAN = "squared_error", "median_squared_error"
_HEADS = {FIGURE: "squared error", MEDIAN: "median", "frame_error": "of a frame", "sharpness": "sharpness"}
_PICTURE = "predicted.png"


class VideoAnswers(TaskAnswers):
    """Frames that a model predicts, and figures of the clips that it reads."""

    config: VideoConfig
    facts: VideoFacts
    model: NextFrames

    def predict(self, frames: np.ndarray, begin: int, number: int | None) -> Prediction:
        """Predicts the frames after a part of a clip; see ``VideoPredictor.predict``."""
        context, horizon = self.config.context, number or self.config.horizon
        require(
            "--begin",
            begin + context <= len(frames),
            f"at most {len(frames) - context}, so that {context} of the clip's {len(frames)} frames follow",
            begin,
        )
        window = windows_of(frames[begin : begin + context + horizon])
        (predicted,) = predict(self.model, [window[:context]], lambda x: self.model.predict(x, horizon))
        given, later = window[:context], window[context:]
        return Prediction(_array(given[:, 0]), _array(predicted[:, 0]), _array(later[:, 0]))

    def batches(self, paths: list[Path]) -> Windows:
        """Returns batches of other files."""
        return measured(self.source(paths), self.config)

    def source(self, paths: Sequence[Path]) -> Source:
        """Returns the windows of other files."""
        require("data", bool(paths), "at least one path", list(paths))
        return scenes_to_measure(self.config, self.facts, paths)

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures the model on other files."""
        source = self.source(paths)
        return self.measured(measured(source, self.config)).figures() | {"windows": len(source)}

    def measured(self, batches: Batches) -> FrameErrors:
        """Measures the model's predictions of windows."""
        errors, context, horizon = FrameErrors(), self.config.context, self.config.horizon
        inputs = (pixels(batch.inputs.values) for batch in batches.epoch(0))

        def predicted(frames: Tensor) -> tuple[Tensor, Tensor]:
            return self.model.predict(frames[:context], horizon), frames[context:]

        for own, true in predict(self.model, inputs, predicted):
            errors.add(own, true)
        return errors

    def measure(self, data: VideoData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model and simple methods on the test part, and draws some of it."""
        test = parts.test
        results: dict[str, Any] = {}
        context, horizon = self.config.context, self.config.horizon
        if parts.validation is not None and self.config.loss == "squared-error":
            self.model.mixing.copy_(mixing(self.model, parts.validation, context, horizon))
            results["mixing"] = {"of": list(CANDIDATES), "weights": self.model.mixing.tolist()}
        if test is None:
            return results
        number = len(data.source("test"))
        own = self.measured(test)
        results["test"] = own.figures() | {"windows": number}
        results["by_frame"] = {"this model": own.by_frame()}
        say("measuring simple methods")
        simple = data.simple(context, horizon)
        errors = {name: FrameErrors() for name in simple.names}
        for batch in test.epoch(0):
            frames = pixels(batch.inputs.values)
            for name, predicted in simple.predict(frames[:context]).items():
                errors[name].add(predicted, frames[context:])
        results["baselines"] = {name: each.figures() for name, each in errors.items()}
        results["by_frame"] |= {name: each.by_frame() for name, each in errors.items()}
        if self.folder is not None:
            self._draw(test, self.folder / _PICTURE)
        return results

    def _draw(self, test: Batches, path: Path) -> None:
        """Draws the first and the last window of a batch of the test part."""
        context, horizon = self.config.context, self.config.horizon
        frames = pixels(next(iter(test.epoch(0))).inputs.values)
        (predicted,) = predict(self.model, [frames[:context]], lambda x: self.model.predict(x, horizon))
        rows = {}
        for k, row in enumerate(dict.fromkeys([0, frames.shape[1] - 1]), 1):
            true, own = _array(frames[:, row]), _array(predicted[:, row])
            rows[f"true {k}"] = true
            rows[f"predicted {k}"] = np.concatenate([np.full_like(true[:context], np.nan), own])
        heads = [f"{k}" for k in range(1 - context, 1)] + [f"+{k}" for k in range(1, horizon + 1)]
        draw_frames(rows, heads, path, f"{path.parent.name}: given frames, and {horizon} predicted")

    def excerpt(self, batches: Windows) -> Excerpt:
        """Returns a batch of few windows."""
        return Excerpt(next(iter(batches.epoch(0))), unit="frames")

    def report(self, results: dict[str, Any]) -> str:
        """Returns the figures of all methods."""
        if "test" not in results:
            return "trained on all frames; no test part"
        test = results["test"]
        rows = {
            name: [
                f"{figures[key]:.5f}" if key in (FIGURE, MEDIAN) else f"{figures[key]:.3g}" for key in _HEADS
            ]
            for name, figures in {**results["baselines"], "this model": test}.items()
        }
        title = f"on the test part ({counted(test['windows'], 'window')})"
        about = (
            f"{counted(self.config.horizon, 'frame')} predicted after {self.config.context} ({_PICTURE}). "
            "Squared errors a pixel, grey from 0 to 1: mean and median over frames, and summed over a frame; "
            "sharpness of the last frame, 1 as the true one."
        )
        if "mixing" in results:
            about += f" {_mixed(results['mixing'])}"
        behind = behind_lines(test, results["baselines"], {FIGURE: "squared error"}, higher_is_better=False)
        return "\n".join([*table_lines(title, [*_HEADS.values()], rows), *behind, "", about])

    def proposals(self, results: dict[str, Any]) -> Iterator[Remedy]:
        """Proposes options for a run that a simple method is ahead of."""
        own, others = results.get("test", {}), results.get("baselines", {})
        ahead = [name for name, row in others.items() if row[FIGURE] < own.get(FIGURE, 0.0)]
        if not ahead:
            return
        why = f"{min(ahead, key=lambda name: others[name][FIGURE])} is ahead"
        if self.config.taught > 0:
            yield Remedy({"taught": 0.0}, f"{why}: told true frames, it does not learn to go on from its own")
        if self.config.loss == "cross-entropy":
            yield Remedy(
                {"loss": "squared-error"}, f"{why}, which a squared error is added to from the start"
            )


def _mixed(mixing: dict[str, Any]) -> str:
    """Returns the weights of the first and the last frame ahead, which the validation part chose."""
    first, last = mixing["weights"][0], mixing["weights"][-1]
    parts = (f"{name} {a:.0%} to {b:.0%}" for name, a, b in zip(mixing["of"], first, last, strict=True))
    return f"The predictions are a mixture, from the first to the last frame: {', '.join(parts)}."


def _array(frames: Tensor) -> np.ndarray:
    """Returns frames [T, C, H, W] as an array [T, H, W], or [T, H, W, 3] in colour."""
    array: np.ndarray = frames.float().numpy()
    return array[:, 0] if array.shape[1] == 1 else np.moveaxis(array, 1, -1)
