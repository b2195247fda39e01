"""GluonTS: DeepAR by its estimator, which makes the net itself, so the swap is the way in."""

import tempfile
from collections.abc import Callable, Iterator

import numpy as np
from client import Case, Fit, run
from torch import nn


def cases() -> Iterator[Case]:
    import torch
    from gluonts.dataset.common import ListDataset
    from gluonts.torch.model.deepar import DeepAREstimator
    from lightning import seed_everything

    values = 10 + 3 * np.sin(np.arange(120) / 12 * 2 * np.pi)
    data = ListDataset([{"start": "2015-01-01", "target": values}], freq="M")
    quiet = {
        "max_epochs": 1,
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "logger": False,
        "enable_model_summary": False,
    }

    def fit(converted: Callable[[nn.Module], nn.Module]) -> np.ndarray:
        seed_everything(1, verbose=False)
        with tempfile.TemporaryDirectory() as folder:
            estimator = DeepAREstimator(
                freq="M",
                prediction_length=6,
                context_length=12,
                hidden_size=12,
                batch_size=8,
                num_batches_per_epoch=6,
                trainer_kwargs=quiet | {"default_root_dir": folder},
            )
            predictor = estimator.train(data)
        converted(predictor.prediction_net)
        torch.manual_seed(2)
        return next(iter(predictor.predict(data, num_samples=20))).samples

    yield Fit("DeepAREstimator.train", fit, way="swap")


if __name__ == "__main__":
    run(cases, "gluonts[torch]==0.17.0")
