"""PyTorch Geometric: aggregations and convolutions that hold an LSTM or a GRU cell."""

from collections.abc import Iterator

import torch
from client import Case, Model, run


def cases() -> Iterator[Case]:
    from torch_geometric.nn import AttentiveFP, GatedGraphConv, JumpingKnowledge
    from torch_geometric.nn.aggr import GRUAggregation, LSTMAggregation, Set2Set

    torch.manual_seed(3)
    x, index = torch.randn(9, 8), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])
    edges = torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7], [1, 2, 0, 4, 3, 6, 7, 8]])
    yield Model(
        "LSTMAggregation", lambda: LSTMAggregation(8, 12, num_layers=2), lambda model: model(x, index)
    )
    yield Model("GRUAggregation", lambda: GRUAggregation(8, 12), lambda model: model(x, index))
    yield Model("Set2Set", lambda: Set2Set(8, 3, num_layers=2), lambda model: model(x, index))
    yield Model(
        "JumpingKnowledge", lambda: JumpingKnowledge("lstm", 8, 3), lambda model: model([x, x.flip(0), 2 * x])
    )
    yield Model("GatedGraphConv", lambda: GatedGraphConv(12, 3), lambda model: model(x, edges))
    yield Model(
        "AttentiveFP",
        lambda: AttentiveFP(8, 12, 2, edge_dim=4, num_layers=2, num_timesteps=2),
        lambda model: model(x, edges, torch.ones(8, 4), index),
    )


if __name__ == "__main__":
    run(cases, "torch_geometric==2.8.1")
