"""The websocket of streams: every stream equals the offline result, whatever others do."""

import json
import struct
import threading

import numpy as np
import pytest
from served import TEXT, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from elman.serve.limits import Limits


def begin(socket: ClientConnection, model: str, **more) -> dict:
    socket.send(json.dumps({"type": "session.start", "model": model, **more}))
    return json.loads(socket.recv())


def ask(socket: ClientConnection, **message) -> dict:
    socket.send(json.dumps(message))
    return json.loads(socket.recv())


def frames(socket: ClientConnection, values: np.ndarray) -> tuple[int, np.ndarray]:
    """Sends steps in binary form; returns the number of the first one and the answers."""
    socket.send(values.tobytes())
    answer = socket.recv()
    (first,) = struct.unpack("<Q", answer[:8])
    return first, np.frombuffer(answer[8:], "<f4").reshape(len(values), -1)


@pytest.fixture
def tokens(writer) -> np.ndarray:
    return writer.vocabulary.encode(TEXT[:40]).astype("<u4")


def offline(writer, tokens: np.ndarray) -> np.ndarray:
    """Returns ln P of each next token [T, V] as the run's own stream has it."""
    step = writer.model.eval().stream().step
    import torch

    mixed = writer.facts.ngrams.stream(step, np.zeros(0, np.int64))
    return np.stack([mixed.step(torch.tensor([int(t)])).log_softmax(-1)[0].numpy() for t in tokens])


def test_a_text_in_chunks_has_the_probabilities_of_the_offline_stream(service, writer, tokens):
    expected = offline(writer, tokens)
    with connect(service.stream, subprotocols=["elman.v1"]) as socket:
        assert socket.subprotocol == "elman.v1"
        ready = begin(socket, "writer")
        assert (ready["datatype"], ready["inputs"], ready["has_state"]) == ("UINT32", [], True)
        found = []
        for at in (0, 1, 7, 30):
            end = {0: 1, 1: 7, 7: 30, 30: 40}[at]
            first, values = frames(socket, tokens[at:end])
            assert first == at
            found.append(values)
    np.testing.assert_allclose(np.concatenate(found), expected, atol=2e-5)


def test_text_is_answered_with_its_surprise_and_guesses(service, writer, tokens):
    expected = offline(writer, tokens)
    with connect(service.stream) as socket:
        begin(socket, "writer")
        answers = ask(socket, type="steps", text=TEXT[:40])["answers"]
    assert [answer["text"] for answer in answers] == list(TEXT[:40])
    assert answers[0]["bits"] is None
    for before, token, answer in zip(expected, tokens[1:], answers[1:], strict=False):
        assert answer["bits"] == pytest.approx(-before[token] / np.log(2), abs=1e-4)
    guess, p = answers[-1]["next"][0]
    assert (guess, p) == (
        writer.vocabulary.pieces([int(expected[-1].argmax())])[0],
        pytest.approx(float(np.exp(expected[-1].max())), abs=1e-4),
    )


@pytest.mark.parametrize("others", [0, 5])
def test_a_stream_has_the_same_bits_alone_and_in_company(service, tokens, others):
    with connect(service.stream) as alone:
        begin(alone, "writer")
        _, expected = frames(alone, tokens)
    stop = threading.Event()

    def company() -> None:
        with connect(service.stream) as socket:
            begin(socket, "writer")
            while not stop.is_set():
                frames(socket, tokens[::-1].copy())

    threads = [threading.Thread(target=company) for _ in range(others)]
    for thread in threads:
        thread.start()
    try:
        with connect(service.stream) as socket:
            begin(socket, "writer")
            _, found = frames(socket, tokens)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    np.testing.assert_array_equal(found, expected)


def test_a_state_that_was_handed_out_continues_bit_for_bit_in_another_service(tasks, service, tokens):
    with connect(service.stream) as socket:
        begin(socket, "writer")
        frames(socket, tokens[:15])
        state = ask(socket, type="state")["state"]
        _, expected = frames(socket, tokens[15:])
    with serving(tasks) as other, connect(other.stream) as socket:
        assert begin(socket, "writer", state=state)["type"] == "session.ready"
        _, found = frames(socket, tokens[15:])
    np.testing.assert_array_equal(found, expected)


def test_reset_begins_anew(service, tokens):
    with connect(service.stream) as socket:
        begin(socket, "writer")
        _, expected = frames(socket, tokens)
        assert ask(socket, type="reset") == {"type": "reset"}
        first, found = frames(socket, tokens)
    assert first == len(tokens)  # the steps are counted on
    np.testing.assert_array_equal(found, expected)


def test_a_mark_comes_after_the_answers_before_it(service, tokens):
    with connect(service.stream) as socket:
        begin(socket, "writer")
        socket.send(tokens.tobytes())
        socket.send(json.dumps({"type": "mark", "id": 7}))
        assert isinstance(socket.recv(), bytes)
        assert json.loads(socket.recv()) == {"type": "mark", "id": 7, "steps": len(tokens)}


def test_rows_are_scored_as_the_detector_scores_them(service, detector):
    rows = np.sin(np.arange(60)[:, None] / np.array([5.0, 9.0]))
    rows[50] += 4
    own = detector.stream()
    expected = [own.push(row) for row in rows]
    with connect(service.stream) as socket:
        ready = begin(socket, "detector")
        assert ready["has_state"] is False
        answers = ask(socket, type="steps", x=[*rows[:30].tolist()])["answers"]
        answers += ask(socket, type="steps", x=[*rows[30:].tolist()])["answers"]
        refused = ask(socket, type="state")
    for point, answer in zip(expected, answers, strict=True):
        np.testing.assert_allclose(answer["expected"], point.expected, rtol=1e-5, atol=1e-5)
        assert (answer["score"] is not None) == point.judged
    assert answers[50]["score"] == pytest.approx(expected[50].score, rel=1e-4)
    assert "handed out" in refused["message"]


def test_rows_are_tagged_as_the_tagger_tags_them(service, tagger):
    rows = np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)
    (expected,) = tagger.predict([rows])
    with connect(service.stream) as socket:
        begin(socket, "tagger")
        answers = ask(socket, type="steps", x=rows.tolist())["answers"]
        _, scores = frames(socket, rows)
    assert [answer["tag"] for answer in answers] == list(expected)
    assert scores.shape == (20, 2)


BAD = [
    ({"type": "steps"}, "must hold a list x"),
    ({"type": "steps", "x": [[1, 2]]}, "a token must be a whole number"),
    ({"type": "steps", "x": [-1]}, "a token must be in [0, "),
    ({"type": "steps", "x": [10**9]}, "a token must be in [0, "),
    ({"type": "steps", "text": 3}, "text must be a text. Got 3."),
    ({"type": "dance"}, "unknown type 'dance'; known: steps, reset, mark, state, end"),
    ({"type": "steps", "x": [0] * 1025}, "at most 1024 steps. Got 1025."),
    ([], "must be a JSON object"),
]


@pytest.mark.parametrize(("message", "told"), BAD)
def test_a_message_that_breaks_a_rule_is_told_and_the_stream_goes_on(service, tokens, message, told):
    with connect(service.stream) as socket:
        begin(socket, "writer")
        socket.send(json.dumps(message))
        error = json.loads(socket.recv())
        assert (error["type"], error["fatal"]) == ("error", False)
        assert told in error["message"]
        assert frames(socket, tokens)[1].shape[0] == len(tokens)


def test_a_frame_of_odd_size_is_told(service):
    with connect(service.stream) as socket:
        begin(socket, "writer")
        socket.send(b"123")
        assert "Got 3 bytes." in json.loads(socket.recv())["message"]


STARTS = [
    ({"type": "steps", "x": [1]}, None),
    ({"type": "session.start", "model": "nobody"}, "no run is called 'nobody'"),
    ({"type": "session.start", "model": "writer", "state": "AAAA"}, "state must be what this service"),
    ({"type": "session.start", "model": "writer", "state": 3}, "state must be what this service"),
    ({"type": "session.start", "model": "detector", "state": "AAAA"}, "cannot begin with a state"),
]


@pytest.mark.parametrize(("start", "told"), STARTS)
def test_a_wrong_start_is_told_and_closes_the_stream(service, start, told):
    with connect(service.stream) as socket:
        socket.send(json.dumps(start))
        if told:
            error = json.loads(socket.recv())
            assert error["fatal"]
            assert told in error["message"]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
    assert closed.value.rcvd.code == 1008


def test_a_state_with_numbers_that_are_not_finite_is_refused(service, tokens):
    import base64

    import safetensors.torch

    with connect(service.stream) as socket:
        begin(socket, "writer")
        frames(socket, tokens)
        state = ask(socket, type="state")["state"]
    tensors = safetensors.torch.load(base64.b64decode(state))
    tensors["h"][0, 0] = float("nan")
    broken = base64.b64encode(safetensors.torch.save(tensors)).decode()
    with connect(service.stream) as socket:
        assert begin(socket, "writer", state=broken)["message"] == "state: h must be finite"


def test_streams_beyond_the_slots_are_refused_before_they_open_and_counted(tasks, tokens):
    with serving({"writer": tasks["writer"]}, Limits(streams=2)) as small:
        with connect(small.stream) as one, connect(small.stream) as two:
            begin(one, "writer")
            begin(two, "writer")
            with pytest.raises(InvalidStatus) as refused:
                connect(small.stream)
            assert refused.value.response.status_code == 503
            assert b"all 2 streams are taken" in refused.value.response.body
            frames(one, tokens)
        with connect(small.stream) as third:  # a slot that was given back
            assert begin(third, "writer")["type"] == "session.ready"


def test_an_idle_stream_is_ended(tasks):
    with serving({"writer": tasks["writer"]}, Limits(idle_seconds=0.2)) as hasty:
        with connect(hasty.stream) as socket:
            begin(socket, "writer")
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
        assert closed.value.rcvd.code == 1008


def test_the_end_of_the_service_hands_the_state_out(tasks, tokens):
    with serving({"writer": tasks["writer"]}) as ending, connect(ending.stream) as socket:
        begin(socket, "writer")
        frames(socket, tokens[:15])
        runs = ending.app.state.runs
        runs.loop.call_soon_threadsafe(runs.ends.set)
        state = json.loads(socket.recv())
        assert state["type"] == "state"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
        assert closed.value.rcvd.code == 1001
    with serving({"writer": tasks["writer"]}) as other, connect(other.stream) as socket:
        begin(socket, "writer", state=state["state"])
        _, found = frames(socket, tokens[15:])
        begin_anew = found
    with serving({"writer": tasks["writer"]}) as whole, connect(whole.stream) as socket:
        begin(socket, "writer")
        _, expected = frames(socket, tokens)
    np.testing.assert_array_equal(begin_anew, expected[15:])


def test_a_reader_that_takes_no_answers_delays_nobody(tasks, tokens):
    with (
        serving({"writer": tasks["writer"]}) as busy,
        connect(busy.stream, max_queue=1) as slow,
        connect(busy.stream) as other,
    ):
        begin(slow, "writer")
        begin(other, "writer")
        for _ in range(4):  # 1,024 answers each, which nobody reads
            slow.send(np.resize(tokens, 1024).tobytes())
        for _ in range(5):
            assert len(frames(other, tokens)[1]) == len(tokens)
