"""Language models: the figures' arithmetic, what is refused, and how text is written."""

import itertools
import math
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np
import pytest
import torch
from tiny import SMALL, same_bits, text, weights

import elman
from elman.baselines.ngram import frequency_nats, witten_bell_nats
from elman.data.read.builtin import python_reference
from elman.data.tokens.vocab import ByteVocabulary
from elman.errors import InputError
from elman.models.autoregressive import TokenStream
from elman.tasks.language_model.data import CorpusData
from elman.tasks.language_model.options import Generate
from elman.tasks.language_model.task import LanguageModel

OPTIONS = SMALL | {"embedding_size": 4, "bptt": 20, "dropout": 0.0, "ngrams": "none"}  # the network alone
OLD = Path(__file__).parent / "old_runs"


def fit(texts: list[str] | None = None, **options: Any) -> LanguageModel:
    return LanguageModel(**OPTIONS | options).fit(texts=[text()] if texts is None else texts)


@pytest.fixture(scope="module")
def task() -> LanguageModel:
    return fit()


@pytest.fixture(scope="module")
def of_bytes() -> LanguageModel:
    return fit(level="bytes")


def flattened(task: LanguageModel, probabilities: list[float]) -> LanguageModel:
    """The same task with a model that gives the pieces these probabilities, whatever came before."""
    with torch.no_grad():
        task.model.head.weight.zero_()
        task.model.head.bias.copy_(torch.tensor(probabilities).log())
    return task


def drawn(task: LanguageModel, prompt: str = "", **options: Any) -> str:
    return "".join(task.generate(prompt, **options))


# Figures


@pytest.mark.parametrize("level", ["characters", "bytes"])
def test_the_figures_by_hand(tmp_path, level):
    task = fit(["aab" * 60], level=level, split=(0.8, 0.0, 0.2))
    if level == "bytes":
        chances = [0.0] * 256
        chances[ord("a")], chances[ord("b")] = 0.75, 0.25
    else:
        chances = [0.0, 0.75, 0.25]  # nothing for unknown characters
    flattened(task, chances)
    (tmp_path / "one.txt").write_text("abab")  # targets b a b
    (tmp_path / "two.txt").write_text("bb")  # target b: each file's first is nobody's
    figures = task.evaluate([tmp_path])
    nats = (3 * math.log(4) + math.log(4 / 3)) / 4
    assert figures == {
        "nats_per_token": pytest.approx(nats, rel=1e-6),
        "bits_per_token": pytest.approx((3 * 2 + math.log2(4 / 3)) / 4, rel=1e-6),
        "perplexity": pytest.approx((4**3 * 4 / 3) ** (1 / 4), rel=1e-6),
        "tokens": 4,
        **({"unknown": 0} if level == "characters" else {}),
    }
    assert task.loss_unit().name == {"characters": "bits/char", "bytes": "bits/byte"}[level]
    assert task.loss_unit()(3.0) == pytest.approx(3 / math.log(2))


def test_the_results_are_those_of_the_test_part(task, tmp_path):
    whole = text()
    begin = round(0.95 * len(whole))
    (tmp_path / "test.txt").write_text(whole[begin:])
    assert task.evaluate([tmp_path / "test.txt"]) == task.results["test"]
    tokens = task.vocabulary.encode(whole)
    train, test = tokens[: round(0.9 * len(whole))], tokens[begin:]
    nats, count = frequency_nats(train, test, len(task.vocabulary))
    assert task.results["baselines"]["letter frequency"] == pytest.approx(nats / count / math.log(2))
    validation, size = tokens[len(train) : begin], len(task.vocabulary)
    best = min(range(2, 9), key=lambda order: witten_bell_nats(train, validation, size, order)[0])
    nats, _ = witten_bell_nats(train, test, size, best)
    assert list(task.results["baselines"]) == ["letter frequency", f"Witten–Bell, order {best}"]
    assert task.results["baselines"][f"Witten–Bell, order {best}"] == pytest.approx(
        nats / count / math.log(2)
    )
    assert task.results["test"]["tokens"] == count
    assert "the model is behind letter frequency by" in task.report()


def test_the_order_of_the_ngram_model_can_be_given():
    whole = text()
    task = fit(ngram_order=5)
    tokens = task.vocabulary.encode(whole)
    train, test = tokens[: round(0.9 * len(whole))], tokens[round(0.95 * len(whole)) :]
    nats, count = witten_bell_nats(train, test, len(task.vocabulary), 5)
    assert task.results["baselines"]["Witten–Bell, order 5"] == pytest.approx(nats / count / math.log(2))
    assert "Witten–Bell, order 6" in fit(split=(0.9, 0.0, 0.1)).results["baselines"]


def test_without_a_test_part_there_is_no_figure():
    task = fit(split=(1.0, 0.0, 0.0))
    assert "test" not in task.results
    assert "baselines" not in task.results
    assert "written by the model" in task.report().lower()


def test_a_text_without_words_has_no_share_of_known_ones():
    task = fit(["0123456789 " * 30])
    assert task.results["sample"]["known_words"] is None
    assert "of the words" not in task.report()


def test_words_are_not_counted_in_a_script_without_spaces():
    task = fit(["好好学习天天向上。\n" * 40])
    assert task.results["sample"]["known_words"] is None
    assert "of the words" not in task.report()
    assert "the longest run copied from the text is" in task.report()
    words = fit(["好好学习天天向上\n" * 40], level="words")
    assert len(words.vocabulary) == 8  # unknown, the line's end and six characters
    assert drawn(words, "好", length=5, seed=0, temperature=0)[0] != " "
    assert fit().results["sample"]["known_words"] is not None


# What is read


def test_what_is_learnt_is_the_same_from_files_and_from_memory(task, tmp_path):
    (tmp_path / "a.txt").write_text(text())
    for data in (tmp_path / "a.txt", str(tmp_path), [tmp_path / "a.txt"]):
        from_file = LanguageModel(**OPTIONS).fit(data)
        assert same_bits(weights(from_file.model), weights(task.model))
        assert from_file.results["test"] == task.results["test"]


def test_without_a_file_the_python_reference_is_read(monkeypatch):
    short = [each[:300] for each in python_reference()[:3]]
    monkeypatch.setattr("elman.tasks.language_model.data.python_reference", lambda: short)
    assert set(LanguageModel(**OPTIONS).fit().vocabulary.symbols) == set("".join(short))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a corpus needs text. None of the 1 documents holds any."),
        (b"a", "every part needs at least 2 tokens. Of 1 tokens, training gets 1."),
        (b"abcdefgh", "every part needs at least 2 tokens"),
        ("Zoë".encode("latin-1") * 50, "Byte 2 is 0xEB"),
        (b"text\0" * 50, "byte 4 is NUL, so this looks like a binary file; --level bytes reads any file"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_refused(tmp_path, content, message):
    (tmp_path / "corpus.txt").write_bytes(content)
    with pytest.raises(InputError) as error:
        LanguageModel(**OPTIONS).fit(tmp_path / "corpus.txt", out=tmp_path / "run")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a text", "texts must be a list of texts. Got one text; give"),
        ([], "a corpus needs text"),
        (["", ""], "a corpus needs text"),
        (list("abcdefghijklmnopqrstuvwxyz") * 2, "must have a document of at least 2 tokens"),
        ([text(), "\ud800"], "lone surrogate"),
    ],
)
def test_texts_that_cannot_be_used_are_refused(texts, message):
    with pytest.raises(InputError, match=message):
        LanguageModel(**OPTIONS).fit(texts=texts)


def test_a_few_characters_are_enough():
    task = fit(["abcdefghij" * 4])
    assert task.results["test"]["tokens"] == 1
    assert len(drawn(task, length=7)) == 7


def test_any_file_can_be_read_as_bytes(tmp_path):
    path = tmp_path / "any.bin"
    path.write_bytes(np.random.default_rng(0).bytes(1000) + b"\0\xff\xfe")
    task = LanguageModel(**OPTIONS, level="bytes").fit(path)
    assert isinstance(task.vocabulary, ByteVocabulary)
    assert task.evaluate([path])["tokens"] == 1002
    path.write_text("Ж日🙂")
    assert task.evaluate([path])["tokens"] == len("Ж日🙂".encode()) - 1


def test_what_was_not_learnt_is_read_as_unknown(task, capsys):
    assert len(drawn(task, "Ж🙂", length=9, seed=0)) == 9
    assert task.unknown_in("the ЖЖ日") == ["Ж", "Ж", "日"]
    with pytest.warns(UserWarning, match=r"^--prompt: 2 of 6 characters are not known .*: 'Ж日'$"):
        "".join(Generate(prompt="the Ж日", length=3).text(task))
    assert not {"\ufffd", "<unk>"} & set(drawn(task, "Ж", length=300, temperature=5.0))


def test_unknown_characters_cost_what_the_training_text_says_of_novel_ones():
    task = flattened(fit(["aab" * 60 + "c"]), [0.0, 0.5, 0.25, 0.25])
    vocabulary = task.vocabulary
    assert vocabulary.novelty == pytest.approx(2 / 183)  # c occurs once
    known, figures = task.evaluate(texts=["aba"]), task.evaluate(texts=["abaЖ日", "Ж"])
    others = 0x110000 - 0x800 - 3
    nats = 3 * math.log(2) - 2 * math.log1p(-vocabulary.novelty)  # b and a
    nats += 2 * (math.log(others) - math.log(vocabulary.novelty))
    assert figures["nats_per_token"] == pytest.approx(nats / 4, rel=1e-5)
    assert (figures["tokens"], figures["unknown"]) == (4, 3 / 6)
    assert known["nats_per_token"] == pytest.approx(3 * math.log(2) / 2, rel=1e-5)


def test_a_model_without_a_place_for_unknown_characters_leaves_them_out(tmp_path):
    task = elman.load(OLD / "language_model_0.1.0")
    assert task.vocabulary.unknown is None
    text = task.vocabulary.symbols[-6:]
    assert drawn(task, f"Ж{text}日", length=9, seed=0) == drawn(task, text, length=9, seed=0)
    known, figures = task.evaluate(texts=[text, text]), task.evaluate(texts=[f"Ж{text}", "日", f"{text}日"])
    assert figures["unknown"] == 3 / 15
    assert figures["tokens"] == known["tokens"] + 3
    nats = 10 * known["nats_per_token"] - 10 * math.log1p(-1e-6) + 3 * math.log(task.vocabulary.others * 1e6)
    assert figures["nats_per_token"] == pytest.approx(nats / 13, rel=1e-5)
    with pytest.raises(InputError, match="none of the text's characters is known to the model"):
        task.evaluate(texts=["ЖЖ"])


def test_validation_and_test_files_may_hold_other_characters(tmp_path):
    for name in ("validation", "test"):
        (tmp_path / name).write_text("aab aЖb " * 20)
    task = fit(["aab aab " * 40], validation=(tmp_path / "validation",), test=(tmp_path / "test",))
    assert task.results["test"]["unknown"] == pytest.approx(1 / 8)
    assert min(task.results["baselines"].values()) > 20 / 8  # they do not know which one it is either
    assert "unknown" in task.report()


def test_a_text_to_evaluate_has_two_tokens(task, tmp_path):
    (tmp_path / "other.txt").write_text("t")
    with pytest.raises(InputError, match="a text to evaluate must have a document of at least 2 tokens"):
        task.evaluate([tmp_path / "other.txt"])


@pytest.mark.parametrize(
    "options", [{"embedding_size": 0}, {"bptt": 0}, {"ngram_order": 21}, {"hidden_size": 2**70}]
)
def test_an_option_out_of_its_range_is_refused(options):
    (name,) = options
    with pytest.raises(InputError, match=f"^--{name.replace('_', '-')} must be an int in "):
        LanguageModel(**options)


def test_a_uniform_initialisation_is_that_of_the_whole_model():
    task = fit(init="uniform:0.3+forget-bias", hidden_size=16, embedding_size=16, learning_rate=1e-30)
    found = weights(task.model)
    forget = found["layer.bias_ih_l0"][16:32]
    assert torch.equal(forget, torch.ones(16))
    found["layer.bias_ih_l0"] = torch.cat([found["layer.bias_ih_l0"][:16], found["layer.bias_ih_l0"][32:]])
    for name, each in found.items():
        assert 0.1 < each.abs().max() <= 0.3, name
    assert found["embedding.weight"].abs().max() > 0.29
    assert found["head.weight"].abs().max() > 0.29


# What is written


def test_the_seed_decides_the_text(task):
    assert drawn(task, seed=1) == drawn(task, seed=1) != drawn(task, seed=2)
    assert drawn(task) != drawn(task)
    assert len(drawn(task, seed=1)) == 500
    assert drawn(task, length=0) == ""


@pytest.mark.parametrize("prompt", ["", "the", "cat sat on"])
def test_greedy_text_is_what_a_full_pass_finds_most_probable(task, prompt):
    found = drawn(task, prompt, length=20, temperature=0)
    read = prompt or "\n"
    for symbol in found:  # the prompt itself is not in it
        features, _ = task.model.features(
            torch.from_numpy(task.vocabulary.encode(read).astype(np.int64))[:, None]
        )
        assert task.vocabulary.decode(task.model.head.predict(features)[-1].tolist()) == symbol
        read += symbol


def test_sampling_follows_the_models_own_probabilities():
    task = flattened(fit(["ab\n" * 60]), [0.0, 0.2, 0.3, 0.5])
    found = drawn(task, length=3000, temperature=1.0, seed=0)
    for symbol, chance in zip("\nab", (0.2, 0.3, 0.5), strict=True):
        assert found.count(symbol) / 3000 == pytest.approx(chance, abs=0.04)
    assert set(drawn(task, length=300, top_k=1, seed=0)) == {"b"}
    assert set(drawn(task, length=300, temperature=1.0, top_p=0.6, seed=0)) == {"a", "b"}


def test_text_comes_as_it_is_drawn(task, monkeypatch):
    taken = []
    step = TokenStream.step
    monkeypatch.setattr(TokenStream, "step", lambda *given: (taken.append(1), step(*given))[1])
    pieces = task.generate("the", length=10**9, seed=0)
    assert isinstance(pieces, GeneratorType)
    assert taken == []
    first = list(itertools.islice(pieces, 5))
    assert all(len(piece) == 1 for piece in first)
    assert len(taken) == 4
    assert not torch.is_inference_mode_enabled()  # whoever reads along may train meanwhile


def test_a_corpus_without_lines_can_be_gone_on_from_nothing():
    task = fit(["ab" * 100])
    assert len(drawn(task, length=9, seed=0)) == 9


def test_a_character_of_several_bytes_is_one_piece(of_bytes, monkeypatch):
    encoded = [*"é🙂".encode(), 0xFF, 0xC3]
    monkeypatch.setattr(
        "elman.tasks.shared.token_streams.sample", lambda *_: iter(map(torch.tensor, encoded))
    )
    assert list(of_bytes.generate(length=8)) == ["é", "🙂", "\ufffd", "\ufffd"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": -1}, "--length must be an int in"),
        ({"seed": -1}, "--seed must be an int in"),
        ({"seed": 2**70}, "--seed must be an int in"),
        ({"temperature": -1.0}, r"temperature must be in \[0, inf\)"),
        ({"top_k": -1}, r"top_k must be in \[0, inf\)"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\]"),
    ],
)
def test_a_bad_option_is_refused_before_the_first_piece(task, options, message):
    with pytest.raises(InputError, match=message):
        task.generate("the", **options)


def test_the_verb_prints_the_prompt_and_gives_it_apart_in_json(task):
    verb = LanguageModel.Config.verb(prompt="the ", length=30, seed=5)
    printed, said = "".join(verb.text(task)), verb.json(task)
    assert printed == "the " + said["text"] + "\n"
    assert (said["prompt"], len(said["text"]), said["seed"]) == ("the ", 30, 5)


def test_a_terminal_gets_no_control_characters(task, monkeypatch):
    monkeypatch.setattr(task, "generate", lambda *_, **__: iter(["a\x1b[2J", "\tb\n\r\x9b"]))
    verb = LanguageModel.Config.verb()
    assert "".join(verb.text(task)) == "a\x1b[2J\tb\n\r\x9b\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "".join(verb.text(task)) == "a\\x1b[2J\tb\n\\x0d\\x9b\n"
    assert verb.json(task)["text"] == "a\x1b[2J\tb\n\r\x9b"


def test_a_document_that_was_trained_on_is_told_in_other_parts(tmp_path):
    (tmp_path / "a.txt").write_text(text())
    (tmp_path / "b.txt").write_text(text(seed=1))
    (tmp_path / "copy.txt").write_text(text())
    for own in ("a.txt", "copy.txt"):
        task = LanguageModel(**OPTIONS, test=(tmp_path / own, tmp_path / "b.txt"))
        with pytest.warns(UserWarning, match=rf"1 of the 2 documents of the test part .*{own}$"):
            CorpusData.read(task.config, [tmp_path / "a.txt"], None)


def test_tied_weights_are_kept_by_saving(tmp_path):
    task = fit(embedding_size=8, tied=True)
    task.save(tmp_path / "run")
    loaded = elman.load(Path(tmp_path / "run"))
    assert "head.weight" not in weights(loaded.model)
    assert (
        loaded.model.head.logits(torch.ones(1, 8)).tolist()
        == task.model.head.logits(torch.ones(1, 8)).tolist()
    )
    with pytest.raises(
        InputError, match=r"tied weights need an output size \(8\) equal to the embedding size \(4\)"
    ):
        fit(tied=True)


def test_text_copies_no_more_than_it_may(tmp_path):
    known = "the cat sat on the mat and the dog ran in the sun. " * 20
    task = fit([known], epochs=40, learning_rate=0.02, hidden_size=32, longest_copy=12)
    assert task.results["sample"]["longest_copy"] <= 12
    for most, bound in ((None, 12), (5, 5)):
        written = drawn(task, length=100, temperature=0, longest_copy=most)
        assert max(n for n in range(101) if any(written[k : k + n] in known for k in range(101 - n))) <= bound
    assert drawn(task, length=100, temperature=0, longest_copy=0)[-30:] in known
    with pytest.raises(InputError, match=r"--longest-copy must be an int in \[0, 1e9\]. Got -1"):
        task.generate(longest_copy=-1)
