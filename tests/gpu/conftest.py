"""The device of the tests marked ``gpu``: CUDA, or what ELMAN_GPU_TESTS names (``cpu`` tries the tests)."""

import os
from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def device() -> torch.device:
    name = os.environ.get("ELMAN_GPU_TESTS", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device(name)


@pytest.fixture(autouse=True)
def exact_and_reproducible() -> Iterator[None]:
    """The same random numbers in every test, and products in float32: TF32 keeps ten bits, too few here."""
    torch.manual_seed(0)
    products = torch.backends.cuda.matmul
    before = products.allow_tf32
    products.allow_tf32 = False
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # PyTorch's own checks forbid setting it
        yield
    products.allow_tf32 = before
