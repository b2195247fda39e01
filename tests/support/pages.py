"""The code blocks of a page of the documentation, run as they stand, and what they print.

    python tests/support/pages.py docs/lesson.md  # writes into the page what its blocks print now

A ``text`` block right under a ``python`` block is what that block prints.
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])([-+]?\d+(?:\.(\d+))?(?:e([-+]\d+))?)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        kind: the word after the fence: python, sh, text.
        code: what stands between the fences.
        line: of the page, where the code begins.
        start: position in the page of the fence.
        end: position in the page behind the closing fence.
    """

    kind: str
    code: str
    line: int
    start: int
    end: int


def read(page: str) -> str:
    """The text of a page, named from the root of the repository."""
    return (ROOT / page).read_text("utf-8")


def blocks(text: str, kind: str | None = None) -> list[Block]:
    """The fenced blocks of a page, or those of one kind."""
    found = (
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 2, *match.span())
        for match in _FENCED.finditer(text)
    )
    return [block for block in found if kind in (None, block.kind)]


def run(block: Block, page: str, names: dict[str, object]) -> str:
    """Runs a Python block among the names that those before it made; returns what it prints."""
    said = io.StringIO()
    # the line numbers of an error are the page's
    code = compile("\n" * (block.line - 1) + block.code, page, "exec")
    with redirect_stdout(said):
        exec(code, names)
    return said.getvalue()


def outputs(text: str, page: str) -> Iterator[tuple[Block, Block | None, str]]:
    """Runs a page's Python in order: each block, the block of its output if there is one, what it printed."""
    names: dict[str, object] = {"__name__": page}
    found = blocks(text)
    for block, after in zip(found, [*found[1:], None], strict=True):
        if block.kind == "python":
            shown = after and after.kind == "text" and not text[block.end : after.start].strip()
            yield block, after if shown else None, run(block, page, names)


def same(shown: str, printed: str) -> bool:
    """Whether two outputs have the same words, and numbers that differ by at most one in the last digit."""
    if _NUMBER.sub("#", shown).split() != _NUMBER.sub("#", printed).split():
        return False
    pairs = zip(_NUMBER.finditer(shown), _NUMBER.finditer(printed), strict=True)
    return all(abs(float(a[1]) - float(b[1])) <= 1.001 * max(_unit(a), _unit(b)) for a, b in pairs)


def _unit(number: re.Match[str]) -> float:
    """One in the last digit of a number as it is written."""
    return 10.0 ** (int(number[3] or 0) - len(number[2] or ""))


def rewritten(text: str, page: str) -> str:
    """The page with what its blocks print now."""
    parts, position = [], 0
    for _, shown, printed in outputs(text, page):
        if shown:
            parts += [text[position : shown.start], f"```text\n{printed}```"]
            position = shown.end
    return "".join(parts) + text[position:]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(rewritten(path.read_text("utf-8"), name), "utf-8")
