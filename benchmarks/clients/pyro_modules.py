"""Pyro: a model made Pyro's after ``convert`` keeps Elman's layer; ``PyroModule[nn.GRU]`` stays."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from client import Case, Model, run
from torch import Tensor, nn


class Net(nn.Module):
    """Sequences [B, T, 5] to one number."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.GRU(5, 8, batch_first=True), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        return self.out(self.rnn(x)[0][:, -1])


def cases() -> Iterator[Case]:
    import pyro
    from pyro.nn.module import to_pyro_module_

    torch.manual_seed(3)
    x = torch.randn(4, 7, 5)

    def sampled(model: nn.Module) -> Tensor:
        """Runs the model as a Pyro module, under a trace."""
        model = deepcopy(model)  # each module's class becomes a subclass of Pyro's, for good
        to_pyro_module_(model)
        with pyro.poutine.trace():
            return model(x)

    yield Model("to_pyro_module_", Net, sampled, modes=("eval",))


if __name__ == "__main__":
    run(cases, "pyro-ppl==1.9.2")
