"""What the command line's help reads imports nothing heavy."""

import json
import subprocess
import sys

import pytest
from tiny import table, text

from elman import LanguageModel, SequenceRegressor

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


UNUSED = ("matplotlib", "rich", "tokenizers", "sklearn", "lightning_fabric", "yaml", "torch._dynamo", "sympy")
VERBS = """if True:
    import contextlib, io, json, sys
    import elman, elman.layers
    from elman.cli import main

    found = {"import elman.layers": [name for name in UNUSED + ("polars",) if name in sys.modules]}
    for command, unused in COMMANDS.items():
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert main(command.split()) == 0
        assert said.getvalue().strip()
        found[command] = [name for name in unused if name in sys.modules]
    print(json.dumps(found))
"""


def test_verbs_import_only_what_they_need(tmp_path):
    """torch's compiler, which is torch._dynamo, takes as long to import as the rest of torch."""
    small = {"hidden_size": 4, "epochs": 1, "batch_size": 8}
    (tmp_path / "corpus.txt").write_text(text(40))
    (tmp_path / "table.csv").write_text(table(30))
    LanguageModel(**small, embedding_size=4, bptt=10).train(tmp_path / "corpus.txt", tmp_path / "lm")
    SequenceRegressor(**small).train(tmp_path / "table.csv", tmp_path / "numbers")
    commands = {
        "show lm": (*UNUSED, "polars"),
        "generate lm --length 5": (*UNUSED, "polars"),
        "show numbers": UNUSED,
        "predict numbers table.csv": UNUSED,  # polars reads the table
    }
    program = VERBS.replace("UNUSED", repr(UNUSED)).replace("COMMANDS", repr(commands))
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {what: [] for what in ("import elman.layers", *commands)}
