"""The page: its numbers are Elman's, it needs nothing from outside, and a browser finds no fault in it."""

import base64
import html
import json
import re
import shutil
import subprocess
from hashlib import sha256
from urllib.parse import quote

import numpy as np
import pytest
import torch

import elman
from elman.cli import main
from elman.playground.page import page

TEXT = 'The <owl> & the "pussy-cat" went to sea\nIn 1 beautiful pea-green boat.\n' * 30
READ = 'The <owl> & the "cat" went'
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
KINDS = {
    "lstm": {"cell": "lstm", "layers": 2},
    "gru": {"cell": "gru", "learned_state": True},
    "elman": {"cell": "elman"},
    "relu": {"cell": "elman:nonlinearity=relu"},
    "tied": {"cell": "lstm", "tied": True, "embedding_size": 10},
}


def trained(**options) -> elman.LanguageModel:
    options = {"hidden_size": 10, "epochs": 1, "bptt": 20, "batch_size": 4, "ngrams": "none", **options}
    return elman.LanguageModel(**options).fit(texts=[TEXT])


@pytest.fixture(scope="module", params=KINDS)
def task(request) -> elman.LanguageModel:
    return trained(**KINDS[request.param])


def opened(content: str, folder, fragment: str = "", size: str = "1200,900") -> tuple[str, str]:
    """Opens a page in the browser; returns what is there after it ran, and what was told."""
    path = folder / "index.html"
    path.write_text(content, "utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    command += [f"--window-size={size}", "--virtual-time-budget=3000", f"--user-data-dir={folder / 'user'}"]
    ran = subprocess.run(
        [*command, "--dump-dom", f"{path.as_uri()}{fragment}"], capture_output=True, text=True, timeout=120
    )
    return ran.stdout, ran.stderr


@needs_browser
def test_its_numbers_are_those_of_the_run(task, tmp_path):
    dom, told = opened(page(task, "test"), tmp_path, f"#check={quote(READ)}")
    assert "CONSOLE" not in told
    (content,) = re.findall(r'<pre id="checked">(.*?)</pre>', dom, re.S)
    found = json.loads(html.unescape(content))
    tokens = torch.from_numpy(task.vocabulary.encode(READ).astype(np.int64))[:, None]
    model = task.model.eval()
    x = model.embedding(tokens).detach().requires_grad_()
    output, _ = model.layer(x)
    log_p = model.head.logits(output)[:, 0].log_softmax(-1)
    np.testing.assert_allclose(found["log_p"], log_p.detach().numpy(), atol=1e-4)
    log_p[-1].max().backward()
    expected = x.grad[:, 0].norm(dim=-1).flip(0).numpy()
    np.testing.assert_allclose(found["reach"], expected, rtol=1e-3, atol=1e-6)


@needs_browser
@pytest.mark.parametrize("width", [360, 1600])
def test_it_types_guesses_and_draws_without_a_fault(tmp_path, width):
    dom, told = opened(page(trained(), "A <title>"), tmp_path, size=f"{width},900")
    assert "CONSOLE" not in told
    assert "<h1>A &lt;title&gt;</h1>" in dom
    (text,) = re.findall(r'<div id="text"[^>]*>(.*?)</div>', dom, re.S)
    assert text.count("<span") > 100
    assert text.count("background-color") > 50
    (guesses,) = re.findall(r'<ol id="guesses">(.*?)</ol>', dom, re.S)
    assert guesses.count("<li>") == 5


@needs_browser
def test_the_lessons_networks_learn_by_a_right_gradient(tmp_path):
    dom, told = opened(page(trained(), "test"), tmp_path, "#lesson=80")
    assert "CONSOLE" not in told
    (content,) = re.findall(r'<pre id="learnt">(.*?)</pre>', dom, re.S)
    found = json.loads(html.unescape(content))
    assert [each["kind"] for each in found] == ["elman", "lstm"]
    for each in found:
        assert each["error"] < 0.02  # of finite differences in single precision
        assert each["right"] > 0.8  # 1 in 4 by chance; three steps lie between


def test_nothing_is_loaded_and_only_its_own_script_may_run(task):
    content = page(task, "test")
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)""", content) == []
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', content)
    assert "default-src 'none'" in policy
    for tag, kind in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", content, re.S)
        digest = base64.b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"level": "words"}, "shows models of characters. This run reads words."),
        ({"cell": "peephole-lstm"}, "not PeepholeLSTM"),
        ({"layers": 2, "residual": True}, "not residual layers"),
    ],
)
def test_what_it_cannot_show_is_told(options, told):
    with pytest.raises(elman.InputError, match=re.escape(told)):
        page(trained(**options), "test")


def test_other_tasks_have_no_page():
    x = np.random.default_rng(0).normal(size=(20, 4, 1))
    regressor = elman.SequenceRegressor(hidden_size=4, epochs=1, rocket="none").fit(x, x[:, -1])
    with pytest.raises(elman.InputError, match="shows language models, not runs of regression"):
        page(regressor, "test")


def test_the_command_writes_one_file_and_replaces_none_unasked(tmp_path, capsys):
    trained().save(tmp_path / "run")
    assert main(["playground", str(tmp_path / "run")]) == 0
    written = tmp_path / "run-playground" / "index.html"
    assert f"page  {written}" in capsys.readouterr().out
    assert "<h1>run</h1>" in written.read_text("utf-8")
    assert main(["playground", str(tmp_path / "run")]) == 2
    assert "exists already; --overwrite replaces it" in capsys.readouterr().err
    assert main(["playground", str(tmp_path / "run"), "--overwrite", "--title", "Owls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == written.stat().st_size
