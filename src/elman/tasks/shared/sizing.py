"""Options that follow from the amount of data: one function of rules for each task, each with its reason.

An option that the user gives, on the command line, in a recipe or in Python, keeps its value. The others are
chosen once, when the data have been read; ``config.json`` has their values, and their names under ``origin``.
A task names such options in ``sized`` of its Config, and its Data calls its function here in ``sizes``.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from elman.errors import InputError
from elman.tasks.shared.options import ABSENT, TaskConfig

C = TypeVar("C", bound=TaskConfig)


def sized(config: C, sizes: Mapping[str, Any]) -> tuple[C, tuple[str, ...]]:
    """Returns the options without absent ones, and the names of those that were absent.

    Args:
        config: the options.
        sizes: values of the options in ``config.sized``; one that the data have no use for stays absent.
    """
    chosen = tuple(n for n in config.sized if getattr(config, n) is ABSENT and n in sizes)
    return replace(config, **{name: sizes[name] for name in chosen}), chosen


def sizes_text(config: TaskConfig, names: Iterable[str]) -> str:
    """Returns options and their values as a line shows them: ``batch size 16, epochs 40, tied``."""
    return ", ".join(_size_text(name.replace("_", " "), getattr(config, name)) for name in names)


def _size_text(name: str, value: float | bool | str) -> str:
    if isinstance(value, str):
        return f"{name} {value}"
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name} {value:g}"


def check_sized(config: TaskConfig, chosen: Iterable[str], where: str) -> None:
    """Checks the options of a run folder: all have values, and only sizes were chosen.

    Raises:
        InputError: an option is absent, or one of the names is none of ``config.sized``.
    """
    for name in config.sized:
        if getattr(config, name) is ABSENT and name not in config.absent_in_old_runs:
            raise InputError(f"{where}: {name} must have a value. Got None.")
    for name in chosen:
        if name not in config.sized:
            raise InputError(
                f"{where}: origin: sized must name {', '.join(config.sized) or 'no option'}. Got {name!r}."
            )


def streams(config: Any, tokens: int, outputs: int, *, has_words: bool = False) -> dict[str, Any]:
    """Returns the sizes of a model of the next token, chosen on the guide sets (``docs/results.md``).

    Args:
        config: the options.
        tokens: of the training part.
        outputs: features of the layer's output.
        has_words: whether a token is a word or a part of one.
    """
    # most words occur a few times: output weights of their own would learn those by heart, where tied ones
    # are few, and start from what stands near each word (Press & Wolf 2016, arXiv:1608.05859)
    is_tied = config.tied
    if is_tied is ABSENT:
        is_tied = has_words and config.embedding_size in (ABSENT, outputs)
    sizes = {"tied": is_tied, "embedding_size": outputs if is_tied else 64}
    # a weight must be changed some thousand times to be learnt, so small texts are read in small batches and
    # often: they cost little. From 1,000,000 tokens on, a pass alone has enough steps.
    batch_size = 4 if tokens < 100_000 else 16 if tokens < 600_000 else 32
    epochs = max(10, min(30, round(7_000_000 / max(tokens, 1))))
    # the less text, the sooner it is learnt by heart
    dropout = 0.4 if tokens < 300_000 else 0.2 if tokens < 1_000_000 else 0.1
    label_smoothing = 0.0
    if has_words:  # there are many more of them, each seen seldom (Zaremba et al. 2014, arXiv:1409.2329)
        dropout = 0.65 if tokens < 60_000 else 0.6 if tokens < 200_000 else min(0.4, dropout + 0.2)
        epochs = min(20, epochs)
        # many words of other parts never stand in the training part, which without smoothing would make them
        # ever less probable
        label_smoothing = 0.1 if tokens < 200_000 else 0.0
    # a batch of few rows says little of the whole text, so that its steps are shorter
    learning_rate = 0.002 if tokens < 100_000 else 0.004
    return sizes | {
        "batch_size": batch_size,
        "epochs": epochs,
        "dropout": dropout,
        "learning_rate": learning_rate,
        "label_smoothing": label_smoothing,
    }


def pieces(number: int) -> int:
    """Returns how many subwords to learn from so many training pairs."""
    # a piece is learnt from the sentences that it stands in: of few sentences only frequent, short pieces are
    # (Sennrich & Zhang 2019, arXiv:1905.11901)
    return 1000 if number < 4_000 else 2000 if number < 50_000 else 8000


def pairs(number: int, tokens: int) -> dict[str, Any]:
    """Returns the sizes of a translator.

    Pieces, units and batch size for up to 18,000 pairs were compared on the guide set, dropout for 2,000
    (``docs/results.md``); label smoothing and what more pairs get are what all had before.

    Args:
        number: of the training pairs.
        tokens: in the largest vocabulary.
    """
    is_small = number < 50_000
    return {
        "vocab_size": tokens,
        # a large model needs several times the time for a pass, and a few minutes are then too few passes
        "hidden_size": 256 if is_small else 512,
        "embedding_size": 128 if is_small else 256,
        "dropout": 0.3,
        "label_smoothing": 0.1,
        # as for streams: small batches and many passes, so that a few thousand pairs have some thousand steps
        "batch_size": 16 if number < 15_000 else 32,
        "epochs": max(10, min(30, round(100_000 / max(number, 1)))),
    }


PRETRAINING = 0.4
"""Share of the time limit in which a classifier is pre-trained as a language model.

What follows learns the labels, which matter, and so has the larger share.
"""

LARGEST_VOCABULARY = 30_000
"""Most words of a classifier that learns from texts without labels, which may have any number."""

PREDICTED = 2000
"""Tokens that a pre-training predicts, the most frequent ones: all of a large vocabulary cost much time."""


def pretraining(tokens: int) -> dict[str, Any]:
    """Returns the sizes of a classifier's pre-training; ``docs/results.md`` has what it gained.

    Args:
        tokens: of the texts with and without labels.
    """
    # as for streams: little text is read more often
    return {
        "epochs": max(2, min(10, round(3_000_000 / max(tokens, 1)))),
        "batch_size": 16 if tokens < 1_000_000 else 32,
        "learning_rate": 0.004,
        "dropout": 0.3,
    }


_CHARACTERS = 100_000_000  # that are read in all
_FEW_LABELS = 8
# units, dropout, word dropout, batch size and passes, by the number of texts that they are for
_OF_FEW_LABELS = {
    2_000: (32, 0.7, 0.7, 8, 30),
    6_000: (64, 0.6, 0.5, 16, 20),
    20_000: (128, 0.6, 0.5, 32, 15),
    math.inf: (128, 0.5, 0.2, 32, 10),
}
_OF_MANY_LABELS = {
    6_000: (64, 0.5, 0.2, 8, 15),
    20_000: (128, 0.5, 0.2, 16, 15),
    math.inf: (128, 0.5, 0.2, 32, 10),
}


def labelled(
    texts: int = 0, characters: int = 0, labels: int = 2, *, has_words: bool = True
) -> dict[str, Any]:
    """Returns the sizes of a classifier, chosen on the guide sets (``docs/results.md``).

    Args:
        texts: of the training part, if the network learns their words from nothing; otherwise 0.
        characters: of these texts.
        labels: that they have.
        has_words: whether a token is a word or a part of one: a text without some of its letters is noise.
    """
    names = ("hidden_size", "dropout", "word_dropout", "batch_size", "epochs")
    if not texts:  # a network that knows the language already
        return dict(zip(names, (128, 0.3, 0.0, 32, 10), strict=True)) | {"learning_rate": 0.002}
    # a network from nothing learns few texts by heart within a few passes; with most words left out of each
    # batch it has to rely on many of them. Many labels are not learnt that fast.
    rows = _OF_FEW_LABELS if labels <= _FEW_LABELS else _OF_MANY_LABELS
    sizes = dict(zip(names, next(row for most, row in rows.items() if texts < most), strict=True))
    return sizes | {
        "word_dropout": sizes["word_dropout"] if has_words else 0.0,
        # long texts have more to learn in each, and a pass over them takes longer
        "epochs": max(3, min(int(sizes["epochs"]), round(_CHARACTERS / max(characters, 1)))),
        # the embedding of a rare word has few steps to become something
        "learning_rate": 0.004,
    }


FRAMES = 100
"""Frames that a network reads of a typical sequence: more take time and are not remembered."""
_FRAMES_READ = 1_000_000  # in all passes


def sequences(number: int, steps: float) -> dict[str, Any]:
    """Returns the sizes of a network of numeric sequences (``docs/results.md`` says how they were chosen).

    Args:
        number: sequences of the training part.
        steps: of a typical one.
    """
    frame = max(1, math.ceil(steps / FRAMES))
    frames = max(1.0, number * steps / frame)
    return {
        "hidden_size": 64,
        "dropout": 0.3,
        "word_dropout": 0.0,
        # few sequences in small batches, so that the weights are changed some thousand times
        "batch_size": 8 if number < 100 else 16 if number < 1_000 else 32,
        "epochs": max(5, min(60, round(_FRAMES_READ / frames))),
        "learning_rate": 0.003,
        "frame": frame,
        # few sequences teach each network something else, and the mean of several errs less
        "ensemble": 3 if number < 1_000 else 1,
    }


_STEPS_OF_A_WORD = 50
_COMMANDS_READ = 4_000_000  # frames, in all passes


def commands(number: int, frames: float) -> dict[str, Any]:
    """Returns the sizes of a network of recordings (``docs/results.md`` says how they were chosen).

    Args:
        number: recordings of the training part.
        frames: of a typical one, a hundred in a second.
    """
    return sequences(number, frames) | {
        "hidden_size": 128,
        # every pass hears other speeds and voices, so that more of them teach something
        "epochs": max(5, min(40, round(_COMMANDS_READ / max(1.0, number * frames)))),
        "frame": max(1, math.ceil(frames / _STEPS_OF_A_WORD)),
    }


_PICTURES_READ = 300_000  # in all passes


def clips(number: int, frames: float) -> dict[str, Any]:
    """Returns the sizes of a network of clips.

    Only the passes were compared, on persons of the Weizmann actions (``docs/results.md``, Clips).

    Args:
        number: clips of the training part.
        frames: of a typical one.
    """
    return sequences(number, frames) | {
        # every pass shows other places and parts
        "epochs": max(5, min(120, round(_PICTURES_READ / max(1.0, number * frames)))),
        "frame": 1,
        "ensemble": 1,
    }


_SPEECH_READ = 20_000_000  # frames, in all passes: an hour of two cores


def spoken(number: int, frames: int, *, streaming: bool) -> dict[str, Any]:
    """Returns the sizes of a recogniser of speech (``docs/results.md`` says how they were chosen).

    Args:
        number: recordings of the training part.
        frames: of all of them, a hundred in a second.
        streaming: whether it reads in one direction only, and so needs more to remember.
    """
    return {
        # few minutes are read many times, in which a small network is quicker and learns less by heart
        "hidden_size": (64 if frames < 60_000 else 128 if frames < 500_000 else 256)
        * (2 if streaming else 1),
        "dropout": 0.3,
        # small batches, so that few recordings change the weights some thousand times
        "batch_size": 4 if number < 100 else 8 if number < 500 else 16,
        "epochs": max(15, min(300, round(_SPEECH_READ / max(frames, 1)))),
        "ahead": 20 if streaming else 0,
    }


_STEPS_READ = 1_000_000  # of series, in all passes of one network


_STEPS_SMOOTHED = 150  # exponential smoothing takes these one season after another
_SERIES_SMOOTHED = 1_000


def networks(series: int, steps: int) -> str:
    """Returns the option ``model`` of a forecaster, chosen on the guide sets (``docs/results.md``).

    Args:
        series: of the training part.
        steps: of a window of es-rnn, without its horizon.
    """
    # what es-rnn learns of a series' level and season errs otherwise than a direct network, so that their
    # combination errs less than either; with long seasons or many series it takes several times the time
    is_quick = steps <= _STEPS_SMOOTHED and series <= _SERIES_SMOOTHED
    return "direct+es-rnn" if is_quick else "direct"


def windows(model: str, number: int, steps: int) -> dict[str, Any]:
    """Returns the sizes of a forecaster, compared for direct models on the guide sets (``docs/results.md``).

    Args:
        model: the option ``model``.
        number: windows of an epoch.
        steps: of a window, with its horizon.
    """
    sizes = {"hidden_size": 64, "dropout": 0.0, "batch_size": 64, "epochs": 10, "ensemble": 1}
    if model not in ("direct", "direct+es-rnn"):
        return sizes
    steps_of_epoch = max(1, number * steps)
    return sizes | {
        # windows overlap, so a network soon knows those of few series by heart
        "dropout": 0.3,
        # the fewer windows, the smaller the batches, so that the weights are changed some hundred times
        "batch_size": 16 if number < 400 else 32 if number < 1_000 else 64,
        # more passes made forecasts of the guide sets no better
        "epochs": max(4, min(25, round(_STEPS_READ / steps_of_epoch))),
        # the time goes to further networks instead, whose median errs less
        "ensemble": 3 if steps_of_epoch < _STEPS_READ else 1,
    }


_WORDS_READ = 3_000_000  # in all passes


def tagged(sentences: int, words: int) -> dict[str, Any]:
    """Returns the sizes of a tagger.

    Args:
        sentences: of the training part.
        words: of these sentences.
    """
    return {
        "hidden_size": 64 if sentences < 1_000 else 128,
        "dropout": 0.5,
        "word_dropout": 0.2,
        # few sentences in small batches, so that the weights are changed some thousand times
        "batch_size": 4 if sentences < 1_000 else 8 if sentences < 5_000 else 16,
        "epochs": max(10, min(30, round(_WORDS_READ / max(words, 1)))),
        "learning_rate": 0.002,
    }


def tagged_steps(steps: int, window: int) -> dict[str, Any]:
    """Returns the sizes of a tagger of numbers.

    Args:
        steps: of the training part.
        window: steps that are trained on at once.
    """
    windows = max(1, 2 * steps // window)
    return {
        "hidden_size": 64,
        "dropout": 0.3,
        "word_dropout": 0.0,
        "batch_size": 4 if windows < 200 else 8 if windows < 1_000 else 16,
        "epochs": max(5, min(60, round(_WORDS_READ / (2 * max(steps, 1))))),
        "learning_rate": 0.003,
    }


_STEPS_OF_MUSIC = 1_000_000  # in all passes


def music(steps: int, windows: int) -> dict[str, Any]:
    """Returns the sizes of a composer.

    Args:
        steps: of the training part.
        windows: that they are read in.
    """
    return {
        "hidden_size": 128 if steps < 8_000 else 256,
        # each passage is read in other keys, but few passages are soon known by heart all the same
        "dropout": 0.3 if steps >= 50_000 else 0.4,
        # some hundred steps: with four times as many, a pass has too few changes of the weights
        "batch_size": 4 if steps >= 128 * windows else 8,
        "epochs": max(10, min(80, round(_STEPS_OF_MUSIC / max(steps, 1)))),
    }


_WINDOWS_READ = 20_000  # in all passes


def frames(windows: int) -> dict[str, Any]:
    """Returns the sizes of a predictor of frames.

    Args:
        windows: of the training part.
    """
    return {
        "hidden_size": 64 if windows >= 2_000 else 32,
        "dropout": 0.0,
        "batch_size": 8,
        "epochs": max(5, min(60, round(_WINDOWS_READ / max(windows, 1)))),
    }


_EVENTS_READ = 6_000_000  # in all passes


def events(number: int) -> dict[str, Any]:
    """Returns the sizes of a composer of events.

    Args:
        number: events of the training part.
    """
    return {
        "hidden_size": 128 if number < 30_000 else 256,
        "dropout": 0.3 if number >= 100_000 else 0.4,
        # few events in small batches, so that the weights are changed some thousand times
        "batch_size": 4 if number < 100_000 else 8 if number < 1_000_000 else 16,
        "epochs": max(10, min(80, round(_EVENTS_READ / max(number, 1)))),
    }
