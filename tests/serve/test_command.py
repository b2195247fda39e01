"""``elman serve`` itself: where it listens, how it ends, and what it refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import httpx2 as httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from elman.cli import main


@pytest.fixture(scope="module")
def run(writer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve") / "writer"
    writer.save(folder)
    return folder


def test_a_service_ends_in_order_at_a_signal(run):
    command = [sys.executable, "-m", "elman.cli", "serve", str(run), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
            assert "serving writer at" in line
            with httpx.Client(base_url=url) as client:
                assert client.get("/v2/health/ready").status_code == 200
            with connect(f"{url.replace('http', 'ws')}/v1/stream") as socket:
                socket.send(json.dumps({"type": "session.start"}))
                socket.recv()
                socket.send(json.dumps({"type": "steps", "x": [1] * 1000}))
                time.sleep(0.3)  # it has been read by then, and may be at work
                process.send_signal(signal.SIGTERM)
                answers = json.loads(socket.recv())  # what was read is answered
                assert len(answers["answers"]) == 1000
                assert json.loads(socket.recv())["type"] == "state"
                with pytest.raises(ConnectionClosed) as closed:
                    socket.recv()
                assert closed.value.rcvd.code == 1001
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere: no such run folder"),
        (["{run}", "--host", "0.0.0.0"], "so it needs a token: --token-file FILE"),
        (["{run}", "--port", "99999"], "--port must be in [0, 65536)"),
        (["{run}", "--streams", "0"], "--streams must be above 0"),
        (["{run}", "{run}"], "two runs are called 'writer'"),
        (["{run}", "--token-file", "nowhere"], "nowhere: cannot be read as a token"),
        ([], "needs at least one run folder"),
    ],
)
def test_what_cannot_be_served_is_told(run, arguments, told, capsys, monkeypatch):
    monkeypatch.delenv("ELMAN_TOKEN", raising=False)
    assert main(["serve", *(a.replace("{run}", str(run)) for a in arguments)]) == 2
    assert told in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(run):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "elman.cli", "serve", str(run), "--port", port]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    assert ran.returncode == 2
    assert port in ran.stderr
