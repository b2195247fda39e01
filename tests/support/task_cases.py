"""A case for every task of the package."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from tiny import (
    SMALL,
    idx_files,
    reviews,
    rhythm,
    sales,
    sentences,
    table,
    tagged,
    text,
)
from tiny_music import rolls
from tiny_speech import SPEECH, recordings, sound, wav
from tiny_video import other_end as other_frames
from tiny_video import planes

from elman.data.split import split_points, stratified_split
from elman.testing import TaskCase


def shuffled_end(content: str, options: dict[str, Any]) -> str:
    """The same characters in the last part of a text, in another order."""
    _, begin = split_points(len(content), options["split"])
    end = np.random.default_rng(0).permutation(list(content[begin:]))
    return content[:begin] + "".join(end)


def other_sequences(content: str, options: dict[str, Any]) -> str:
    """Other numbers in the sequences that the seed puts into the test part."""
    head, *rows = content.splitlines()
    split = [row.split(",") for row in rows]
    names = list(dict.fromkeys(row[0] for row in split))
    _, begin = split_points(len(names), options["split"])
    test = {names[k] for k in np.random.default_rng(options["seed"]).permutation(len(names))[begin:]}
    changed = [
        [*row[:2], *(str(100 - 9 * float(value)) for value in row[2:])] if row[0] in test else row
        for row in split
    ]
    return "\n".join([head, *map(",".join, changed)]) + "\n"


def other_horizon(content: str, options: dict[str, Any]) -> str:
    """Other targets in the last horizon of each series, where all else stays."""
    head, *rows = content.splitlines()
    split = [row.split(",") for row in rows]
    for name in {row[0] for row in split}:
        known = [row for row in split if row[0] == name and row[2]]
        for row in known[-options["horizon"] :]:
            row[2] = str(90 - float(row[2]) / 2)
    return "\n".join([head, *map(",".join, split)]) + "\n"


def other_pairs(content: str, options: dict[str, Any]) -> str:
    """Other translations in the pairs that the seed puts into the test part."""
    lines = content.splitlines()
    _, begin = split_points(len(lines), options["split"])
    for k in np.random.default_rng(options["seed"]).permutation(len(lines))[begin:]:
        source, _, target = lines[k].partition("\t")
        lines[k] = f"{source}\t{target[::-1]} the end"
    return "\n".join(lines) + "\n"


def other_texts(content: str, options: dict[str, Any]) -> str:
    """Other words in the texts that the seed puts into the test part; the same labels."""
    head, *rows = content.splitlines()
    texts, labels = zip(*(row.split(",") for row in rows), strict=True)
    *_, test = stratified_split(labels, options["split"], options["seed"])
    changed = [f"dull {text[::-1]}" if k in test else text for k, text in enumerate(texts)]
    return "\n".join([head, *map(",".join, zip(changed, labels, strict=True))]) + "\n"


def packed(clips: int = 20, seed: int = 0) -> bytes:
    """An ``.npz`` file of small clips, some of which change and some of which do not."""
    random = np.random.default_rng(seed)
    lengths, labels = random.integers(4, 7, clips), np.where(np.arange(clips) % 2, "moves", "stands")
    frames = [
        random.integers(0, 256, (length if label == "moves" else 1, 8, 8)).repeat(
            1 if label == "moves" else length, 0
        )
        for length, label in zip(lengths, labels, strict=True)
    ]
    file = io.BytesIO()
    offsets = np.cumsum([0, *lengths])
    np.savez(file, frames=np.concatenate(frames).astype(np.uint8), offsets=offsets, label=labels)
    return file.getvalue()


def other_clips(content: bytes, options: dict[str, Any]) -> bytes:
    """Other pixels in the clips that the seed puts into the test part; the same labels."""
    arrays = dict(np.load(io.BytesIO(content)))
    *_, test = stratified_split(arrays["label"].tolist(), options["split"], options["seed"])
    for k in test:
        arrays["frames"][arrays["offsets"][k] : arrays["offsets"][k + 1]] //= 3
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def other_tags(content: str, options: dict[str, Any]) -> str:
    """Other words and tags in the sentences that the seed puts into the test part."""
    blocks = content.strip().split("\n\n")
    _, begin = split_points(len(blocks), options["split"])
    for k in np.random.default_rng(options["seed"]).permutation(len(blocks))[begin:]:
        words = [line.split()[0] for line in blocks[k].split("\n")]
        blocks[k] = "\n".join(f"{word[::-1]}x D {'B-PER' if n % 2 else 'O'}" for n, word in enumerate(words))
    return "\n\n".join(blocks) + "\n"


def other_end(content: str, options: dict[str, Any]) -> str:
    """Other numbers in the rows of a series' test part."""
    head, *rows = content.splitlines()
    _, begin = split_points(len(rows), options["split"])
    changed = [
        ",".join([row.split(",")[0], *(str(100 - 9 * float(value)) for value in row.split(",")[1:])])
        for row in rows[begin:]
    ]
    return "\n".join([head, *rows[:begin], *changed]) + "\n"


def other_images(content: bytes, options: dict[str, Any]) -> bytes:
    """Other pixels in an idx file of images; the same head."""
    return content[:16] + bytes(255 - byte for byte in content[16:])


def other_transcripts(content: bytes, options: dict[str, Any]) -> bytes:
    """Other transcripts of the recordings that the seed puts into the test part."""
    head, *rows = content.decode().splitlines()
    _, begin = split_points(len(rows), options["split"])
    for k in np.random.default_rng(options["seed"]).permutation(len(rows))[begin:]:
        rows[k] = f"{rows[k].partition(',')[0]},ha"
    return "\n".join([head, *rows, ""]).encode()


def other_chords(content: str, options: dict[str, Any]) -> str:
    """Other chords in the pieces that the seed puts into the test part."""
    pieces = json.loads(content)
    _, begin = split_points(len(pieces), options["split"])
    for k in np.random.default_rng(options["seed"]).permutation(len(pieces))[begin:]:
        pieces[k] = [[pitch + number % 3 for pitch in step] for number, step in enumerate(pieces[k])]
    return json.dumps(pieces)


COMMON = SMALL | {"seed": 3, "dropout": 0.1, "learning_rate": 0.01}
DRAWN = COMMON | {"length": 6, "sequences": 10, "held_out": 9}
OTHERS_DRAWN = {"length": 5, "sequences": 7, "show": 2, "seed": 1}
CASES = {
    "adding": TaskCase("adding", DRAWN, OTHERS_DRAWN),
    "anomaly-detection": TaskCase(
        "anomaly-detection",
        COMMON | {"window": 12, "calendar": "day", "split": (0.5, 0.2, 0.3), "history": 60},
        {"data": Path("new.csv")},
        {"table.csv": rhythm(), "new.csv": rhythm(60, seed=1)},
        other_end,
    ),
    "classification": TaskCase(
        "classification",
        COMMON | {"embedding_size": 4, "pooling": "attention", "split": (0.6, 0.2, 0.2), "min_count": 1},
        {"data": Path("new.csv")},
        {"reviews.csv": reviews(), "new.csv": reviews(12, seed=1)},
        other_texts,
    ),
    "copy": TaskCase("copy", DRAWN | {"symbols": 3, "items": 2}, OTHERS_DRAWN),
    "digits": TaskCase(
        "digits",
        COMMON | {"permuted": True, "pixels": 14, "validation": 0.25, "cell": "gru"},
        {"data": Path("other/t10k-images-idx3-ubyte")},
        idx_files("mnist", "t10k", 9)
        | idx_files("mnist", "train", 16)
        | idx_files("other", "t10k", 7, seed=1),
        other_images,
        trained_on=["mnist"],
        evaluated_on=["other"],
    ),
    "forecasting": TaskCase(
        "forecasting",
        COMMON
        | {"model": "recursive", "horizon": 4, "ensemble": 2, "context": 12, "lags": (1, 2, 12), "paths": 7}
        | {"known_future": ("price",), "past": ("weather",), "static": ("shop",), "cell": "gru"},
        {"data": (Path("other.csv"),), "horizon": 3},
        {"sales.csv": sales(), "other.csv": sales(3, seed=1)},
        other_horizon,
    ),
    "language-model": TaskCase(
        "language-model",
        COMMON | {"embedding_size": 4, "bptt": 20, "split": (0.8, 0.1, 0.1), "ngram_order": 3},
        {"prompt": "the ", "length": 60, "seed": 1},
        {"corpus.txt": text() + "T", "other.txt": text(30, seed=1)},
        shuffled_end,
    ),
    "music": TaskCase(
        "music",
        COMMON
        | {"split": (0.6, 0.2, 0.2), "cell": "gru", "note_units": 6, "transpose": 2}
        | {"window": 6, "steps_per_bar": 4},
        {"bars": 3, "seed": 1, "key": "D"},
        {"chorales.json": rolls(), "other.json": rolls(4, seed=1)},
        other_chords,
    ),
    "multiplication": TaskCase("multiplication", DRAWN, OTHERS_DRAWN),
    "reber": TaskCase("reber", DRAWN | {"length": 9}, OTHERS_DRAWN | {"length": 8}),
    "temporal-order": TaskCase("temporal-order", DRAWN, OTHERS_DRAWN),
    "parity": TaskCase("parity", DRAWN, OTHERS_DRAWN, to_learn={"length": 2, "sequences": 64}),
    "regression": TaskCase(
        "regression",
        COMMON | {"bidirectional": True, "split": (0.6, 0.2, 0.2), "cell": "gru"},
        {"data": Path("new.csv")},
        {"table.csv": table(), "new.csv": table(9, seed=1)},
        other_sequences,
    ),
    "speech-recognition": TaskCase(
        "speech-recognition",
        COMMON | SPEECH | {"split": (0.6, 0.2, 0.2), "cell": "gru", "augment": 0.5, "warmup_steps": 0},
        {"data": (Path("new.wav"), Path("others.csv"))},
        recordings(20) | recordings(4, seed=1, manifest="others.csv") | {"new.wav": wav(sound("ha lo mi"))},
        other_transcripts,
        evaluated_on=["others.csv"],
    ),
    "tagging": TaskCase(
        "tagging",
        COMMON
        | {"embedding_size": 5, "character_features": 7, "word_dropout": 0.3, "cell": "gru"}
        | {"split": (0.6, 0.2, 0.2), "input_columns": ("2",)},
        {"data": Path("new.conll")},
        {"train.conll": tagged(), "new.conll": tagged(9, seed=1)},
        other_tags,
    ),
    "translation": TaskCase(
        "translation",
        COMMON
        | {"embedding_size": 6, "split": (0.6, 0.2, 0.2), "cell": "gru", "level": "words"}
        | {"shared_vocabulary": False, "input_feeding": True, "attention": "additive"},
        {"data": Path("new.txt"), "nbest": 2, "beam": 3},
        {
            "pairs.tsv": sentences(),
            "other.tsv": sentences(9, seed=1),
            "new.txt": "the big cat\n\na dog ran\n",
        },
        other_pairs,
    ),
    "video-prediction": TaskCase(
        "video-prediction",
        COMMON
        | {"cell": "conv-gru", "context": 3, "horizon": 4, "patch": 2, "frame_size": (8, 8), "taught": 0.5}
        | {"split": (0.6, 0.2, 0.2)},
        {"data": Path("other.npz"), "frames": 5, "begin": 1},
        {"clip.npz": planes(), "other.npz": planes(12, seed=1)},
        lambda content, options: other_frames(content, 48),
    ),
}

CLIPS = TaskCase(
    "classification",
    COMMON
    | {"cell": "gru", "split": (0.6, 0.2, 0.2), "frame_size": (8, 8), "follow": (6, 7), "pooling": "max"}
    | {"augment": 0.5, "mirror": "yes"},
    {"data": (Path("new.npz"),), "every_step": True},
    {"clips.npz": packed(), "new.npz": packed(6, seed=1), "reviews.csv": reviews()},
    other_clips,
    to_learn={"epochs": 8},
)
"""A classifier of clips."""
