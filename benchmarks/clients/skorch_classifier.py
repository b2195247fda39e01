"""skorch: a classifier of its own fits a module with a GRU, and is pickled."""

import pickle
from collections.abc import Callable, Iterator

import torch
from client import Case, Fit, run
from torch import Tensor, nn


class Module(nn.Module):
    """Sequences [B, T, 5] to three scores."""

    def __init__(self, converted: Callable[[nn.Module], nn.Module]) -> None:
        super().__init__()
        self.rnn = nn.GRU(5, 12, 2, batch_first=True, dropout=0.2)
        self.out = nn.Linear(12, 3)
        converted(self)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        return self.out(self.rnn(x)[0][:, -1])


def fit(converted: Callable[[nn.Module], nn.Module]) -> list[Tensor]:
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    x, y = torch.randn(64, 9, 5), torch.arange(64) % 3
    net = NeuralNetClassifier(
        Module, criterion=nn.CrossEntropyLoss, max_epochs=3, lr=0.1, verbose=0, module__converted=converted
    )
    net.fit(x, y)
    again = pickle.loads(pickle.dumps(net.module_))
    return [*net.module_.parameters(), again(x).detach(), torch.as_tensor(net.predict_proba(x))]


def cases() -> Iterator[Case]:
    yield Fit("NeuralNetClassifier.fit", fit)


if __name__ == "__main__":
    run(cases, "skorch==1.4.0")
