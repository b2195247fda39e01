"""Made the run folders beside this file, and the answers of each.

It was run with version 0.1.0, from the top of the repository, and is kept for reading:

    PYTHONPATH=tests:tests/tasks OMP_NUM_THREADS=1 .venv/bin/python tests/tasks/old_runs/make.py

A later version must read these folders as they are: folders that it made itself would prove nothing. Only
``language_model_0.1.0`` is older than this program; its answers were recorded here too. Pictures were left
out, to keep the folders small. What each run is asked is in ``test_old_runs.py``.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from test_old_runs import RUNS, answers, put, sample
from tiny import interrupt_at, reviews, rhythm, rhythm_values, sales, sentences, table, text

import elman
from elman.errors import Interrupted
from elman.train import progress

VERSION = "0.1.0"
COMMON: dict[str, Any] = {"hidden_size": 4, "batch_size": 8, "epochs": 5, "learning_rate": 0.05, "seed": 1}
TEXT = COMMON | {"embedding_size": 4}
LONG = (0.6, 0.2, 0.2)


# Data


def grammar(number: int, seed: int) -> str:
    """Lines of one pattern of words, so that there is something to learn of their order."""
    rng = np.random.default_rng(seed)
    kinds = (["the", "a"], ["big", "red"], ["cat", "dog"], ["sat", "ran"], ["on", "to"], ["the"], ["mat"])
    lines = zip(*(rng.choice(kind, number) for kind in kinds), strict=True)
    return "".join(" ".join(line) + "\n" for line in lines)


def pairs(number: int, seed: int) -> str:
    """A CSV of two texts and whether they begin with the same word."""
    rng = np.random.default_rng(seed)
    lines = ["text,other,label"]
    for _ in range(number):
        one, other = (" ".join(rng.choice(["sun", "rain", "wind"], 3)) for _ in range(2))
        lines.append(f"{one},{other},{('different', 'same')[one.split()[0] == other.split()[0]]}")
    return "\n".join(lines) + "\n"


def several(number: int, seed: int) -> str:
    """A CSV of texts, each with the labels that its words call for, or with none."""
    rng = np.random.default_rng(seed)
    topics = {"goal": "sport", "match": "sport", "vote": "politics", "law": "politics", "song": "music"}
    lines = ["text,label"]
    for _ in range(number):
        words = rng.choice([*topics, "today", "again", "there"], 4).tolist()
        labels = sorted({topics[word] for word in words if word in topics})
        lines.append(f"{' '.join(words)},{';'.join(labels)}")
    return "\n".join(lines) + "\n"


def steps(number: int, seed: int) -> str:
    """A CSV of sequences of two numbers that rise or fall."""
    rng = np.random.default_rng(seed)
    lines = ["unique_id,ds,a,b,label"]
    for k in range(number):
        slope = (1, -1)[k % 2]
        for step in range(int(rng.integers(3, 7))):
            a, b = slope * step + rng.normal(), rng.normal()
            lines.append(f"s{k},{step},{a:.3f},{b:.3f},{('rises', 'falls')[k % 2]}")
    return "\n".join(lines) + "\n"


def counts(series: int, seed: int) -> str:
    """A CSV of weekly patterns of counts, by numbered days."""
    rng = np.random.default_rng(seed)
    lines = ["unique_id,ds,y"]
    for k in range(series):
        y = rng.poisson((3 + k) * (1.5 + np.sin(2 * np.pi * np.arange(50) / 7)))
        lines += [f"s{k},{day},{value}" for day, value in enumerate(y)]
    return "\n".join(lines) + "\n"


def images(number: int, seed: int) -> dict[str, list[Any]]:
    """Images of 6 × 6 pixels with a bright row for each of three classes, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 3
    drawn = rng.integers(60, size=(number, 6, 6))
    drawn[np.arange(number), 2 * labels] += 190
    return {"images-idx3-ubyte": drawn.tolist(), "labels-idx1-ubyte": labels.tolist()}


def sequences(number: int, features: int, seed: int) -> dict[str, Any]:
    """Numbers [N, 5, I] and how many steps of each count."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 6, number).tolist()
    return {"numbers": rng.normal(size=(number, 5, features)).round(3).tolist(), "lengths": lengths}


# Runs


def learnt(
    name: str, task: Any, files: dict[str, Any], given: dict[str, Any], *, stop_at: int | None = None
) -> None:
    """Trains on files, as ``elman train`` does, up to a step where one is given; records the answers."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        data.mkdir()
        put(files, data)
        out = RUNS / f"{name}_{VERSION}"
        with contextlib.chdir(data):  # examples are named by their files, here without a folder
            paths = (["."] if task.name == "digits" else sorted(files)) or None
            if stop_at is None:
                task.train(paths, out)
            else:
                progress.make_progress = lambda: interrupt_at(stop_at)
                with contextlib.suppress(Interrupted):
                    task.train(paths, out, show_progress=True)
    record(out, given)


def record(out: Path, given: dict[str, Any], *, keeps_data: bool = True) -> None:
    """Asks the run as it is on the disk, a copy of it if it is to be resumed first."""
    for picture in out.glob("*.png"):
        picture.unlink()
    given = {"files": {}} | given
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(out, Path(scratch) / out.name))
        unfinished = (out / "checkpoint.safetensors").exists()
        task = elman.resume(copy) if unfinished else elman.load(copy)
        found: dict[str, Any] = {"given": given, "answers": answers(task, given, Path(scratch))}
        if unfinished:
            found["results"] = {key: task.results[key] for key in ("parameters", "steps")}
        elif keeps_data:
            found["answers"]["sample"] = sample(task)
    content = json.dumps(found, ensure_ascii=False, allow_nan=False)
    out.with_name(f"{out.name}.json").write_text(f"{content}\n", "utf-8")
    print(f"{out.name}: {sum(path.stat().st_size for path in out.iterdir())} bytes")


def language_models() -> None:
    asked = {"prompts": ["the "], "files": {"new.txt": "the big dog sat on a red mat.\na cat ran.\n"}}
    record(RUNS / f"language_model_{VERSION}", asked, keeps_data=False)
    asked = {"prompts": ["the ", ""], "files": {"new.txt": text(30, seed=5)}}
    options = TEXT | {"bptt": 20, "batch_size": 4, "split": (0.8, 0.1, 0.1), "ngram_order": 3}
    words = elman.LanguageModel(
        **options, level="words", tied=True, layers=2, residual=True, weight_dropout=0.1, min_count=3
    )
    learnt("language_model_words", words, {"corpus.txt": grammar(60, seed=0) + "once upon a time\n"}, asked)
    subwords = elman.LanguageModel(
        **options | {"epochs": 15},
        level="subwords",
        vocab_size=280,
        cell="gru",
        learned_state=True,
        lowercase=True,
    )
    learnt(
        "language_model_subwords",
        subwords,
        {"a.txt": grammar(30, seed=0), "b.txt": grammar(30, seed=1)},
        asked,
    )
    raw = elman.LanguageModel(**options, level="bytes", cell="gru-reset-before")
    learnt("language_model_bytes", raw, {"corpus.txt": text(200)}, asked)
    unfinished = elman.LanguageModel(**options | {"hidden_size": 6}, dropout=0.1, watch_gradients=5)
    learnt("language_model_unfinished", unfinished, {"corpus.txt": text(300)}, asked, stop_at=40)


def classifications() -> None:
    texts = ["the big good dog", "a bad cat on w3", "red mat", "nothing known"]
    task = elman.SequenceClassifier(**TEXT, split=LONG, min_count=1, layers=2)
    asked = {"texts": texts, "files": {"new.csv": reviews(12, seed=5)}}
    learnt("classification_texts", task, {"reviews.csv": reviews()}, asked)
    task = elman.SequenceClassifier(
        **TEXT,
        split=LONG,
        level="characters",
        pair_column="other",
        dropout=0.0,
        cell="gru",
        pooling="attention",
    )
    asked = {
        "texts": [["sun rain wind", "sun sun"], ["wind", "rain sun wind"]],
        "files": {"new.csv": pairs(8, seed=5)},
    }
    learnt("classification_pairs", task, {"pairs.csv": pairs(40, seed=0)}, asked)
    task = elman.SequenceClassifier(
        **TEXT, split=LONG, label_separator=";", level="subwords", pooling="max", cell="coupled-lstm"
    )
    asked = {"texts": ["goal song again", "vote", "there today"], "files": {"new.csv": several(8, seed=5)}}
    learnt("classification_labels", task, {"topics.csv": several(50, seed=0)}, asked)
    task = elman.SequenceClassifier(**COMMON, split=LONG, bidirectional=False, pooling="last", cell="elman")
    asked = sequences(4, 2, seed=5) | {"files": {"new.csv": steps(6, seed=5)}}
    learnt("classification_sequences", task, {"steps.csv": steps(30, seed=0)}, asked)


def regressions() -> None:
    task = elman.SequenceRegressor(
        **COMMON, split=LONG, cell="peephole-lstm", layers=2, bidirectional=True, learned_state=True
    )
    targets = {"targets": [0.5, -1.25, 2.0, 0.0], "files": {"new.csv": table(8, seed=5)}}
    learnt("regression", task, {"table.csv": table()}, sequences(4, 2, seed=5) | targets)
    task = elman.SequenceRegressor(**COMMON, cell="gru-reset-before")
    fitted, out = sequences(20, 3, seed=0), RUNS / f"regression_outputs_{VERSION}"
    X = np.array(fitted["numbers"])
    task.fit(X, X[:, :2].sum(1)[:, :2], fitted["lengths"], out=out)
    record(out, sequences(3, 3, seed=5) | {"targets": [[1.0, 0.5], [-2.0, 0.0], [0.25, 3.0]]})


def forecasts() -> None:
    options = COMMON | {"horizon": 4, "width": 4, "moments": 4, "embedding_size": 2}
    known = {"known_future": ("price",), "past": ("weather",), "static": ("shop",)}
    plain = {"sales.csv": no_covariates(sales(3, future=0))}
    asked = {"steps": 3, "files": {"new.csv": no_covariates(sales(2, seed=5, future=0))}}
    learnt("forecasting_direct", elman.Forecaster(**options), plain, asked)
    task = elman.Forecaster(**options, model="es-rnn", distribution="normal", context=24, inputs=6)
    learnt("forecasting_es_rnn", task, plain, asked)
    task = elman.Forecaster(
        **options, **known, model="recursive", cell="gru", lags=(1, 2, 12), context=12, paths=9, ensemble=2
    )
    asked = {"steps": 3, "files": {"new.csv": sales(2, seed=5)}}
    learnt("forecasting_recursive", task, {"sales.csv": sales(3, future=4)}, asked)
    task = elman.Forecaster(**options, season=(7,), distribution="negative-binomial")
    asked = {"steps": 2, "files": {"new.csv": counts(2, seed=5)}}
    learnt("forecasting_counts", task, {"counts.csv": counts(3, seed=0)}, asked)


def no_covariates(content: str) -> str:
    """A table's first three columns."""
    return "".join(",".join(line.split(",")[:3]) + "\n" for line in content.splitlines())


def translations() -> None:
    asked = {"texts": ["the big cat", "", "a dog ran"], "files": {"new.tsv": sentences(6, seed=5)}}
    options = TEXT | {"split": LONG, "hidden_size": 8, "epochs": 15, "dropout": 0.0, "label_smoothing": 0.0}
    task = elman.Translator(**options)
    learnt("translation", task, {"pairs.tsv": sentences(100)}, asked)
    task = elman.Translator(
        **options, level="words", shared_vocabulary=False, input_feeding=True, tied=False,
        attention="additive", bridge="last", cell="gru",
    )  # fmt: skip
    learnt("translation_words", task, {"pairs.tsv": sentences(100)}, asked)


def anomalies() -> None:
    options = COMMON | {"window": 12, "history": 50, "smoothing": 3, "threshold": 3.0}
    X = rhythm_values(80, seed=5)
    X[50:54, 1] = 30
    asked = {"numbers": X.round(5).tolist(), "streams": True, "files": {"new.csv": rhythm(80, values=X)}}
    task = elman.AnomalyDetector(**options, cell="layer-norm-lstm")
    learnt("anomaly_detection_forecaster", task, {"table.csv": rhythm()}, asked)
    task = elman.AnomalyDetector(**options, model="autoencoder")
    learnt("anomaly_detection_autoencoder", task, {"table.csv": rhythm()}, asked | {"streams": False})


def problems() -> None:
    options = COMMON | {"length": 8, "sequences": 40, "held_out": 12}
    learnt("adding", elman.AddingProblem(**options), {}, {"length": 10})
    task = elman.CopyingMemory(**options, symbols=3, items=2, cell="projected-lstm:proj_size=3")
    learnt("copy", task, {}, {"length": 10})
    learnt("parity", elman.ParityProblem(**options, cell="gru"), {}, {"length": 10})


def digits() -> None:
    task = elman.DigitClassifier(
        **COMMON, permuted=True, pixels=2, validation=0.25, cell="elman:nonlinearity=relu", init="identity"
    )
    files = {f"train-{name}": each for name, each in images(24, seed=0).items()}
    files |= {f"t10k-{name}": each for name, each in images(9, seed=1).items()}
    new = {f"t10k-{name}": each for name, each in images(5, seed=5).items()}
    learnt("digits", task, files, {"files": new})


if __name__ == "__main__":
    if elman.__version__ != VERSION:
        sys.exit(f"these are the runs of version {VERSION}. Got {elman.__version__}.")
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    for make in (
        classifications, regressions, forecasts, translations, anomalies, problems, digits, language_models,
    ):  # fmt: skip
        make()
