"""The blocks of docs/exporting.md run, and print what the page shows."""

import warnings

import pages
import pytest

PAGE = "docs/exporting.md"
TEXT = pages.read(PAGE)
SECTIONS = {part.splitlines()[0]: part for part in TEXT.split("\n## ")[1:]}


def run(text, names):
    """Runs a part of the page; returns each block's shown and printed output."""
    blocks = pages.blocks(text)
    for block, after in zip(blocks, [*blocks, None][1:], strict=True):
        if block.kind == "python":
            printed = pages.run(block, PAGE, names)
            if after is not None and after.kind == "text":
                yield after.code, printed


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")
@pytest.mark.parametrize("aotinductor", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_page_prints_what_it_shows(tmp_path, monkeypatch, aotinductor):
    pytest.importorskip("onnxscript")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": PAGE}
    list(run(TEXT.partition("\n## ")[0], names))
    for title, section in SECTIONS.items():
        if (title == "AOTInductor") <= aotinductor:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                assert all(shown == printed for shown, printed in run(section, names)), title
