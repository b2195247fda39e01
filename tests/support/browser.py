"""A browser without a window, driven by its debugging protocol."""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")


class Tab:
    """One page.

    Attributes:
        faults: what the page wrote to the console, and exceptions that nothing caught.
    """

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.faults: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the protocol; returns its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("method") in (
                "Runtime.exceptionThrown",
                "Runtime.consoleAPICalled",
                "Log.entryAdded",
            ):
                self.faults.append(json.dumps(message["params"])[:500])
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]

    def open(self, url: str, width: int = 1200, height: int = 900) -> None:
        """Loads a page and waits until its script has run."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """Evaluates JavaScript in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 30) -> None:
        """Waits until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)

    def key(self, name: str) -> None:
        """Presses a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, text=name if len(name) == 1 else "")

    def click(self, expression: str) -> None:
        """Clicks the middle of an element."""
        self.value(f"{expression}.scrollIntoView({{block: 'center'}})")
        x, y = self.value(
            f"(b => [b.left + b.width / 2, b.top + b.height / 2])({expression}.getBoundingClientRect())"
        )
        self.click_at(x, y)

    def click_at(self, x: float, y: float) -> None:
        """Clicks a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path) -> None:
        """Writes what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """Starts the browser with one tab; ``folder`` holds its profile."""
    connect = pytest.importorskip("websockets.sync.client", reason="websockets is not installed").connect
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    command += [f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = None
            while port is None:
                line = process.stderr.readline()
                assert line, "the browser did not start"
                found = re.search(r"ws://127\.0\.0\.1:(\d+)/", line)
                port = found and found.group(1)
            with connect(line.split()[-1], max_size=None) as control:
                control.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
                targets = json.loads(control.recv(timeout=60))["result"]["targetInfos"]
            (page,) = (each["targetId"] for each in targets if each["type"] == "page")
            with connect(f"ws://127.0.0.1:{port}/devtools/page/{page}", max_size=None) as socket:
                yield Tab(socket)
        finally:
            process.kill()
