"""Answers phrases that are played into a MIDI port."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from elman.config import counted
from elman.data.music.piece import DRUMS, LOUDNESS, Piece
from elman.errors import InputError
from elman.registry import LazyModule
from elman.tasks.music.composition import Composition
from elman.tasks.music.facts import MusicFacts

mido: Any = LazyModule("mido")
sockets: Any = LazyModule("mido.sockets")

_TCP = "tcp:"
_DRUM_CHANNEL = 9  # counted from 0, of General MIDI
_POLL = 0.005  # seconds between two looks at a port
_PAUSE = 1.0  # seconds of silence that end a phrase
_MINUTE = 60_000  # milliseconds


class Answer(NamedTuple):
    """An answer to a phrase.

    Attributes:
        heard: notes of the phrase.
        composition: the phrase and what was composed after it.
    """

    heard: int
    composition: Composition

    def line(self) -> str:
        """Returns a line about the answer."""
        return f"heard {counted(self.heard, 'note')}; {self.composition.summary(())}"


@contextmanager
def opened(source: str, sink: str) -> Iterator[tuple[Any, Any]]:
    """Opens the MIDI ports of these names for input and output.

    Args:
        source: a port's name, or tcp:HOST:PORT, where mido serves MIDI.
        sink: likewise; the same address is one connection.

    Raises:
        InputError: there is no such port, or nothing answers at the address.
    """
    with ExitStack() as stack:
        incoming = stack.enter_context(_port(source, "open_input"))
        is_one = sink == source and sink.startswith(_TCP)
        yield incoming, incoming if is_one else stack.enter_context(_port(sink, "open_output"))


def _port(name: str, kind: str) -> Any:
    try:
        if not name.startswith(_TCP):
            return getattr(mido, kind)(name)
        host, _, number = name.removeprefix(_TCP).rpartition(":")
        return sockets.connect(host, int(number))
    except ModuleNotFoundError as error:
        raise InputError(f"--live: MIDI ports need {error.name}: pip install python-rtmidi") from None
    except (OSError, ValueError) as error:
        raise InputError(f"--live: the port {name!r} cannot be opened: {error}") from None


def phrases(port: Any, facts: MusicFacts, tempo: float) -> Iterator[Piece]:
    """Yields what is played into a port, each time that a second passes without a note, until it is closed.

    Args:
        port: of mido.
        facts: of the model: a phrase ends with a bar of its meter.
        tempo: quarter notes a minute.
    """
    begun: dict[int, tuple[float, int]] = {}
    notes: list[tuple[float, float, int, int]] = []
    while True:
        now = time.monotonic()
        for message in _arrived(port):
            if message.type not in ("note_on", "note_off"):
                continue
            if message.note in begun:
                since, velocity = begun.pop(message.note)
                notes.append((since, now - since, message.note, velocity))
            if message.type == "note_on" and message.velocity:
                begun[message.note] = now, message.velocity
        is_over = not begun and bool(notes) and now - max(b + d for b, d, *_ in notes) > _PAUSE
        if notes and (is_over or port.closed):
            yield _phrase(notes, facts, tempo)
            notes = []
        if port.closed:
            return
        time.sleep(_POLL)


def _arrived(port: Any) -> list[Any]:
    """Returns the messages that have come; closes a port whose other end is gone."""
    try:
        return list(port.iter_pending())
    except OSError:
        port.close()
        return []


def _phrase(notes: list[tuple[float, float, int, int]], facts: MusicFacts, tempo: float) -> Piece:
    """Returns a piece whose ticks are milliseconds, up to the end of its last bar."""
    first = min(begin for begin, *_ in notes)
    rows = np.array([(1000 * (b - first), max(1.0, 1000 * d), pitch, v, 0) for b, d, pitch, v in notes])
    rows = np.rint(rows).astype(np.int64)
    ticks = max(1, round(_MINUTE / tempo))
    bar = facts.step * facts.steps_per_bar * ticks
    bars = -(-int((rows[:, 0] + rows[:, 1]).max()) // bar)
    return Piece.of(rows, int(bars * bar), ticks=ticks, meter=facts.meter, tempo=tempo, place="the phrase")


def play(piece: Piece, port: Any) -> None:
    """Plays the notes of a piece in time; all end, even if it is interrupted."""
    assert piece.ticks is not None
    assert piece.tempo is not None
    second = piece.ticks * piece.tempo / 60
    events = []
    channels = np.where(piece.instrument == DRUMS, _DRUM_CHANNEL, 0).tolist()
    for (begin, duration, pitch, velocity, _), channel in zip(piece.notes.tolist(), channels, strict=True):
        on, off = (1, channel, pitch, velocity or LOUDNESS), (0, channel, pitch, 0)
        events += [(begin, *on), (begin + duration, *off)]
    sounding: set[tuple[int, int]] = set()
    start = time.monotonic()
    try:
        for tick, is_on, channel, pitch, velocity in sorted(
            events
        ):  # what ends at a time comes before what begins
            time.sleep(max(0.0, start + tick / second - time.monotonic()))
            kind = "note_on" if is_on else "note_off"
            port.send(mido.Message(kind, channel=channel, note=pitch, velocity=velocity))
            (sounding.add if is_on else sounding.discard)((channel, pitch))
    finally:
        for channel, pitch in sounding:
            port.send(mido.Message("note_off", channel=channel, note=pitch))


def answers(
    source: str,
    sink: str,
    facts: MusicFacts,
    tempo: float | None,
    compose: Callable[[Piece], Composition],
) -> Iterator[Answer]:
    """Yields an answer to each phrase once it has been played.

    Args:
        source: see ``opened``.
        sink: see ``opened``.
        facts: of the model.
        tempo: quarter notes a minute; None: as usual in the training part.
        compose: goes on with a phrase.
    """
    with opened(source, sink) as (incoming, outgoing):
        for phrase in phrases(incoming, facts, tempo or facts.tempo):
            composed = compose(phrase)
            try:
                play(composed.added, outgoing)
            except OSError:  # the other end of the connection is gone
                return
            yield Answer(len(phrase), composed)
