"""What the command line's help reads imports nothing heavy."""

import subprocess
import sys

import pytest

LIGHT = (
    "elman.config",
    "elman.cli.main",
    "elman.errors",
    "elman.registry",
    "elman.decode.options",
    "elman.pictures.base",
    "elman.tasks.classification.options",
    "elman.tasks.shared.table",
    "elman.train.options",
)
HEAVY = (
    "torch",
    "numpy",
    "matplotlib",
    "polars",
    "rich",
    "yaml",
    "tokenizers",
    "sklearn",
    "lightning_fabric",
)


@pytest.mark.parametrize("module", LIGHT)
def test_nothing_heavy_is_imported(module):
    code = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
