"""The pages whose code prints something: the code runs, and prints what stands below it."""

import re

import pages
import pytest

from elman.cli import main

PAGES = ("docs/lesson.md", "docs/choosing_a_cell.md", "docs/extending.md")


@pytest.mark.parametrize("page", [*PAGES, "docs/in_your_model.md", "docs/kernels.md"])
def test_each_block_prints_what_the_page_shows(page):
    shown = 0
    for block, output, printed in pages.outputs(pages.read(page), page):
        assert (output is None) == (not printed), f"{page}:{block.line} prints {printed!r}"
        if output:
            assert pages.same(output.code, printed), f"{page}:{block.line} prints\n{printed}"
            shown += 1
    assert shown >= (3 if page in PAGES else 1)


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("loss 0.23, 5 steps", "loss 0.24, 5 steps", True),
        ("loss 0.23", "loss 0.25", False),
        ("1.3e-05 left", "1.4e-05 left", True),
        ("1.3e-05 left", "1.3e-04 left", False),
        ("1,042", "1,044", False),
        ("learned", "not learned", False),
        ("-1", "1", False),
    ],
)
def test_outputs_are_alike_up_to_the_last_digit(shown, printed, alike):
    assert pages.same(shown, printed) == alike


@pytest.mark.parametrize("page", PAGES)
def test_options_that_a_page_names_exist(page, capsys):
    text = re.sub(r"^```.*?^```", "", pages.read(page), flags=re.MULTILINE | re.DOTALL)
    named = {flag for flag in re.findall(r"(?<!-)--[a-z][a-z-]+", text) if flag != "--level"}
    assert len(named) >= 3
    known = ""
    for task in ("language-model", "regression", "forecasting"):
        with pytest.raises(SystemExit):
            main(["train", task, "--help"])
        known += capsys.readouterr().out
    assert named <= set(re.findall(r"--[a-z-]+", known))


@pytest.mark.parametrize(
    "page",
    [path.relative_to(pages.ROOT).as_posix() for path in sorted(pages.ROOT.glob("docs/**/*.md"))]
    + ["README.md"],
)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", pages.read(page), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, place = target.partition("#")
        path = (pages.ROOT / page).parent / name if name else pages.ROOT / page
        assert path.exists(), target
        if place:
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert place in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}


def test_the_picture_is_small():
    picture = (pages.ROOT / "docs/unrolled.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000
