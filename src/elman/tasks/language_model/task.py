"""Language models: the probability of the next character, byte, word or subword."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import torch

from elman.config import require, typed
from elman.data.read.text import list_of_texts
from elman.data.tokens.vocab import TextVocabulary
from elman.decode.copies import Copies
from elman.errors import InputError
from elman.models.autoregressive import Autoregressive
from elman.tasks.language_model.answers import UNITS, TextAnswers
from elman.tasks.language_model.data import CorpusData, TextFacts, documents
from elman.tasks.language_model.options import LanguageModelConfig
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.token_streams import StreamTask, check_drawing
from elman.train.loop import LossUnit


class LanguageModel(StreamTask):
    """Predicts the probability of each next token of a text, and writes text.

    Loss: nats per token; bits are nats / ln 2, perplexity is the exponential of the nats. For words and
    subwords there are also bits per character: bits per token × tokens / characters of the decoded text.
    They make levels comparable, but flatter a model of words if many words are unknown. An unknown character
    costs −ln of its novelty, which training estimates by the share of the characters that occur once, and
    ln of the number of all other characters of Unicode.

    Args:
        **options: fields of ``LanguageModelConfig`` (``elman train language-model --help`` explains them).

    Raises:
        InputError: an option out of its range.
    """

    Config = LanguageModelConfig
    Facts = TextFacts
    Data = CorpusData
    Answers = TextAnswers

    model: Autoregressive

    @property
    def vocabulary(self) -> TextVocabulary:
        """The tokens that text is split into."""
        vocabulary: TextVocabulary = self.facts.vocabulary
        return vocabulary

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
            texts: documents instead of paths; ``split`` applies to both.
            out: a run folder to write; None keeps the model in memory.
            overwrite: replaces an existing run folder.
            show_progress: shows a progress bar on standard error.

        Returns:
            self, with ``model``, ``vocabulary`` and ``results``.

        Raises:
            InputError: a file cannot be read, is not UTF-8 or is too short; the run folder exists.
            TrainingStopped: the loss or a gradient is not finite.
        """
        if texts is None:
            return self.train(data, out, overwrite=overwrite, show_progress=show_progress)
        documents = _documents(data, texts)
        return self._fit(
            lambda folder: CorpusData.of(self.config, documents, folder, self.named),
            out,
            overwrite,
            show_progress,
        )

    def generate(
        self,
        prompt: str = "",
        *,
        length: int = 500,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        longest_copy: int | None = None,
    ) -> Iterator[str]:
        """Yields text that continues a prompt, token by token as it is drawn, without the prompt.

        The state is carried from step to step, so that the cost of a step does not grow with the text;
        stepwise probabilities equal those of a full pass.

        Args:
            prompt: text to continue; empty: start at the beginning of a line. Characters that the model does
                not know are read as unknown (see ``unknown_in``).
            length: number of tokens to generate.
            temperature: divides the logits; 0 is greedy.
            top_k: draw from the k most probable tokens only; 0: from all.
            top_p: draw from the most probable tokens that together reach this probability only.
            seed: seed of the draws; None: a new one in every call.
            longest_copy: most tokens in a row that the text may copy from the training text, which the run
                must hold; 0: any number. None: as the model's options say.

        Raises:
            InputError: an option is out of its range.
        """
        require("prompt", isinstance(prompt, str), "a text", prompt)
        length, top_k = typed(int, length, "--length"), typed(int, top_k, "--top-k")
        temperature, top_p = typed(float, temperature, "--temperature"), typed(float, top_p, "--top-p")
        seed = typed(int | None, seed, "--seed")
        require("--length", 0 <= length <= 10**9, "an int in [0, 1e9]", length)
        require("--seed", seed is None or 0 <= seed < 2**63, "an int in [0, 2^63)", seed)
        most = (
            self.config.longest_copy if longest_copy is None else typed(int, longest_copy, "--longest-copy")
        )
        require("--longest-copy", 0 <= most <= 10**9, "an int in [0, 1e9]", most)
        check_drawing(temperature, top_k, top_p)
        answers = self.answers
        return answers.generate(
            prompt,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            copies=Copies(self.opened_data().corpora["training"].tokens, most) if most else None,
        )

    def unknown_in(self, text: str) -> list[str]:
        """Returns the characters or words of a text that the model lacks, in order and with repeats."""
        return self.vocabulary.unknown_in(text)

    def build(self) -> Autoregressive:
        """Builds embedding, layer and head; a token that does not occur in training is read as zeros."""
        model = super().build()
        if self.vocabulary.untrained is not None:
            with torch.no_grad():
                model.embedding.weight[self.vocabulary.untrained] = 0
        return model

    def evaluate(
        self,
        data: Paths | None = None,
        *,
        texts: Iterable[str] | None = None,
        dynamic: bool = False,
        show_progress: bool = False,
    ) -> dict[str, Any]:
        """Measures nats, bits and perplexity of other files or texts, each read as a document of its own.

        Args:
            data: paths.
            texts: documents instead of paths.
            dynamic: measures also how well the model does if its weights adapt to the text as it reads it
                (dynamic evaluation); these figures have ``dynamic_`` before their names. The run's own
                validation part chooses how fast. Neither the model nor its run folder changes.
            show_progress: shows the progress of dynamic evaluation on standard error.

        Raises:
            InputError: a file cannot be read, or all files together hold fewer than two tokens that the model
                knows; or, with ``dynamic``, the run holds no data or has no validation part.
        """
        answers = self.answers
        if texts is None:
            sources = documents(self.config, as_paths(() if data is None else data))
        else:
            sources = _documents(data, texts)
        if not dynamic:
            figures: dict[str, Any] = answers.of_sources(sources)
            return figures
        corpus, left_out = answers.corpus(sources)
        return self.dynamic_figures(corpus, left_out, show_progress)

    def loss_unit(self) -> LossUnit:
        """Shows perplexity for words, bits per token for other levels."""
        if self.config.level == "words":
            return LossUnit("perplexity", unit="words", is_exponential=True)
        return LossUnit(f"bits/{UNITS[self.config.level]}", 1 / math.log(2), self.config.level)


def _documents(data: Paths | None, texts: Iterable[str]) -> list[Path | str]:
    """Checks texts in memory. Raises InputError if there are paths in addition."""
    if data is not None:
        raise InputError("data and texts: give one of them")
    documents: list[Path | str] = [*list_of_texts(texts, "texts")]
    for number, text in enumerate(documents):
        require(f"text {number}", isinstance(text, str), "a text", text)
    return documents
