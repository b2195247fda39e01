"""Writes a page for each task into docs/tasks, with every option, from the task's dataclass.

python docs/make_tasks.py          # writes
python docs/make_tasks.py --check  # exits with 1 if a page is not what it would write
"""

import inspect
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from elman.cli.main import flags_of_training
from elman.cli.overview import tasks
from elman.cli.parse import Flag, flags_of
from elman.registry import find_task

FOLDER = Path(__file__).parent / "tasks"
BASIC = {"int": "whole number", "float": "number", "str": "text", "Path": "path", "bool": "yes or no"}


def kind(hint: Any) -> str:
    """What a flag takes, in words."""
    origin, arguments = get_origin(hint), [each for each in get_args(hint) if each is not type(None)]
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        each = kind(arguments[0])
        return f"one or more: {each}" if arguments[-1] is ... else f"{len(arguments)} × {each}"
    if arguments:
        return " or ".join(map(kind, arguments))
    return BASIC[hint.__name__]


def row(flag: Flag) -> str:
    """A flag's line in a table."""
    written = flag.written_default
    text = flag.help.replace("|", "\\|")
    return f"| `{flag.spelling}` | {kind(flag.hint)} | {f'`{written}`' if written else ''} | {text} |"


def table(flags: list[Flag]) -> list[str]:
    """Flags as a table."""
    return ["| option | takes | default | |", "|---|---|---|---|", *map(row, flags)]


def page(name: str, config: Any) -> str:
    """The page of a task."""
    cls = find_task(name)
    verb = config.verb.__name__.lower()
    lines = [
        f"# {name}",
        "",
        "<!-- written by docs/make_tasks.py; edit the docstrings in the task's options.py instead -->",
        "",
        inspect.cleandoc(config.__doc__ or ""),
        "",
        "```sh",
        config.example,
        config.verb.example,
        "```",
        "",
        f"In Python the task is `elman.{cls.__name__}`, and every option has the same name with underscores:",
        "",
        "```text",
        inspect.cleandoc(cls.__doc__ or ""),
        "```",
        "",
        f"## Options of `elman train {name}`",
    ]
    flags = flags_of_training(config, config())
    for title in dict.fromkeys(["", *(flag.group for flag in flags)]):
        lines += [
            "",
            f"### {title.capitalize() or 'First'}",
            "",
            *table([f for f in flags if f.group == title]),
        ]
    lines += ["", f"## Options of `elman {verb}`", "", inspect.cleandoc(config.verb.__doc__ or ""), ""]
    lines += table(flags_of(config.verb))
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes the pages, or says which are stale."""
    pages = {FOLDER / f"{name}.md": page(name, config) for name, config in tasks().items()}
    index = ["# Tasks", "", "<!-- written by docs/make_tasks.py -->", "", "| task | |", "|---|---|"]
    for name, config in tasks().items():
        first = inspect.cleandoc(config.__doc__ or "").partition("\n")[0]
        index.append(f"| [{name}]({name}.md) | {first} |")
    pages[FOLDER / "README.md"] = "\n".join(index) + "\n"
    if "--check" in sys.argv:
        stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
        print("\n".join(f"{path.name}: run python docs/make_tasks.py" for path in stale))
        return bool(stale)
    FOLDER.mkdir(exist_ok=True)
    for path, text in pages.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
