"""Averages of the weights in the tasks that write text: the better of last and averaged weights is kept."""

import pytest
from tiny import SMALL, sentences, text

import elman
from elman.train.loop import evaluate

PARTS = {"split": (0.6, 0.2, 0.2), "epochs": 8, "schedule": "constant", "learning_rate": 0.5}


def language_model(out, **options):
    return elman.LanguageModel(**SMALL | PARTS | options, bptt=20, ngrams="none").fit(texts=[text()], out=out)


def translator(out, **options):
    pairs = [line.split("\t") for line in sentences(60).splitlines()]
    return elman.Translator(**SMALL | PARTS | options, level="words").fit(*zip(*pairs, strict=True), out=out)


@pytest.mark.parametrize("fit", [language_model, translator])
@pytest.mark.parametrize("average", ["ema", "asgd"])
def test_the_better_weights_are_kept(tmp_path, fit, average):
    task = fit(tmp_path / "run", average=average)
    lines = [line for line in task.history if line["kind"] == "validation"]
    averaged = [line for line in lines if "average" in line]
    assert averaged
    assert all(line["loss"] == min(line["last"], line["average"]) for line in averaged)
    best = min(line["loss"] for line in lines)
    loaded = elman.load(tmp_path / "run")
    assert evaluate(loaded.model, task.opened_data().parts().validation).mean == pytest.approx(best, rel=1e-5)
    assert loaded.config.average == average
