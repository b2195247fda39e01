"""What cuDNN demands of a call of torch's layers, checked on a CPU that stands in for it."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import _VF, Tensor

from elman.batch import to_device
from elman.cells.named import make_cell
from elman.kernels import aten
from elman.layers import Recurrent

I, H, B, T = 3, 4, 5, 6
CELLS = ("elman", "elman:nonlinearity=relu", "lstm", "gru", "projected-lstm:proj_size=2")


class CuDNN:
    """Torch's layers, which raise where those of cuDNN do."""

    def __init__(self) -> None:
        self.training: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        def layer(*arguments: Any) -> Any:
            hx = next(a for a in arguments[1:] if not (isinstance(a, Tensor) and a.dim() == 1))  # batch sizes
            assert all(s.is_contiguous() for s in ([hx] if isinstance(hx, Tensor) else hx))
            at = next(k for k, a in enumerate(arguments) if type(a) is bool)  # bias, layers, dropout, train
            _, _, dropout, training = arguments[at : at + 4]
            assert dropout == 0
            self.training.append(training)
            return getattr(_VF, name)(*arguments)

        return layer


@pytest.fixture
def cudnn(monkeypatch: pytest.MonkeyPatch) -> CuDNN:
    cudnn = CuDNN()
    monkeypatch.setattr(aten, "_VF", cudnn)
    monkeypatch.setattr(aten, "_is_cudnn", lambda data: True)
    return cudnn


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_states_are_contiguous_and_gradients_are_asked_of_training_alone(cudnn, cell, ragged):
    layer = Recurrent(make_cell(cell, I, H), 2, bidirectional=True, learned_state=True, backend="aten")
    lengths = torch.tensor([T, 0, 3, 3, 1]) if ragged else None
    x = torch.randn(T, B, I)
    layer.eval()(x, lengths=lengths)[0].sum().backward()  # torch's own layers raise here on a GPU
    with torch.no_grad():
        layer.train()(x, lengths=lengths)
    assert cudnn.training == [True, False]


def test_dropout_between_layers_follows_the_seed(cudnn):
    layer, x = Recurrent(make_cell("gru", I, H), 3, dropout=0.5, backend="aten"), torch.randn(T, B, I)
    outputs = []
    for _ in range(2):
        torch.manual_seed(1)
        outputs.append(layer(x)[0])
    assert torch.equal(*outputs)
    assert not torch.equal(outputs[0], layer(x)[0])
    assert len(cudnn.training) == 9


def test_a_copy_to_the_cpu_is_waited_for(monkeypatch):
    waited = {}

    def to(tensor: Tensor, device: torch.device, *, non_blocking: bool) -> Tensor:
        waited[device.type] = not non_blocking
        return tensor

    monkeypatch.setattr(Tensor, "to", to)
    for name in ("cpu", "cuda"):
        to_device((torch.ones(2),), torch.device(name))
    assert waited == {"cpu": True, "cuda": False}


def test_torch_does_not_warn_of_what_nobody_can_change():
    program = """if True:
        import torch
        from elman.cells.named import make_cell
        from elman.layers import Recurrent
        layer = Recurrent(make_cell("projected-lstm:proj_size=2", 3, 4), backend="aten")
        print(layer(torch.ones(6, 5, 3))[0].shape[-1])
    """
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("2\n", "")
