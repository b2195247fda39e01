"""Rules by which drawn events make a piece: all notes end, in range, and nothing is begun in vain."""

import numpy as np

from elman.data.music.events import BAR, CHORD, DRUM, END, FOR, METER, NOTE, VELOCITY, VOICE, WAIT, EventCode
from elman.data.music.grid import DRUM_VOICE, NO_CHORD


class EventGrammar:
    """Follows the events of a piece of a given number of bars; see ``rules.Grammar``.

    It allows what ``EventCode.encode`` writes: time passes within bars; at each time a chord symbol comes
    first, then the voices in their order and the notes of each from the highest down. No pitch begins while
    its voice sounds it, and no note lasts longer than the piece.

    Args:
        code: of the events.
        ranges: [voices, 2] lowest and highest pitch that each voice may play.
        bars: of the piece.
    """

    def __init__(self, code: EventCode, ranges: np.ndarray, bars: int) -> None:
        self._kind, self._value, self._bars = code.kind, code.value, bars
        self._meters = [code.bar(meter) for meter in code.meters]
        self._ranges = ranges
        self._tones = [DRUM if name == DRUM_VOICE else NOTE for name in code.voices]
        self._has_loudness = int((code.kind == VELOCITY).sum()) > 1
        self._last, self._bar, self._begun, self._now = -1, 1, 0, 0
        self._voice, self._pitch = -1, -1
        self._symbol = code.symbols.index(NO_CHORD) if code.symbols else -1
        self._loudness = int(code.value[code.kind == VELOCITY][0])
        self._at_now()
        self._ends: dict[tuple[int, int], int] = {}

    def _at_now(self) -> None:
        """Begins a new time, at which nothing has happened."""
        self._played, self._lowest, self._has_symbol = -1, 128, False

    def push(self, token: int) -> None:
        """Takes the next event."""
        kind, value = int(self._kind[token]), int(self._value[token])
        if kind == METER:
            self._bar = self._meters[value]
        elif kind == BAR:
            self._now, self._begun = self._begun * self._bar, self._begun + 1
            self._at_now()
        elif kind == WAIT:
            self._now += value
            self._at_now()
        elif kind == VOICE:
            self._voice, self._lowest = value, 128
        elif kind == VELOCITY:
            self._loudness = value
        elif kind == CHORD:
            self._symbol, self._has_symbol = value, True
        elif kind == NOTE:
            self._pitch = self._lowest = value
            self._played = self._voice
        elif kind == DRUM:
            self._lowest, self._played = value, self._voice
        elif kind == FOR:
            self._ends[self._voice, self._pitch] = self._now + value
        self._last = kind

    def allowed(self) -> np.ndarray:
        """Returns which events may come next [V]."""
        kind, value = self._kind, self._value
        if self._last == -1:
            return np.asarray(kind == METER)
        if self._last == METER:
            return np.asarray(kind == BAR)
        if self._last == NOTE:
            return np.asarray((kind == FOR) & (self._now + value <= self._bars * self._bar))
        tones = self._tones_of(self._voice, self._lowest)
        if self._last == VELOCITY:
            return tones
        if self._last == VOICE:
            return tones | self._velocities(tones)
        found = tones | self._velocities(tones) | self._other_voices()
        if self._played < 0 and not self._has_symbol:
            found |= (kind == CHORD) & (value != self._symbol)
        if self._last != WAIT:
            found |= (kind == WAIT) & (self._now + value < self._begun * self._bar)
        if self._last != WAIT or not found.any():
            found |= kind == (BAR if self._begun < self._bars else END)
        return np.asarray(found)

    def _tones_of(self, voice: int, below: int) -> np.ndarray:
        """Returns the notes or drums that a voice may play below a pitch."""
        if voice < 0:
            return np.zeros(len(self._kind), bool)
        low, high = self._ranges[voice]
        found = (
            (self._kind == self._tones[voice]) & (self._value >= low) & (self._value <= min(high, below - 1))
        )
        sounding = [p for (own, p), end in self._ends.items() if own == voice and end > self._now]
        return np.asarray(found & ~np.isin(self._value, sounding))

    def _velocities(self, tones: np.ndarray) -> np.ndarray:
        """Returns the velocities that may change, if there is something to play."""
        change = self._has_loudness and self._last != VELOCITY and bool(tones.any())
        return np.asarray((self._kind == VELOCITY) & (self._value != self._loudness) & change)

    def _other_voices(self) -> np.ndarray:
        """Returns the voices that come after those that have played at this time, and can play."""
        voices = [
            voice
            for voice in range(self._played + 1, len(self._tones))
            if voice != self._voice and self._tones_of(voice, 128).any()
        ]
        return np.asarray((self._kind == VOICE) & np.isin(self._value, voices))
