"""CleanRL's agent for Atari with an LSTM, rebuilt by hand: states begin anew at the ends of episodes."""

from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn

SIZE, ACTIONS = 32, 6


class Agent(nn.Module):
    """Frames to actions' scores and a value; ``done`` sets the state to zero."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(1, 4, 8, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 81, SIZE), nn.ReLU()
        )
        self.lstm = nn.LSTM(SIZE, SIZE)
        for name, parameter in self.lstm.named_parameters():
            if "bias" in name:
                nn.init.constant_(parameter, 0)
            elif "weight" in name:
                nn.init.orthogonal_(parameter, 1.0)
        self.actor, self.critic = nn.Linear(SIZE, ACTIONS), nn.Linear(SIZE, 1)

    def forward(self, frames: Tensor, state: tuple[Tensor, Tensor], done: Tensor) -> list[Tensor]:
        """Frames [T, B, 1, 40, 40], a state, done [T, B]: scores, values and the state."""
        steps, rows = done.shape
        hidden = self.network(frames.flatten(0, 1)).view(steps, rows, -1)
        outputs = []
        for h, d in zip(hidden, done, strict=True):
            keep = (1.0 - d).view(1, -1, 1)
            out, state = self.lstm(h[None], (keep * state[0], keep * state[1]))
            outputs.append(out)
        y = torch.cat(outputs)
        return [self.actor(y), self.critic(y), *state]


def cases() -> Iterator[Case]:
    torch.manual_seed(3)
    frames, done = torch.randn(6, 2, 1, 40, 40), (torch.rand(6, 2) < 0.3).float()
    zeros = torch.zeros(1, 2, SIZE)
    yield Model("PPO agent", Agent, lambda model: model(frames, (zeros, zeros), done))


if __name__ == "__main__":
    run(cases)
