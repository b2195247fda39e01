"""fastai: its AWD-LSTM with dropped hidden weights, as it is and trained by its Learner."""

from collections.abc import Callable, Iterator

import torch
from client import Case, Fit, Model, run
from torch import Tensor, nn

WORDS = 40


def cases() -> Iterator[Case]:
    import fastai.callback.progress  # noqa: F401  (gives the Learner its no_bar)
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.losses import CrossEntropyLossFlat
    from fastai.text.models.awdlstm import AWD_LSTM, awd_lstm_lm_config
    from fastai.text.models.core import get_language_model

    words = torch.arange(4 * 30).reshape(4, 30) * 7 % WORDS

    def encoder() -> nn.Module:
        return AWD_LSTM(WORDS, 16, 24, 2)

    def forward(model: nn.Module) -> Tensor:
        model.reset()
        return model(words)

    yield Model("AWD_LSTM", encoder, forward)

    def fit(converted: Callable[[nn.Module], nn.Module]) -> list[Tensor]:
        torch.manual_seed(0)
        config = awd_lstm_lm_config | {"emb_sz": 16, "n_hid": 24, "n_layers": 2}
        model = converted(get_language_model(AWD_LSTM, WORDS, config=config))
        pairs = [(words[k % 4], words[k % 4].roll(-1)) for k in range(16)]
        loaders = DataLoaders.from_dsets(pairs, pairs, bs=4, shuffle=False, num_workers=0, device="cpu")
        learner = Learner(loaders, model, loss_func=first_of(CrossEntropyLossFlat()))
        with learner.no_bar(), learner.no_logging():
            learner.fit(2, 1e-2)
        return [p.detach() for p in model.parameters()]

    def first_of(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[tuple, Tensor], Tensor]:
        """Returns the loss of the scores, the first of the three things that the model gives."""
        return lambda outputs, target: loss(outputs[0], target)

    yield Fit("language model by Learner", fit)


if __name__ == "__main__":
    run(
        cases,
        "fastdownload<2",
        "fastcore>=2.2.22",
        "fasttransform",
        "fastprogress",
        "plum-dispatch<2.10",
        "cloudpickle",
        "pandas",
        "requests",
        "scipy",
        "pillow",
        "scikit-learn",
        without_dependencies=("fastai==2.8.12",),
    )
