"""fastai's text classifier from nothing, for an interpreter that has fastai.

    python benchmarks/own/fastai_peer.py SET_FOLDER SEED MINUTES

Prints figure, seconds and the result of each test row as JSON. fastai has no default number of epochs; it is
given ten.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from fastai.callback.core import Callback, CancelFitException
from fastai.text.all import AWD_LSTM, TextDataLoaders, set_seed, text_classifier_learner


class Deadline(Callback):
    """Ends the training after so many minutes."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    def after_batch(self) -> None:
        if time.monotonic() > self.end:
            raise CancelFitException


def main() -> None:
    folder, seed, minutes = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    train, test = (
        pd.read_csv(folder / f"{part}.tsv", sep="\t", dtype=str, keep_default_na=False)
        for part in ("train", "test")
    )
    set_seed(seed)
    began = time.perf_counter()
    loaders = TextDataLoaders.from_df(train, text_col="text", label_col="label", seed=seed)
    learner = text_classifier_learner(loaders, AWD_LSTM, pretrained=False)
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(10, cbs=Deadline(minutes))
        seconds = time.perf_counter() - began
        probabilities, _ = learner.get_preds(dl=loaders.test_dl(test["text"].tolist()))
    names = list(loaders.vocab[1])
    predicted = [names[k] for k in probabilities.argmax(1).tolist()]
    rows = [float(label == guess) for label, guess in zip(test["label"], predicted, strict=True)]
    print(json.dumps({"figure": sum(rows) / len(rows), "seconds": seconds, "rows": rows, "more": {}}))


if __name__ == "__main__":
    main()
