"""Language models: the next character, byte, word or subword, given all before it."""

import math
import secrets
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from elman.config import read_json, require, typed
from elman.errors import InputError
from elman.tasks.base import Parts, Paths, Sample, Task, TextOptions, Verb, as_paths, text_sample
from elman.train import files

if TYPE_CHECKING:
    import numpy as np

    from elman.data.batches.tokens import TokenWindows
    from elman.data.tokens.corpus import Corpus
    from elman.data.tokens.vocab import Vocabulary
    from elman.models.autoregressive import Autoregressive
    from elman.train.loop import Mean, Reading

_SAMPLE = 2000  # tokens generated after training to judge the model by
_EXCERPT = 700  # characters of them that are shown
_LARGEST_BASELINE = 20_000_000  # tokens; the n-gram counts of more would not fit in memory
_PAGES = (8, 1000)  # rows and steps of what a model is looked at with
_UNITS = {"characters": "char", "bytes": "byte", "words": "word", "subwords": "subword"}
_FREQUENCY = {"characters": "letter", "bytes": "letter", "words": "word", "subwords": "subword"}


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig(TextOptions):
    """Trains a language model on text files or folders of them.

    Each file is a document; the text is cut by position into training, validation and test part, but for
    those that have files of their own. Without any file, the text is the Python language reference that ships
    with CPython.
    """

    embedding_size: int = 64
    """features of a token"""
    tied: bool = False
    """the output weights are the embedding's; needs as many features as the layer's output"""
    bptt: int = 100
    """steps between two cuts of the gradient (truncated backpropagation through time)"""
    split: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """shares of training, validation and test part, by position; the vocabulary is that of all three"""
    validation: tuple[Path, ...] = ()
    """files of the validation part, without a say in the vocabulary; its share is then trained on"""
    test: tuple[Path, ...] = ()
    """files of the test part; the same holds"""
    ngram_order: int = 6
    """order of the Witten–Bell model that the result is compared with"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        for option, value in (("--embedding-size", self.embedding_size), ("--bptt", self.bptt)):
            require(option, 1 <= value <= 10**6, "an int in [1, 1e6]", value)
        require("--ngram-order", 1 <= self.ngram_order <= 20, "an int in [1, 20]", self.ngram_order)


@dataclass(frozen=True, kw_only=True)
class Generate(Verb):
    """Prints text that a language model writes, going on from a prompt."""

    prompt: str = ""
    """text to go on from; empty: as at the beginning of a line"""
    length: int = 500
    """tokens to generate"""
    temperature: float = 0.8
    """under 1 plays safe, over 1 risks more; 0 always takes the most probable"""
    top_k: int = 0
    """only the k most probable tokens; 0: all"""
    top_p: float = 1.0
    """only the most probable tokens that together reach this probability"""
    seed: int | None = None
    """the same seed writes the same text; without one every call differs"""

    example: ClassVar[str] = 'elman generate runs/language-model --prompt "The " --length 300 --seed 1'

    def text(self, task: "LanguageModel") -> Iterator[str]:
        """The prompt, then the text as it comes; for a terminal without what would steer it."""
        pieces = self._pieces(task)
        yield from map(_harmless, pieces) if sys.stdout.isatty() else pieces

    def _pieces(self, task: "LanguageModel") -> Iterator[str]:
        pieces = task.generate(
            self.prompt,
            length=self.length,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
        )
        yield self.prompt
        yield from pieces
        yield "\n"

    def json(self, task: "LanguageModel") -> dict[str, Any]:
        """Prompt and text."""
        seed = secrets.randbits(32) if self.seed is None else self.seed
        text = "".join(replace(self, seed=seed)._pieces(task))[len(self.prompt) : -1]
        return {"prompt": self.prompt, "text": text, "temperature": self.temperature, "seed": seed}


class LanguageModel(Task):
    """A model of text that says how probable each next token is, and writes text.

    Loss: nats per token; bits are nats / ln 2, perplexity is the exponential of the nats. At levels words and
    subwords there are bits per character too, the bits per token × tokens / characters of the text that the
    tokens decode to, by which levels can be compared; where many words are unknown, words seem better than
    they are.

    Args:
        **options: fields of ``LanguageModelConfig`` (``elman train language-model --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = LanguageModelConfig
    verb = Generate
    example = "elman train language-model corpus.txt --out runs/language-model --epochs 20"

    model: "Autoregressive"

    def __init__(self, config: LanguageModelConfig | None = None, /, **options: Any) -> None:
        super().__init__(config, **options)
        self.vocabulary: Vocabulary
        self._corpora: dict[str, Corpus] = {}

    def fit(
        self,
        data: Paths | None = None,
        *,
        texts: Iterable[str] | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on text files or folders, or on texts in memory.

        Args:
            data: paths; None, and no texts: the Python language reference.
            texts: documents in place of paths. Either way the training part is what ``split`` says.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Returns:
            self, with ``model``, ``vocabulary`` and ``results``.

        Raises:
            InputError: a file cannot be read, is no UTF-8 or too short; a run folder exists.
            TrainingStopped: the loss or a gradient left the finite numbers.
        """
        if texts is None:
            return self.train(data, out, overwrite=overwrite, show_progress=show_progress)
        documents = _documents(data, texts)
        return self._fit(lambda folder: self._read_sources(documents, folder), out, overwrite, show_progress)

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Text that goes on from a prompt, as it is drawn: token by token, the prompt not included.

        The state is carried from step to step, so a step costs the same however long the text; stepwise
        probabilities equal those of a full pass.

        Args:
            prompt: text to go on from; empty: as at the beginning of a line.
            length: tokens to generate.
            temperature: divides the logits; 0 is greedy.
            top_k: only the k most probable tokens; 0: all.
            top_p: only the most probable tokens that together reach this probability.
            seed: of the draws.

        Raises:
            InputError: the prompt holds an unknown character that no token stands for, or an option is out of
                its range.
        """
        from elman.decode.sample import check_options

        require("prompt", isinstance(prompt, str), "a text", prompt)
        length, top_k = typed(int, length, "--length"), typed(int, top_k, "--top-k")
        temperature, top_p = typed(float, temperature, "--temperature"), typed(float, top_p, "--top-p")
        seed = typed(int | None, seed, "--seed")
        require("--length", 0 <= length <= 10**9, "an int in [0, 1e9]", length)
        require("--seed", seed is None or 0 <= seed < 2**63, "an int in [0, 2^63)", seed)
        try:
            check_options(temperature, top_k, top_p)
        except ValueError as error:
            raise InputError(str(error)) from None
        self._fitted()
        if not prompt:
            return self._generate(self._opening(), (), "", length, temperature, top_k, top_p, seed)
        opening, not_first = self.vocabulary.opening(prompt)
        return self._generate(opening, not_first, prompt, length, temperature, top_k, top_p, seed)

    def _opening(self) -> "np.ndarray":
        """What is read before an empty prompt: a line's end where the text has lines, or nothing."""
        try:
            line_end = self.vocabulary.encode("\n")
        except InputError:
            return self.vocabulary.encode("")
        return line_end[line_end != self.vocabulary.unknown]

    def _generate(
        self,
        opening: "np.ndarray",
        not_first: Sequence[int],
        prompt: str,
        length: int,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int | None,
    ) -> Iterator[str]:
        import torch

        from elman.decode.sample import sample

        model = self.model.eval()
        device = model.embedding.weight.device
        state = None
        with torch.inference_mode():
            if len(opening):
                tokens = torch.from_numpy(opening.astype("int64")).to(device)[:, None]
                features, state = model.features(tokens)
                logits = model.head.logits(features[-1])
            else:
                # before any token the head's bias is all there is to go by
                logits = model.head.bias[None].detach()
            excluded = torch.tensor(not_first, dtype=torch.int64, device=device)
            logits = logits.index_fill(-1, excluded, -torch.inf)
        decoder = self.vocabulary.decoder(prompt)
        unknown = self.vocabulary.unknown
        never = [] if unknown is None else [unknown]
        tokens_drawn = sample(model.stream(1, state).step, logits, temperature, top_k, top_p, seed, never)
        for _, token in zip(range(length), tokens_drawn, strict=False):
            piece = decoder.push(int(token))
            if piece:
                yield piece
        rest = decoder.flush()
        if rest:
            yield rest

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Tokenises files, folders or the built-in text into the run folder."""
        from elman.data.read.builtin import python_reference
        from elman.data.read.text import find_text_files

        self._read_sources(find_text_files(data) if data else python_reference(), folder)

    def _read_sources(self, sources: Sequence[Path | str], folder: Path | None) -> None:
        from elman.data.read.text import find_text_files
        from elman.data.split import warn_of_repeats
        from elman.data.tokens.corpus import content_key, texts, tokenise

        own = {part: find_text_files(paths) for part, paths in self._own_files().items()}
        if own:
            keys = {"training": [content_key(source) for source in sources]}
            keys |= {part: [content_key(path) for path in found] for part, found in own.items()}
            warn_of_repeats(keys, lambda part, number: str(own[part][number]), "documents")
        self.vocabulary = self.config.vocabulary(texts(sources, self.config.level))
        self._corpora = {"training": tokenise(sources, self.vocabulary, folder)}
        for part, found in own.items():
            self._corpora[part] = tokenise(found, self.vocabulary, folder, f"{part}-")

    def _own_files(self) -> dict[str, tuple[Path, ...]]:
        """The parts that have files of their own."""
        both = {"validation": self.config.validation, "test": self.config.test}
        return {part: paths for part, paths in both.items() if paths}

    def reopen(self, folder: Path) -> None:
        """Opens the tokens again."""
        from elman.data.tokens.corpus import load_corpus

        self._corpora = {"training": load_corpus(folder, self.vocabulary)}
        for part in self._own_files():
            self._corpora[part] = load_corpus(folder, self.vocabulary, f"{part}-")

    def parts(self) -> Parts:
        """The three parts of the corpus, by position or by files."""
        from elman.data.batches.tokens import TokenStreams, TokenWindows
        from elman.data.split import split_points, trained_on

        config, training = self.config, self._corpora["training"]
        first, second = split_points(len(training), trained_on(config.split, self._own_files()))
        validation = self._corpora.get("validation", training.part(first, second))
        test = self._corpora.get("test", training.part(second, len(training)))
        return Parts(
            TokenStreams(training.part(0, first), config.batch_size, config.bptt, config.seed),
            TokenWindows(validation, rows=config.batch_size) if validation else None,
            TokenWindows(test, rows=_exact_rows(test)) if test else None,
        )

    def build(self) -> "Autoregressive":
        """Embedding, layer and head."""
        from elman.models.autoregressive import Autoregressive

        try:
            layer = self.layer(self.config.embedding_size)
            return Autoregressive(len(self.vocabulary), layer, self.config.dropout, self.config.tied)
        except ValueError as error:
            raise InputError(str(error)) from None

    def reading(self) -> "Reading":
        """Perplexity for words, bits per token for the rest."""
        from elman.train.loop import Reading

        if self.config.level == "words":
            return Reading("perplexity", unit="words", is_exponential=True)
        return Reading(f"bits/{_UNITS[self.config.level]}", 1 / math.log(2), self.config.level)

    def measure(self, parts: Parts) -> dict[str, Any]:
        """The test part beside token frequency and an n-gram model; a sample and how new it is."""
        from elman.data.batches.tokens import TokenWindows
        from elman.metrics.novelty import known_words, longest_copy
        from elman.train.loop import evaluate

        results: dict[str, Any] = {}
        if parts.test is not None:
            assert isinstance(parts.test, TokenWindows)
            results["test"] = _figures(evaluate(self.model, parts.test), parts.test.corpus)
            results["baselines"] = self._baselines(parts)
        corpus = self._corpora["training"].tokens
        if len(corpus) <= _LARGEST_BASELINE:
            sample = "".join(self.generate(length=_SAMPLE, temperature=0.8, seed=self.config.seed))
            of_words = self.config.level == "words"  # which are all known
            share = math.nan if of_words else known_words(sample, self.vocabulary.decode(corpus))
            results["sample"] = {
                "text": sample,
                "temperature": 0.8,
                "known_words": None if math.isnan(share) else round(share, 4),
                "longest_copy": longest_copy(self.vocabulary.encode(sample), corpus),
            }
        return results

    def _baselines(self, parts: Parts) -> dict[str, float]:
        """Bits per token of the simple methods on the same targets."""
        from elman.baselines.ngram import frequency_nats, witten_bell_nats
        from elman.data.batches.tokens import TokenStreams, TokenWindows

        assert isinstance(parts.training, TokenStreams)
        assert isinstance(parts.test, TokenWindows)
        train, test, size = parts.training.corpus, parts.test.corpus, len(self.vocabulary)
        if len(train) > _LARGEST_BASELINE:
            return {}
        order = self.config.ngram_order
        nats = {
            f"{_FREQUENCY[self.config.level]} frequency": frequency_nats(
                train.tokens, test.tokens, size, test.starts
            ),
            f"Witten–Bell, order {order}": witten_bell_nats(
                train.tokens, test.tokens, size, order, train.starts, test.starts
            ),
        }
        return {name: total / count / math.log(2) for name, (total, count) in nats.items()}

    def evaluate(self, data: Paths | None = None, *, texts: Iterable[str] | None = None) -> dict[str, Any]:
        """Nats, bits and perplexity of other files or texts, each read as a document of its own.

        Raises:
            InputError: a file cannot be read, or holds an unknown character that no token stands for; or all
                hold fewer than two tokens.
        """
        from elman.train.loop import evaluate

        self._fitted()
        if texts is None:
            batches = self.other_batches(as_paths(() if data is None else data))
        else:
            batches = self._windows(_documents(data, texts))
        return _figures(evaluate(self.model, batches), batches.corpus)

    def other_batches(self, data: list[Path]) -> "TokenWindows":
        """Batches of other files, each read as a document of its own."""
        from elman.data.read.text import find_text_files

        self._fitted()
        return self._windows(find_text_files(data))

    def _windows(self, sources: Sequence[Path | str]) -> "TokenWindows":
        from elman.data.batches.tokens import TokenWindows
        from elman.data.tokens.corpus import tokenise

        corpus = tokenise(sources, self.vocabulary)
        return TokenWindows(corpus, rows=_exact_rows(corpus))

    def sample(self, data: Paths | None = None) -> Sample:
        """Some pages of a text; see ``Task.sample``."""
        from elman.data.batches.tokens import TokenStreams, TokenWindows, excerpts

        if data is not None:
            corpus = self.other_batches(as_paths(data)).corpus
        else:
            parts = self._kept_parts()
            batches = parts.training if parts.validation is None else parts.validation
            assert isinstance(batches, TokenStreams | TokenWindows)
            corpus = batches.corpus
        return text_sample(excerpts(corpus, *_PAGES), self.vocabulary)

    def report(self) -> str:
        """The test figure beside the simple methods', and a sample."""
        results, level = self.results, self.config.level
        lines = []
        if "sample" in results:
            sample = results["sample"]
            lines += [*_excerpt(sample["text"]), "", *_novelty(sample, level), ""]
        if "test" in results:
            lines += self._table(results["test"], results["baselines"])
        return "\n".join(lines)

    def _table(self, test: dict[str, Any], baselines: dict[str, float]) -> list[str]:
        """Model and simple methods: bits per token, for words their perplexity, and bits per character."""
        unit, words = _UNITS[self.config.level], self.config.level == "words"
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
                f"  of the test part's {unit}s, {test['unknown']:.2%} are unknown, all one to the model"
            )
        return lines

    def save_extras(self, folder: Path) -> None:
        """Writes the vocabulary."""
        files.write_json(folder / files.VOCABULARY, self.vocabulary.to_json())

    def load_extras(self, folder: Path) -> None:
        """Reads the vocabulary."""
        from elman.data.tokens.vocab import LARGEST_JSON, vocabulary_from_json

        path = folder / files.VOCABULARY
        self.vocabulary = vocabulary_from_json(read_json(path, LARGEST_JSON), str(path))
        if self.vocabulary.level != self.config.level:
            raise InputError(f"{path}: level must be {self.config.level}. Got {self.vocabulary.level}.")


def _documents(data: Paths | None, texts: Iterable[str]) -> list[str]:
    """Texts in memory, where no paths are given beside them."""
    from elman.data.read.text import list_of_texts

    if data is not None:
        raise InputError("data and texts: give one of them")
    found = list_of_texts(texts, "texts")
    for number, text in enumerate(found):
        require(f"text {number}", isinstance(text, str), "a text", text)
    return found


def _harmless(piece: str) -> str:
    """A piece whose control characters, but for tab and newline, are written as hexadecimal escapes."""
    return "".join(
        f"\\x{ord(c):02x}" if unicodedata.category(c) == "Cc" and c not in "\t\n" else c for c in piece
    )


def _excerpt(text: str) -> list[str]:
    """Some whole lines of a sample, from its first paragraph's beginning."""
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
    """How new a sample is, in two lines."""
    such = f"Written by the model at temperature 0.8. Of {_SAMPLE:,} such {level},"
    copy = f"the longest run copied from it is {sample['longest_copy']} {level}."
    if level == "words":  # which all occur in the text
        return [such, copy.replace("it", "the text", 1)]
    share = sample["known_words"]
    known = "no words" if share is None else f"{share:.0%} of the words"
    return [f"{such} {known}", f"occur in the text, and {copy}"]


def _exact_rows(corpus: "Corpus") -> int:
    """Rows to evaluate a text in: one up to 100,000 tokens, as a reader would; then more, to save time."""
    return max(1, len(corpus) // 100_000)


def _figures(loss: "Mean", corpus: "Corpus") -> dict[str, Any]:
    nats, bits, vocabulary = loss.mean, loss.mean / math.log(2), corpus.vocabulary
    figures = {
        "nats_per_token": nats,
        "bits_per_token": bits,
        "perplexity": math.exp(nats) if nats < 700 else None,
        "tokens": int(loss.count),
    }
    if vocabulary.has_words:
        characters = len(vocabulary.decode(corpus.tokens))
        figures["characters"] = characters
        figures["bits_per_character"] = bits * len(corpus) / characters
    if vocabulary.unknown is not None:
        figures["unknown"] = float((corpus.tokens == vocabulary.unknown).mean())
    return figures
