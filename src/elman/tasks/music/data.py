"""Pieces of each part, as what sounds at each step."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from elman.data.left import Left
from elman.data.music.batches import Roll, Rolls
from elman.data.music.files import read_pieces
from elman.data.music.piece import PITCHES, Piece
from elman.data.read.npz import read_arrays
from elman.data.split import PARTS, split_points, trained_on, warn_of_repeats
from elman.errors import InputError
from elman.tasks.music.facts import MusicFacts
from elman.tasks.music.options import MusicConfig
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.sizing import music as sizes_of_music
from elman.tasks.shared.start import begun

_DATA = "rolls.npz"
_AT_ONCE, _MOST_STEPS = 32, 20_000  # pieces, and their steps, without gradients


class MusicData(TaskData):
    """The pieces of each part.

    Attributes:
        rolls: of each part, by its name.
    """

    config: MusicConfig
    facts: MusicFacts
    needed_to_load = True

    def __init__(self, config: MusicConfig, facts: MusicFacts, rolls: Mapping[str, Sequence[Roll]]) -> None:
        super().__init__(config, facts)
        self.rolls = rolls

    @classmethod
    def read(
        cls, config: MusicConfig, paths: list[Path], folder: Path | None, *, named: Collection[str] = ()
    ) -> Self:
        """Reads pieces, including those of parts with files of their own."""
        left = Left(config.on_bad, "piece")
        pieces = {"training": [*sounding(paths, config, left)]}
        own = {"validation": config.validation, "test": config.test}
        for part, files in own.items():
            if files:
                pieces[part] = of_part([*sounding(files, config, left)], part)
        left.tell(sum(map(len, pieces.values())))
        return cls.of(config, pieces, named)

    @classmethod
    def of(
        cls,
        config: MusicConfig,
        pieces: Mapping[str, Sequence[Piece]],
        named: Collection[str] = (),
    ) -> Self:
        """Divides pieces into parts, and learns the facts of the training part.

        Args:
            config: the options.
            pieces: those to divide under ``training``, and those of parts with files of their own.
            named: options that the user named.
        """
        config, source = begun(config, named)
        parts = _divided(config, pieces)
        if not parts["training"]:
            raise InputError("no piece to train on")
        facts = MusicFacts.learn(config, parts["training"])
        rolls = {part: [facts.roll(piece) for piece in of_part] for part, of_part in parts.items()}
        keys = {part: [sha256(roll.sounds.tobytes()).digest() for roll in own] for part, own in rolls.items()}
        warn_of_repeats(keys, lambda part, row: parts[part][row].place, "pieces")
        data = cls(config, facts, rolls)
        if source is not None:
            data.start = source.weights()
        return data

    def save(self, folder: Path) -> None:
        """Writes the rolls, in which a composition's copies are looked for."""
        _store(folder / _DATA, self.rolls)

    @classmethod
    def reopen(cls, config: MusicConfig, facts: MusicFacts, folder: Path) -> Self:
        """Reads the rolls from the run folder."""
        return cls(config, facts, _stored(folder / _DATA))

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number and length of the pieces trained on."""
        training = self.rolls["training"]
        windows = sum(-(-len(roll.sounds) // self.config.window) for roll in training)
        return sizes_of_music(steps_of(training), windows)

    @property
    def amounts(self) -> dict[str, int]:
        """Pieces and steps of all parts."""
        every = [roll for part in self.rolls.values() for roll in part]
        return {"piece": len(every), "step": steps_of(every)}

    def parts(self) -> Parts:
        """Returns batches of all pieces."""
        config = self.config
        training = Rolls(
            self.rolls["training"],
            batch_size=config.batch_size,
            window=config.window,
            transpose=config.transpose,
            seed=config.seed,
        )
        others = (evaluated(self.rolls[part]) if self.rolls[part] else None for part in PARTS[1:])
        return Parts(training, *others)


def sounding(paths: Sequence[Path], config: MusicConfig, left: Left) -> Iterator[Piece]:
    """Yields the pieces of files and folders that have notes."""
    for piece in read_pieces(paths, left, config.reading):
        if len(piece):
            yield piece
        else:
            left.out(f"{piece.place}: holds no note")


def first_piece(path: Path, config: MusicConfig) -> Piece:
    """Returns the first piece of a file. Raises InputError if it cannot be read."""
    left = Left("skip", "piece")
    piece = next(sounding([path], config, left), None)
    if piece is None or left.reasons:
        raise InputError(left.reasons[0] if left.reasons else f"{path}: holds no piece")
    return piece


def of_part(pieces: Sequence[Piece], part: str) -> list[Piece]:
    """Returns the pieces that their files give to a part or, if there is none, those that they give to none.

    Raises:
        InputError: the files give all pieces to other parts.
    """
    own = [piece for piece in pieces if piece.part in (part, "")]
    if pieces and not own:
        raise InputError(f"{pieces[0].place}: its file has no {part} part")
    return own


def steps_of(rolls: Sequence[Roll]) -> int:
    """Returns the number of steps of some pieces."""
    return sum(len(roll.sounds) for roll in rolls)


def evaluated(rolls: Sequence[Roll]) -> Rolls:
    """Returns batches of whole pieces, the longest first."""
    longest = max(len(roll.sounds) for roll in rolls)
    return Rolls(rolls, batch_size=max(1, min(_AT_ONCE, _MOST_STEPS // longest)))


def _divided(config: MusicConfig, pieces: Mapping[str, Sequence[Piece]]) -> dict[str, list[Piece]]:
    """Returns the pieces of each part: of its own files, as files say, and drawn from the others."""
    own = [part for part in PARTS[1:] if part in pieces]
    shares = trained_on(config.split, own)
    fixed: dict[str, list[Piece]] = {part: [*pieces.get(part, ())] for part in PARTS}
    free = [piece for piece in pieces["training"] if piece.part in ("", *own)]
    fixed["training"] = [piece for piece in pieces["training"] if piece.part == "training"]
    for part in PARTS[1:]:
        if part not in own:
            fixed[part] = [piece for piece in pieces["training"] if piece.part == part]
    if not free:
        return fixed
    order = np.random.default_rng(config.seed).permutation(len(free))
    cuts = split_points(len(free), shares, "pieces")
    for part, rows in zip(PARTS, np.split(order, cuts), strict=True):
        fixed[part] += [free[k] for k in sorted(rows.tolist())]
    return fixed


def _store(path: Path, rolls: Mapping[str, Sequence[Roll]]) -> None:
    """Writes the rolls of all parts: one bit for each pitch and step."""
    every = [(part, roll) for part, name in enumerate(PARTS) for roll in rolls[name]]
    np.savez_compressed(
        path,
        sounds=np.packbits(np.concatenate([roll.sounds for _, roll in every]), axis=1),
        lengths=np.array([len(roll.sounds) for _, roll in every], np.int64),
        bars=np.array([roll.bar for _, roll in every], np.int64),
        parts=np.array([part for part, _ in every], np.int64),
    )


def _stored(path: Path) -> dict[str, list[Roll]]:
    """Reads what ``_store`` wrote. Raises InputError if it is something else."""
    arrays = read_arrays(path)
    try:
        packed, lengths, bars, parts = (arrays[name] for name in ("sounds", "lengths", "bars", "parts"))
        fits = packed.dtype == np.uint8 and packed.shape == (lengths.sum(), PITCHES // 8)
        fits = fits and len(lengths) == len(bars) == len(parts) and lengths.min() > 0 and bars.min() > 0
        fits = fits and {*parts.tolist()} <= {0, 1, 2} and 0 in parts
    except (KeyError, ValueError, TypeError, IndexError):
        fits = False
    if not fits:
        raise InputError(f"{path}: must hold the rolls of a run's pieces")
    pieces = np.split(np.unpackbits(packed, axis=1).astype(bool), lengths.cumsum()[:-1])
    rolls: dict[str, list[Roll]] = {name: [] for name in PARTS}
    for sounds, bar, part in zip(pieces, bars.tolist(), parts.tolist(), strict=True):
        rolls[PARTS[part]].append(Roll(sounds, bar))
    return rolls
