"""The simple methods of ``methods.toml``, and scikit-learn's defaults; those of texts stand here."""

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union

from elman.baselines.lexicon import learn_lexicon, look_up
from elman.baselines.ngram import frequency_nats, witten_bell_nats
from own.figures import accuracy_rows, chrf_rows, corpus_bleu
from own.measure import Run
from own.prepare import read_pairs, read_rows
from own.simple_anomalies import anomalies
from own.simple_sequences import sequences
from own.simple_series import series

ORDERS = range(2, 9)
STRENGTHS = (1.0, 10.0, 100.0)
SMOOTHINGS = (0.01, 0.1, 0.3, 1.0)
# words, single signs, and letters of scripts without spaces one by one
TOKENS = r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+|[^\w\s]"


def _words(kind: type[CountVectorizer] = TfidfVectorizer) -> CountVectorizer:
    more = {"sublinear_tf": True} if kind is TfidfVectorizer else {}
    return kind(ngram_range=(1, 2), token_pattern=TOKENS, **more)


def _characters() -> TfidfVectorizer:
    # the rest of 25,000 long texts would not fit into a small machine's memory
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=1_000_000)


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=1000)


# features, and a classifier for each value that is chosen among
CLASSIFIERS: dict[str, tuple[Callable[[], Any], Callable[[float], Any], Sequence[float]]] = {
    "majority": (_words, lambda _: DummyClassifier(), (0.0,)),
    "naive-bayes": (lambda: _words(CountVectorizer), lambda value: MultinomialNB(alpha=value), SMOOTHINGS),
    "words": (_words, _regression, STRENGTHS),
    "characters": (_characters, _regression, STRENGTHS),
    "words+characters": (lambda: make_union(_words(), _characters()), _regression, STRENGTHS),
    "scikit-learn": (TfidfVectorizer, lambda _: LogisticRegression(), (1.0,)),
}


def classified(folder: Path, method: str, _seed: int = 0) -> Run:
    """Fits a classifier; a value among several is chosen on the last tenth, then all examples are fitted."""
    labels, texts = read_rows(folder / "train.tsv")
    truth, test = read_rows(folder / "test.tsv")
    features, classifier, values = CLASSIFIERS[method]
    began = time.perf_counter()
    value = values[0]
    if len(values) > 1:
        cut = len(texts) - max(1, len(texts) // 10)
        vectors = features().fit(texts[:cut])
        known, held = vectors.transform(texts[:cut]), vectors.transform(texts[cut:])
        scores = [classifier(v).fit(known, labels[:cut]).score(held, labels[cut:]) for v in values]
        value = values[int(np.argmax(scores))]
    model = make_pipeline(features(), classifier(value)).fit(texts, labels)
    predicted = list(model.predict(test))
    seconds = time.perf_counter() - began
    rows = accuracy_rows(truth, predicted)
    return Run(sum(rows) / len(rows), seconds, rows, {"chosen": value})


def counted(folder: Path, method: str, _seed: int = 0) -> Run:
    """Counts characters on the training part of a default run: 0.9, 0.05 and 0.05 by position."""
    text = (folder / "text.txt").read_text("utf-8")
    began = time.perf_counter()
    characters, tokens = np.unique(np.array(list(text)), return_inverse=True)
    a, b = (round(len(text) * share) for share in (0.9, 0.95))
    train, validation, test = tokens[:a], tokens[a:b], tokens[b:]
    size, more = len(characters), {}
    if method == "letter-frequency":
        nats, count = frequency_nats(train, test, size)
    else:
        losses = {order: witten_bell_nats(train, validation, size, order)[0] for order in ORDERS}
        order = min(losses, key=losses.__getitem__)
        nats, count = witten_bell_nats(train, test, size, order)
        more = {"order": order}
    return Run(nats / count / math.log(2), time.perf_counter() - began, [], more)


def translated(folder: Path, method: str, _seed: int = 0) -> Run:
    """Translates the test part."""
    training, (sources, targets) = read_pairs(folder / "train.tsv"), read_pairs(folder / "test.tsv")
    began = time.perf_counter()
    translations = TRANSLATORS[method](*training, sources)
    seconds = time.perf_counter() - began
    rows = chrf_rows(translations, targets)
    return Run(sum(rows) / len(rows), seconds, rows, {"bleu": corpus_bleu(translations, targets)})


def _copied(sources: list[str], targets: list[str], test: list[str]) -> list[str]:
    return test


def _word_for_word(sources: list[str], targets: list[str], test: list[str]) -> list[str]:
    """Unknown words are copied, as names and numbers often are."""
    split = re.compile(r"\w+|[^\w\s]").findall
    numbers: dict[str, int] = {}
    words: dict[str, int] = {}
    pairs = [
        [
            np.array([known.setdefault(word, len(known)) for word in split(text)], dtype=np.int64)
            for text in side
        ]
        for known, side in ((numbers, sources), (words, targets))
    ]
    lexicon = learn_lexicon(*pairs, source_size=len(numbers))
    names = list(words)

    def one(text: str) -> str:
        known = {word: look_up(lexicon, np.array([numbers[word]])) for word in split(text) if word in numbers}
        return " ".join(names[known[w][0]] if w in known and len(known[w]) else w for w in split(text))

    return [one(text) for text in test]


def _remembered(sources: list[str], targets: list[str], test: list[str]) -> list[str]:
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    known = vectors.fit_transform(sources)
    nearest: list[int] = []
    for start in range(0, len(test), 500):
        likeness = vectors.transform(test[start : start + 500]) @ known.T
        nearest += np.asarray(likeness.argmax(axis=1)).ravel().tolist()
    return [targets[k] for k in nearest]


TRANSLATORS = {"copy": _copied, "word-for-word": _word_for_word, "translation-memory": _remembered}
MEASURES: dict[str, Callable[[Path, str, int], Run]] = {
    "classification": classified,
    "language-model": counted,
    "translation": translated,
    "numeric-sequences": sequences,
    "sequence-regression": sequences,
    "forecasting": series,
    "anomaly-detection": anomalies,
}
