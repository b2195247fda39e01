"""TorchRL: its LSTM and GRU modules, with episodes that end inside a batch; they ask for torch's class."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn


def cases() -> Iterator[Case]:
    from tensordict import TensorDict
    from torchrl.modules import GRUModule, LSTMModule, set_recurrent_mode

    torch.manual_seed(3)
    seen, begins = torch.randn(3, 8, 5), torch.zeros(3, 8, 1, dtype=torch.bool)
    begins[:, 0] = begins[0, 3] = begins[2, 5] = True

    def call(model: nn.Module) -> Tensor:
        states = [key for key in model.in_keys if key not in ("observation", "is_init")]
        table = TensorDict({"observation": seen, "is_init": begins}, [3, 8])
        for key in states:
            table[key] = torch.zeros(3, 8, 1, 12)
        with set_recurrent_mode(True):
            return model(table)["intermediate"]

    for module in (LSTMModule, GRUModule):
        yield Model(
            module.__name__,
            lambda module=module: module(
                input_size=5, hidden_size=12, in_key="observation", out_key="intermediate"
            ),
            call,
            way="swap",
        )


if __name__ == "__main__":
    run(cases, "torchrl==0.14.1")
