"""What is played into a port is answered, through the socket ports of mido."""

import json
import threading
import time

import pytest

from elman.cli import main
from elman.errors import InputError

mido = pytest.importorskip("mido", reason="needs elman[music]")
sockets = pytest.importorskip("mido.sockets", reason="needs elman[music]")
PHRASE = (60, 64, 67)


@pytest.fixture
def quick(monkeypatch):
    """Phrases end after a moment."""
    monkeypatch.setattr("elman.tasks.music.live._PAUSE", 0.05)


@pytest.fixture
def server():
    with sockets.PortServer("localhost", 0) as port:
        yield port


def address(server):
    return f"tcp:localhost:{server._socket.getsockname()[1]}"


def player(server, answered):
    """Plays a phrase, takes the answer's messages up to a moment of silence, and hangs up."""
    with server.accept() as port:
        for note in PHRASE:
            port.send(mido.Message("note_on", note=note))
            time.sleep(0.01)
            port.send(mido.Message("note_off", note=note))
        last = time.monotonic()
        while not answered or time.monotonic() - last < 0.5:
            for message in port.iter_pending():
                answered.append(message)
                last = time.monotonic()
            time.sleep(0.01)


def test_a_phrase_is_answered_and_every_note_ends(model, run, server, quick, capsys, impatient):
    answered = []
    thread = threading.Thread(target=player, args=(server, answered))
    thread.start()
    both = ["--live", address(server), address(server)]
    status = main(["compose", str(run), *both, "--bars", "1", "--tempo", "900", "--seed", "1", "--json"])
    thread.join()
    assert status == 0
    (line,) = capsys.readouterr().out.splitlines()
    answer = json.loads(line)
    assert answer["heard"] == len(PHRASE)
    composed = answer["steps_of_primer"] * answer["ticks_per_quarter"]  # a step is a quarter note
    own = [pitch for begin, _, pitch, _ in answer["notes"] if begin >= composed]
    assert own
    assert [message.note for message in answered if message.type == "note_on"] == own
    sounding: set[int] = set()
    for message in answered:
        (sounding.add if message.type == "note_on" else sounding.discard)(message.note)
    assert not sounding


def test_interrupted_playing_leaves_no_note(model, monkeypatch):
    from elman.tasks.music import live

    class Port:
        sent = []

        def send(self, message):
            self.sent.append(message)
            if len(self.sent) == 3:
                raise KeyboardInterrupt

    port = Port()
    piece = model.compose(2, tempo=1000, seed=1).piece
    with pytest.raises(KeyboardInterrupt):
        live.play(piece, port)
    ended = {message.note for message in port.sent if message.type == "note_off"}
    assert {message.note for message in port.sent[:2] if message.type == "note_on"} <= ended


@pytest.mark.parametrize("name", ["tcp:localhost:1", "tcp:localhost", "tcp:localhost:x"])
def test_a_port_that_is_not_there_is_named(model, name):
    with pytest.raises(InputError, match=f"--live: the port '{name}' cannot be opened"):
        next(model.answer_live(name, name))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--live", "a"], "--live must be two ports. Got 'a'."),
        (["--live", "a", "b", "--key", "C"], "--live goes with neither --out, --primer, --melody nor --key"),
    ],
)
def test_bad_options_are_refused(run, capsys, arguments, message):
    assert main(["compose", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err
