"""A service under load, client and server on the same cores.

    python benchmarks/serving.py [--seconds 20] [--soak SECONDS] [--write docs/benchmarks.md]

Measured: 200 websockets that send ten messages a second of five steps each to a language model of an LSTM of
256 units; 1,000 websockets opened at once, while those go on; 50 texts at once from one of 512 units, read by
a plain client; and the same steps by a plain service of FastAPI and ``torch.nn.LSTM``, one stream a
connection. The models are trained for a moment, as speed does not depend on the weights.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import document
import httpx2 as httpx
import numpy as np
from websockets.asyncio.client import connect

import elman

STREAMS, MESSAGES, STEPS = 200, 10, 5  # streams, messages a second of each, steps of each
TEXTS, CHARACTERS = 50, 400
TEXT = Path(__file__).read_text() * 8
SECTION = "serving"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--soak", type=float, default=0, help="seconds of streams whose memory is watched")
    parser.add_argument("--write", type=Path, help="document whose section the table replaces")
    options = parser.parse_args()
    if options.write:
        document.check(options.write, SECTION)
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder), options)
    document.publish(SECTION, document.table(["load", "figure", "aim"], rows), 1, options.write)


def measured(folder: Path, options: argparse.Namespace) -> list[list[str]]:
    runs = [trained(folder / f"units-{units}", units) for units in (256, 512)]
    rows = []
    with Server([sys.executable, "-m", "elman.cli", "serve", *map(str, runs), "--port", "0"]) as server:
        waits, lost = asyncio.run(streams(server.url, "units-256", options.seconds))
        rows.append(
            ["200 streams, 10 messages/s of 5 steps", latencies(waits, lost), "p50 ≤ 5 ms, p99 ≤ 20 ms"]
        )
        rows.append(
            ["1,000 streams opened at once beside them", *asyncio.run(opened(server.url, options.seconds))]
        )
        rows.append(["50 texts at once, 512 units", *asyncio.run(texts(server.url))])
        if options.soak:
            rows.append(["memory of the server over the soak", *asyncio.run(soak(server, options.soak))])
    with Server([sys.executable, __file__, "--plain"]) as server:
        waits, lost = asyncio.run(streams(server.url, "", options.seconds))
        rows.append(["the same 200 streams, FastAPI + torch.nn.LSTM", latencies(waits, lost), ""])
    return rows


def trained(folder: Path, units: int) -> Path:
    """A language model of characters that has learnt for a moment."""
    model = elman.LanguageModel(
        hidden_size=units, embedding_size=64, epochs=1, max_minutes=0.05, ngrams="none"
    )
    model.fit(texts=[TEXT], out=folder)
    return folder


class Server:
    """A server in a process of its own, which prints its address."""

    def __init__(self, command: list[str]) -> None:
        self._command = command

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        self.url = ""
        while not self.url:
            line = self._process.stderr.readline()
            if not line:
                raise SystemExit("the server did not start")
            found = re.search(r"http://[\d.]+:\d+", line)
            self.url = found.group() if found else ""
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    @property
    def megabytes(self) -> float:
        """Memory of the process."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


async def streams(url: str, model: str, seconds: float) -> tuple[list[float], int]:
    """Seconds between each message and its answer, and how many answers are missing."""
    waits: list[float] = []
    lost = 0
    start = time.perf_counter() + 2 + STREAMS / 200

    async def one(number: int) -> None:
        nonlocal lost
        async with connect(f"{url.replace('http', 'ws')}/v1/stream", compression=None) as socket:
            await socket.send(json.dumps({"type": "session.start", "model": model}))
            await socket.recv()
            message = np.arange(STEPS, dtype="<u4").tobytes()
            for k in range(int(seconds * MESSAGES)):
                due = start + (k + number / STREAMS) / MESSAGES
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sent = time.perf_counter()
                await socket.send(message)
                try:
                    answer = await asyncio.wait_for(socket.recv(), 10)
                except TimeoutError:
                    lost += 1
                    continue
                lost += not isinstance(answer, bytes)
                waits.append(time.perf_counter() - sent)

    await asyncio.gather(*(one(number) for number in range(STREAMS)))
    return waits, lost


def latencies(waits: list[float], lost: int) -> str:
    p50, p99 = np.percentile(np.array(waits) * 1e3, [50, 99])
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {lost} of {len(waits)} lost"


async def opened(url: str, seconds: float) -> list[str]:
    """How 1,000 streams that are opened at once are received, while 200 go on."""
    steady = asyncio.create_task(streams(url, "units-256", seconds))
    await asyncio.sleep(4)
    began = time.perf_counter()

    async def one() -> tuple[str, float]:
        try:
            async with connect(
                f"{url.replace('http', 'ws')}/v1/stream", compression=None, open_timeout=30
            ) as socket:
                await socket.send(json.dumps({"type": "session.start", "model": "units-256"}))
                await socket.recv()
                return "accepted", time.perf_counter() - began
        except Exception as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            code = getattr(getattr(error, "rcvd", None), "code", None)
            told = "refused" if 503 in (status,) or code == 1013 else f"failed ({type(error).__name__})"
            return told, time.perf_counter() - began

    found = await asyncio.gather(*(one() for _ in range(1000)))
    waits, lost = await steady
    counts = {
        kind: sum(told == kind for told, _ in found) for kind in dict.fromkeys(told for told, _ in found)
    }
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    last = max(after for _, after in found)
    return [f"{told}; the last after {last:.1f} s; the 200: {latencies(waits, lost)}", "all within 2 s"]


async def texts(url: str) -> list[str]:
    """Characters a second of 50 texts together, and the waits between events."""
    gaps: list[float] = []
    firsts: list[float] = []
    longest = 0

    async def one(client: httpx.AsyncClient, number: int) -> int:
        nonlocal longest
        body = {
            "model": "units-512",
            "prompt": "def ",
            "max_tokens": CHARACTERS,
            "stream": True,
            "seed": number,
        }
        count, last = 0, time.perf_counter()
        first = True
        async with client.stream("POST", "/v1/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                now = time.perf_counter()
                (firsts if first else gaps).append(now - last)
                first, last = False, now
                text = json.loads(line[6:])["choices"][0]["text"]
                count, longest = count + len(text), max(longest, len(text))
        return count

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        await one(client, 0)
        gaps.clear()
        firsts.clear()
        began = time.perf_counter()
        total = sum(await asyncio.gather(*(one(client, number) for number in range(TEXTS))))
        seconds = time.perf_counter() - began
    told = (
        f"{total / seconds:,.0f} characters/s, at most {longest} an event, gaps p99 "
        f"{np.percentile(gaps, 99) * 1e3:.0f} ms, first after {statistics.median(firsts) * 1e3:.0f} ms"
    )
    return [told, "≥ 10,000/s, ≤ 8, ≤ 50 ms, ≤ 30 ms"]


async def soak(server: Server, seconds: float) -> list[str]:
    """Memory after the first fifth and at the end, with streams that come and go."""
    began, early = time.perf_counter(), 0.0
    while time.perf_counter() - began < seconds:
        await streams(server.url, "units-256", 5)
        early = early or (server.megabytes if time.perf_counter() - began > seconds / 5 else 0.0)
    return [f"{early:.0f} MB after a fifth, {server.megabytes:.0f} MB at the end of {seconds:.0f} s", "flat"]


def plain() -> None:
    """The service that one would write: each connection runs its own steps of a torch.nn.LSTM."""
    import struct

    import torch
    import uvicorn
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect

    torch.set_num_threads(1)
    embedding, lstm, head = torch.nn.Embedding(100, 64), torch.nn.LSTM(64, 256), torch.nn.Linear(256, 100)
    service = FastAPI()

    @service.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive_text()
        await socket.send_text("{}")
        state, first = None, 0
        try:
            while True:
                tokens = torch.frombuffer(bytearray(await socket.receive_bytes()), dtype=torch.int32)
                answers = []
                with torch.inference_mode():
                    for token in tokens.long():
                        output, state = lstm(embedding(token)[None, None], state)
                        answers.append(head(output[0, 0]).log_softmax(-1))
                await socket.send_bytes(struct.pack("<Q", first) + torch.stack(answers).numpy().tobytes())
                first += len(tokens)
        except WebSocketDisconnect:
            pass

    server = uvicorn.Server(uvicorn.Config(service, port=0, log_level="error", ws_per_message_deflate=False))

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", file=sys.stderr, flush=True)
        await serving

    asyncio.run(run())


if __name__ == "__main__":
    if sys.argv[1:] == ["--plain"]:
        plain()
    else:
        os.environ.setdefault("ELMAN_TOKEN", "")
        main()
