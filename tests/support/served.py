"""Services in a thread of their own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

from elman.serve.application import app
from elman.serve.limits import LOCAL, Limits

TEXT = "The owl and the pussy-cat went to sea\nIn a beautiful pea-green boat.\n" * 40


class Service(NamedTuple):
    """A service that runs."""

    url: str
    app: Any
    server: uvicorn.Server

    @property
    def stream(self) -> str:
        return self.url.replace("http", "ws", 1) + "/v1/stream"


@contextmanager
def serving(tasks: dict[str, Any], limits: Limits | None = None, **options: Any) -> Iterator[Service]:
    """Runs a service at a free port."""
    service = app(tasks, limits, **{"hosts": LOCAL, **options})
    most = (limits or Limits()).message_bytes
    config = uvicorn.Config(
        service, port=0, log_level="error", ws_max_size=most, ws_per_message_deflate=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not server.started and time.monotonic() < end:
        time.sleep(0.005)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Service(f"http://127.0.0.1:{port}", service, server)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
