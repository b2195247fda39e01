"""Text that a language model writes, the figures of its predictions, and the report."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.batches.tokens import TokenStreams, TokenWindows, excerpts
from elman.data.read.text import find_text_files
from elman.data.tokens.corpus import tokenise
from elman.data.tokens.vocab.base import TextVocabulary
from elman.errors import InputError
from elman.metrics.novelty import known_words, longest_copy
from elman.models.autoregressive import Autoregressive
from elman.tasks.language_model.data import CorpusData, TextFacts
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.answers import Excerpt
from elman.tasks.shared.data import Parts
from elman.tasks.shared.text import text_excerpt
from elman.tasks.shared.token_streams import LARGEST_BASELINE, StreamAnswers, whole_windows

UNITS = {"characters": "char", "bytes": "byte", "words": "word", "subwords": "subword"}
_FREQUENCY = {"characters": "letter", "bytes": "letter", "words": "word", "subwords": "subword"}
_SAMPLE = 2000  # tokens of the sample that is generated after training
_EXCERPT = 700  # characters of the sample that the report shows
_PAGES = (8, 1000)  # rows and steps of the text for inspecting a model


class TextAnswers(StreamAnswers):
    """Text that a model writes, and figures on the text that it reads."""

    config: LanguageModelConfig
    facts: TextFacts
    model: Autoregressive

    def generate(
        self, prompt: str, *, length: int, temperature: float, top_k: int, top_p: float, seed: int | None
    ) -> Iterator[str]:
        """Yields text that continues a prompt, token by token; see ``LanguageModel.generate``."""
        vocabulary = self.facts.vocabulary
        opening, not_first = vocabulary.opening(prompt) if prompt else (self._opening(), ())
        tokens = self.draw(opening, not_first, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        return self._written(prompt, tokens, length)

    def _opening(self) -> np.ndarray:
        """Returns the tokens read before an empty prompt: a line end if the text has lines, or nothing."""
        try:
            line_end = self.facts.vocabulary.encode("\n")
        except InputError:
            return self.facts.vocabulary.encode("")
        return line_end[line_end != self.facts.vocabulary.unknown]

    def _written(self, prompt: str, tokens: Iterator[int], length: int) -> Iterator[str]:
        """Yields the text that tokens add to a prompt, piece by piece."""
        decoder = self.facts.vocabulary.decoder(prompt)
        for token in islice(tokens, length):
            piece = decoder.push(token)
            if piece:
                yield piece
        rest = decoder.flush()
        if rest:
            yield rest

    def batches(self, paths: list[Path]) -> TokenWindows:
        """Returns batches of other files, each read as a document of its own."""
        return self.windows(find_text_files(paths))

    def windows(self, sources: Sequence[Path | str]) -> TokenWindows:
        """Returns batches of files or of texts in memory."""
        return whole_windows(tokenise(sources, self.facts.vocabulary))

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures nats, bits and perplexity of other files."""
        return self.figures(self.batches(paths))

    def figures(self, batches: TokenWindows) -> dict[str, Any]:
        """Measures nats, bits and perplexity of a text; for words, bits per character too."""
        figures, corpus = super().figures(batches), batches.corpus
        assert isinstance(corpus.vocabulary, TextVocabulary)
        if corpus.vocabulary.has_words:
            characters = len(corpus.vocabulary.decode(corpus.tokens))
            figures["characters"] = characters
            figures["bits_per_character"] = figures["bits_per_token"] * len(corpus) / characters
        return figures

    def excerpt(self, batches: TokenStreams | TokenWindows) -> Excerpt:
        """Returns some pages of a text."""
        return text_excerpt(excerpts(batches.corpus, *_PAGES), self.facts.vocabulary)

    def measure(self, data: CorpusData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model, token frequency and an n-gram model on the test part; samples new text."""
        results: dict[str, Any] = {}
        if parts.test is not None:
            assert isinstance(parts.test, TokenWindows)
            results["test"] = self.figures(parts.test)
            results["baselines"] = self.baselines(parts, f"{_FREQUENCY[self.config.level]} frequency")
        corpus = data.corpora["training"].tokens
        if len(corpus) <= LARGEST_BASELINE:
            written = "".join(
                self.generate("", length=_SAMPLE, temperature=0.8, top_k=0, top_p=1.0, seed=self.config.seed)
            )
            of_words = self.config.level == "words"  # a word model writes known words only
            share = math.nan if of_words else known_words(written, self.facts.vocabulary.decode(corpus))
            results["sample"] = {
                "text": written,
                "temperature": 0.8,
                "known_words": None if math.isnan(share) else round(share, 4),
                "longest_copy": longest_copy(self.facts.vocabulary.encode(written), corpus),
            }
        return results

    def report(self, results: dict[str, Any]) -> str:
        """Returns a sample, and the test figures of the model and of simple methods."""
        level = self.config.level
        lines = []
        if "sample" in results:
            written = results["sample"]
            lines += [*_excerpt(written["text"]), "", *_novelty(written, level), ""]
        if "test" in results:
            lines += self._table(results["test"], results["baselines"])
        return "\n".join(lines)

    def _table(self, test: dict[str, Any], baselines: dict[str, float]) -> list[str]:
        """Returns lines for all methods: bits per token (words: perplexity), and bits per character."""
        unit, words = UNITS[self.config.level], self.config.level == "words"
        per_char = test["bits_per_character"] / test["bits_per_token"] if "characters" in test else None
        own = test["bits_per_token"]
        rows = {**baselines, "this model": own}
        width = max(map(len, rows))
        head = ["perplexity" if words else f"bits per {unit}", *["bits per char"] * (per_char is not None)]
        lines = [f"{', '.join(head)} on the test part ({test['tokens']:,} {unit}s):"]
        for name, bits in rows.items():
            figures = [f"{2**bits:9.2f}" if words else f"{bits:.3f}"]
            if per_char is not None:
                figures.append(f"{bits * per_char:.3f}")
            lines.append(f"  {name:<{width}}  {'  '.join(figures)}")
        behind = {name: own - bits for name, bits in baselines.items() if own > bits}
        lines += [f"  the model is behind {name} by {gap:.3f} bits" for name, gap in behind.items()]
        if test.get("unknown"):
            lines.append(
                f"  {test['unknown']:.2%} of the test part's {unit}s are unknown, one token to the model"
            )
        return lines


def _excerpt(text: str) -> list[str]:
    """Returns some whole lines of a sample, from the start of its second paragraph if it has several."""
    lines = (text.partition("\n\n")[2] or text).strip("\n").split("\n")[:-1] or [text]
    length = 0
    shown: list[str] = []
    for line in lines:
        length += len(line) + 1
        if shown and length > _EXCERPT:
            break
        shown.append(line[:_EXCERPT])
    return shown


def _novelty(sample: dict[str, Any], level: str) -> list[str]:
    """Describes in two lines how new a sample is."""
    such = f"Written by the model at temperature 0.8. Of {_SAMPLE:,} such {level},"
    copy = f"the longest run copied from it is {sample['longest_copy']} {level}."
    if level == "words":  # all of them occur in the text
        return [such, copy.replace("it", "the text", 1)]
    share = sample["known_words"]
    known = "no words" if share is None else f"{share:.0%} of the words"
    return [f"{such} {known}", f"occur in the text, and {copy}"]
