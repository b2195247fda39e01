"""The report of real runs: a page that needs nothing, every picture in three files, true numbers."""

import contextlib
import csv
import io
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import SMALL, reviews, sales, table, text

import elman
from elman.cli import main
from elman.diagnose import gate_statistics, gradient_flow, hidden_states, jacobian_spectrum
from elman.errors import InputError
from elman.inspect import look, report
from elman.tasks.shared.laboratory import problem_of

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
    (folder / "corpus.txt").write_text(quotations(150))
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


@pytest.fixture(scope="module")
def pages(runs, folder):
    """Their reports, the language model's on a file: the folder, the page, what was printed."""
    found = {}
    for name in ("lm", "classes", "sales"):
        run = runs[name]
        out, printed = folder / f"page-{name}", io.StringIO()
        data = [str(folder / "corpus.txt")] if name == "lm" else []
        with contextlib.redirect_stdout(printed):
            as_json = ["--json"] if name == "classes" else []
            assert main(["inspect", str(run), *data, "--out", str(out), *as_json]) == 0
        found[name] = out, Page((out / "report.html").read_text("utf-8")), printed.getvalue()
    return found


@pytest.mark.parametrize("name", ["lm", "classes", "sales"])
def test_the_page_needs_nothing_and_shows_everything(pages, name):
    out, page, printed = pages[name]
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
    assert json.loads((out / "summary.json").read_text())["files"] == sorted(files)
    assert str(out / "report.html") in printed
    assert name == "classes" or printed.startswith("The gradient is ")


def test_the_numbers_are_those_of_diagnose(runs, folder, pages):
    task, (out, *_) = elman.load(runs["lm"]), pages["lm"]
    summary = json.loads((out / "summary.json").read_text())
    batch = task.excerpt(folder / "corpus.txt").batch
    flow = gradient_flow(task.model, batch, lags=summary["lags"])
    own = numbers(out / "gradient-recurrent-layer-1.csv")
    for name in ("median", "lower", "upper"):
        wanted = getattr(flow, name)[0].ravel()
        np.testing.assert_array_equal([float(cell or "nan") for cell in own[name]], wanted)
    (spectrum,) = jacobian_spectrum(task.model, batch)
    own = numbers(out / "spectrum.csv")["singular value"]
    np.testing.assert_array_equal(np.array(own, float), spectrum.singular_values.ravel())
    gates = gate_statistics(task.model, batch)
    own = numbers(out / "gates-recurrent-layer-1.csv")
    np.testing.assert_array_equal(np.array(own["count"], int), np.concatenate([g.counts for g in gates]))
    assert summary["layers"][0]["parts"]["all"]["decay"] == pytest.approx(flow.decay[0, -1])
    assert summary["verdict"] == flow.verdicts[0]
    assert summary["unit"] == "characters"


def test_the_text_is_there_to_the_letter_in_the_colours_of_a_unit(runs, folder, pages):
    out, page, _ = pages["lm"]
    assert len(page.texts) == len(set(out.glob("text-*.csv"))) >= 2  # which some unit comes near
    corpus = (folder / "corpus.txt").read_text()
    assert all(each in corpus and len(each) > 500 for each in page.texts)
    assert len(set(page.spans)) > 5
    own = numbers(out / "text-inside-quotes.csv")
    inside = "".join(t for t, q in zip(own["text"], own["inside quotes"], strict=True) if float(q))
    assert inside.startswith('"')
    assert set("()").isdisjoint(inside)
    task, summary = elman.load(runs["lm"]), json.loads((out / "summary.json").read_text())
    best = next(each for each in summary["trackers"] if each["property"] == "inside quotes")
    (states,) = hidden_states(task.model, task.excerpt(folder / "corpus.txt").batch)
    values = states.states[best["part"]][..., best["unit"]]
    values = values[:, np.argmin(abs(values[0] - float(own["value"][0])))]  # of the row that is shown
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


def test_numbers_read_stand_above_the_units(runs, pages):
    out, *_ = pages["sales"]
    own = numbers(out / "states-recurrent-layer-1.csv")
    assert [key for key in own if key.startswith("input")][:2] == ["input: y, 1 before", "input: y, 2 before"]
    first, second = (np.array(own[f"input: y, {k} before"], float) for k in (1, 2))
    np.testing.assert_array_equal(first[:-1], second[1:])
    assert np.ptp(first) > 0


def test_json_is_one_object(runs, pages):
    out, _, printed = pages["classes"]
    said = json.loads(printed)
    assert said["report"] == str(out / "report.html")
    written = json.loads((out / "summary.json").read_text())
    assert written.pop("files")
    assert said == {"report": said["report"], **written}
    assert [each["layer"] for each in said["layers"]] == ["recurrent layer 1", "recurrent layer 1 reverse"]
    assert {"r", "z"} <= {each["gate"] for each in said["gates"]}
    found = look(elman.load(runs["classes"]))
    assert said["remedies"] == [{"flags": each.flags, "why": each.why} for each in found.remedies]


def untrained(**options):
    """A task as it is before its training."""
    task = elman.CopyingMemory(**options)
    torch.manual_seed(0)
    task.model = task.build()
    return task


def test_all_that_a_problem_reads_is_shown_or_said_to_be_left_out(tmp_path):
    small = {"length": 5, "items": 2, "hidden_size": 4, "batch_size": 2}
    for symbols, read in ((3, 5), (100, 64)):
        task = untrained(**small, symbols=symbols)
        task.folder = tmp_path / "copy"
        report(task, tmp_path / str(symbols))
        own = numbers(tmp_path / str(symbols) / "states-recurrent-layer-1.csv")
        names = [key.removeprefix("input: ") for key in own if key.startswith("input")]
        assert names == list(problem_of(task.config).names[:read])
        content = (tmp_path / str(symbols) / "report.html").read_text("utf-8")
        assert ("the first 64 of 102 inputs" in content) == (symbols == 100)
        assert "<h1>copy</h1>" in content  # not twice, where the folder is called as the task


def test_a_text_is_coloured_only_by_units_that_come_near(runs, tmp_path, monkeypatch):
    task = elman.load(runs["lm"])
    monkeypatch.setattr(sys.modules["elman.inspect.states"], "_NEAR", 1.1)
    report(task, tmp_path / "report")
    content = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "No unit tracks: inside quotes" in content
    assert not Page(content).texts
    assert not list((tmp_path / "report").glob("text-*"))


# Where it goes


def test_it_goes_into_the_run_and_is_replaced_only_when_told_to(runs, folder, capsys, monkeypatch):
    monkeypatch.setattr(
        sys.modules["elman.inspect.report"], "_page", lambda *_: "<!DOCTYPE html>"
    )  # the same, sooner
    run = str(runs["numbers"])
    assert main(["inspect", run]) == 0
    page = runs["numbers"] / "inspect" / "report.html"
    before = page.stat().st_mtime_ns
    assert main(["inspect", run]) == 2
    assert "already exists; choose another --out, or replace it with --overwrite" in capsys.readouterr().err
    assert page.stat().st_mtime_ns == before
    assert main(["inspect", run, "--overwrite"]) == 0
    assert page.stat().st_mtime_ns > before
    # the run is a run still: it can be used, and be replaced
    assert main(["predict", run, str(folder / "table.csv")]) == 0
    arguments = ["train", "regression", str(folder / "table.csv"), "--out", run, "--hidden-size", "4"]
    assert main([*arguments, "--epochs", "1", "--overwrite"]) == 0
    assert not page.exists()


def test_a_folder_that_is_no_report_is_never_replaced(runs, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "pages").mkdir()  # whose names are those of a report
    (tmp_path / "pages" / "report.html").write_text("mine")
    (tmp_path / "pages" / "notes.csv").write_text("mine")
    for out in (tmp_path / "mine", tmp_path / "pages", runs["lm"]):
        held = {path.name for path in out.iterdir()}
        assert main(["inspect", str(runs["lm"]), "--out", str(out), "--overwrite"]) == 2
        assert "not a report, or it holds files" in capsys.readouterr().err
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


def test_unknown_characters_are_read_as_unknown(runs, tmp_path):
    (tmp_path / "new.txt").write_text("a big ĳĳĳ\n" * 20)
    out = tmp_path / "report"
    assert main(["inspect", str(runs["lm"]), str(tmp_path / "new.txt"), "--out", str(out)]) == 0
    assert (out / "report.html").exists()


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


@pytest.mark.parametrize(
    ("cell", "verdict"), [("elman:nonlinearity=relu", "healthy"), ("elman", "vanishing")]
)
def test_a_task_that_knows_how_far_it_has_to_look_back_is_judged_by_that(cell, verdict):
    init = "identity" if verdict == "healthy" else "torch"
    task = elman.CopyingMemory(
        length=60, items=2, cell=cell, init=init, hidden_size=8, sequences=32, held_out=8, epochs=1
    ).train()
    found = look(task)
    assert len(found.flow.lags) == 63  # as far as a symbol is from being said
    assert found.verdict == verdict
    left = found.flow.median[0, -1, 62] / found.flow.median[0, -1, 1]
    assert found.left_where_needed == left
    assert (left < 1e-3) == (verdict == "vanishing")
    assert f"This task needs 62; a share of {left:.2g} is left there" in found.sentence
    if verdict == "vanishing":
        assert found.remedies[0].flags == "--cell lstm"


def test_of_a_gradient_that_is_gone_after_a_step_nothing_is_left_where_it_is_needed():
    task = elman.CopyingMemory(
        length=10, items=2, cell="elman", hidden_size=4, sequences=32, held_out=8, epochs=1
    ).train()
    with torch.no_grad():
        task.model.layer.weight_hh_l0.zero_()
    found = look(task)
    assert (found.left_where_needed, found.verdict) == (0.0, "vanishing")
    assert "a share of 0 is left there" in found.sentence
