"""What a service gives to its clients at most."""

from dataclasses import dataclass, fields

from elman.config import flag, require

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names by which a service on the reader's own machine is called."""


@dataclass(frozen=True)
class Limits:
    """Limits of a service, each a flag of ``elman serve``."""

    streams: int = 256
    """most streams and texts at once, of each run; more are refused with status 503"""
    message_bytes: int = 1 << 20
    """largest message or request, in bytes; larger ones are refused (status 413, close code 1009)"""
    queued: int = 4
    """messages of a stream that are read before their answers are taken"""
    chunk: int = 1024
    """most steps of one message"""
    send_seconds: float = 10.0
    """longest time that a client may take to receive an answer, s"""
    idle_seconds: float = 300.0
    """a stream without messages for so long is ended, s"""
    session_seconds: float = 3600.0
    """longest time that a stream may last, s"""
    waiting: int = 64
    """most requests at work; more are refused with status 429"""
    tokens: int = 4096
    """most tokens of a text"""
    request_seconds: float = 60.0
    """longest time of a request, s"""
    grace_seconds: float = 10.0
    """time in which a service that is told to end answers what it has read, s"""

    def __post_init__(self) -> None:
        """Checks the numbers."""
        for each in fields(self):
            value = getattr(self, each.name)
            require(flag(each.name), value > 0, "above 0", value)
