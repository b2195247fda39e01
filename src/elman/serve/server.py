"""Runs the app with uvicorn until a signal ends it."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn

from elman.serve.application import app
from elman.serve.limits import LOCAL, Limits
from elman.serve.runs import Runs


class _Server(uvicorn.Server):
    """A server that lets the streams end in order before it closes connections."""

    def __init__(self, config: uvicorn.Config, runs: Runs) -> None:
        super().__init__(config)
        self._runs, self._loop = runs, asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Tells the streams to end; a second signal ends at once."""
        if self._runs.ends.is_set():
            super().handle_exit(sig, frame)
        else:
            self._loop.call_soon_threadsafe(
                lambda: setattr(self, "_ending", self._loop.create_task(self._end()))
            )

    async def _end(self) -> None:
        self._runs.ends.set()
        await self._runs.drained()
        self.should_exit = True


def run(
    tasks: dict[str, Any],
    host: str,
    port: int,
    limits: Limits,
    token: str,
    hosts: Sequence[str],
    origins: Sequence[str],
    say: Callable[[str], None],
) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit status.

    Args:
        tasks: loaded runs by name.
        host: address to listen at.
        port: to listen at; 0: any free one.
        limits: what clients get at most.
        token: that every request must bring; "": none.
        hosts: further names by which the service is called.
        origins: of pages that may call it.
        say: is told where it listens.
    """
    service = app(tasks, limits, token=token, hosts=[*LOCAL, host, *hosts], origins=origins)
    config = uvicorn.Config(
        service,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ws_max_size=limits.message_bytes,
        ws_max_queue=limits.queued,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=round(limits.grace_seconds) + 1,
        server_header=False,
    )

    async def main() -> None:
        server = _Server(config, service.state.runs)
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            place = server.servers[0].sockets[0].getsockname()
            shown = f"[{place[0]}]" if ":" in place[0] else place[0]
            say(f"elman: serving {', '.join(tasks)} at http://{shown}:{place[1]} (Ctrl-C ends)")
        await serving

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        asyncio.run(main())
    except SystemExit:  # uvicorn has said why
        return 2
    except KeyboardInterrupt:  # raised again after an orderly end
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0
