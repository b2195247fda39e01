"""The page's pieces: nothing from outside, nothing of the user's taken for HTML."""

import re
import shutil
import subprocess
from html import escape

import numpy as np
import pytest

from elman.inspect import page
from elman.inspect.picture import Picture, table_csv
from elman.pictures.base import new_figure


def picture(name="first"):
    figure = new_figure()
    axes = figure.subplots()
    axes.plot([1, 2], [0.1, 0.2], label="a & b")
    axes.imshow(np.eye(2))
    axes.legend()
    return Picture(name, "a <caption>", figure, {"x": [1, 2], "y": [0.1, float("nan")]})


def test_a_picture_is_three_files_of_the_same_numbers(tmp_path):
    picture().write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"first.png", "first.svg", "first.csv"}
    assert (tmp_path / "first.csv").read_text() == "x,y\n1,0.1\n2,\n"
    assert (tmp_path / "first.png").read_bytes()[1:4] == b"PNG"


def test_the_same_picture_is_the_same_file(tmp_path):
    first = picture().write(tmp_path)
    assert picture().write(tmp_path) == first


def test_pictures_in_a_page_need_nothing_and_share_no_name(tmp_path):
    both = [page.inline_svg(picture(name).write(tmp_path), name, "a <label>") for name in ("one", "two")]
    for svg, name in zip(both, ("one", "two"), strict=True):
        assert svg.startswith("<svg ")
        assert svg.endswith("</svg>")
        assert "http" not in svg
        assert 'aria-label="a &lt;label&gt;"' in svg
        assert "#000000" not in svg
        ids = re.findall(r'\bid="([^"]+)"', svg)
        assert ids
        assert all(each.startswith(f"{name}-") for each in ids)
        used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        assert used
        assert {a or b for a, b in used} <= set(ids)
    assert "viewBox" in both[0].split(">")[0]
    assert "width" not in both[0].split(">")[0]


def test_what_users_write_stays_text():
    whole = page.page(
        "<run>", [page.section("s", "a & b", page.paragraph("<script>"), page.table(["<a>"], [["<b>"]]))]
    )
    assert "<script>" not in whole
    assert "<title>&lt;run&gt;</title>" in whole
    assert "&lt;b&gt;" in whole


def test_text_is_coloured_by_sign_and_size_and_runs_are_joined():
    shown = page.coloured_text(["a", "b", "<", "\n", "c"], np.array([1.0, 1.0, -0.5, 0.0, np.nan]))
    assert shown == '<div class="text"><span class="p10">ab</span><span class="n5">&lt;</span>\nc</div>'
    assert page.coloured_text([], np.zeros(0)) == '<div class="text"></div>'


@pytest.mark.parametrize("value", [0.1, 1e-30, 1 / 3])
def test_numbers_are_written_in_full(value):
    assert float(table_csv({"x": np.array([value])}).splitlines()[1]) == value


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
_NARROW = 400  # pixels: a phone


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_on_a_phone_only_tables_scroll_sideways(tmp_path):
    """A browser measures the page in a frame as wide as a phone."""
    words = ["immeasurable" * 2] * 12
    body = [
        page.paragraph("gradient-" * 30 + "x" * 300),
        page.table(words, [words]),
        page.table(["layer", "state"], [["recurrent layer 1", "h"]]),
        page.figure(
            "a-long-name-" * 8, '<svg width="900" viewBox="0 0 900 200"><g id="a"></g></svg>', "what"
        ),
        page.coloured_text(["word "] * 200, np.linspace(-1, 1, 200)),
    ]
    frame = escape(page.page("narrow " * 30, body))
    measure = (
        "const page = document.querySelector('iframe').contentDocument, root = page.documentElement;"
        "const parts = Array.from(page.querySelectorAll('.wide, svg'));"
        "const whole = part => part.scrollWidth || part.getBoundingClientRect().width;"
        "const widths = [root, ...parts].flatMap(part => [whole(part), part.clientWidth]);"
        "document.body.innerHTML = `<p id=measured>${widths.map(Math.round)}</p>`;"
    )
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(
        f'<body><iframe style="width:{_NARROW}px;height:800px;border:0" srcdoc="{frame}"></iframe>'
        f"<script>addEventListener('load', () => {{ {measure} }})</script></body>",
        "utf-8",
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    ran = subprocess.run(
        [str(BROWSER), *options, "--dump-dom", wrapper.as_uri()], capture_output=True, text=True, timeout=120
    )
    found = re.search(r"<p id=\"measured\">([\d,]+)</p>", ran.stdout)
    assert found, ran.stdout[-500:] + ran.stderr[-500:]
    whole, screen, table, shown, small, small_shown, picture, _ = map(int, found[1].split(","))
    assert whole <= screen <= _NARROW
    assert table > shown
    assert small == small_shown
    assert 0.8 * _NARROW < picture <= screen
