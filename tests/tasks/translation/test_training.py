"""What the translator reads and learns from, and what it refuses."""

import gzip
import json

import numpy as np
import pytest
import torch
from tiny import SMALL, interrupt_at, same_bits, sentences, timeless, weights
from tiny_translator import LEARNS

import elman
from elman.errors import InputError, Interrupted
from elman.tasks.translation.task import Translator
from elman.tasks.translation.writer import Writer


def test_parts_with_files_of_their_own(tmp_path):
    lines = sentences(60).splitlines(keepends=True)
    names = ("train", "val", "test")
    for name, part in zip(names, (lines[:40], lines[40:50], lines[50:]), strict=True):
        (tmp_path / f"{name}.tsv").write_text("".join(part))
        for side in (0, 1):
            text = "".join(line.rstrip("\n").split("\t")[side] + "\n" for line in part)
            (tmp_path / f"{name}.{side}").write_text(text)
    options = SMALL | {"level": "words", "split": (0.8, 0.1, 0.1)}

    def trained(kind):
        paths = {name: [tmp_path / f"{name}.{ending}" for ending in kind] for name in names}
        own = {"validation": tuple(paths["val"]), "test": tuple(paths["test"])}
        return Translator(**options, **own).train(paths["train"])

    one, two = trained(["tsv"]), trained(["0", "1"])
    assert [len(part) for part in one.data.pairs] == [40, 10, 10]
    assert set(one.data.pairs[0].sources) == {line.partition("\t")[0] for line in lines[:40]}
    assert same_bits(weights(one.model), weights(two.model))
    assert one.results["test"] == two.results["test"]
    assert one.evaluate(tmp_path / "test.tsv") == one.results["test"]
    assert one.evaluate([tmp_path / "test.0", tmp_path / "test.1"]) == one.results["test"]
    # of the shares, only those without files are taken
    alone = Translator(**options, test=(tmp_path / "test.tsv",)).train(tmp_path / "train.tsv")
    assert [len(part) for part in alone.data.pairs] == [36, 4, 10]


def test_lists_of_texts_and_a_file_give_the_same_model(tmp_path):
    (tmp_path / "pairs.tsv").write_text(sentences(40))
    sources, targets = zip(*(line.split("\t") for line in sentences(40).splitlines()), strict=True)
    options = SMALL | {"level": "words", "split": (0.8, 0.1, 0.1), "seed": 2}
    fitted = Translator(**options).fit(sources, targets)
    assert same_bits(
        weights(fitted.model), weights(Translator(**options).train(tmp_path / "pairs.tsv").model)
    )
    whole = Translator(**options | {"split": (1.0, 0.0, 0.0)}).fit(sources, targets)
    assert "test" not in whole.results
    assert "no test part" in whole.report()


def test_bad_lines_are_left_out_where_that_is_asked_for(tmp_path):
    (tmp_path / "pairs.tsv").write_text(sentences(40) + "no tab\n\tx\n")
    options = SMALL | {"level": "words", "split": (0.8, 0.1, 0.1)}
    with pytest.raises(InputError, match=r"pairs\.tsv: line 41: must be two texts"):
        Translator(**options).train(tmp_path / "pairs.tsv", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.warns(UserWarning, match=r"pairs\.tsv: 2 pairs with a bad line were left out"):
        Translator(**options, skip_bad_lines=True).train(tmp_path / "pairs.tsv", tmp_path / "run")
    pairs = [line.split("\t") for line in sentences(40).splitlines()]
    sources, targets = map(list, zip(*pairs, ["", "x"], ["a", None], strict=True))
    with pytest.raises(InputError, match="source 40: must not be empty"):
        Translator(**options).fit(sources, targets)
    with pytest.warns(UserWarning, match="sources, targets: 2 pairs with a bad line were left out"):
        task = Translator(**options, skip_bad_lines=True).fit(sources, targets)
    assert sum(len(part) for part in task.data.pairs) == 40


def test_pairs_of_the_test_part_that_were_trained_on_are_told(tmp_path):
    (tmp_path / "train.tsv").write_text(sentences(40))
    first, *_, last = sentences(40).splitlines()
    (tmp_path / "test.tsv").write_text(f"a new one\tein neuer\n{first}\n{last}\n")
    task = Translator(**SMALL, level="words", split=(1.0, 0.0, 0.0), test=(tmp_path / "test.tsv",))
    with pytest.warns(
        UserWarning, match="2 of the 3 pairs of the test part are also in the training"
    ) as warned:
        task.Data.read(task.config, [tmp_path / "train.tsv"], None)
    assert repr(first.partition("\t")[0]) in str(warned[0].message)
    assert len(warned) == 1


@pytest.mark.filterwarnings("ignore:.* pairs of the .* part are also in the training part")
@pytest.mark.filterwarnings("ignore:no installed font has")
def test_scripts_without_spaces(tmp_path):
    """A made-up language of Chinese words into one of Japanese, no space in either."""
    there = dict(
        zip("大小红猫狗跑坐", ["大きい", "小さい", "赤い", "ネコ", "いぬ", "走る", "座る"], strict=True)
    )
    rng = np.random.default_rng(0)
    drawn = ["".join(rng.choice([*there], rng.integers(2, 6))) for _ in range(300)]
    sources = [f"{text}。" for text in drawn]
    targets = ["".join(there[c] for c in text) + "。" for text in drawn]
    options = LEARNS | {"level": "subwords", "vocab_size": 300, "bleu_tokenizer": "char", "epochs": 16}
    task = Translator(**options).fit(sources, targets, out=tmp_path / "run")
    assert task.results["test"]["bleu"] > 80
    assert "tok:char" in task.results["signatures"]["bleu"]
    assert (tmp_path / "run" / "attention.png").exists()
    assert task.translate(["红猫跑。"]) == ["赤いネコ走る。"]


@pytest.mark.filterwarnings("ignore:.* pairs of the .* part are also in the training part")
@pytest.mark.parametrize("level", ["characters", "bytes"])
def test_a_text_with_letters_that_training_had_not(level):
    task = Translator(**SMALL, level=level, split=(0.8, 0.1, 0.1)).fit(
        ["ab cd", "cd"] * 20, ["x y", "y"] * 20
    )
    with pytest.warns(UserWarning, match="text 0 is unlike the training sources.*'€猫'"):
        (found,) = task.translate(["ab € 猫"])
    assert found


@pytest.mark.filterwarnings("ignore:.* pairs of the .* part are also in the training part")
def test_sizes_and_bridges_that_do_not_fit_are_refused():
    for options, message in [
        ({"hidden_size": 7}, "--hidden-size must be even. Got 7"),
        ({"label_smoothing": 1.0}, "--label-smoothing must be"),
        ({"embedding_size": 0}, "--embedding-size must be"),
    ]:
        with pytest.raises(InputError, match=message):
            Translator(**options)
    pairs = ["a b", "b a"] * 20, ["x y", "y x"] * 20
    last = {"cell": "projected-lstm:proj_size=3", "bridge": "last", "split": (0.8, 0.1, 0.1)}
    # both directions' projections together are twice the decoder's
    with pytest.raises(InputError, match="a learned bridge takes any size"):
        Translator(**SMALL, level="words", **last).fit(*pairs)
    with pytest.raises(InputError, match="queries and states of one size"):
        Translator(**SMALL, level="words", **last | {"bridge": "zero", "attention": "dot"}).fit(*pairs)
    Translator(**SMALL, level="words", **last | {"bridge": "learned"}).fit(*pairs)


@pytest.mark.filterwarnings("ignore:.* pairs of the .* part are also in the training part")
@pytest.mark.parametrize("bridge", ["last", "zero"])
def test_every_bridge_is_trained_and_loaded(bridge, tmp_path):
    pairs = ["a b", "b a"] * 20, ["x y", "y x"] * 20
    options = SMALL | {"bridge": bridge, "layers": 2, "level": "words", "split": (0.8, 0.1, 0.1)}
    task = Translator(**options, learned_state=bridge == "zero").fit(*pairs, out=tmp_path / "run")
    assert elman.load(tmp_path / "run").translate(["a b"]) == task.translate(["a b"])


DAMAGES = {
    "specials must be <s> and </s>": lambda v: v | {"specials": ["<s>", "<e>"]},
    "level must be words": lambda v: {
        "level": "bytes",
        "lowercase": False,
        "specials": ["<s>", "</s>"],
    },
}


@pytest.mark.filterwarnings("ignore:.* pairs of the .* part are also in the training part")
@pytest.mark.parametrize(("message", "damage"), DAMAGES.items(), ids=DAMAGES)
@pytest.mark.parametrize("file", ["vocabulary.json", "target_vocabulary.json"])
def test_a_damaged_vocabulary_is_refused(tmp_path, file, message, damage):
    pairs = ["a b", "b a"] * 20, ["x y", "y x"] * 20
    options = SMALL | {"level": "words", "split": (0.8, 0.1, 0.1), "shared_vocabulary": False}
    Translator(**options).fit(*pairs, out=tmp_path / "run")
    path = tmp_path / "run" / file
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=f"{file}: {message}"):
        elman.load(tmp_path / "run")


def test_a_resumed_run_reads_its_own_copy_of_the_pairs(tmp_path, folder):
    task = elman.load(folder)
    data = task.opened_data()
    assert [len(part) for part in data.pairs] == [400, 50, 50]
    batch = next(data.parts().validation.epoch(0))
    with torch.inference_mode():
        loss, _ = task.model(batch)
    assert float(loss.sum / loss.count) < 0.5


@pytest.mark.parametrize("step", [3, 12])
def test_resumed_it_ends_as_if_it_had_never_stopped(tmp_path, monkeypatch, step):
    (tmp_path / "pairs.tsv").write_text(sentences(40))
    options = SMALL | {"vocab_size": 280, "dropout": 0.2, "recurrent_dropout": 0.1, "input_feeding": True}
    options |= {"split": (0.8, 0.1, 0.1), "shared_vocabulary": False}
    Translator(**options).train(tmp_path / "pairs.tsv", tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr("elman.train.progress.make_progress", lambda: interrupt_at(step))
        with pytest.raises(Interrupted):
            Translator(**options).train(tmp_path / "pairs.tsv", tmp_path / "run", show_progress=True)
    (tmp_path / "pairs.tsv").unlink()
    elman.resume(tmp_path / "run")
    assert timeless(tmp_path / "run") == timeless(tmp_path / "whole")


def test_real_captions(shared, tmp_path):
    """Some of Multi30k's, packed as they came."""
    source = shared / "multi30k_en_de"
    parts = []
    for name, number in (("train", 200), ("val", 20)):
        parts.append([])
        for side in ("en", "de"):
            with gzip.open(source / f"{name}.{side}.gz") as file:
                lines = [next(file) for _ in range(number)]
            parts[-1].append(tmp_path / f"{name}.{side}.gz")
            parts[-1][-1].write_bytes(gzip.compress(b"".join(lines)))
    train, val = parts
    options = SMALL | {"vocab_size": 600, "epochs": 1}
    task = Translator(**options, validation=tuple(val), test=tuple(val)).train(train)
    assert [len(part) for part in task.data.pairs] == [200, 20, 20]
    assert len(task.source_vocabulary) == 600
    baselines = task.results["baselines"]
    assert baselines["subwords one by one"]["chrf"] > baselines["copying the source"]["chrf"] > 5


def test_without_attention_every_verb_works_but_the_picture(tmp_path, monkeypatch):
    (tmp_path / "pairs.tsv").write_text(sentences(60))
    run = tmp_path / "run"
    Translator(**{**LEARNS, "attention": "none", "epochs": 1}).train(tmp_path / "pairs.tsv", run)
    assert not (run / "attention.png").exists()
    task = elman.load(run)
    assert len(task.translate(["the big cat", "a dog"])) == 2
    assert task.evaluate(run.parent / "pairs.tsv")["pairs"] == 60
    with pytest.raises(InputError, match=r"^a run trained with --attention none has no attention to draw$"):
        task.draw("the big cat", "cat", tmp_path / "a.png")
    monkeypatch.setattr(Writer, "of_text", lambda *_: pytest.fail("translated before the refusal"))
    with pytest.raises(InputError, match="has no attention to draw"):
        next(task.verb(single="the big cat", plot=tmp_path / "a.png").text(task))
    with pytest.raises(InputError, match="--bridge"):
        Translator(attention="none", bridge="zero")
