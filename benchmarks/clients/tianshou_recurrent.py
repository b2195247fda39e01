"""Tianshou: its recurrent net, on whole histories and step by step with the state kept."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from tianshou.utils.net.common import Recurrent

    torch.manual_seed(3)
    seen = torch.randn(4, 6, 5)

    def steps(model: torch.nn.Module) -> list[torch.Tensor]:
        state, outputs = None, []
        for step in seen.unbind(1):
            y, state = model(step, state)
            outputs.append(y)
        return outputs

    def build() -> torch.nn.Module:
        return Recurrent(layer_num=2, state_shape=5, action_shape=3, hidden_layer_size=12)

    yield Model("histories", build, lambda model: model(seen))
    yield Model("steps", build, steps)


if __name__ == "__main__":
    run(cases, "tianshou==2.0.1")
