"""A service of trained runs: streams, texts and whole requests (``elman serve``; docs/serving.md).

``engine`` advances all streams in one thread, ``forms`` says what each task's streams read and answer,
``sessions`` joins the two; ``application`` gives them to clients. The extra is ``elman[serve]``.
"""

from typing import TYPE_CHECKING, Any

from elman.registry import load_module
from elman.serve.limits import Limits as Limits

if TYPE_CHECKING:
    from elman.serve.application import app as app


def __getattr__(name: str) -> Any:
    """Imports ``app`` when it is first used: the help needs only the limits."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return load_module("elman.serve.application").app
