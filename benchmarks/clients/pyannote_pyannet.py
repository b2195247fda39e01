"""pyannote.audio: PyanNet, SincNet features and LSTMs as one layer of torch's or as separate ones."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(3)
    wave = torch.randn(2, 1, 16000)

    def by(monolithic: bool) -> Model:
        def build() -> torch.nn.Module:
            model = PyanNet(
                lstm={"hidden_size": 12, "num_layers": 2, "monolithic": monolithic},
                linear={"hidden_size": 12},
            )
            model.classifier, model.activation = torch.nn.Linear(12, 3), torch.nn.Sigmoid()
            return model

        return Model("one layer" if monolithic else "separate layers", build, lambda model: model(wave))

    yield by(monolithic=True)
    yield by(monolithic=False)


if __name__ == "__main__":
    # the compiled extension of torchaudio is built for CUDA; nothing here calls it
    run(
        cases,
        "asteroid-filterbanks",
        "einops",
        "lightning",
        "torchmetrics",
        "pytorch-metric-learning",
        "pyannote-core",
        "pyannote-database",
        "pyannote-metrics",
        "pyannote-pipeline",
        "torch-audiomentations",
        "huggingface-hub",
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp",
        "torchaudio==2.11.0",
        "pyannoteai-sdk",
        without_dependencies=("pyannote.audio==4.0.7",),
        remove=("torchaudio/lib/*.so",),
    )
