"""The device of the tests marked ``gpu``: CUDA, or what ELMAN_GPU_TESTS names (``cpu`` tries the tests)."""

import os

import pytest
import torch


@pytest.fixture
def device() -> torch.device:
    name = os.environ.get("ELMAN_GPU_TESTS", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device(name)


@pytest.fixture(autouse=True)
def exact_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products in float32: TF32 keeps ten bits, too few to compare with."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
