"""The report of real runs: a page that needs nothing, every picture in three files, true numbers."""

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import elman
from elman.cli import main
from elman.diagnose import gate_statistics, gradient_flow, jacobian_spectrum
from elman.errors import InputError
from elman.inspect import look, report
from elman.tasks import language_model
from tiny import SMALL, reviews, sales, table, text

SECTIONS = ["gradient", "spectrum", "gates", "hidden", "training", "remedies"]
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a page holds, and whether every element is closed."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.sections: list[str | None] = []
        self.pictures: list[str] = []
        self.spans: list[str | None] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.attributes += attributes
        found = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(found["id"])
        if tag == "figure":
            self.pictures.append(found["id"].removeprefix("picture-"))
        if tag == "span":
            self.spans.append(found["class"])
        if found.get("class") == "text":
            self.texts.append("")

    def handle_startendtag(self, tag, attributes):
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.texts and "div" in self.open:
            self.texts[-1] += data


def numbers(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {key: [row[key] for row in rows] for key in rows[0]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def runs(folder):
    """Runs of three tasks, and the numbers of an LSTM trained on quotations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_model, "_SAMPLE", 20)
        (folder / "corpus.txt").write_text(quotations(400))
        elman.LanguageModel(**SMALL, embedding_size=4, bptt=20).train(folder / "corpus.txt", folder / "lm")
    (folder / "reviews.csv").write_text(reviews())
    options = SMALL | {"embedding_size": 4, "cell": "gru", "bidirectional": True}
    elman.SequenceClassifier(**options).train(folder / "reviews.csv", folder / "classes")
    (folder / "sales.csv").write_text(sales(future=0))
    elman.Forecaster(**SMALL, horizon=4, model="recursive", cell="elman", paths=5).train(
        folder / "sales.csv", folder / "sales"
    )
    (folder / "table.csv").write_text(table())
    elman.SequenceRegressor(**SMALL).train(folder / "table.csv", folder / "numbers")
    return {name: folder / name for name in ("lm", "classes", "sales", "numbers")}


def quotations(lines, seed=0):
    rng = np.random.default_rng(seed)
    drawn = [text(10, int(rng.integers(1000))).strip() for _ in range(lines)]
    return "\n".join(f'a "{line[:20]}" b ({line[:9]})' for line in drawn) + "\n"


def inspected(run, out, *arguments):
    assert main(["inspect", str(run), *map(str, arguments), "--out", str(out)]) == 0
    return Page((out / "report.html").read_text("utf-8"))


@pytest.mark.parametrize("name", ["lm", "classes", "sales", "numbers"])
def test_the_page_needs_nothing_and_shows_everything(runs, name, tmp_path, capsys):
    out = tmp_path / "it"
    page = inspected(runs[name], out)
    assert not page.open
    assert page.sections == SECTIONS
    content = (out / "report.html").read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]+\.[a-z]+/|<script|@import|<link", content)
    for key, value in page.attributes:
        if key in ("src", "href", "xlink:href", "srcset"):
            assert value.startswith(("data:", "#"))
    names = [value for key, value in page.attributes if key == "id"]
    assert len(set(names)) == len(names)
    assert page.pictures
    for picture in page.pictures:
        assert (out / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{picture}.svg").read_text()
        assert numbers(out / f"{picture}.csv")
    files = {path.name for path in out.iterdir()}
    pictures = {f"{p}.{ending}" for p in page.pictures for ending in ("png", "svg", "csv")}
    assert {f for f in files - pictures if not f.startswith("text-")} == {"report.html", "summary.json"}
    printed = capsys.readouterr().out
    assert str(out / "report.html") in printed
    assert printed.startswith("The gradient is ")


def test_the_numbers_are_those_of_diagnose(runs, tmp_path):
    task = elman.load(runs["lm"])
    found = report(task, tmp_path / "it", lags=30)
    batch = task.sample().batch
    flow = gradient_flow(task.model, batch, lags=30)
    own = numbers(tmp_path / "it" / "gradient-recurrent-layer-1.csv")
    for name in ("median", "lower", "upper"):
        wanted = getattr(flow, name)[0].ravel()
        np.testing.assert_array_equal([float(cell or "nan") for cell in own[name]], wanted)
    (spectrum,) = jacobian_spectrum(task.model, batch)
    own = numbers(tmp_path / "it" / "spectrum.csv")["singular value"]
    np.testing.assert_array_equal(np.array(own, float), spectrum.singular_values.ravel())
    gates = gate_statistics(task.model, batch)
    own = numbers(tmp_path / "it" / "gates-recurrent-layer-1.csv")
    np.testing.assert_array_equal(np.array(own["count"], int), np.concatenate([g.counts for g in gates]))
    summary = json.loads((tmp_path / "it" / "summary.json").read_text())
    assert summary == found.summary()
    assert summary["layers"][0]["parts"]["all"]["decay"] == pytest.approx(flow.decay[0, -1])
    assert summary["verdict"] == flow.verdicts[0]
    assert summary["unit"] == "characters"


def test_the_text_is_there_to_the_letter_in_the_colours_of_a_unit(runs, folder, tmp_path):
    page = inspected(runs["lm"], tmp_path / "it", folder / "corpus.txt")
    assert len(page.texts) == len(set((tmp_path / "it").glob("text-*.csv"))) >= 3
    corpus = (folder / "corpus.txt").read_text()
    assert all(each in corpus and len(each) > 500 for each in page.texts)
    assert len(set(page.spans)) > 5
    own = numbers(tmp_path / "it" / "text-inside-quotes.csv")
    inside = "".join(t for t, q in zip(own["text"], own["inside quotes"], strict=True) if float(q))
    assert inside.startswith('"')
    assert set("()").isdisjoint(inside)
    states = look(elman.load(runs["lm"]), folder / "corpus.txt")
    best = states.trackers["inside quotes"][0]
    values = states.hidden[0].states[best.part][:, 0, best.unit]
    np.testing.assert_allclose(np.array(own["value"], float), values, rtol=1e-6)


def test_a_unit_that_keeps_quotes_is_found_in_a_model(runs):
    """A cell state made to count quotes: +1 at each, and turned round by the next."""
    task = elman.load(runs["lm"])
    vocabulary, model = task.vocabulary, task.model
    quote = int(vocabulary.encode('"')[0])
    H, unit = 8, 5
    with torch.no_grad():
        for parameter in model.layer.parameters():
            parameter[unit::H] = 0
        model.embedding.weight[:, 0] = -1.0
        model.embedding.weight[quote, 0] = 1.0
        # i opens at a quote alone, f is open except at a quote within quotes, g is 1 outside and 0 within
        rows = dict(zip("ifgo", range(unit, 4 * H, H), strict=True))
        model.layer.weight_ih_l0[rows["i"], 0], model.layer.bias_ih_l0[rows["i"]] = 20.0, 0.0
        model.layer.weight_ih_l0[rows["f"], 0], model.layer.bias_ih_l0[rows["f"]] = -20.0, 0.0
        model.layer.weight_hh_l0[rows["g"], unit], model.layer.bias_ih_l0[rows["g"]] = -40.0, 10.0
        model.layer.bias_ih_l0[rows["o"]] = 20.0
    best = look(task).trackers["inside quotes"][0]
    assert best.unit == unit
    assert best.value > 0.999


def test_numbers_read_stand_above_the_units(runs, tmp_path):
    inspected(runs["numbers"], tmp_path / "it")
    own = numbers(tmp_path / "it" / "states-recurrent-layer-1.csv")
    assert [key for key in own if key.startswith("input")] == ["input: a", "input: b"]
    sample = elman.load(runs["numbers"]).sample()
    steps = len(own["step"])
    np.testing.assert_allclose(np.array(own["input: b"], float), sample.batch.inputs.values[:steps, 0, 1])


def test_json_is_one_object(runs, tmp_path, capsys):
    out = tmp_path / "it"
    assert main(["inspect", str(runs["classes"]), "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == str(out / "report.html")
    assert [each["layer"] for each in said["layers"]] == ["recurrent layer 1", "recurrent layer 1 reverse"]
    assert {"r", "z"} <= {each["gate"] for each in said["gates"]}
    assert said["remedies"] == [] or set(said["remedies"][0]) == {"flags", "why"}


# Where it goes


def test_it_goes_into_the_run_and_is_replaced_only_when_told_to(runs, folder, capsys):
    run = str(runs["sales"])
    assert main(["inspect", run]) == 0
    page = runs["sales"] / "inspect" / "report.html"
    before = page.stat().st_mtime_ns
    assert main(["inspect", run]) == 2
    assert "exists; give another --out, or --overwrite" in capsys.readouterr().err
    assert page.stat().st_mtime_ns == before
    assert main(["inspect", run, "--overwrite"]) == 0
    assert page.stat().st_mtime_ns > before
    # the run is a run still: it can be loaded, and be replaced
    assert main(["forecast", run]) == 0
    options = ["--hidden-size", "8", "--epochs", "1", "--horizon", "4"]
    arguments = ["train", "forecasting", str(folder / "sales.csv"), "--out", run, *options]
    assert main([*arguments, "--overwrite"]) == 0
    assert not page.exists()


def test_a_folder_that_is_no_report_is_never_replaced(runs, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for out in (tmp_path / "mine", runs["lm"]):
        held = {path.name for path in out.iterdir()}
        assert main(["inspect", str(runs["lm"]), "--out", str(out), "--overwrite"]) == 2
        assert "is no report, or holds more" in capsys.readouterr().err
        assert {path.name for path in out.iterdir()} == held


def test_help_ends_with_an_example_and_the_overview_names_it(capsys):
    with pytest.raises(SystemExit):
        main(["inspect", "--help"])
    assert capsys.readouterr().out.endswith("example:\n  elman inspect runs/language-model\n")
    main([])
    assert "  elman inspect RUN " in capsys.readouterr().out


# Bad input


def refused(capsys, tmp_path, *arguments):
    out = tmp_path / "refused"
    assert main(["inspect", *map(str, arguments), "--out", str(out)]) == 2
    assert not out.exists()
    said = capsys.readouterr().err
    assert said.startswith("elman: ")
    assert said.count("\n") == 1
    return said


def test_unknown_characters(runs, tmp_path, capsys):
    (tmp_path / "new.txt").write_text("a big ĳĳĳ\n" * 20)
    assert "new.txt" in refused(capsys, tmp_path, runs["lm"], tmp_path / "new.txt")


def test_no_such_file_and_no_such_run(runs, tmp_path, capsys):
    assert "no such file" in refused(capsys, tmp_path, runs["lm"], tmp_path / "none.txt")
    assert "no such run folder" in refused(capsys, tmp_path, tmp_path / "none")


def test_fewer_steps_than_lags(runs, tmp_path, capsys):
    (tmp_path / "short.txt").write_text("a big cat\n")
    assert "9 steps" in refused(capsys, tmp_path, runs["lm"], tmp_path / "short.txt", "--lags", 50)
    (tmp_path / "short.txt").write_text("a \n")
    assert "at least 3 steps" in refused(capsys, tmp_path, runs["lm"], tmp_path / "short.txt")
    assert "--lags must be" in refused(capsys, tmp_path, runs["lm"], "--lags", 1)


def test_weights_that_are_no_numbers(runs, tmp_path, capsys):
    import shutil

    shutil.copytree(runs["lm"], tmp_path / "run")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    weights["layer.weight_hh_l0"][0, 0] = float("nan")
    save_file(weights, tmp_path / "run" / "model.safetensors")
    assert "layer.weight_hh_l0" in refused(capsys, tmp_path, tmp_path / "run")


def test_a_model_without_a_recurrent_layer(runs, tmp_path):
    task = elman.load(runs["lm"])
    task.model = torch.nn.Sequential(torch.nn.Embedding(100, 4))
    with pytest.raises(InputError, match="recurrent layer"):
        report(task, tmp_path / "it")
    with pytest.raises(InputError, match="not fitted"):
        report(elman.LanguageModel(), tmp_path / "it")
    assert not (tmp_path / "it").exists()


def test_a_run_that_keeps_no_data_asks_for_some(runs, tmp_path, capsys):
    elman.load(runs["lm"]).save(tmp_path / "saved")
    assert "tokens.npy" in refused(capsys, tmp_path, tmp_path / "saved")
