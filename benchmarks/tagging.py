"""Taggers from scratch beside CRFsuite, a conditional random field with features of words that people chose.

Both learn from the same sentences, choose on the same validation part, and tag the same test part:

    ewt            parts of speech of English web texts; accuracy
    chunks         CoNLL-2000's chunks from the words alone, the last tenth of the training part chooses; F1
    chunks+tags    the same with the column of parts of speech as a further input
    wnut17         new names in noisy English texts; F1

CRFsuite gets the usual features: word, affixes, case, and those of two neighbours on each side; its penalties
are chosen on the validation part. Elman runs with the options of SETS, once for each seed.

    python benchmarks/tagging.py [SET …] [--seeds 0 1 2] [--minutes 75] [--data FOLDER] [--peer-only]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pycrfsuite
from document import machine, table

import elman
from elman.data.tagged.columns import Columns
from elman.data.tagged.files import read_tagged
from elman.data.tagged.sequences import Tagged, Words
from elman.metrics.spans import span_counts

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
PENALTIES = ((0.0, 1.0), (0.1, 0.1), (1.0, 0.001))  # of CRFsuite: of absolute values, of squares
MOST_ITERATIONS = 200
AFFIXES = range(1, 5)
NEAR = (-2, -1, 0, 1, 2)


@dataclass(frozen=True)
class Set:
    """A data set.

    Attributes:
        files: of training, validation (None: the last tenth of the training sentences) and test.
        options: of the task, beside the files.
        spans: whether the figure is the F1 of spans; otherwise it is the accuracy.
    """

    files: tuple[str, str | None, str]
    options: dict[str, object]
    spans: bool = True

    def parts(self, folder: Path) -> tuple[Tagged, Tagged, Tagged]:
        columns = Columns(inputs=self.options.get("input_columns", ()))
        training, validation, test = (
            None if name is None else read_tagged([folder / name], columns) for name in self.files
        )
        if validation is None:
            cut = len(training) - len(training) // 10
            validation, training = training.rows(range(cut, len(training))), training.rows(range(cut))
        return training, validation, test

    def figure(self, truth: Sequence[Words], found: Sequence[Words]) -> float:
        if self.spans:
            return span_counts(truth, found).figures()["f1"]
        right = [a == b for x, y in zip(truth, found, strict=True) for a, b in zip(x, y, strict=True)]
        return sum(right) / len(right)


CHUNKS = ("conll2000_chunking/train.txt", None, "conll2000_chunking/test.txt")
EWT = tuple(f"ud_english_ewt/en_ewt-ud-{part}" for part in ("train.conllu.gz", "dev.conllu", "test.conllu"))
WNUT = tuple(
    f"wnut17/{name}" for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
)
SETS = {
    "ewt": Set(EWT, {}, spans=False),
    "chunks": Set(CHUNKS, {}),
    "chunks+tags": Set(CHUNKS, {"input_columns": ("2",)}),
    "wnut17": Set(WNUT, {}),
}


def features(words: Words, columns: tuple[Words, ...]) -> list[list[str]]:
    """CRFsuite's features of each word: its own and those of its neighbours, by their distance."""
    own = [
        [
            "word=" + word.lower(),
            *(f"prefix={word[:n].lower()}" for n in AFFIXES if n < len(word)),
            *(f"suffix={word[-n:].lower()}" for n in AFFIXES if n < len(word)),
            f"case={word[:1].isupper()}{word.isupper()}{word.islower()}",
            f"digits={word.isdigit()}{any(c.isdigit() for c in word)}",
            *(f"column{k}={column[at]}" for k, column in enumerate(columns)),
        ]
        for at, word in enumerate(words)
    ]
    return [
        ["bias"]
        + [
            f"{by}:{name}"
            for by in NEAR
            for name in (own[at + by] if 0 <= at + by < len(words) else ["edge"])
        ]
        for at in range(len(words))
    ]


def crfsuite(data: Set, training: Tagged, validation: Tagged, test: Tagged) -> tuple[float, float, str]:
    """Figures on validation and test part, and the penalties that were best on the first."""
    parts = (validation, test)
    rows = [[features(*each) for each in zip(part.words, part.inputs, strict=True)] for part in parts]
    trainer, tagger = pycrfsuite.Trainer(verbose=False), pycrfsuite.Tagger()
    for words, columns, tags in zip(training.words, training.inputs, training.tags, strict=True):
        trainer.append(features(words, columns), tags)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        for c1, c2 in PENALTIES:
            model = f"{temporary}/{c1}-{c2}"
            trainer.set_params({"c1": c1, "c2": c2, "max_iterations": MOST_ITERATIONS})
            trainer.train(model)
            tagger.open(model)
            tags = [[tuple(tagger.tag(each)) for each in part] for part in rows]
            tagger.close()
            figures = (data.figure(part.tags, each) for part, each in zip(parts, tags, strict=True))
            found.append((*figures, f"c1={c1:g} c2={c2:g}"))
    return max(found)


def write(path: Path, part: Tagged) -> Path:
    """Writes sentences in columns: word, further columns, tag."""
    with path.open("w", encoding="utf-8") as file:
        for words, inputs, tags in zip(part.words, part.inputs, part.tags, strict=True):
            file.writelines("\t".join(row) + "\n" for row in zip(words, *inputs, tags, strict=True))
            file.write("\n")
    return path


def runs(
    data: Set, parts: tuple[Tagged, Tagged, Tagged], seeds: Sequence[int], minutes: float
) -> Iterator[tuple[float, float, float]]:
    """Figures on validation and test part, and words a second in ``tag``, of each seed."""
    with tempfile.TemporaryDirectory() as temporary:
        names = ("train.txt", "validation.txt", "test.txt")
        paths = [write(Path(temporary) / name, part) for name, part in zip(names, parts, strict=True)]
        for seed in seeds:
            task = elman.SequenceTagger(
                **data.options, validation=paths[1:2], test=paths[2:], seed=seed, max_minutes=minutes
            ).train(paths[0], out=Path(temporary) / f"run-{seed}")
            found = [[answer.tags for answer in task.tag(path)] for path in paths[1:]]
            began = time.perf_counter()
            for _ in task.tag(paths[2]):
                pass
            speed = parts[2].steps / (time.perf_counter() - began)
            yield (*(data.figure(p.tags, tags) for p, tags in zip(parts[1:], found, strict=True)), speed)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=75, help="of training, for each run")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of public data sets")
    parser.add_argument("--peer-only", action="store_true", help="leave Elman out")
    given = parser.parse_args()
    print(machine())
    rows = []
    for name in given.sets or SETS:
        data = SETS[name]
        parts = data.parts(given.data)
        validation, test, penalties = crfsuite(data, *parts)
        rows.append([name, f"CRFsuite, {penalties}", f"{validation:.4f}", f"{test:.4f}", "", ""])
        print(rows[-1], flush=True)
        own = [] if given.peer_only else list(runs(data, parts, given.seeds, given.minutes))
        if own:
            chosen, reported, speeds = zip(*own, strict=True)
            each = ", ".join(f"{figure:.4f}" for figure in reported)
            means = [f"{statistics.fmean(figures):.4f}" for figures in (chosen, reported)]
            rows.append([name, "Elman", *means, each, f"{min(speeds):,.0f}"])
            print(rows[-1], flush=True)
    head = ["set", "method", "validation", "test", "each seed", "words a second, at least"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
