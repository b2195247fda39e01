"""The Python in docs/inspect.md runs as it stands there."""

from pages import blocks, read, run

PAGE = "docs/inspect.md"


def test_the_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = blocks(read(PAGE), "python")
    printed = run(block, PAGE, {})
    assert (tmp_path / "inspected" / "report.html").exists()
    assert (tmp_path / "gradient.png").exists()
    assert printed.startswith("The gradient is ")
