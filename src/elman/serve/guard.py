"""What stands before every route: who may ask, from where, how much, and how many at once.

A page of any site can send requests to a service on the reader's own machine, so Host and Origin are checked
there too.
"""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from elman.serve.limits import Limits
from elman.serve.metrics import Metrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PROTOCOL, TOKEN_PREFIX = "elman.v1", "elman.token."
"""Names of the subprotocol, and with which a browser, which cannot set headers, sends its token."""
_FREE = ("/v2/health/live", "/v2/health/ready")  # asked by what restarts a service
_COUNTED = "route"


def error_body(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    """Returns an error as every route of the service words it, which is OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class Guard:
    """Checks requests before an app sees them.

    Args:
        app: what answers.
        limits: sizes and numbers.
        metrics: counts requests and refusals.
        hosts: names by which the service may be called; empty: any.
        origins: origins of pages, besides the service's own, that may call it.
        token: that every request must bring; "": none.
    """

    def __init__(
        self,
        app: App,
        limits: Limits,
        metrics: Metrics,
        hosts: Collection[str],
        origins: Collection[str],
        token: str,
    ) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics
        self._hosts, self._origins, self._token = frozenset(hosts), frozenset(origins), token
        self._working = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers or refuses one request, or one websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused:
            self._metrics.rejected.labels(refused[1]).inc()
            await _refuse(scope, receive, send, *refused)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._answered(scope, receive, send)

    def _refused(self, scope: Message, headers: dict[str, str]) -> tuple[int, str, str] | None:
        """Returns status, reason and message if a request is refused."""
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return 421, "host", f"this service is not called {host!r}; see elman serve --allow-host"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host and origin not in self._origins:
            return (
                403,
                "origin",
                f"pages of {origin} may not call this service; see elman serve --allow-origin",
            )
        if self._token and scope["path"] not in _FREE and not self._has_token(headers):
            return 401, "token", "a valid token is needed: Authorization: Bearer TOKEN"
        if int(headers.get("content-length") or 0) > self._limits.message_bytes:
            return 413, "size", f"a request must have at most {self._limits.message_bytes} bytes"
        if scope["type"] == "http" and scope["method"] == "POST" and self._working >= self._limits.waiting:
            return 429, "busy", f"{self._working} requests are at work already; try again"
        return None

    def _has_token(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        offered = [given.strip()] if kind.lower() == "bearer" else []
        protocols = (each.strip() for each in headers.get("sec-websocket-protocol", "").split(","))
        offered += [p.removeprefix(TOKEN_PREFIX) for p in protocols if p.startswith(TOKEN_PREFIX)]
        return any(hmac.compare_digest(each.encode(), self._token.encode()) for each in offered)

    async def _answered(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers a request within its time, and counts it."""
        began, status, size = time.perf_counter(), 0, 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limits.message_bytes:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        is_counted = scope["method"] == "POST"
        self._working += is_counted
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                await self._app(scope, limited, noted)
        except (TimeoutError, _TooLarge) as error:
            late = isinstance(error, TimeoutError)
            self._metrics.rejected.labels("time" if late else "size").inc()
            if not status:
                own = self._limits
                told = (
                    f"a request must end within {own.request_seconds:g} seconds"
                    if late
                    else f"a request must have at most {own.message_bytes} bytes"
                )
                status = 504 if late else 413
                await _refuse(scope, receive, send, status, "", told)
        finally:
            self._working -= is_counted
            route = getattr(scope.get(_COUNTED), "path", "other")
            self._metrics.requests.labels(route, str(status)).observe(time.perf_counter() - began)


class _TooLarge(Exception):
    """A request without a length was longer than it may be."""


def _name(host: str) -> str:
    """Returns the name in a Host header, without the port."""
    return urlsplit(f"//{host}").hostname or ""


async def _refuse(
    scope: Message, receive: Receive, send: Send, status: int, reason: str, message: str
) -> None:
    """Answers with a status and a message, also before a websocket is opened."""
    body = json.dumps(error_body(message, code=reason or None)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"retry-after", b"1")] if status in (429, 503) else []
    headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
    kind = "http"
    if scope["type"] == "websocket":
        kind = "websocket.http"
        if kind + ".response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": message[:120]})
            return
    await send({"type": f"{kind}.response.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": body})
