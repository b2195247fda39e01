"""Writes every phrase of labelled parse trees as a table of texts and labels, neutral ones left out.

    python recipes/sst_phrases.py ../shared/data/sst/trees/train.txt phrases.tsv

The Stanford Sentiment Treebank labels each node of a sentence's tree from 0 (very negative) to 4; 0 and 1
become the label 0, 3 and 4 the label 1. A phrase that occurs several times is written once.
"""

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from recipe import command


def phrases(tree: str) -> Iterator[tuple[int, str]]:
    """Label and text of each node of a tree such as "(3 (2 The) (4 best))"."""
    open_nodes: list[tuple[int, list[str]]] = []
    for token in re.findall(r"\((\d)|([^\s()]+)|(\))", tree):
        label, word, end = token
        if label:
            open_nodes.append((int(label), []))
        elif word:
            for _, words in open_nodes:
                words.append(word)
        elif end:
            label_of, words = open_nodes.pop()
            yield label_of, " ".join(words)


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    trees = source.read_text("utf-8").splitlines()
    found = {text: label for tree in trees for label, text in phrases(tree)}
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["label", "text"])
        table.writerows([label // 3, text] for text, label in found.items() if label != 2)


if __name__ == "__main__":
    command(main)
