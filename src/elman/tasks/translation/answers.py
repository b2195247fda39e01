"""Translations of a translator, their scores and the report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from elman.baselines.lexicon import learn_lexicon, look_up
from elman.data.batches.pairs import PairBatches
from elman.data.pairs import Pairs
from elman.decode.options import SearchOptions
from elman.models.seq2seq import Seq2Seq
from elman.tasks.shared.answers import Excerpt, TaskAnswers
from elman.tasks.shared.data import Parts
from elman.tasks.shared.table import behind_lines, table_lines
from elman.tasks.shared.text import text_excerpt
from elman.tasks.translation.data import (
    TranslationData,
    TranslationFacts,
    bleu,
    pair_batches,
    pairs_from_files,
)
from elman.tasks.translation.habits import Watch
from elman.tasks.translation.options import TranslationConfig
from elman.tasks.translation.writer import Writer
from elman.train.loop import evaluate

_PICTURE = "attention.png"
_SHOWN = 3  # translations in the report
_LONGEST_DRAWN = 20  # tokens of the sentence whose attention is drawn


class TranslationAnswers(TaskAnswers):
    """Translations, and their scores against references."""

    config: TranslationConfig
    facts: TranslationFacts
    model: Seq2Seq

    @property
    def writer(self) -> Writer:
        """The object that writes the translations."""
        return Writer(self.facts, self.model, self.config.reading)

    def watch(self) -> Watch:
        """Returns a watch that warns of the first text that is unlike the training sources."""
        return Watch(self.facts.habits, self.config.lowercase)

    def batches(self, paths: list[Path]) -> PairBatches:
        """Returns batches of other pairs."""
        return self._batches(pairs_from_files(self.config, paths))

    def evaluate(self, paths: list[Path]) -> dict[str, Any]:
        """Measures scores on other pairs."""
        return self.figures(pairs_from_files(self.config, paths))

    def figures(self, pairs: Pairs) -> dict[str, Any]:
        """Returns scores of the best translations, and the loss."""
        return self._figures(pairs, self.writer.best(pairs.sources, SearchOptions()))

    def _figures(self, pairs: Pairs, translations: list[str]) -> dict[str, Any]:
        loss = evaluate(self.model, self._batches(pairs))
        return {**self._scores(pairs, translations), "nats_per_token": loss.mean, "pairs": len(pairs)}

    def _scores(self, pairs: Pairs, translations: list[str]) -> dict[str, float]:
        scores: dict[str, float] = bleu().translation_scores(
            translations, pairs.targets, self.config.bleu_tokenizer
        )
        return scores

    def _batches(self, pairs: Pairs) -> PairBatches:
        return pair_batches(pairs, self.facts, self.config.batch_size)

    def excerpt(self, batches: PairBatches) -> Excerpt:
        """Returns a batch with the texts of its sources, which the encoder reads."""
        return text_excerpt(next(iter(batches.epoch())), self.facts.source)

    def measure(self, data: TranslationData, parts: Parts, say: Callable[[str], None]) -> dict[str, Any]:
        """Measures the model, copying and a lexicon on the test part; keeps some translations, draws one."""
        training, _, test = data.pairs
        if not test:
            return {}
        translations = self.writer.best(test.sources, SearchOptions())
        if self.folder is not None and self.model.attention is not None:
            self._draw_one(test, self.folder / _PICTURE)
        return {
            "test": self._figures(test, translations),
            "greedy": self._scores(test, self.writer.best(test.sources, SearchOptions(beam=1))),
            "baselines": {
                "copying the source": self._scores(test, test.sources),
                f"{self.config.level} one by one": self._scores(test, self._one_by_one(training, test)),
            },
            "signatures": bleu().signatures(self.config.bleu_tokenizer),
            "examples": [
                {"source": source, "translation": translation, "reference": reference}
                for source, translation, reference in zip(
                    test.sources[:_SHOWN], translations, test.targets, strict=False
                )
            ],
        }

    def _one_by_one(self, training: Pairs, test: Pairs) -> list[str]:
        """Translates with a lexicon, token by token in the source's order."""
        reads, writes = self.facts.source.encode, self.facts.target.encode
        lexicon = learn_lexicon(
            [reads(text) for text in training.sources],
            [writes(text) for text in training.targets],
            len(self.facts.source),
        )
        return [self.facts.target_text(look_up(lexicon, reads(text)).tolist()) for text in test.sources]

    def _draw_one(self, test: Pairs, path: Path) -> None:
        """Draws the attention of the first short source, or of the first source if none is short."""
        short = (text for text in test.sources if len(self.facts.source_tokens(text)) <= _LONGEST_DRAWN)
        source = next(short, test.sources[0])
        (translation,) = self.writer.best([source], SearchOptions())
        self.writer.draw(source, translation, path)

    def report(self, results: dict[str, Any]) -> str:
        """Returns some translations, and the scores of the model and of simple methods."""
        if "test" not in results:
            return "trained on all pairs; no test part"
        lines = []
        for example in results["examples"]:
            lines += [f"{kind:<11}  {example[kind]}" for kind in ("source", "translation", "reference")]
            lines.append("")
        methods = {
            **results["baselines"],
            "this model, greedy": results["greedy"],
            "this model": results["test"],
        }
        heads = {"bleu": " BLEU", "bleu_lowercase": "BLEU, lower case", "chrf": "chrF2"}
        rows = {name: [f"{scores[key]:.2f}" for key in heads] for name, scores in methods.items()}
        title = f"on the test part ({results['test']['pairs']:,} pairs)"
        lines += table_lines(title, list(heads.values()), rows)
        lines += behind_lines(
            results["test"],
            results["baselines"],
            {"bleu": "BLEU", "chrf": "chrF2"},
            higher_is_better=True,
        )
        lines.append(f"sacrebleu {results['signatures']['bleu']}")
        return "\n".join(lines)
