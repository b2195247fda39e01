"""What docs/gradients.md shows works as it stands there, and its rule is the one in force."""

import re

from pages import outputs, read

from elman.diagnose import RULE

PAGE = read("docs/gradients.md")


def test_the_python_runs():
    said = "".join(printed for _, _, printed in outputs(PAGE, "docs/gradients.md"))
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
