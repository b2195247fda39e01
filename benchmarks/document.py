"""The sections of a document that a benchmark writes, and the machine that it ran on."""

import os
import platform
from pathlib import Path


def check(file: Path, section: str) -> None:
    """Stops before anything is measured if the document has no such section.

    Raises:
        SystemExit: the markers around the section are missing.
    """
    text = file.read_text()
    for marker in _markers(section):
        if text.count(marker) != 1:
            raise SystemExit(f"{file} must hold the line {marker!r} once, to say where the tables go")


def replace(file: Path, section: str, content: str) -> None:
    """Puts ``content`` between the section's markers."""
    check(file, section)
    begin, end = _markers(section)
    before, _, rest = file.read_text().partition(begin)
    file.write_text(f"{before}{begin}\n\n{content.strip()}\n\n{end}{rest.partition(end)[2]}")


def publish(section: str, table: str, rounds: int, file: Path | None) -> None:
    """Prints a table and what it was measured on, and puts both into the document, if there is one."""
    import torch  # what only reads the machine's name stays small

    facts = f"{torch.get_num_threads()} threads, torch {torch.__version__}, {rounds} rounds"
    text = f"{machine()}; {facts}.\n\n{table}"
    print(text)
    if file:
        replace(file, section, text)


def machine() -> str:
    """The processor's name and the number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if not facts.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in facts.read_text().splitlines())
    found = {key.strip(): value.strip() for key, _, value in lines}
    name = found.get("model name", platform.machine())
    return f"{name} (family {found['cpu family']}, model {found['model']})" if "cpu family" in found else name


def _markers(section: str) -> tuple[str, str]:
    return f"<!-- {section}: written by a benchmark -->", f"<!-- end of {section} -->"
