"""What tasks that learn streams of tokens share: text today, music tomorrow.

A task adds what its tokens are: how files become a corpus, and how tokens become something to show.
"""

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from elman.baselines.ngram import frequency_nats, witten_bell_by_order
from elman.batch import Batch
from elman.cells.named import make_cell
from elman.data.batches.tokens import TokenStreams, TokenWindows
from elman.data.split import split_points, trained_on
from elman.data.tokens.corpus import Corpus, load_corpus
from elman.decode.copies import Copies
from elman.decode.rules import Grammar
from elman.decode.sample import check_options, sample
from elman.errors import InputError
from elman.models.autoregressive import Autoregressive
from elman.models.predict import predict
from elman.notice import notice
from elman.state import State
from elman.tasks.shared.answers import TaskAnswers
from elman.tasks.shared.data import Parts, TaskData
from elman.tasks.shared.dynamic import Dynamic
from elman.tasks.shared.ngrams import LARGEST, ORDERS, Mixture, choose
from elman.tasks.shared.sizing import streams
from elman.tasks.shared.stream_options import StreamOptions
from elman.tasks.shared.task import Task
from elman.train.loop import Mean, evaluate
from elman.train.progress import Silent, make_progress

LARGEST_BASELINE = 20_000_000
"""Tokens of the training part up to which there are n-gram counts; those of more would not fit in memory."""
_USUAL_ORDER = 6
_OF_TEXT = ("tokens", "characters", "unknown")  # figures of a text that no model changes


class StreamData(TaskData):
    """One corpus for training, and one for each other part with files of its own.

    A part without files of its own is a piece of the training corpus.

    ``facts`` has the ``vocabulary`` of all parts.

    Attributes:
        corpora: by part; "training" is always there.
    """

    config: StreamOptions

    def __init__(self, config: StreamOptions, facts: Any, corpora: dict[str, Corpus]) -> None:
        super().__init__(config, facts)
        self.corpora = corpora

    @classmethod
    def reopen(cls, config: StreamOptions, facts: Any, folder: Path) -> Self:
        """Opens the tokens in the run folder."""
        corpora = {"training": load_corpus(folder, facts.vocabulary)}
        for part in config.own_files:
            corpora[part] = load_corpus(folder, facts.vocabulary, f"{part}-")
        return cls(config, facts, corpora)

    def sizes(self) -> dict[str, Any]:
        """Returns the options that follow from the number of tokens trained on."""
        outputs = make_cell(self.config.cell, 1, self.config.hidden_size).output_size
        return streams(self.config, self._cuts()[0], outputs, has_words=self.facts.vocabulary.has_words)

    def _cuts(self) -> tuple[int, int]:
        """Returns where the training part ends in the training corpus, and where the test part begins."""
        shares = trained_on(self.config.split, self.config.own_files)
        return split_points(len(self.corpora["training"]), shares)

    def parts(self) -> Parts:
        """Returns batches of the three parts of the corpus, by position or by files."""
        config, training = self.config, self.corpora["training"]
        first, second = self._cuts()
        validation = self.corpora.get("validation", training.part(first, second))
        test = self.corpora.get("test", training.part(second, len(training)))
        return Parts(
            TokenStreams(training.part(0, first), config.batch_size, config.bptt, config.seed),
            TokenWindows(validation, rows=config.batch_size) if validation else None,
            whole_windows(test) if test else None,
        )


def whole_windows(corpus: Corpus) -> TokenWindows:
    """Returns batches for evaluation: one row for up to 100,000 tokens, several rows for more."""
    return TokenWindows(corpus, rows=max(1, len(corpus) // 100_000))


class StreamAnswers(TaskAnswers):
    """Tokens that a model draws, how well it predicts those of a corpus, and simple methods for both."""

    model: Autoregressive

    def draw(
        self,
        opening: np.ndarray,
        not_first: Sequence[int],
        *,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int | None,
        copies: Copies | None = None,
        grammar: Grammar | None = None,
    ) -> Iterator[int]:
        """Draws tokens that continue an opening, without end; the unknown token is never drawn.

        Args:
            opening: tokens that are read first; empty: nothing is.
            not_first: tokens that the first one drawn may not be.
            temperature: divides the logits; 0 is greedy.
            top_k: only the k most probable tokens; 0: all.
            top_p: only the most probable tokens that together reach this probability.
            seed: of the draws.
            copies: of a text of which no long run may be copied; None: any.
            grammar: says which tokens may come next, after the opening; None: all.
        """
        model = self.model.eval()
        logits, state = self.opened(opening)
        with torch.inference_mode():
            step = model.stream(1, state).step
            if self.facts.ngrams is not None:
                mixed = self.facts.ngrams.stream(step, opening)
                logits, step = mixed.logits(logits), mixed.step
            logits = logits.index_fill(
                -1, torch.tensor(not_first, dtype=torch.int64, device=logits.device), -torch.inf
            )
        never = self.never_drawn
        yield from map(int, sample(step, logits, temperature, top_k, top_p, seed, never, copies, grammar))

    @torch.inference_mode()
    def opened(self, opening: np.ndarray) -> tuple[Tensor, State | None]:
        """Reads an opening; returns the network's logits of the next token [1, V] and the layer's state.

        Before any token, only the head's bias is known, and the state is None.
        """
        model = self.model.eval()
        if not len(opening):
            return model.head.bias[None].detach(), None
        tokens = torch.from_numpy(opening.astype("int64")).to(model.embedding.weight.device)[:, None]
        features, state = model.features(tokens)
        return model.head.logits(features[-1]), state

    @property
    def never_drawn(self) -> list[int]:
        """The unknown token, if there is one."""
        unknown = self.facts.vocabulary.unknown
        return [] if unknown is None else [unknown]

    def figures(self, batches: TokenWindows, left_out: int = 0) -> dict[str, Any]:
        """Measures nats, bits and perplexity of a corpus.

        Args:
            batches: of the corpus.
            left_out: what else stood in it that has no token.
        """
        return self.figures_of(batches.corpus, self.losses(batches), left_out)

    def figures_of(
        self, corpus: Corpus, losses: tuple[Mean, Mean | None], left_out: int = 0
    ) -> dict[str, Any]:
        """Returns the same from the losses of the corpus."""
        own, network = losses
        figures = self._figures(corpus, own.sum, int(own.count))
        if network is not None:
            figures["network_bits_per_token"] = network.mean / math.log(2)
        return figures

    def losses(self, batches: TokenWindows) -> tuple[Mean, Mean | None]:
        """Measures the nats of a corpus, and with n-grams those of the network alone."""
        if self.facts.ngrams is None:
            return evaluate(self.model, batches), None
        return self.losses_of(log_probabilities(self.model, batches), batches.corpus)

    def losses_of(self, network: np.ndarray, corpus: Corpus) -> tuple[Mean, Mean | None]:
        """Returns the same from ln P [M] of a corpus's tokens by the network; NaN is no target."""
        own = ~np.isnan(network)
        alone = Mean(-float(network[own].sum()), float(own.sum()))
        if self.facts.ngrams is None:
            return alone, None
        return Mean(-float(self.facts.ngrams.log_p(network, corpus)[own].sum()), alone.count), alone

    @property
    def segment(self) -> int:
        """Tokens that dynamic evaluation reads between two steps (Krause et al. 2018 for characters)."""
        return 20

    def _figures(self, corpus: Corpus, total: float, count: int) -> dict[str, Any]:
        """Returns the figures of a corpus from the nats of its targets and their number."""
        nats = total / count if count else math.nan
        figures = {
            "nats_per_token": nats,
            "bits_per_token": nats / math.log(2),
            "perplexity": math.exp(nats) if nats < 700 else None,
            "tokens": count,
        }
        if corpus.vocabulary.unknown is not None:
            figures["unknown"] = float((corpus.tokens == corpus.vocabulary.unknown).mean())
        return figures

    def baselines(self, parts: Parts, frequency: str, order: int | None = None) -> dict[str, float]:
        """Returns the bits per token of simple methods on the targets of the test part.

        Args:
            parts: of the task's data.
            frequency: name of the method that knows how frequent each token is.
            order: of the n-grams; None: the best on the validation part.
        """
        assert isinstance(parts.training, TokenStreams)
        assert isinstance(parts.test, TokenWindows)
        train, test, size = parts.training.corpus, parts.test.corpus, len(self.facts.vocabulary)
        if len(train) > LARGEST_BASELINE:
            return {}
        total, count = frequency_nats(train.tokens, test.tokens, size, test.starts)
        assert isinstance(parts.validation, TokenWindows | None)
        chooses = None if parts.validation is None else parts.validation.corpus
        order, nats = _witten_bell(train, chooses, test, order)
        return {
            frequency: total / count / math.log(2),
            f"Witten–Bell, order {order}": float(nats.mean()) / math.log(2),
        }


def _witten_bell(
    train: Corpus, validation: Corpus | None, test: Corpus, order: int | None
) -> tuple[int, np.ndarray]:
    """Returns the order of an n-gram model, and the nats of the test part's targets by it.

    Args:
        train: the training part, which is counted.
        validation: the part that chooses the order.
        test: the test part.
        order: None: the best of ``ORDERS`` on the validation part; without that part, _USUAL_ORDER.
    """
    if order is not None or validation is None:
        orders, chooses = [order or _USUAL_ORDER], test
    else:
        orders, chooses = [*ORDERS], validation
    both = (chooses, test)
    # one text, so that all is counted once
    by_order = witten_bell_by_order(
        train.tokens,
        np.concatenate([corpus.tokens for corpus in both]),
        len(train.vocabulary),
        orders[-1],
        train.starts,
        np.concatenate([chooses.starts, test.starts + len(chooses)]),
    )
    targets = len(chooses) - len(chooses.starts)
    best: tuple[float, int, np.ndarray] = (math.inf, 0, np.empty(0))
    for k, nats in enumerate(by_order, 1):
        if k in orders and (loss := float(nats[:targets].sum())) < best[0]:
            best = (loss, k, nats[targets:])
    return best[1:]


def log_probabilities(model: Autoregressive, batches: TokenWindows) -> np.ndarray:
    """Computes ln P [N] of each token of a corpus by the network; NaN where it is no target."""
    found = np.full(len(batches.corpus), np.nan)
    state: State | None = None

    def of(batch: Batch) -> Tensor:
        nonlocal state
        inputs, targets = batch.inputs, batch.targets
        features, state = model.features(inputs.values, state, resets=inputs.resets)
        return model.log_p(features, targets)

    for positions, log_p in zip(batches.positions(), predict(model, batches.epoch(), of), strict=True):
        own = ~np.isnan(log_p.numpy())
        found[positions[own] + 1] = log_p.numpy()[own]
    return found


class StreamTask(Task):
    """A model of the next token, given all before it."""

    model: Autoregressive

    def _measure(self, parts: Parts, show_progress: bool) -> dict[str, Any]:
        """Counts n-grams where they are wanted and help, then measures the model with them."""
        mixture, found = self._ngrams(parts)
        self.facts = dataclasses.replace(self.facts, ngrams=mixture)
        results = super()._measure(parts, show_progress)
        return results | ({"ngrams": found} if found else {})

    def _ngrams(self, parts: Parts) -> tuple[Mixture | None, dict[str, Any]]:
        assert isinstance(parts.training, TokenStreams)
        wanted, training = self.config.ngrams, parts.training.corpus
        if wanted == "none" or parts.validation is None:
            if wanted not in ("auto", "none"):
                notice("--ngrams: without a validation part they have no weight, so they are left out")
            return None, {}
        most = LARGEST if wanted == "auto" else LARGEST_BASELINE
        if len(training) > most:
            return None, {"kept": False, "reason": f"more than {most:,} tokens"}
        assert isinstance(parts.validation, TokenWindows)
        windows = whole_windows(parts.validation.corpus)
        return choose(wanted, training, windows.corpus, log_probabilities(self.model, windows))

    def dynamic_figures(self, corpus: Corpus, left_out: int, show_progress: bool) -> dict[str, Any]:
        """Measures a corpus, and again while the weights adapt to it; the model stays as it was.

        Args:
            corpus: tokens.
            left_out: what else stood in it that has no token.
            show_progress: shows the progress on standard error.

        Returns:
            The figures of ``answers.figures``, the same with ``dynamic_`` before their names, and
            ``dynamic_rate`` and ``dynamic_decay``, which the validation part chose.

        Raises:
            InputError: the run holds no data, or has no validation part.
        """
        parts, answers = self.opened_data().parts(), self.answers
        if parts.validation is None:
            raise InputError("--dynamic: the run has no validation part, which would choose the step size")
        with make_progress() if show_progress else Silent() as progress:
            dynamic = Dynamic(self.model, answers.segment, parts.training.corpus, progress)
            setting = dynamic.choose(
                parts.validation.corpus, lambda log_p, text: answers.losses_of(log_p, text)[0].mean
            )
            log_p = dynamic.log_p(corpus, setting, "the text")
        static = answers.figures(whole_windows(corpus), left_out)
        moved = answers.figures_of(corpus, answers.losses_of(log_p, corpus), left_out)
        chosen = {"dynamic_rate": setting.rate, "dynamic_decay": setting.decay}
        return static | {f"dynamic_{name}": moved[name] for name in moved if name not in _OF_TEXT} | chosen

    @property
    @abstractmethod
    def vocabulary(self) -> Any:
        """What the tokens stand for."""

    def build(self) -> Autoregressive:
        """Builds embedding, layer and head."""
        try:
            config = self.config
            layer = self.layer(config.embedding_size)
            return Autoregressive(
                len(self.vocabulary), layer, config.dropout, config.tied, config.label_smoothing
            )
        except ValueError as error:
            raise InputError(str(error)) from None


def check_drawing(temperature: float, top_k: int, top_p: float) -> None:
    """Raises InputError unless tokens can be drawn like that."""
    try:
        check_options(temperature, top_k, top_p)
    except ValueError as error:
        raise InputError(str(error)) from None
