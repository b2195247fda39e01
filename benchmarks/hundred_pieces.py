r"""Composes a hundred pieces with a run of music, and tells how far they are like its test part.

    elman train music ../shared/data/jsb_chorales/jsb-chorales-quarter.json \
        --config recipes/jsb_chorales.yaml --out runs/jsb
    python benchmarks/hundred_pieces.py runs/jsb

Beside them stand pieces that n-grams of the same training part compose (of chords, or of events by the same
grammar). All pieces are moved to C major or A minor before they are compared, since a model that was trained
in all keys composes in all. Printed are statistics of pitch classes, intervals of the highest notes, density
and repetition. Then a classifier, the same for both, learns to tell composed pieces from those of the test
part: equal numbers of excerpts of equal length, five folds by piece. The share of unseen excerpts that it
tells rightly is printed with its 95 % interval, in which a piece counts once, however many excerpts it has.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

import elman
from elman.baselines.counts import NgramCounts
from elman.data.music.events import BAR, END
from elman.data.music.keys import key_of
from elman.data.music.piece import PITCHES
from elman.decode.counts import CountedStream
from elman.decode.events import EventGrammar
from elman.decode.sample import sample

ORDER = 3
FOLDS = 5
C = 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="run folder of the task music, with a test part")
    parser.add_argument("--pieces", type=int, default=100, help="to compose")
    parser.add_argument("--steps", type=int, default=32, help="of an excerpt")
    parser.add_argument("--excerpts", type=int, default=2, help="of each piece")
    parser.add_argument("--temperature", type=float, default=1.0, help="of the draws")
    parser.add_argument(
        "--epochs", type=int, default=30, help="passes of the classifier over its training part"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()

    task = elman.load(options.run)
    data = task.opened_data()
    test = [roll.sounds for roll in data.rolls["test"]]
    bar = data.rolls["test"][0].bar
    bars = round(np.median([len(sounds) / bar for sounds in test]))
    composed = [
        task.compose(bars, seed=seed, temperature=options.temperature) for seed in range(options.pieces)
    ]
    pieces = {
        "test part": test,
        "composed": [one.sounds for one in composed],
        "n-grams": simple_pieces(task, data, bars, options.pieces),
    }
    moved = {name: [in_c(sounds) for sounds in own] for name, own in pieces.items()}
    figures: dict[str, object] = {"pieces": options.pieces, "bars": bars}
    figures["longest_copy"] = float(np.median([one.copied for one in composed]))
    figures["statistics"] = {name: statistics(own, moved["test part"], bar) for name, own in moved.items()}
    figures["told"] = {
        name: told(moved["test part"], moved[name], options) for name in ("composed", "n-grams")
    }
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


# Composing by counts


def simple_pieces(task: elman.MusicModel, data: object, bars: int, number: int) -> list[np.ndarray]:
    """What n-grams of the training part compose, [T, 128] each."""
    by_events = task.config.representation == "events"
    compose = counted_events(task, data) if by_events else counted_chords(data)
    return [compose(bars, seed) for seed in range(number)]


def counted_chords(data: object) -> Callable[[int, int], np.ndarray]:
    """Draws chords after the ORDER − 1 before them."""
    rolls = data.rolls["training"]
    known: dict[bytes, int] = {}
    numbers = [[known.setdefault(chord.tobytes(), len(known)) for chord in roll.sounds] for roll in rolls]
    begin = len(known)
    tokens = np.concatenate([[begin, *own] for own in numbers])
    starts = np.cumsum([0, *(len(own) + 1 for own in numbers)])[:-1]
    counts = NgramCounts.of(tokens, starts, begin + 1, ORDER)
    chords = np.array([np.frombuffer(chord, bool) for chord in known])

    def compose(bars: int, seed: int) -> np.ndarray:
        stream = CountedStream(counts, np.array([begin]))
        drawn = sample(stream.step, stream.logits(), seed=seed, never=[begin])
        return chords[[int(token) for token in islice(drawn, bars * rolls[0].bar)]]

    return compose


def counted_events(task: elman.MusicModel, data: object) -> Callable[[int, int], np.ndarray]:
    """Draws events after the ORDER − 1 before them, by the grammar of the model's own."""
    code, pieces = task.facts.code, data.pieces["training"]
    starts = np.cumsum([0, *map(len, pieces)])[:-1]
    counts = NgramCounts.of(np.concatenate(pieces), starts, len(code.names), ORDER)
    opening = code.tokens(f"meter {code.meters[0][0]}/{code.meters[0][1]}")

    def compose(bars: int, seed: int) -> np.ndarray:
        grammar = EventGrammar(code, np.array(task.facts.ranges), bars)
        grammar.push(int(opening[0]))
        stream, tokens = CountedStream(counts, opening), opening.tolist()
        for token in sample(stream.step, stream.logits(), seed=seed, grammar=grammar):
            tokens.append(int(token))
            if code.kind[tokens[-1]] == END:
                break
        assert int((code.kind[tokens] == BAR).sum()) == bars
        return task.facts.roll(code.decode(tokens)).sounds

    return compose


# Statistics


def in_c(sounds: np.ndarray) -> np.ndarray:
    """A piece in the C major or A minor that is nearest to its key."""
    key = key_of(sounds.sum(0))
    tonic = (key.tonic + 3) % 12 if key.is_minor else key.tonic
    way = (C - tonic + 5) % 12 - 5
    moved = np.zeros_like(sounds)
    source, sink = slice(max(0, -way), PITCHES - max(0, way)), slice(max(0, way), PITCHES - max(0, -way))
    moved[:, sink] = sounds[:, source]
    return moved


def statistics(pieces: Sequence[np.ndarray], test: Sequence[np.ndarray], bar: int) -> dict[str, float]:
    """Figures of pieces; of distributions, how much they overlap with the test part's, from 0 to 1."""
    return {
        "pitch classes, overlap": overlap(classes(pieces), classes(test)),
        "intervals, overlap": overlap(intervals(pieces), intervals(test)),
        "steps in the melody, share": intervals(pieces)[10:15].sum() - intervals(pieces)[12],
        "notes that sound at a step": float(np.concatenate(pieces).sum(1).mean()),
        "notes that begin in a bar": float(np.mean([begun(sounds) / len(sounds) * bar for sounds in pieces])),
        "bars that came before in the piece, share": float(np.mean([repeated(p, bar) for p in pieces])),
        "runs of four chords that came before, share": float(np.mean([runs(p) for p in pieces])),
    }


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.minimum(one, other).sum())


def classes(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Shares of the twelve pitch classes [12]."""
    sums = np.concatenate(pieces).sum(0)
    counts = np.bincount(np.arange(PITCHES) % 12, sums, minlength=12)
    return counts / counts.sum()


def intervals(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Shares of moves of the highest note, where something changes: −12 to 12 semitones [25]."""
    counts: Counter[int] = Counter()
    for sounds in pieces:
        changes = changed(sounds)
        tops = [int(np.flatnonzero(chord).max()) for chord in changes if chord.any()]
        counts.update(np.clip(np.diff(tops), -12, 12).tolist())
    found = np.array([counts[k] for k in range(-12, 13)], float)
    return found / found.sum()


def changed(sounds: np.ndarray) -> np.ndarray:
    return sounds[np.concatenate([[True], (sounds[1:] != sounds[:-1]).any(1)])]


def begun(sounds: np.ndarray) -> int:
    return int((sounds[1:] & ~sounds[:-1]).sum() + sounds[0].sum())


def repeated(sounds: np.ndarray, bar: int) -> float:
    """The share of bars that are the same as an earlier one."""
    bars = [sounds[k : k + bar].tobytes() for k in range(0, len(sounds) - bar + 1, bar)]
    return 1 - len(set(bars)) / max(1, len(bars))


def runs(sounds: np.ndarray) -> float:
    """The share of runs of four chords that came before in the piece."""
    chords = [chord.tobytes() for chord in changed(sounds)]
    found = [tuple(chords[k : k + 4]) for k in range(len(chords) - 3)]
    return 1 - len(set(found)) / max(1, len(found))


# Telling them apart


def told(test: Sequence[np.ndarray], composed: Sequence[np.ndarray], options: argparse.Namespace) -> dict:
    """How often a classifier is right on excerpts of pieces that it has not seen."""
    long = [[s for s in pieces if len(s) >= options.steps] for pieces in (test, composed)]
    number = min(map(len, long))
    low, high = span([*test, *composed])
    x, y, piece = [], [], []
    for label, pieces in enumerate(long):
        for row, sounds in enumerate(pieces[:number]):
            for begin in np.linspace(0, len(sounds) - options.steps, options.excerpts).round().astype(int):
                x.append(features(sounds[begin : begin + options.steps, low : high + 1]))
                y.append("composed" if label else "test")
                piece.append(label * number + row)
    x, y, piece = np.stack(x), np.array(y), np.array(piece)
    folds = np.concatenate([np.random.default_rng(k).permutation(number) % FOLDS for k in range(2)])[piece]
    right = np.zeros(len(y))
    for fold in range(FOLDS):
        held, chooses = folds == fold, folds == (fold + 1) % FOLDS
        trained = ~held & ~chooses
        model = elman.SequenceClassifier(cell="gru", hidden_size=64, epochs=options.epochs, seed=fold)
        model.fit(x[trained], y[trained], validation=(x[chooses], y[chooses]))
        right[held] = model.predict(x[held]) == y[held]
    each = np.array([right[piece == k].mean() for k in range(2 * number)])
    mean, error = float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))
    return {
        "right": mean,
        "low": max(0.0, mean - 1.96 * error),
        "high": min(1.0, mean + 1.96 * error),
        "pieces_of_each": number,
        "excerpts": len(y),
    }


def span(pieces: Sequence[np.ndarray]) -> tuple[int, int]:
    sounding = np.flatnonzero(np.concatenate(pieces).any(0))
    return int(sounding.min()), int(sounding.max())


def features(sounds: np.ndarray) -> np.ndarray:
    """What the classifier reads of an excerpt: which pitches sound, and which of them begin, at each step."""
    begin = sounds & ~np.concatenate([np.zeros_like(sounds[:1]), sounds[:-1]])
    return np.concatenate([sounds, begin], 1).astype(np.float32)


def show(figures: dict) -> None:
    """Prints the figures as tables in Markdown."""
    by_kind = figures["statistics"]
    print(f"{figures['pieces']} pieces of {figures['bars']} bars; median longest copy: ", end="")
    print(f"{figures['longest_copy']:g} chords\n")
    print(f"| | {' | '.join(by_kind)} |\n|---|{'---|' * len(by_kind)}")
    for name in by_kind["test part"]:
        print(f"| {name} | {' | '.join(f'{own[name]:.3f}' for own in by_kind.values())} |")
    print("\n| told from the test part | right | 95 % interval | pieces of each kind | excerpts |")
    print("|---|---|---|---|---|")
    for name, row in figures["told"].items():
        interval = f"{row['low']:.1%} to {row['high']:.1%}"
        print(f"| {name} | {row['right']:.1%} | {interval} | {row['pieces_of_each']} | {row['excerpts']} |")


if __name__ == "__main__":
    main()
