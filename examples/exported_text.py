"""Goes on with a text by an exported language model of characters, without Elman and without torch.

    elman train language-model book.txt --out runs/mine
    elman export runs/mine --out shipped
    python examples/exported_text.py shipped "The "

The state of the network goes from call to call, so each character costs one step.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def continued(folder: Path, text: str, characters: int = 40) -> str:
    """Returns the text and the characters that the network finds most probable after it."""
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    symbols = json.loads(metadata["vocabulary"])["symbols"]
    session = onnxruntime.InferenceSession(folder / "step.onnx")
    shapes = {port.name: port.shape for port in session.get_inputs() if port.name.endswith("_in")}
    state = {name: np.zeros((layers, 1, units), "float32") for name, (layers, _, units) in shapes.items()}
    names = [port.name for port in session.get_outputs()]

    def read(symbol: str, reset: bool) -> str:
        given = {"x": np.array([symbols.index(symbol)]), "reset": np.array([reset]), **state}
        results = dict(zip(names, session.run(None, given), strict=True))
        state.update({name: results[name.replace("_in", "_out")] for name in state})
        return symbols[int(results["logits"][0, : len(symbols)].argmax())]

    for k, symbol in enumerate(text):
        following = read(symbol, reset=k == 0)
    for _ in range(characters):
        text += following
        following = read(following, reset=False)
    return text


if __name__ == "__main__":
    print(continued(Path(sys.argv[1]), sys.argv[2]))
