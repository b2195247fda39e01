"""Readers of Debian's packages.

A reader takes ``Places`` and the options that ``sets.toml`` gives it. It returns ``Rows`` (training examples,
and test examples if the source has a test part) or, for a language model, one text.
"""

import gzip
import re
import struct
import subprocess
from collections.abc import Iterator

from own.places import Places
from own.rows import Row, Rows, cut, drawn, frequent, one_line, pairs_of


def _fortune_files(places: Places, package: str) -> Iterator[tuple[str, list[str]]]:
    """Yields (name of the file, its sayings), without sources and signatures after a dash."""
    folder = places.debian(package) / "usr/share/games/fortunes"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in {".dat", ".u8"}:
            text = re.sub(r"\x1b\[[\d;]*m", "", path.read_text("utf-8", errors="replace"))
            yield path.stem, [saying.strip("\n") for saying in re.split(r"^%.*\n", text, flags=re.MULTILINE)]


def fortune_topics(places: Places, package: str) -> Rows:
    """Sayings by the file that they stand in, without their author."""
    signature = re.compile(r"\n\s*(--|—).*", re.DOTALL)
    rows = (
        (name, one_line(signature.sub("", saying)))
        for name, sayings in _fortune_files(places, package)
        for saying in sayings
    )
    return Rows(drawn(frequent(rows)), [])


def fortunes(places: Places, package: str, kilobytes: int) -> str:
    """Sayings in random order."""
    rows = drawn((name, saying) for name, sayings in _fortune_files(places, package) for saying in sayings)
    return cut((f"{saying}\n\n" for _, saying in rows if saying.strip()), kilobytes)


def _foldoc(places: Places) -> list[str]:
    """Returns the entries, each a head word and an indented definition."""
    path = places.debian("dict-foldoc") / "usr/share/dictd/foldoc.dict.dz"
    text = gzip.decompress(path.read_bytes()).decode(errors="replace")
    return re.split(r"\n+(?=\S)", text)[10:]  # after the preface


def foldoc_fields(places: Places) -> Rows:
    """Definitions by the field that stands before them in angle brackets."""
    rows = []
    for entry in _foldoc(places):
        found = re.match(r".*\n+\s+(?:\d\. )?<([a-z ]+)>(.*)", entry, re.DOTALL)
        if found:
            rows.append((found[1], one_line(re.sub(r"\(\d{4}-\d\d-\d\d\)", "", found[2]))))
    return Rows(drawn(frequent(rows)), [])


def foldoc_text(places: Places, kilobytes: int) -> str:
    """Entries of the dictionary, in random order."""
    return cut((f"{entry}\n\n" for _, entry in drawn(("", entry) for entry in _foldoc(places))), kilobytes)


def _manuals(places: Places, language: str) -> Iterator[tuple[str, list[str]]]:
    """Yields (section, lines of prose) of each manual page; macros and fonts are left out."""
    folder = places.debian(f"manpages-{language.split('_')[0]}") / f"usr/share/man/{language}"
    for path in sorted(folder.glob("man*/*.gz")):
        if not path.is_symlink():
            text = gzip.decompress(path.read_bytes()).decode(errors="replace")
            text = re.sub(r"\\f(\[\w*\]|\(..|.)|\\[&,/]", "", text).replace(r"\-", "-")
            lines = [line for line in text.splitlines() if line and line[0] not in ".'"]
            if len(lines) > 5:  # others refer to another page
                yield path.parent.name, lines


def manuals(places: Places, language: str, kilobytes: int) -> str:
    """Prose of manual pages, in random order."""
    pages = drawn(("", "\n".join(lines)) for _, lines in _manuals(places, language))
    return cut((f"{page}\n\n" for _, page in pages), kilobytes)


def manual_languages(places: Places, languages: list[str], most: int) -> Rows:
    """Lines of manual pages by language."""
    rows: list[Row] = []
    for language in languages:
        lines = ((language, one_line(line)) for _, page in _manuals(places, language) for line in page)
        rows += drawn(frequent(row for row in lines if len(row[1]) > 20), most // len(languages))
    return Rows(drawn(frequent(rows)), [])


def manual_sections(places: Places, language: str) -> Rows:
    """Manual pages by section: commands, formats, …"""
    rows = ((section, "\n".join(lines)) for section, lines in _manuals(places, language))
    return Rows(drawn(frequent(rows)), [])


def debian_reference(places: Places, language: str, kilobytes: int) -> str:
    """Chapters of a handbook, the text of its pages."""
    folder = places.debian(f"debian-reference-{language}") / "usr/share/debian-reference"

    def pages() -> Iterator[str]:
        for path in sorted(folder.glob(f"ch*.{language}.html")):
            text = re.sub(r"<[^>]*>", "", path.read_text("utf-8").partition("<body>")[2])
            yield re.sub(r"\s*\n\s*", "\n", re.sub(r"&#?\w+;", " ", text))

    return cut(pages(), kilobytes)


def _list(places: Places, ending: str) -> Iterator[dict[str, str]]:
    """Yields the fields of each package in one of Debian's lists; the first line of each field."""
    paths = places.package_lists().glob(f"*_main_{ending}")
    path = max(paths, key=lambda path: path.stat().st_size)  # updates have lists of their own, much shorter
    # apt may keep its lists compressed
    text = subprocess.run(
        ["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, check=True
    ).stdout
    for block in text.decode().split("\n\n"):
        yield dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != " " and ": " in line)


def package_sections(places: Places, most: int) -> Rows:
    """One-line descriptions of packages by section."""
    packages = _list(places, "binary-*_Packages*")
    rows = ((package.get("Section", ""), package.get("Description", "")) for package in packages)
    return Rows(drawn(frequent(drawn(frequent(rows), most))), [])


def descriptions(places: Places, language: str, most: int) -> Rows:
    """One-line descriptions of packages, from English."""
    english = {
        package["Description-md5"]: package["Description-en"]
        for package in _list(places, "i18n_Translation-en*")
        if "Description-en" in package
    }
    translated = _list(places, f"i18n_Translation-{language}*")
    rows = (
        (english[package["Description-md5"]], package[f"Description-{language}"])
        for package in translated
        if package.get("Description-md5") in english and f"Description-{language}" in package
    )
    return Rows(drawn(pairs_of(rows), most), [])


def messages(places: Places, package: str, language: str, catalogs: list[str] | None = None) -> Rows:
    """Messages of a program with their translations, in gettext's compiled form."""
    folder = places.debian(package) / f"usr/share/locale/{language}/LC_MESSAGES"
    paths = [folder / f"{name}.mo" for name in catalogs] if catalogs else sorted(folder.glob("*.mo"))
    return Rows(drawn(pairs_of(pair for path in paths for pair in _catalog(path.read_bytes()))), [])


def _catalog(data: bytes) -> Iterator[Row]:
    """Yields (message, translation) of a .mo file; of plurals the first form, without marks of shortcuts."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, sources, targets = struct.unpack(f"{order}3I", data[8:20])

    def text(table: int, k: int) -> str:
        length, start = struct.unpack(f"{order}2I", data[table + 8 * k : table + 8 * k + 8])
        first = data[start : start + length].split(b"\0")[0].decode()
        return one_line(first.rpartition("\x04")[2].replace("_", ""))

    for k in range(count):
        yield text(sources, k), text(targets, k)
