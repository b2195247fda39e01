"""Why attention came: BLEU by length of the sentence, with attention and without, in one picture.

    python examples/why_attention.py             # numbers in English to numbers in German, a few minutes
    python examples/why_attention.py PAIRS.tsv   # pairs of your own: source, tab, translation
    python examples/why_attention.py --epochs 1 --pairs 400 --hidden-size 16    # a small one, some seconds

Without attention the decoder knows the sentence by the encoder's last state alone (`--attention none --bridge
last`: Sutskever, Vinyals & Le 2014), a vector of one size for a sentence of any length; with it, the decoder
looks at the state behind each word (Bahdanau, Cho & Bengio 2014, whose second figure this is). The sentences
that are made here are lists of numbers below a thousand, in words, whose tens and units change places: two
hundred forty seven is zwei hundert sieben und vierzig. Each network is a run folder, so that the program,
stopped and started again, goes on where it was.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.metrics.bleu import translation_scores
from elman.pictures.base import line_style, new_figure, save_figure

NETWORKS: dict[str, dict[str, Any]] = {
    "with attention": {},
    "without": {"attention": "none", "bridge": "last"},
}
MOST = 10  # numbers in a sentence that is made
# zero to nineteen, then the tens
ENGLISH = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
GERMAN = """null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn
sechzehn siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"""


def words(number: int) -> tuple[list[str], list[str]]:
    """A number below a thousand in English and in German words."""
    (ones, tens), (eins, zehner) = ((side[:20], side[18:]) for side in (ENGLISH.split(), GERMAN.split()))
    hundreds, rest = divmod(number, 100)
    ten, unit = divmod(rest, 10)
    english = [ones[hundreds], "hundred"] if hundreds else []
    german = ["ein" if hundreds == 1 else eins[hundreds], "hundert"] if hundreds else []
    if rest >= 20:
        english += [tens[ten], *[ones[unit]] * bool(unit)]
        german += [*["ein" if unit == 1 else eins[unit], "und"] * bool(unit), zehner[ten]]
    elif rest or not hundreds:
        english.append(ones[rest])
        german.append(eins[rest])
    return english, german


def made(pairs: int, seed: int) -> tuple[list[str], list[str]]:
    """Sentences of 1 to ten numbers, and their translations; none twice."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, str] = {}
    while len(drawn) < pairs:
        numbers = [words(int(number)) for number in rng.integers(1000, size=rng.integers(1, MOST + 1))]
        english, german = (
            " , ".join(" ".join(side) for side in sides) for sides in zip(*numbers, strict=True)
        )
        drawn[english] = german
    return [*drawn], [*drawn.values()]


def groups(sources: Sequence[str], number: int = 6) -> list[tuple[int, int]]:
    """Ranges of lengths in words, each with about as many sources; the last end is included."""
    lengths = np.array([len(source.split()) for source in sources])
    ends = np.unique(np.quantile(lengths, np.linspace(0, 1, number + 1)[1:], method="higher")).tolist()
    begins = [int(lengths.min()), *(end + 1 for end in ends[:-1])]
    return list(zip(begins, ends, strict=True))


def scores(
    task: elman.Translator, sources: Sequence[str], targets: Sequence[str]
) -> dict[tuple[int, int], float]:
    """BLEU of the translations of each range of lengths."""
    translations = task.translate(sources)
    found = {}
    for low, high in groups(sources):
        rows = [k for k, source in enumerate(sources) if low <= len(source.split()) <= high]
        one = translation_scores([translations[k] for k in rows], [targets[k] for k in rows])
        found[low, high] = one["bleu"]
    return found


def train(name: str, arguments: argparse.Namespace) -> elman.Translator:
    """One of the two networks, trained now unless its run folder has it."""
    # both take the same number of steps: a limit of time would give fewer to whichever the machine slowed
    options: dict[str, Any] = {"seed": arguments.seed, "epochs": arguments.epochs, **NETWORKS[name]}
    options |= {"hidden_size": arguments.hidden_size} if arguments.hidden_size else {}
    folder = arguments.out / name.replace(" ", "-")
    if folder.exists():
        found = elman.load(folder) if (folder / "results.json").exists() else elman.resume(folder)
        asked = {key: getattr(found.config, key) for key in options}
        if asked != options:
            sys.exit(f"{folder}: was trained with other options; give another --out")
        return found
    if arguments.data is not None:
        return elman.Translator(**options).train(arguments.data, folder, show_progress=True)
    sources, targets = made(arguments.pairs, arguments.seed)
    return elman.Translator(**options, level="words").fit(sources, targets, out=folder, show_progress=True)


def draw(found: dict[str, dict[tuple[int, int], float]], path: Path) -> None:
    """BLEU over the length of the sentence, a line for each network."""
    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    for number, (name, by_length) in enumerate(found.items()):
        middles = [(low + high) / 2 for low, high in by_length]
        axes.plot(middles, list(by_length.values()), marker="o", label=name, **line_style(number))
    axes.set(xlabel="words in the sentence", ylabel="BLEU", ylim=(0, 102))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    save_figure(figure, path)


def main() -> None:
    """Trains both, prints the table and draws it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", help="pairs; if absent, numbers are made")
    parser.add_argument("--pairs", type=int, default=6000, help="how many are made")
    parser.add_argument("--epochs", type=int, default=6, help="passes of each network over the pairs")
    parser.add_argument("--hidden-size", type=int, help="if absent, as suits the number of pairs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/why-attention"))
    arguments = parser.parse_args()
    tasks = {name: train(name, arguments) for name in NETWORKS}
    _, _, test = next(iter(tasks.values())).opened_data().pairs
    found = {name: scores(task, test.sources, test.targets) for name, task in tasks.items()}
    print(f"BLEU by length of the sentence, {len(test)} test pairs")
    print(f"{'words':>8}  " + "  ".join(f"{name:>14}" for name in found))
    for low, high in groups(test.sources):
        print(f"{f'{low}-{high}':>8}  " + "  ".join(f"{each[low, high]:14.1f}" for each in found.values()))
    path = arguments.out / "why_attention.png"
    draw(found, path)
    print(f"picture  {path}")


if __name__ == "__main__":
    try:
        main()
    except elman.InputError as error:
        sys.exit(f"why_attention: {error}")
    except KeyboardInterrupt:
        sys.exit("why_attention: stopped; the same command goes on")
