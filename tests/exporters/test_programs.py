"""The programs of examples/ that run exports: Python, C, and a page in a browser, each with the same text."""

import json
import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tiny
import torch

import elman
from elman.exporters.c.run import compiler

EXAMPLES = Path(__file__).parents[2] / "examples"
WEB = os.environ.get("ELMAN_ONNXRUNTIME_WEB", "")  # folder of the unpacked npm package onnxruntime-web
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
START, NUMBER = "the cat", 40


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    (folder / "corpus.txt").write_text(tiny.text(600))
    options = {**tiny.SMALL, "embedding_size": 8, "hidden_size": 24, "layers": 2, "level": "characters"}
    return elman.LanguageModel(**options, learning_rate=0.02).train(folder / "corpus.txt")


@pytest.fixture(scope="module")
def symbols(task) -> list[str]:
    return json.loads(task.to_export().metadata["vocabulary"])["symbols"]


@pytest.fixture(scope="module")
def expected(task, symbols) -> str:
    """What the model itself finds most probable, a character after another."""
    text, stream, known = START, task.model.stream(), len(symbols)
    for letter in START:
        logits = stream.step(torch.tensor([symbols.index(letter)]))[0, :known].clone()
    for _ in range(NUMBER):
        text += symbols[int(logits.argmax())]
        logits = stream.step(torch.tensor([symbols.index(text[-1])]))[0, :known].clone()
    return text


@pytest.fixture(scope="module")
def shipped(task, tmp_path_factory) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    return elman.export(task, tmp_path_factory.mktemp("web") / "shipped").folder


def test_python_with_onnxruntime(shipped, expected):
    from exported_text import continued

    assert continued(shipped, START, NUMBER) == expected


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_c(weights, task, symbols, expected, tmp_path):
    exported = elman.export(task, tmp_path / "shipped", "c", name="reader", weights=weights)
    program = tmp_path / "text"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-I", str(exported.folder)]
    source = EXAMPLES / "exported_text.c"
    subprocess.run([*compiler(), *flags, str(source), "-lm", "-o", str(program)], check=True)
    ids = [str(symbols.index(letter)) for letter in START]
    ran = subprocess.run([program, *ids], capture_output=True, text=True, check=True)
    found = [int(line) for line in ran.stdout.split()]
    assert len(found) == NUMBER
    if weights == "float32":
        assert START + "".join(symbols[k] for k in found) == expected
    wrong = subprocess.run([program, "-1"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, "ids must lie in" in wrong.stderr) == (2, True)


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")
@pytest.mark.skipif(not WEB, reason="ELMAN_ONNXRUNTIME_WEB names no folder of onnxruntime-web")
def test_a_page_in_a_browser(shipped, expected, tmp_path):
    served = tmp_path / "served"
    shutil.copytree(shipped, served)
    shutil.copy(EXAMPLES / "exported_text.html", served / "index.html")
    (served / "package").symlink_to(WEB)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/#{START}".replace(" ", "%20")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        ran = subprocess.run(
            [BROWSER, *flags, "--timeout=20000", "--virtual-time-budget=20000", "--dump-dom", address],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        server.shutdown()
    assert f'<pre id="text">{expected}</pre>' in ran.stdout
    assert "<title>done</title>" in ran.stdout
