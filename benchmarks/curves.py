"""One run on several backends: the same loss curve, in another time.

python benchmarks/curves.py TEXT --config recipes/tiny_shakespeare.yaml --epochs 3
"""

import argparse
import tempfile
from pathlib import Path

from elman.config import read_yaml
from elman.tasks.language_model.task import LanguageModel
from elman.train.files import HISTORY
from elman.train.history import read_history


class OnBackend(LanguageModel):
    """A language model whose layer runs on the backend named."""

    backend = "auto"

    def build(self):
        model = super().build()
        model.layer.backend = self.backend
        return model


def run(backend, options, data):
    """Validation losses by epoch, and seconds."""
    OnBackend.backend = backend
    task = OnBackend(**options)
    with tempfile.TemporaryDirectory() as folder:
        task.train([data], Path(folder) / "run", show_progress=True)
        lines = read_history(Path(folder) / "run" / HISTORY)
    return [line["loss"] for line in lines if line["kind"] == "validation"], lines[-1]["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="text to train on")
    parser.add_argument("--config", type=Path, required=True, help="YAML file of options")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--backends", nargs="+", default=["cpu", "reference"])
    given = parser.parse_args()
    options = {name.replace("-", "_"): value for name, value in read_yaml(given.config).items()}
    options |= {"epochs": given.epochs, "max_minutes": None, "ngram_order": 1}
    found = {backend: run(backend, options, given.data) for backend in given.backends}
    print(f"| backend | {' | '.join(f'epoch {k + 1}' for k in range(given.epochs))} | seconds |")
    print("|---" * (given.epochs + 2) + "|")
    for backend, (losses, seconds) in found.items():
        print(f"| {backend} | {' | '.join(f'{loss:.4f}' for loss in losses)} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
