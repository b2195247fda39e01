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


WITHOUT = """if True:
    import importlib.machinery, sys

    class Absent(importlib.machinery.PathFinder):
        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if name.partition(".")[0] in ("matplotlib", "polars", "rich", "tokenizers", "yaml"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Absent)
    import importlib.util
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name == "matplotlib" else find(name, *rest)
    import numpy as np
    import elman

    small = {"hidden_size": 4, "epochs": 1, "batch_size": 4}
    texts = ["the cat sat. " * 60]
    model = elman.LanguageModel(**small, embedding_size=4, bptt=20).fit(texts=texts, out="lm")
    assert "".join(elman.load("lm").generate("the", length=9, seed=1)) == "".join(
        model.generate("the", length=9, seed=1)
    )
    x = np.random.default_rng(0).normal(size=(24, 5, 2))
    judge = elman.SequenceClassifier(**small).fit(x, [0, 1] * 12, out="judge")
    assert (elman.load("judge").predict(x) == judge.predict(x)).all()
    try:
        elman.LanguageModel(**small, level="subwords").fit(texts=texts)
    except elman.InputError as error:
        print(error)
"""


def test_language_models_of_characters_and_classifiers_of_numbers_need_few_libraries(tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("tokenizers is not installed, and this needs it\n", "")
    assert not list(tmp_path.rglob("*.png"))
