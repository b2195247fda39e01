"""Pieces as events: what a player does one after another, on a grid of steps."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from elman.data.music.grid import (
    DRUM_VOICE,
    NO_CHORD,
    GridNote,
    Meter,
    bar_steps,
    instrument_of,
    on_grid,
    order_of,
    symbols_on_grid,
    voices_of,
)
from elman.data.music.piece import DRUMS, LOUDNESS, PITCHES, SYMBOLS, Piece
from elman.data.music.symbols import SYMBOLS_BY_NAME, moved, sounded
from elman.data.tokens.vocab import EventVocabulary
from elman.errors import InputError

KINDS = ("meter", "bar", "end", "wait", "voice", "velocity", "note", "drum", "for", "chord")
"""The first word of an event's name; the second one is its value."""
METER, BAR, END, WAIT, VOICE, VELOCITY, NOTE, DRUM, FOR, CHORD = range(len(KINDS))
_LOUDNESS_STEP = 8  # velocities that are not told apart
_TICKS = 480  # of a quarter note in decoded pieces, at least


class EventCode:
    """Writes pieces as events and reads them back.

    A piece is its meter, its bars and their events in the order of time, and ``end``:

    - ``bar``: a bar begins; ``wait k``: k steps pass, within the bar;
    - ``chord Am7``: a chord symbol, which holds until the next one; ``chord -``: none does;
    - ``voice 40.1``: what follows is for the second voice of program 40; ``voice drums``: for the drums;
    - ``velocity 84``: what follows is so loud;
    - ``note 60`` and ``for 3``: a note of three steps; ``drum 38``: a stroke.

    Args:
        names: the events, of which the first velocity is that of pieces' beginnings.
        step: quarter notes from one step to the next.

    Raises:
        InputError: a name is no event, or one that every piece needs is absent.
    """

    def __init__(self, names: Sequence[str], step: Fraction) -> None:
        self.names, self.step = tuple(names), step
        self.vocabulary = EventVocabulary(self.names)
        self._number = {name: token for token, name in enumerate(self.names)}
        self.kind = np.zeros(len(names), np.int64)
        self.value = np.zeros(len(names), np.int64)
        self.voices: list[str] = []
        self.meters: list[Meter] = []
        self.symbols: list[str] = []
        for token, name in enumerate(self.names):
            word, _, value = name.partition(" ")
            try:
                self.kind[token] = KINDS.index(word)
                self.value[token] = self._value(word, value)
            except (ValueError, KeyError):
                raise InputError(f"every event must be of a known kind. Got {name[:80]!r}.") from None
        for kind in (METER, BAR, END, VOICE, VELOCITY, FOR):
            if kind not in self.kind:
                raise InputError(f"the events must have a {KINDS[kind]}")

    def _value(self, word: str, text: str) -> int:
        """Returns the number of what an event names; raises ValueError or KeyError if there is no such."""
        if word == "meter":
            beats, beat = (int(part) for part in text.split("/"))
            if not (1 <= beats <= 255 and beat in (1, 2, 4, 8, 16, 32, 64)):
                raise ValueError
            self.meters.append((beats, beat))
            return len(self.meters) - 1
        if word == "voice":
            program, _, which = text.partition(".")
            if text != DRUM_VOICE and not (0 <= int(program) < PITCHES and int(which) >= 0):
                raise ValueError
            self.voices.append(text)
            return len(self.voices) - 1
        if word == "chord":
            self.symbols.append(text if text == NO_CHORD or SYMBOLS_BY_NAME[text] else "")
            return len(self.symbols) - 1
        if word in ("bar", "end"):
            return 0
        least, most = (1, 10**6) if word in ("wait", "for") else (1 if word == "velocity" else 0, PITCHES - 1)
        if not least <= int(text) <= most:
            raise ValueError
        return int(text)

    @classmethod
    def learn(cls, pieces: Sequence[Piece], step: Fraction, usual: Meter, transpose: int) -> "EventCode":
        """Returns the code of some pieces, which may be moved to other keys.

        Args:
            pieces: those to train on.
            step: quarter notes from one step to the next.
            usual: the meter of pieces that tell none.
            transpose: semitones by which they are moved at most.
        """
        meters = Counter({usual: 0}) + Counter(piece.meter or usual for piece in pieces)
        voices: set[str] = {name for piece in pieces for name in voices_of(piece) if name is not None}
        loud = Counter(v for piece in pieces for v in piece.velocity[piece.instrument != SYMBOLS].tolist())
        notes, strokes, lengths, symbols = set[int](), set[int](), {1}, set[str]()
        for piece in pieces:
            is_drum, is_symbol = piece.instrument == DRUMS, piece.instrument == SYMBOLS
            notes |= {*piece.pitch[~is_drum & ~is_symbol].tolist()}
            strokes |= {*piece.pitch[is_drum].tolist()}
            begin, end = on_grid(piece, step)
            lengths |= {*(end - begin)[~is_drum & ~is_symbol].tolist()}
            symbols |= {symbol for _, symbol in symbols_on_grid(piece, step) if symbol != NO_CHORD}
        reach = range(-transpose, transpose + 1)
        if notes:
            notes = {*range(max(0, min(notes) - transpose), min(PITCHES, max(notes) + transpose + 1))}
        symbols = {moved(symbol, k) for symbol in symbols for k in reach}
        longest = max(bar_steps(meter, step) for meter in meters or [usual])
        listed: list[tuple[str, Iterable[Any]]] = [
            ("meter", [f"{beats}/{beat}" for beats, beat in sorted(meters, key=lambda m: (-meters[m], m))]),
            ("wait", range(1, longest)),
            ("voice", sorted(voices, key=order_of)),
            ("velocity", _told_apart(loud) or [LOUDNESS]),
            ("note", sorted(notes)),
            ("drum", sorted(strokes)),
            ("for", sorted(lengths)),
            ("chord", [*([NO_CHORD] if symbols else []), *sorted(symbols)]),
        ]
        return cls(["bar", "end", *(f"{word} {value}" for word, values in listed for value in values)], step)

    def bar(self, meter: Meter) -> int:
        """Returns the steps of a bar."""
        return bar_steps(meter, self.step)

    def tokens(self, *names: str) -> np.ndarray:
        """Returns the tokens of some events."""
        return self.vocabulary.encode(names)

    # Writing

    def encode(self, piece: Piece, stretch: float = 1.0) -> np.ndarray:
        """Returns the tokens of a piece, in which nothing that the code lacks is left.

        A meter, voice or length that it lacks becomes a like one, a pitch its like in another octave.

        Args:
            piece: the piece.
            stretch: factor of all its times.
        """
        meter = piece.meter if piece.meter in self.meters else self.meters[0]
        assert meter is not None
        bar = self.bar(meter)
        notes, symbols = self._notes(piece, stretch), dict(symbols_on_grid(piece, self.step, stretch))
        at = defaultdict(list)
        for note in notes:
            at[note.begin].append(note)
        names = [f"meter {meter[0]}/{meter[1]}"]
        begun, now, held = 0, 0, NO_CHORD
        voice, loudness = -1, int(self.value[self.kind == VELOCITY][0])
        for step in sorted({*at, *symbols}):
            symbol = self._known_symbol(symbols.get(step, held), held)
            if step not in at and symbol == held:
                continue
            while begun * bar <= step:
                names.append("bar")
                begun, now = begun + 1, begun * bar
            if step > now:
                names.append(f"wait {step - now}")
                now = step
            if symbol != held:
                names.append(f"chord {symbol}")
                held = symbol
            for note in at[step]:
                if note.voice != voice:
                    names.append(f"voice {self.voices[note.voice]}")
                if note.loudness != loudness:
                    names.append(f"velocity {note.loudness}")
                voice, loudness = note.voice, note.loudness
                is_drum = self.voices[voice] == DRUM_VOICE
                names += (
                    [f"drum {-note.depth}"]
                    if is_drum
                    else [
                        f"note {-note.depth}",
                        f"for {self._length(note.end - note.begin)}",
                    ]
                )
        ticks = (float(self.step * piece.ticks) if piece.ticks is not None else 1.0) / stretch
        last = max([round(piece.length / ticks), *(note.end for note in notes)])
        names += ["bar"] * (-(-last // bar) - begun)
        return np.array([self._number[name] for name in [*names, "end"]], self.vocabulary.dtype)

    def _notes(self, piece: Piece, stretch: float) -> list[GridNote]:
        """Returns the notes on the grid; one that its voice begins again ends there."""
        begin, end = on_grid(piece, self.step, stretch)
        voices = [self._voice(name) for name in voices_of(piece)]
        found: dict[tuple[int, int, int], GridNote] = {}
        rows = zip(
            begin.tolist(),
            end.tolist(),
            piece.pitch.tolist(),
            piece.velocity.tolist(),
            piece.voice.tolist(),
            strict=True,
        )
        for first, last, pitch, velocity, voice in rows:
            rank = voices[voice] if voice < len(voices) else 0
            if rank is None:
                continue
            known = self._pitch(pitch, self.voices[rank] == DRUM_VOICE)
            if known is not None:
                found[rank, known, first] = GridNote(first, rank, -known, self._loudness(velocity), last)
        ordered = [found[key] for key in sorted(found)]
        cut = [
            note._replace(end=min(note.end, after.begin))
            if (note.voice, note.depth) == (after.voice, after.depth)
            else note
            for note, after in pairwise([*ordered, GridNote(0, -1, 0, 0, 0)])
        ]
        return sorted(cut)

    def _voice(self, name: str | None) -> int | None:
        """Returns the number of a voice, or of one like it; None for the voice of the chord symbols."""
        if name is None:
            return None
        if name in self.voices:
            return self.voices.index(name)
        if name == DRUM_VOICE:
            return None
        others = [other for other in self.voices if other != DRUM_VOICE]
        if not others:
            return None
        program = name.partition(".")[0]
        like = [other for other in others if other.partition(".")[0] == program]
        return self.voices.index((like or others)[-1])

    def _pitch(self, pitch: int, is_drum: bool) -> int | None:
        """Returns a pitch that the code has, at a distance of octaves; None: it has none, or no such drum."""
        word = "drum" if is_drum else "note"
        octaves = [0] if is_drum else [0, 12, -12, 24, -24, 36, -36]
        return next((pitch + k for k in octaves if f"{word} {pitch + k}" in self._number), None)

    @cached_property
    def _of_kind(self) -> dict[int, np.ndarray]:
        return {kind: np.unique(self.value[self.kind == kind]) for kind in (VELOCITY, FOR)}

    def _loudness(self, velocity: int) -> int:
        known = self._of_kind[VELOCITY]
        return int(known[np.abs(known - velocity).argmin()])

    def _length(self, steps: int) -> int:
        known = self._of_kind[FOR]
        return int(known[np.abs(known - steps).argmin()])

    def _known_symbol(self, symbol: str, held: str) -> str:
        return symbol if f"chord {symbol}" in self._number else held

    # Reading

    def decode(self, tokens: Iterable[int], tempo: float | None = None) -> Piece:
        """Returns the piece of some tokens; the last chord symbol and all bars go on to its end."""
        ticks = math.lcm(_TICKS, self.step.denominator)
        step = int(self.step * ticks)
        notes: list[tuple[int, int, int, int, int]] = []
        symbols: list[tuple[int, str]] = []
        meter, bars, now, voice, pitch = self.meters[0], 0, 0, 0, 0
        loudness = int(self.value[self.kind == VELOCITY][0])
        for token in tokens:
            kind, value = int(self.kind[token]), int(self.value[token])
            if kind == METER:
                meter = self.meters[value]
            elif kind == BAR:
                bars, now = bars + 1, bars * self.bar(meter)
            elif kind == WAIT:
                now += value
            elif kind == VOICE:
                voice = value
            elif kind == VELOCITY:
                loudness = value
            elif kind == CHORD:
                symbols.append((now, self.symbols[value]))
            elif kind == NOTE:
                pitch = value
            elif kind in (FOR, DRUM):
                own = (value, 1)[kind == DRUM], (pitch, value)[kind == DRUM]
                notes.append((now, own[0], own[1], loudness, voice))
        end = max([bars * self.bar(meter), *(begin + length for begin, length, *_ in notes)])
        for (begin, symbol), (until, _) in pairwise([*symbols, (end, NO_CHORD)]):
            if symbol != NO_CHORD and until > begin:
                notes += [(begin, until - begin, p, LOUDNESS, len(self.voices)) for p in sounded(symbol)]
        rows = np.array(notes, np.int64).reshape(-1, 5)
        used, rows[:, 4] = np.unique(rows[:, 4], return_inverse=True)
        instruments = [*map(instrument_of, self.voices), SYMBOLS]
        return Piece.of(
            rows * np.array([step, step, 1, 1, 1]),
            step * end,
            ticks=ticks,
            meter=meter,
            tempo=tempo,
            instruments=tuple(instruments[k] for k in used.tolist()),
        )

    def table(self, semitones: int) -> np.ndarray:
        """Returns the token of each token [V] in another key; a pitch that is absent moves an octave."""
        table = np.arange(len(self.names))
        for token, name in enumerate(self.names):
            if self.kind[token] == NOTE:
                pitch = self._pitch(int(self.value[token]) + semitones, is_drum=False)
                table[token] = token if pitch is None else self._number[f"note {pitch}"]
            elif self.kind[token] == CHORD and (symbol := name.partition(" ")[2]) != NO_CHORD:
                table[token] = self._number.get(f"chord {moved(symbol, semitones)}", token)
        return table.astype(self.vocabulary.dtype)

    def ranges(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """Returns the lowest and highest pitch of each voice in some pieces of tokens, [voices, 2]."""
        found = np.tile([PITCHES, -1], (len(self.voices), 1))
        for tokens in pieces:
            voice = 0
            for kind, value in zip(self.kind[tokens].tolist(), self.value[tokens].tolist(), strict=True):
                if kind == VOICE:
                    voice = value
                elif kind in (NOTE, DRUM):
                    low, high = found[voice]
                    found[voice] = min(low, value), max(high, value)
        return found


def _told_apart(velocities: Counter[int]) -> list[int]:
    """Returns the velocities that are told apart, one of each eight, the most common ones."""
    groups: dict[int, Counter[int]] = defaultdict(Counter)
    for velocity, number in velocities.items():
        groups[velocity // _LOUDNESS_STEP][velocity] = number
    ordered = sorted(groups.values(), key=lambda group: (-group.total(), min(group)))
    return [group.most_common(1)[0][0] for group in ordered]
