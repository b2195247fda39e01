"""Text that a language model writes, the figures of its predictions, and the report."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.batches.tokens import TokenStreams, TokenWindows, excerpts
from elman.data.tokens.corpus import Corpus, tokenise
from elman.data.tokens.vocab.base import TextVocabulary
from elman.data.tokens.vocab.characters import CharacterVocabulary
from elman.data.tokens.vocab.scripts import has_spaces
from elman.decode.copies import Copies
from elman.errors import InputError
from elman.metrics.novelty import known_words, longest_copy
from elman.models.autoregressive import Autoregressive
from elman.tasks.language_model.data import CorpusData, TextFacts, documents
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.answers import Excerpt
from elman.tasks.shared.data import Parts
from elman.tasks.shared.text import text_excerpt
from elman.tasks.shared.token_streams import LARGEST_BASELINE, StreamAnswers, whole_windows
from elman.train.loop import Mean

UNITS = {"characters": "char", "bytes": "byte", "words": "word", "subwords": "subword"}
_FREQUENCY = {"characters": "letter", "bytes": "letter", "words": "word", "subwords": "subword"}
_SAMPLE = 2000  # tokens of the sample that is generated after training
_EXCERPT = 700  # characters of the sample that the report shows
_LEAST_NOVELTY = 1e-6  # probability of an unknown character where the vocabulary has none
_PAGES = (8, 1000)  # rows and steps of the text for inspecting a model


class TextAnswers(StreamAnswers):
    """Text that a model writes, and figures on the text that it reads."""

    config: LanguageModelConfig
    facts: TextFacts
    model: Autoregressive

    def generate(
        self,
        prompt: str,
        *,
        length: int,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int | None,
        copies: Copies | None = None,
    ) -> Iterator[str]:
        """Yields text that continues a prompt, token by token; see ``LanguageModel.generate``."""
        vocabulary = self.facts.vocabulary
        opening, not_first = vocabulary.opening(prompt) if prompt else (self.opening(), ())
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        tokens = self.draw(opening, not_first, **options, copies=copies)  # type: ignore[arg-type]
        return self._written(prompt, tokens, length)

    def opening(self) -> np.ndarray:
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
        return self.windows(documents(self.config, paths))

    def windows(self, sources: Sequence[Path | str]) -> TokenWindows:
        """Returns batches of files or of texts in memory, without characters that have no token."""
        return whole_windows(self.corpus(sources)[0])

    def corpus(self, sources: Sequence[Path | str]) -> tuple[Corpus, int]:
        """Returns files or texts as tokens, and the number of characters left out, which have no token."""
        vocabulary = self.facts.vocabulary
        if not isinstance(vocabulary, CharacterVocabulary) or vocabulary.has_unknown:
            return tokenise(sources, vocabulary, reading=self.config.reading), 0
        whole = tokenise(sources, vocabulary.with_others(), reading=self.config.reading)
        known = whole.tokens != whole.vocabulary.unknown
        # documents keep their places among the known characters; those without any are left out
        starts = np.unique(np.concatenate([[0], known.cumsum()])[whole.starts])
        tokens = whole.tokens[known] - 1
        if not len(tokens):
            raise InputError("none of the text's characters is known to the model")
        return Corpus(tokens, starts[starts < len(tokens)], vocabulary), int((~known).sum())

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures nats, bits and perplexity of other files."""
        return self.of_sources(documents(self.config, paths))

    def of_sources(self, sources: Sequence[Path | str]) -> dict[str, Any]:
        """Measures nats, bits and perplexity of files or of texts in memory."""
        corpus, left_out = self.corpus(sources)
        return self.figures(whole_windows(corpus), left_out)

    @property
    def segment(self) -> int:
        """Tokens that dynamic evaluation reads between two steps: fewer words than characters."""
        return 10 if self.facts.vocabulary.has_words else super().segment

    def figures_of(
        self, corpus: Corpus, losses: tuple[Mean, Mean | None], left_out: int = 0
    ) -> dict[str, Any]:
        """Returns nats, bits and perplexity of a text; for words, bits per character too.

        The nats of a character that training lacks are those of its novelty (the vocabulary's, or one in a
        million for a vocabulary without), and of one among all other characters of Unicode.

        Args:
            corpus: the text.
            losses: of its tokens, and those of the network alone if there are n-grams.
            left_out: further characters of the text, which have no token.
        """
        own, network = losses
        assert isinstance(corpus.vocabulary, TextVocabulary)
        novel = _novel_targets(corpus) + left_out
        total, count = own.sum + _novelty_nats(corpus, novel, own.count), int(own.count) + novel
        figures = self._figures(corpus, total, count)
        if network is not None:
            total = network.sum + _novelty_nats(corpus, novel, own.count)
            figures["network_bits_per_token"] = total / count / math.log(2) if count else math.nan
        if left_out:
            figures["unknown"] = left_out / (len(corpus) + left_out)
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
            results["baselines"] = self.baselines(
                parts, f"{_FREQUENCY[self.config.level]} frequency", self.config.ngram_order
            )
            novel = _novel_targets(parts.test.corpus)
            if isinstance(self.facts.vocabulary, CharacterVocabulary) and novel:
                # the simple methods know how probable an unknown character is, but not which one it is
                bits = novel * math.log2(self.facts.vocabulary.others) / results["test"]["tokens"]
                results["baselines"] = {name: own + bits for name, own in results["baselines"].items()}
        corpus = data.corpora["training"].tokens
        if len(corpus) <= LARGEST_BASELINE:
            most = self.config.longest_copy
            written = "".join(
                self.generate(
                    "",
                    length=_SAMPLE,
                    temperature=0.8,
                    top_k=0,
                    top_p=1.0,
                    seed=self.config.seed,
                    copies=Copies(corpus, most) if most else None,
                )
            )
            # a model of words writes known words only
            has_words = self.config.level != "words" and has_spaces(written)
            share = known_words(written, self.facts.vocabulary.decode(corpus)) if has_words else math.nan
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
            lines += self._table(results["test"], results["baselines"], results.get("ngrams", {}))
        return "\n".join(lines)

    def _table(self, test: dict[str, Any], baselines: dict[str, float], ngrams: dict[str, Any]) -> list[str]:
        """Returns lines for all methods: bits per token (words: perplexity), and bits per character."""
        unit, words = UNITS[self.config.level], self.config.level == "words"
        per_char = test["bits_per_character"] / test["bits_per_token"] if "characters" in test else None
        own = test["bits_per_token"]
        network = test.get("network_bits_per_token")
        alone = {} if network is None else {"the network alone": network}
        rows = {**baselines, **alone, "this model" + " (network and n-grams)" * bool(alone): own}
        width = max(map(len, rows))
        head = ["perplexity" if words else f"bits per {unit}", *["bits per char"] * (per_char is not None)]
        lines = [f"{', '.join(head)} on the test part ({test['tokens']:,} {unit}s):"]
        for name, bits in rows.items():
            figures = [f"{2**bits:9.2f}" if words else f"{bits:.3f}"]
            if per_char is not None:
                figures.append(f"{bits * per_char:.3f}")
            lines.append(f"  {name:<{width}}  {'  '.join(figures)}")
        behind = {name: own - bits for name, bits in baselines.items() if round(own - bits, 3) > 0}
        lines += [f"  the model is behind {name} by {gap:.3f} bits" for name, gap in behind.items()]
        if ngrams.get("ngrams"):
            lines.append(f"  {_of_ngrams(ngrams)}")
        if test.get("unknown"):
            lines.append(
                f"  {test['unknown']:.2%} of the test part's {unit}s are unknown, one token to the model"
            )
        return lines


def _novelty_nats(corpus: Corpus, novel: int, known: float) -> float:
    """Returns what some characters that training lacks cost, and the others because novel ones may come."""
    if not novel:
        return 0.0
    assert isinstance(corpus.vocabulary, CharacterVocabulary)
    chance = corpus.vocabulary.novelty or _LEAST_NOVELTY
    return novel * (math.log(corpus.vocabulary.others) - math.log(chance)) - known * math.log1p(-chance)


def _novel_targets(corpus: Corpus) -> int:
    """Returns how many targets of a corpus are characters that training lacks."""
    untrained = corpus.vocabulary.untrained
    if untrained is None:
        return 0
    return int((corpus.tokens == untrained).sum() - (corpus.tokens[corpus.starts] == untrained).sum())


def _of_ngrams(found: dict[str, Any]) -> str:
    """Says what n-grams were mixed in, or why not."""
    what = f"n-grams of order {found['order']}"
    gain = f"{found['gain_bits']:.3f} bits on the validation part"
    if not found["kept"]:
        return f"{what} are left out: their gain of {gain} may be noise"
    return f"{what}: {found['ngrams']:,}, with a mean weight of {found['weight']:.2f}; gain {gain}"


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
    """Describes in two lines how new a sample is; words are counted only where spaces separate them."""
    such = f"Written by the model at temperature 0.8. Of {_SAMPLE:,} such {level},"
    copy = f"the longest run copied from it is {sample['longest_copy']} {level}."
    share = sample["known_words"]
    if share is None:
        return [such, copy.replace("it", "the text", 1)]
    return [f"{such} {share:.0%} of the words", f"occur in the text, and {copy}"]
