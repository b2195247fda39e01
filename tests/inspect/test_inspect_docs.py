"""The Python in docs/inspect.md runs as it stands there."""

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text("utf-8")


def test_the_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    exec(compile(block, "inspect.md", "exec"), {})
    assert (tmp_path / "inspected" / "report.html").exists()
    assert (tmp_path / "gradient.png").exists()
    assert capsys.readouterr().out.startswith("The gradient is ")
