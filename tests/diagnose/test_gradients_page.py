"""What docs/gradients.md shows works as it stands there, and its rule is the one in force."""

import re
from pathlib import Path

from elman.diagnose import RULE

PAGE = (Path(__file__).parents[2] / "docs/gradients.md").read_text("utf-8")


def test_the_python_runs(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile("".join(blocks), "docs/gradients.md", "exec"), {})
    said = capsys.readouterr().out
    for wanted in (
        "recurrent layer 2: x 0.",
        "recurrent layer 1, f: ",
        "{'h': (120, 4, 32), 'c': (120, 4, 32)}",
        "('healthy',)",
    ):
        assert wanted in said


def test_the_rule_is_the_one_in_force():
    said = re.sub(r"\s+", " ", PAGE.replace("*", "")).lower()
    for sentence in RULE.split("; "):
        assert sentence in said
