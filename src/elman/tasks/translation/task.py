"""Translation: from sentences of one language, or of anything else, to sentences of another."""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import tyro

from elman.config import check_regular, read_json, require, shown
from elman.decode.options import SearchOptions
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.answers import Sample
from elman.tasks.shared.data import Parts
from elman.tasks.shared.options import TextOptions, Verb
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task
from elman.tasks.shared.text import text_sample
from elman.train import files

if TYPE_CHECKING:
    import torch

    from elman.data.batches.pairs import PairBatches
    from elman.data.pairs import Pairs
    from elman.data.tokens.vocab import Vocabulary
    from elman.models.seq2seq import Seq2Seq
    from elman.train.loop import Reading

_DATA = "pairs.npz"
_TARGET_VOCABULARY = "target_vocabulary.json"
_PICTURE = "attention.png"
_BEGIN, _END = "<s>", "</s>"
_TOGETHER = 32  # sentences that are searched at once
_SHOWN = 3  # translations in the report
_LONGEST_DRAWN = 20  # tokens of the sentence whose attention is drawn


@dataclass(frozen=True, kw_only=True)
class TranslationConfig(TextOptions):
    """Trains a translator on sentence pairs.

    Reads two files whose lines translate each other, source first, or one file with a tab between the two
    texts of a line; unpacked as they are read where they end in .gz.
    """

    level: Literal["characters", "bytes", "words", "subwords"] = "subwords"
    """what a token is"""
    shared_vocabulary: bool = True
    """one vocabulary and one embedding for both languages"""
    hidden_size: int = 512
    """units of each layer; the encoder's two directions have half of them each"""
    embedding_size: int = 256
    """features of a token, and of what the output layer reads"""
    dropout: float = 0.3
    """probability on embeddings, between layers, and on what the decoder and the output layer read"""
    attention: Literal["bilinear", "dot", "additive"] = "bilinear"
    """how a state of the decoder is compared with those of the encoder"""
    bridge: Literal["learned", "last", "zero"] = "learned"
    """what the decoder begins with: a learned map of the encoder's last state, that state, or nothing"""
    input_feeding: bool = False
    """what was attended to is part of the decoder's next input; slower, as it goes step by step"""
    tied: bool = True
    """the output weights are the target's embedding"""
    label_smoothing: float = 0.1
    """share of a target's probability that is spread over all tokens in training"""
    split: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """shares of training, validation and test part, drawn at random"""
    validation: tuple[Path, ...] = ()
    """file or files of the validation part; its share is then trained on"""
    test: tuple[Path, ...] = ()
    """file or files of the test part; its share is then trained on"""
    skip_bad_lines: bool = False
    """leave out pairs with a line that is empty, not UTF-8 or holds control characters; otherwise refused"""
    bleu_tokenizer: Literal["13a", "intl", "zh", "char", "none"] = "13a"
    """how BLEU cuts translations into words: char for Japanese or Thai, zh for Chinese"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        size = self.embedding_size
        require("--embedding-size", 1 <= size <= 10**6, "an int in [1, 1e6]", size)
        require("--hidden-size", self.hidden_size % 2 == 0, "even", self.hidden_size)
        require("--label-smoothing", 0 <= self.label_smoothing < 1, "in [0, 1)", self.label_smoothing)


class Translation(NamedTuple):
    """A translation and how probable the model finds it.

    Attributes:
        text: the translation.
        score: its log-probability in nats over its length penalty.
    """

    text: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Translate(SearchOptions, Verb):
    """Translates lines, one line each, as they come.

    Reads a file, --text, or standard input; an empty line stays empty. With --nbest N, N lines each: the
    number of the input line, score, translation.
    """

    data: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")] = None
    """one text a line; none: standard input"""
    single: Annotated[str | None, tyro.conf.arg(name="text")] = None
    """the text to translate"""
    plot: Path | None = None
    """with --text: picture of where the translator looked (.png, .svg or .pdf)"""

    example: ClassVar[str] = 'elman translate runs/translation --text "the big cat sat on the mat"'

    def __post_init__(self) -> None:
        """Checks what excludes what."""
        super().__post_init__()
        if self.data is not None and self.single is not None:
            raise InputError("--text and a file exclude each other")
        if self.plot is not None:
            require("--plot", self.single is not None, "given together with --text", str(self.plot))
            check_picture(self.plot)

    def text(self, task: "Translator") -> Iterator[str]:
        """A line each; with n-best several, numbered and scored."""
        for number, (_, found) in enumerate(self._answers(task), 1):
            for translation in found:
                head = f"{number}\t{translation.score:.4f}\t" if self.nbest > 1 else ""
                yield f"{head}{translation.text}\n"

    def json(self, task: "Translator") -> dict[str, Any]:
        """Each text with its translations and their scores."""
        answers = [
            {"source": text, "translations": [translation._asdict() for translation in found]}
            for text, found in self._answers(task)
        ]
        return {"translations": answers}

    def _answers(self, task: "Translator") -> Iterator[tuple[str, list[Translation]]]:
        from elman.data.pairs import arriving_lines, check_text, open_binary

        options = {f.name: getattr(self, f.name) for f in fields(SearchOptions)}
        if self.single is not None:
            check_text(self.single, "--text")
            (found,) = task.nbest([self.single], **options)
            if self.plot is not None:
                task.draw(self.single, found[0].text, self.plot)
            yield self.single, found
            return
        name = "standard input" if self.data is None else str(self.data)
        source = nullcontext(sys.stdin.buffer) if self.data is None else open_binary(self.data)
        with source as file:
            batches, how = arriving_lines(file, name, _TOGETHER), SearchOptions(**options)
            for lines, answers in task.translate_as_they_come(batches, how):
                yield from zip(lines, answers, strict=True)


class Translator(Task):
    """Translations of sentences: an encoder, a decoder and attention between them, trained on pairs.

    Loss: nats per token of the target, its end included.

    Args:
        **options: fields of ``TranslationConfig`` (``elman train translation --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = TranslationConfig
    verb = Translate
    example = "elman train translation pairs.tsv --out runs/translation"

    model: "Seq2Seq"

    def __init__(self, config: TranslationConfig | None = None, /, **options: Any) -> None:
        super().__init__(config, **options)
        self.source_vocabulary: Vocabulary
        self.target_vocabulary: Vocabulary
        self._pairs: tuple[Pairs, ...]  # training, validation and test part

    def fit(
        self,
        sources: Iterable[str],
        targets: Iterable[str],
        *,
        out: str | Path | None = None,
        overwrite: bool = False,
        show_progress: bool = False,
    ) -> Self:
        """Trains on texts and their translations, split as the options say.

        Args:
            sources: N texts.
            targets: N texts.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces a run folder that exists.
            show_progress: a progress bar on standard error.

        Raises:
            InputError: not as many sources as targets, or, unless ``skip_bad_lines`` is set, a text that is
                empty or holds a control character.
            TrainingStopped: the loss or a gradient left the finite numbers.
        """
        pairs = self._check_pairs(sources, targets)
        return self._fit(lambda folder: self._learn(pairs, folder), out, overwrite, show_progress)

    def translate(self, texts: Iterable[str], **options: Any) -> list[str]:
        """The best translation of each text.

        Args:
            texts: N texts; an empty one stays empty.
            **options: fields of ``SearchOptions`` (``elman translate --help`` explains them).

        Raises:
            InputError: an unknown option, one out of its range, or a text with a control character.
        """
        how = SearchOptions.of(options, "translate")
        if how.nbest > 1:
            raise InputError("translate gives the best translation alone; nbest() gives several of each text")
        return [found[0].text for found in self._found(texts, how)]

    def nbest(self, texts: Iterable[str], **options: Any) -> list[list[Translation]]:
        """Each text's translations and their scores, best first: as many as the option ``nbest`` says.

        Args:
            texts: N texts; an empty one has one translation, which is empty.
            **options: as for ``translate``.

        Raises:
            InputError: as ``translate`` does.
        """
        return self._found(texts, SearchOptions.of(options, "nbest"))

    def _found(self, texts: Iterable[str], options: SearchOptions) -> list[list[Translation]]:
        from elman.data.pairs import check_text
        from elman.data.read.text import list_of_texts

        texts = list_of_texts(texts, "texts")
        for number, text in enumerate(texts):
            check_text(text, f"text {number}", empty=True)
        # those of one length together
        order = sorted(range(len(texts)), key=lambda k: -len(texts[k]))
        batches = [order[k : k + _TOGETHER] for k in range(0, len(order), _TOGETHER)]
        found: list[list[Translation]] = [[] for _ in texts]
        answers = self.translate_as_they_come(([texts[k] for k in batch] for batch in batches), options)
        for batch, (_, translations) in zip(batches, answers, strict=True):
            for k, each in zip(batch, translations, strict=True):
                found[k] = each
        return found

    def translate_as_they_come(
        self, batches: Iterable[Sequence[str]], options: SearchOptions
    ) -> Iterator[tuple[Sequence[str], list[list[Translation]]]]:
        """The same for texts that come in batches, each answered before the next is taken."""
        self._fitted()
        for texts in batches:
            full = [text for text in texts if text.strip()]
            found = iter(self._search(full, options) if full else [])
            yield texts, [next(found) if text.strip() else [Translation("", 0.0)] for text in texts]

    def draw(self, source: str, translation: str, path: str | Path) -> None:
        """A picture of where the translator looks in the source as it writes the translation.

        Args:
            source: a text.
            translation: of it, by whomever.
            path: the file to write (.png, .svg or .pdf).
        """
        import torch

        from elman.batch import to_device
        from elman.data.batches.pairs import padded
        from elman.data.pairs import check_text
        from elman.pictures.attention import draw_attention

        self._fitted()
        path = Path(path)
        check_picture(path, "path")
        for name, text in (("source", source), ("translation", translation)):
            check_text(text, name, empty=True)
        read, written = self._source_tokens(source), self._target_tokens(translation)
        reading, writing = (to_device(padded([tokens]), self._device) for tokens in (read, written))
        with torch.inference_mode():
            weights = self.model.alignment(reading, writing.values)[:, 0].cpu().numpy()
        pieces = self.source_vocabulary.pieces(read), self.target_vocabulary.pieces(written)
        draw_attention(weights, *pieces, path)

    @property
    def _device(self) -> "torch.device":
        return self._fitted().embedding.weight.device  # type: ignore[union-attr, return-value]

    def _search(self, texts: list[str], options: SearchOptions) -> list[list[Translation]]:
        """Translations of texts that are not empty, side by side."""
        import torch

        from elman.batch import to_device
        from elman.data.batches.pairs import padded
        from elman.decode.search import search

        source = to_device(padded([self._source_tokens(text) for text in texts]), self._device)
        assert source.lengths is not None
        vocabulary = self.target_vocabulary
        unknown = [] if vocabulary.unknown is None else [vocabulary.unknown]
        with torch.inference_mode():
            found = search(
                self.model.step,
                self.model.begin_decoding(source),
                options,
                sizes=source.lengths - 1,  # the end is no word
                begin=vocabulary.special(_BEGIN),
                end=vocabulary.special(_END),
                never=[vocabulary.special(_BEGIN), *unknown],
                generators=[self._generator(text, options.seed) for text in texts if options.temperature],
            )
        return [[Translation(self._text(h.tokens), h.score) for h in row] for row in found]

    def _generator(self, text: str, seed: int | None) -> "torch.Generator":
        """The randomness of one text's translations, which no other text has a part in."""
        import torch

        generator = torch.Generator(self._device)
        if seed is None:
            generator.seed()
            return generator
        digest = hashlib.sha256(f"{seed} {text}".encode(errors="surrogatepass")).digest()
        return generator.manual_seed(int.from_bytes(digest[:8]) >> 1)

    def _text(self, tokens: list[int]) -> str:
        """A translation as one line."""
        return " ".join(self.target_vocabulary.decode(tokens).split())

    def _source_tokens(self, text: str) -> np.ndarray:
        return _encode(self.source_vocabulary, text)

    def _target_tokens(self, text: str) -> np.ndarray:
        return _encode(self.target_vocabulary, text)

    def read(self, data: list[Path], folder: Path | None) -> None:
        """Reads pairs and the parts that have files of their own; learns the vocabulary from training."""
        self._learn(self._read_pairs(data), folder)

    def _read_pairs(self, paths: Sequence[Path]) -> "Pairs":
        from elman.data.pairs import read_pairs

        return _without_bad(read_pairs(list(paths), self.config.skip_bad_lines), str(paths[0]))

    def _check_pairs(self, sources: Iterable[str] | None, targets: Iterable[str] | None) -> "Pairs":
        from elman.data.pairs import check_pairs

        return _without_bad(check_pairs(sources, targets, self.config.skip_bad_lines), "sources, targets")

    def _learn(self, pairs: "Pairs", folder: Path | None) -> None:
        """Parts and vocabularies; the texts are kept in the run folder where there is one."""
        from elman.data.pairs import save_pairs
        from elman.data.split import PARTS, split_points, trained_on, warn_of_repeats
        from elman.metrics.bleu import check_available

        check_available()  # before the training, not after it
        config = self.config
        given = {"validation": config.validation, "test": config.test}
        shares = trained_on(config.split, [part for part, paths in given.items() if paths])
        order = np.random.default_rng(config.seed).permutation(len(pairs))
        training, validation, test = map(
            pairs.rows, np.split(order, split_points(len(pairs), shares, "pairs"))
        )
        if config.validation:
            validation = self._read_pairs(config.validation)
        if config.test:
            test = self._read_pairs(config.test)
        self._pairs = training, validation, test
        parts = dict(zip(PARTS, self._pairs, strict=True))
        warn_of_repeats(
            {name: list(zip(part.sources, part.targets, strict=True)) for name, part in parts.items()},
            lambda name, row: shown(parts[name].sources[row]),
            "pairs",
        )
        if config.shared_vocabulary:
            self.source_vocabulary = self._vocabulary(training.sources + training.targets)
            self.target_vocabulary = self.source_vocabulary
        else:
            self.source_vocabulary = self._vocabulary(training.sources)
            self.target_vocabulary = self._vocabulary(training.targets)
        if folder is not None:
            save_pairs(folder / _DATA, self._pairs)

    def _vocabulary(self, texts: list[str]) -> "Vocabulary":
        from elman.data.tokens.vocab import CharacterVocabulary

        vocabulary = self.config.vocabulary(texts, (_BEGIN, _END))
        if isinstance(vocabulary, CharacterVocabulary):  # other texts may have others
            vocabulary = replace(vocabulary, has_unknown=True)
        return vocabulary

    def reopen(self, folder: Path) -> None:
        """Reads the texts of the three parts again."""
        from elman.data.pairs import load_pairs

        check_regular(folder / _DATA)
        self._pairs = load_pairs(folder / _DATA, 3)

    def parts(self) -> Parts:
        """Batches of the encoded pairs."""
        training, validation, test = self._pairs
        return Parts(
            self._batches(training, self.config.seed),
            self._batches(validation) if len(validation) else None,
            self._batches(test) if len(test) else None,
        )

    def _batches(self, pairs: "Pairs", seed: int | None = None) -> "PairBatches":
        from elman.data.batches.pairs import PairBatches

        sources = [self._source_tokens(text) for text in pairs.sources]
        targets = [self._target_tokens(text) for text in pairs.targets]
        return PairBatches(sources, targets, self.config.batch_size, seed)

    def build(self) -> "Seq2Seq":
        """Encoder, decoder, attention and output layer."""
        from elman.layers.attention import ATTENTIONS
        from elman.models.seq2seq import Seq2Seq

        config, vocabulary = self.config, self.target_vocabulary
        encoder = self.layer(config.embedding_size, config.hidden_size // 2, bidirectional=True)
        decoder = self.layer(config.embedding_size * (2 if config.input_feeding else 1))
        try:
            return Seq2Seq(
                len(vocabulary),
                encoder,
                decoder,
                ATTENTIONS[config.attention](decoder.output_size, encoder.output_size),
                begin=vocabulary.special(_BEGIN),
                source_size=None if config.shared_vocabulary else len(self.source_vocabulary),
                bridge=config.bridge,
                input_feeding=config.input_feeding,
                dropout=config.dropout,
                tied=config.tied,
                label_smoothing=config.label_smoothing,
            )
        except ValueError as error:
            raise InputError(str(error)) from None

    def reading(self) -> "Reading":
        """Nats per token."""
        from elman.train.loop import Reading

        return Reading("nats/token", 1.0, "tokens")

    def measure(self, parts: Parts) -> dict[str, Any]:
        """Scores on the test part beside copying and a lexicon's; some translations; where it looked."""
        from elman.metrics.bleu import signatures, translation_scores

        training, _, test = self._pairs
        if not len(test):
            return {}
        tokenizer = self.config.bleu_tokenizer
        translations, figures = self._measured(test)
        if self.folder is not None:
            self._draw_one(test)
        return {
            "test": figures,
            "greedy": translation_scores(self.translate(test.sources, beam=1), test.targets, tokenizer),
            "baselines": {
                "copying the source": translation_scores(test.sources, test.targets, tokenizer),
                f"{self.config.level} one by one": translation_scores(
                    self._one_by_one(training, test), test.targets, tokenizer
                ),
            },
            "signatures": signatures(tokenizer),
            "examples": [
                {"source": source, "translation": translation, "reference": reference}
                for source, translation, reference in zip(
                    test.sources[:_SHOWN], translations, test.targets, strict=False
                )
            ],
        }

    def _measured(self, pairs: "Pairs") -> tuple[list[str], dict[str, Any]]:
        """The translations of the pairs' sources, and their figures."""
        from elman.metrics.bleu import translation_scores
        from elman.train.loop import evaluate

        translations = self.translate(pairs.sources)
        figures = translation_scores(translations, pairs.targets, self.config.bleu_tokenizer)
        loss = evaluate(self.model, self._batches(pairs))
        return translations, {**figures, "nats_per_token": loss.mean, "pairs": len(pairs)}

    def _one_by_one(self, training: "Pairs", test: "Pairs") -> list[str]:
        """Translations by a lexicon, token by token in the source's order."""
        from elman.baselines.lexicon import learn_lexicon, look_up

        reads, writes = self.source_vocabulary.encode, self.target_vocabulary.encode
        lexicon = learn_lexicon(
            [reads(text) for text in training.sources],
            [writes(text) for text in training.targets],
            len(self.source_vocabulary),
        )
        return [self._text(look_up(lexicon, reads(text)).tolist()) for text in test.sources]

    def _draw_one(self, test: "Pairs") -> None:
        assert self.folder is not None
        short = (text for text in test.sources if len(self._source_tokens(text)) <= _LONGEST_DRAWN)
        source = next(short, test.sources[0])
        self.draw(source, self.translate([source])[0], self.folder / _PICTURE)

    def evaluate(
        self,
        data: Paths | None = None,
        *,
        sources: Iterable[str] | None = None,
        targets: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Scores on other pairs: two files, one with tabs, or texts in memory as for ``fit``."""
        from elman.metrics.bleu import check_available

        self._fitted()
        check_available()
        in_memory = sources is not None or targets is not None
        if in_memory != (data is None):
            got = "both" if in_memory else "neither"
            raise InputError(f"evaluate takes files, or sources and targets. Got {got}.")
        pairs = self._check_pairs(sources, targets) if data is None else self._read_pairs(as_paths(data))
        return self._measured(pairs)[1]

    def other_batches(self, data: list[Path]) -> "PairBatches":
        """Batches of other pairs."""
        self._fitted()
        return self._batches(self._read_pairs(data))

    def as_sample(self, batch: Any) -> Sample:
        """The source's text, which the encoder reads."""
        return text_sample(batch, self.source_vocabulary)

    def report(self) -> str:
        """Some translations, and the scores beside the simple methods'."""
        results = self.results
        if "test" not in results:
            return "trained on all pairs; no test part"
        lines = []
        for example in results["examples"]:
            lines += [f"{kind:<11}  {example[kind]}" for kind in ("source", "translation", "reference")]
            lines.append("")
        rows = {
            **results["baselines"],
            "this model, greedy": results["greedy"],
            "this model": results["test"],
        }
        head = f"on the test part ({results['test']['pairs']:,} pairs)"
        width = max(map(len, [head, *rows]))
        lines.append(f"{head:<{width}}   BLEU  BLEU, lower case  chrF2")
        for name, row in rows.items():
            lines.append(
                f"{name:<{width}}  {row['bleu']:5.2f}  {row['bleu_lowercase']:16.2f}  {row['chrf']:5.2f}"
            )
        lines.append(f"sacrebleu {results['signatures']['bleu']}")
        return "\n".join(lines)

    def save_extras(self, folder: Path) -> None:
        """Writes the vocabulary, or both."""
        files.write_json(folder / files.VOCABULARY, self.source_vocabulary.to_json())
        if not self.config.shared_vocabulary:
            files.write_json(folder / _TARGET_VOCABULARY, self.target_vocabulary.to_json())

    def load_extras(self, folder: Path) -> None:
        """Reads the vocabulary, or both."""
        self.source_vocabulary = self._read_vocabulary(folder / files.VOCABULARY)
        self.target_vocabulary = (
            self.source_vocabulary
            if self.config.shared_vocabulary
            else self._read_vocabulary(folder / _TARGET_VOCABULARY)
        )

    def _read_vocabulary(self, path: Path) -> "Vocabulary":
        from elman.data.tokens.vocab import LARGEST_JSON, vocabulary_from_json

        vocabulary = vocabulary_from_json(read_json(path, LARGEST_JSON), str(path))
        if vocabulary.level != self.config.level:
            raise InputError(f"{path}: level must be {self.config.level}. Got {vocabulary.level}.")
        if vocabulary.specials != (_BEGIN, _END):
            raise InputError(f"{path}: specials must be {_BEGIN} and {_END}")
        return vocabulary


def _without_bad(pairs: "Pairs", source: str) -> "Pairs":
    """The same pairs; says how many were left out, where some were."""
    if pairs.skipped:
        import warnings

        warnings.warn(f"{source}: {pairs.skipped:,} pairs with a bad line were left out", stacklevel=2)
    return pairs


def _encode(vocabulary: "Vocabulary", text: str) -> np.ndarray:
    """A text's tokens and the end."""
    return np.append(vocabulary.encode(text), vocabulary.special(_END))
