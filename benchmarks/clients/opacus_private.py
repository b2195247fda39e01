"""Opacus: its fixer turns ``nn.LSTM`` into a layer of its own, which ``convert`` leaves; then it trains."""

import warnings
from collections.abc import Iterator

import torch
from client import Case, Model, run
from torch import Tensor, nn


class Classifier(nn.Module):
    """Sequences [B, T, 5] to three scores; the second layer is frozen and needs no gradient of a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.frozen, self.out = (
            nn.LSTM(5, 8, batch_first=True),
            nn.GRU(8, 8, batch_first=True),
            nn.Linear(8, 3),
        )
        self.frozen.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        return self.out(self.frozen(self.rnn(x)[0])[0][:, -1])


def cases() -> Iterator[Case]:
    from opacus import PrivacyEngine
    from opacus.validators import ModuleValidator
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(3)
    x, y = torch.randn(12, 7, 5), torch.arange(12) % 3

    def build() -> nn.Module:
        model = Classifier()
        fixed = ModuleValidator.fix(model)
        fixed.frozen = nn.GRU(8, 8, batch_first=True).requires_grad_(False)
        return fixed

    def private(model: nn.Module) -> list[Tensor]:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            model.train()
            loader = DataLoader(TensorDataset(x, y), batch_size=6)
            optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
            wrapped, optimizer, loader = PrivacyEngine().make_private(
                module=model,
                optimizer=optimizer,
                data_loader=loader,
                noise_multiplier=0.0,
                max_grad_norm=1.0,
                poisson_sampling=False,
            )
            for rows, labels in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(wrapped(rows), labels).backward()
                optimizer.step()
            wrapped.remove_hooks()
        return [p.detach().clone() for p in model.parameters()]

    yield Model("PrivacyEngine after ModuleValidator.fix", build, private, modes=("eval",))


if __name__ == "__main__":
    run(cases, "opacus==1.6.0")
