"""Captum: attributions of a classifier with an LSTM, by integrated gradients, saliency and DeepLift."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn


class Classifier(nn.Module):
    """Words [B, T, 6] to three scores."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs, self.rnn, self.out = nn.Linear(6, 8), nn.LSTM(8, 12, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        return self.out(self.rnn(self.inputs(x))[0].mean(1))


def cases() -> Iterator[Case]:
    from captum.attr import DeepLift, IntegratedGradients, LayerIntegratedGradients, Saliency

    torch.manual_seed(3)
    x = torch.randn(4, 7, 6)

    def by(method: type) -> Model:
        def call(model: nn.Module) -> Tensor:
            with torch.enable_grad():
                return method(model).attribute(x.clone().requires_grad_(), target=1).detach()

        return Model(method.__name__, Classifier, call, modes=("eval",))

    for method in (IntegratedGradients, Saliency, DeepLift):
        yield by(method)

    def by_layer(model: Classifier) -> Tensor:
        with torch.enable_grad():
            return LayerIntegratedGradients(model, model.inputs).attribute(x, target=1).detach()

    yield Model("LayerIntegratedGradients", Classifier, by_layer, modes=("eval",))


if __name__ == "__main__":
    run(cases, "captum==0.9.0")
