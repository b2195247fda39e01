"""Stable-Baselines3 contrib: RecurrentPPO learns CartPole for 256 steps, by both ways."""

from collections.abc import Callable, Iterator

from client import Case, Fit, run
from torch import Tensor, nn


def cases() -> Iterator[Case]:
    from sb3_contrib import RecurrentPPO

    def fit(converted: Callable[[nn.Module], nn.Module]) -> list[Tensor]:
        agent = RecurrentPPO(
            "MlpLstmPolicy", "CartPole-v1", n_steps=64, batch_size=64, n_epochs=2, seed=1, device="cpu"
        )
        converted(agent.policy)
        agent.learn(256)
        return [p.detach().clone() for p in agent.policy.parameters()]

    for way in ("convert", "swap"):
        yield Fit(f"RecurrentPPO.learn, by {way}", fit, way)


if __name__ == "__main__":
    run(cases, "sb3-contrib==2.9.2")
