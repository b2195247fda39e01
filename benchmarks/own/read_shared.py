"""Readers of the data in the folder shared.

A reader takes ``Places`` and the options that ``sets.toml`` gives it. It returns ``Rows`` (training examples,
and test examples if the source has a test part) or, for a language model, one text.
"""

import csv
import gzip
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from own.places import Places
from own.rows import Row, Rows, cut, drawn, frequent, one_line, pairs_of


def rotten_tomatoes(places: Places) -> Rows:
    """Sentences of film reviews, positive or negative."""
    folder = places.data("mr")
    lines = {label: (folder / f"rt-polarity.{label}").read_text("cp1252") for label in ("neg", "pos")}
    return Rows(
        drawn((label, line.strip()) for label, text in lines.items() for line in text.splitlines()), []
    )


def trec(places: Places, fine: bool = False) -> Rows:
    """Questions by the kind of answer."""

    def part(name: str) -> list[Row]:
        lines = (places.data("trec") / f"trec.{name}").read_text("latin-1").splitlines()
        pairs = (line.split(" ", 1) for line in lines)
        return [(kind if fine else kind.split(":")[0], text) for kind, text in pairs]

    return Rows(drawn(part("train")), part("test"))


def imdb(places: Places, most: int | None = None, ratings: bool = False) -> Rows:
    """Long film reviews, positive or negative, or by their rating; the test part is as large as training."""
    parts: dict[str, list[Row]] = {"train": [], "test": []}
    with tarfile.open(places.data("imdb") / "aclImdb_labelled.tar.xz") as archive:
        for member in archive:
            if member.isfile():
                _, part, label, name = member.name.split("/")
                text = archive.extractfile(member).read().decode().replace("<br />", " ")
                parts[part].append((Path(name).stem.split("_")[1] if ratings else label, one_line(text)))
    return Rows(drawn(parts["train"], most), drawn(parts["test"], most))


def web_genres(places: Places) -> Rows:
    """Sentences of weblogs, newsgroups, e-mails, reviews and answers."""

    def part(name: str, opened=open) -> Iterator[Row]:
        genre = ""
        with opened(places.data("ud_english_ewt") / name, "rt", encoding="utf-8") as file:
            for line in file:
                if line.startswith("# sent_id = "):
                    genre = line.removeprefix("# sent_id = ").split("-")[0]
                elif line.startswith("# text = "):
                    yield genre, line.removeprefix("# text = ").strip()

    train = part("en_ewt-ud-train.conllu.gz", gzip.open)
    return Rows(drawn(frequent(train)), list(part("en_ewt-ud-test.conllu")))


def names_or_none(places: Places) -> Rows:
    """Short posts: whether they hold a named entity."""

    def part(name: str) -> Iterator[Row]:
        for block in re.split(r"\n\s*\n", (places.data("wnut17") / name).read_text("utf-8")):
            tokens = [line.split("\t")[:2] for line in block.splitlines() if "\t" in line]
            if tokens:
                named = any(label.strip() != "O" for _, label in tokens)
                yield "name" if named else "none", " ".join(word for word, _ in tokens)

    return Rows(drawn(part("wnut17train.conll")), list(part("emerging.test.annotated")))


def _tunes(places: Places) -> Iterator[tuple[str, str]]:
    """Yields (name of the file, tune)."""
    for path in sorted(places.data("nottingham_abc").glob("*.abc")):
        for tune in re.split(r"\n(?=X:)", path.read_text("utf-8")):
            yield path.stem, tune.strip()


def tune_kinds(places: Places) -> Rows:
    """Tunes by kind, without title, comments and metre."""
    rows = []
    for name, tune in _tunes(places):
        kept = [line for line in tune.splitlines() if not re.match(r"[XTSYMPA-Z]:(?<!K:)|%", line)]
        rows.append((re.sub(r"reels.*", "reels", name), "\n".join(kept)))
    return Rows(drawn(frequent(rows)), [])


def tunes(places: Places, kilobytes: int) -> str:
    """Tunes in ABC, in random order."""
    return cut((f"{tune}\n\n" for _, tune in drawn(_tunes(places))), kilobytes)


def shakespeare(places: Places, kilobytes: int) -> str:
    """Plays."""
    return cut([(places.data("tinyshakespeare") / "input.txt").read_text("utf-8")], kilobytes)


def penn_treebank(places: Places, kilobytes: int) -> str:
    """Newspaper sentences, the standard validation part."""
    return cut([(places.data("ptb") / "ptb.valid.txt").read_text("utf-8")], kilobytes)


def multi30k(places: Places, back: bool = False, most: int | None = None) -> Rows:
    """Captions of pictures, English to German or back."""

    def part(name: str) -> list[Row]:
        files = [places.data("multi30k_en_de") / f"{name}.{language}.gz" for language in ("en", "de")]
        lines = [gzip.decompress(path.read_bytes()).decode().splitlines() for path in files]
        return list(zip(*(reversed(lines) if back else lines), strict=True))

    return Rows(drawn(part("train"), most), part("test_2016_flickr"))


def mboshi(places: Places) -> Rows:
    """Sentences of a Bantu language with their French translations."""
    with (places.data("mboshi") / "index.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return Rows(drawn(pairs_of((row["mboshi"], row["french"]) for row in rows)), [])
