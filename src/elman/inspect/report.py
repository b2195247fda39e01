"""The report: a page with pictures of a trained model's gradients, gates and hidden states, and its files."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elman.inspect import page
from elman.inspect.findings import LEAST_LEFT, Findings, count, look, readers
from elman.inspect.gates import gates_table, plot_gates, plot_time_constants, time_constants_table
from elman.inspect.gradient import gradient_table, plot_gradient_flow
from elman.inspect.hidden import hidden_table, plot_hidden, plot_inputs
from elman.inspect.picture import Picture, table_csv
from elman.inspect.spectrum import is_cut, plot_spectrum, spectrum_table
from elman.inspect.trackers import Tracker
from elman.inspect.training import (
    half_lives_table,
    plot_gradient_norm,
    plot_half_lives,
    plot_updates,
    training_table,
    updates_table,
)
from elman.pictures.base import new_figure
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task
from elman.train import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 5.4  # inches of a picture: its letters are to be read on a phone
_SHOWN_STEPS = 160  # of a heat map: more would be narrower than a dot
_SHOWN_FEATURES = 64  # of what a layer reads at a step
_TRACKS, _NEAR = 0.8, 0.3  # of _strength: from which a unit tracks a property, or comes near it
_SATURATED = 0.5  # of a gate's values


def report(
    task: Task,
    out: str | Path,
    data: Paths | None = None,
    *,
    lags: int | None = None,
    overwrite: bool = False,
) -> Findings:
    """Measures a trained task and writes the report: ``report.html``, each picture and its numbers.

    Args:
        task: trained, or loaded from its run folder.
        out: the folder to write.
        data: files of the task's kind to look at it with; None: the run's own.
        lags: steps back from a loss; None: 200, or as many as the data have.
        overwrite: replaces a report that exists.

    Returns:
        What was measured.

    Raises:
        InputError: the folder holds something, the data do not fit, or there are fewer steps than lags;
            nothing is written then.
    """
    out = Path(out)
    files.check_new_report(out, overwrite)
    found = look(task, data, lags)
    with files.scratch_folder(out) as scratch:
        (scratch / files.REPORT).write_text(_page(task, found, scratch, data), "utf-8")
        # by this list it is known for a report, when it is to be replaced
        own = sorted({files.SUMMARY, *(path.name for path in scratch.iterdir())})
        files.write_json(scratch / files.SUMMARY, {**found.summary(), files.LISTED: own})
        files.install(scratch, out)
    return found


def _page(task: Task, found: Findings, folder: Path, data: Paths | None) -> str:
    """The page; the pictures are written on the way."""
    # a run folder is often called as its task
    name = ": ".join(dict.fromkeys([*([task.folder.resolve().name] if task.folder else []), task.name]))
    config, shape = task.config, found.inputs.shape
    rows, unit = f"{shape[1]} {'row' if shape[1] == 1 else 'rows'}", found.sample.unit
    source = "its own data" if data is None else ", ".join(path.name for path in as_paths(data))
    about = (
        f"{config.cell}, {config.hidden_size} units × {config.layers}; looked at with {rows} of up to "
        f"{shape[0]:,} {unit} of {source}."
    )
    sections = [
        _gradient(found, folder),
        _spectrum(found, folder),
        _gates(found, folder),
        _hidden(found, folder),
        _training(found, folder),
        _remedies(found),
    ]
    return page.page(
        name, [page.paragraph(found.sentence, "verdict"), page.paragraph(about, "faint"), *sections]
    )


def _figures(pictures: Iterator[Picture], folder: Path) -> list[str]:
    return [page.figure(each.name, each.write(folder), each.caption) for each in pictures]


def _new_figure(height: float = 3.2) -> "Figure":
    return new_figure(_WIDTH, height)


def slug(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


# 1


def _gradient(found: Findings, folder: Path) -> str:
    from elman.diagnose import RULE

    flow, unit, needed = found.flow, found.sample.unit, ""
    if not math.isnan(found.left_where_needed):
        needed = f" And vanishing for this task: less than {LEAST_LEFT:g} is left where its answer lies."
    rows = [
        [layer, part, f"{flow.decay[k, p]:.4g}", _half_life(flow.half_life[k, p]), verdict]
        for k, (layer, verdict) in enumerate(zip(flow.layers, flow.verdicts, strict=True))
        for p, part in enumerate(flow.parts)
    ]

    def pictures() -> Iterator[Picture]:
        for k, layer in enumerate(flow.layers):
            figure = _new_figure()
            plot_gradient_flow(figure.subplots(), flow, k, unit, found.sample.needed)
            caption = (
                f"{layer}: how strongly what enters the loss at one step depends on the state so many {unit} "
                "before; median and quartiles over such steps and sequences"
            )
            yield Picture(f"gradient-{slug(layer)}", caption, figure, gradient_table(flow, k))

    return page.section(
        "gradient",
        "1. Gradient by time lag",
        page.table(
            ["layer", "state", "factor a step", f"half-life ({unit})", "verdict of the layer"], rows, 2
        ),
        page.paragraph(f"The rule: {RULE}.{needed}", "faint"),
        *_figures(pictures(), folder),
    )


def _half_life(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "does not fall" if math.isinf(value) else count(value)


# 2


def _spectrum(found: Findings, folder: Path) -> str:
    rows = [
        [
            each.layer,
            f"{np.median(each.singular_values[:, 0]):.4g}",
            f"{np.median(each.singular_values):.4g}",
            f"{np.median(each.singular_values[:, -1]):.3g}",
            f"{(each.singular_values > 1).mean():.0%}",
        ]
        for each in found.spectra
    ]

    def pictures() -> Iterator[Picture]:
        figure = _new_figure()
        plot_spectrum(figure.subplots(), found.spectra)
        cut = (
            "; values below a millionth of the largest lie under the picture" if is_cut(found.spectra) else ""
        )
        caption = (
            "By how much one step stretches a small change of the state, in each direction: median, "
            f"quartiles and range over sampled steps. Above 1 it grows, below 1 it shrinks{cut}"
        )
        yield Picture("spectrum", caption, figure, spectrum_table(found.spectra))

    return page.section(
        "spectrum",
        "2. Local spectrum",
        page.paragraph("Singular values of the Jacobian of one step, ∂ new state / ∂ old state."),
        page.table(["layer", "largest", "middle", "smallest", "above 1"], rows),
        *_figures(pictures(), folder),
    )


# 3


def _gates(found: Findings, folder: Path) -> str:
    if not found.gates:
        return page.section("gates", "3. Gates", page.paragraph("This cell has no gates."))
    unit = found.sample.unit
    rows = []
    for each in found.gates:
        constants = each.time_constants
        kept = (
            ""
            if constants is None
            else " · ".join(count(q) for q in np.quantile(constants, (0.25, 0.5, 0.75), method="nearest"))
        )
        rows.append(
            [each.layer, each.gate, f"{each.low:.0%}", f"{each.high:.0%}", str(int(each.dead.sum())), kept]
        )

    def pictures() -> Iterator[Picture]:
        for layer, group in groupby(found.gates, lambda each: each.layer):
            gates = list(group)
            rows = math.ceil(len(gates) / 2)
            figure = _new_figure(2.5 * rows)
            panels = figure.subplots(rows, min(2, len(gates)), squeeze=False).ravel()
            for axes, each in zip_longest(panels, gates):
                plot_gates(axes, each) if each is not None else axes.remove()
            caption = f"{layer}: values of each gate over all units and {unit}; dark where it is saturated"
            yield Picture(f"gates-{slug(layer)}", caption, figure, gates_table(gates))
        if any(each.time_constants is not None for each in found.gates):
            figure = _new_figure()
            plot_time_constants(figure.subplots(), found.gates, unit)
            caption = (
                f"How many {unit} each unit's gate keeps its state for, from the shortest to the longest"
            )
            yield Picture("time-constants", caption, figure, time_constants_table(found.gates))

    heads = ["layer", "gate", "below 0.1", "above 0.9", "dead units", f"time constant ({unit}; quartiles)"]
    return page.section("gates", "3. Gates", page.table(heads, rows, 2), *_figures(pictures(), folder))


# 4


def _hidden(found: Findings, folder: Path) -> str:
    content = _figures(_heat_maps(found), folder)
    if found.sample.texts is not None:
        content = [*_tracked(found, folder), *content]
    return page.section("hidden", "4. Hidden state over time", *content)


def _heat_maps(found: Findings) -> Iterator[Picture]:
    """Units × steps of the first row, what was read above them."""
    sample, own = found.sample, readers(found.hidden)
    for layer in found.hidden:
        reads_input = any(layer is each for each in own)
        states = {
            name: values[:_SHOWN_STEPS, 0].reshape(min(len(values), _SHOWN_STEPS), -1)
            for name, values in layer.states.items()
        }
        there = ~np.isnan(next(iter(states.values()))).any(1)
        states = {name: values[there] for name, values in states.items()}
        unit, steps = sample.unit if reads_input else "steps", int(there.sum())
        if not steps:
            continue
        inputs = found.inputs[:steps, 0] if reads_input and sample.texts is None else None
        read = 0 if inputs is None else min(inputs.shape[1], _SHOWN_FEATURES)
        figure, panels = _panels(len(states), read)
        table, above = hidden_table(states), ""
        if inputs is not None:
            names = _feature_names(sample.features, read)
            plot_inputs(panels.pop(0), inputs[:, :read], names, unit)
            table |= {f"input: {name}": values for name, values in zip(names, inputs.T, strict=False)}
            left_out = f", the first {read} of {inputs.shape[1]:,} inputs" if read < inputs.shape[1] else ""
            above = f"; above them what the layer read{left_out}"
        pieces = sample.texts[0][:steps] if reads_input and sample.texts is not None else []
        for axes, (name, values) in zip(panels, states.items(), strict=True):
            plot_hidden(axes, values, name=name, unit=unit, pieces=pieces)
        if pieces:
            table["text"] = pieces
        caption = f"{layer.layer}: every unit over the first {steps} {unit} of the first row{above}"
        yield Picture(f"states-{slug(layer.layer)}", caption, figure, table)


def _panels(states: int, read: int) -> "tuple[Figure, list[Axes]]":
    """A figure with a panel for each state, above them one for the inputs where some are read."""
    heights = [1.5 + min(0.05 * read, 2.5)] * (read > 0) + [2.6] * states
    figure = _new_figure(sum(heights))
    return figure, list(figure.subplots(len(heights), height_ratios=heights, squeeze=False)[:, 0])


def _feature_names(known: Sequence[str], number: int) -> list[str]:
    return [known[k] if k < len(known) else f"input {k + 1}" for k in range(number)]


def _tracked(found: Findings, folder: Path) -> list[str]:
    """The units that track something nameable, and the text in the colours of the best for each."""
    if not found.trackers:
        return [page.paragraph("In this text nothing that could be tracked varies enough.")]
    rows = [
        [
            each.name if place == 0 else "",
            f"{each.part} {each.unit}, {found.hidden[each.layer].layer}",
            f"{each.measure} {each.value:.3f}",
        ]
        for ranked in found.trackers.values()
        for place, each in enumerate(ranked)
    ]
    intro = (
        "Which units track something that has a name. AUC: the probability that the unit tells a step inside "
        "from one outside, 0.5 by chance; |correlation|: 1 at best, 0 by chance. The best of many units is a "
        "little above chance even where none tracks anything."
    )
    parts = [page.paragraph(intro), page.table(["property", "unit", "how well"], rows, 2)]
    untracked = [name for name, (best, *_) in found.trackers.items() if _strength(best) < _NEAR]
    if untracked:
        parts.append(page.paragraph(f"No unit comes near to: {', '.join(untracked)}."))
    for name, (best, *_) in found.trackers.items():
        if name not in untracked:
            parts += _coloured(found, name, best, folder)
    return parts


def _coloured(found: Findings, name: str, best: Tracker, folder: Path) -> list[str]:
    """The row in which a property varies most, in the colours of the unit that tracks it best."""
    assert found.sample.texts is not None
    layer, truth = found.hidden[best.layer], found.properties[name]
    states = layer.states[best.part]
    values = states.reshape(*states.shape[:2], -1)[..., best.unit]
    known = np.ma.masked_invalid(truth)  # a row may not have the property at all
    row = int(known.std(0).filled(0).argmax())
    pieces = found.sample.texts[row]
    own = values[: len(pieces), row]
    shown = best.sign * (own - own.mean())  # a unit may keep to one side of 0
    table = {
        "step": np.arange(len(pieces)),
        "text": pieces,
        "value": own,
        name: truth[: len(pieces), row],
    }
    file = f"text-{slug(name)}.csv"
    (folder / file).write_text(table_csv(table), "utf-8")
    finds = "tracks" if _strength(best) >= _TRACKS else "comes nearest to"
    turned = "" if best.sign > 0 else ", its sign turned around"
    head = (
        f"Unit {best.unit} of {best.part} in {layer.layer} {finds}: {name} ({best.measure} {best.value:.3f})"
    )
    note = f"Orange: above its mean here, blue: below{turned} (<code>{escape(file)}</code>)"
    return [f"<h3>{escape(head)}</h3>", page.coloured_text(pieces, shown), f'<p class="faint">{note}</p>']


def _strength(tracker: Tracker) -> float:
    """0 by chance, 1 at best, whatever the measure."""
    return 2 * tracker.value - 1 if tracker.measure == "AUC" else tracker.value


# 5


def _training(found: Findings, folder: Path) -> str:
    history, config = found.history, found.config
    norms, updates, lives = training_table(history), updates_table(history), half_lives_table(history)

    def pictures() -> Iterator[Picture]:
        if norms["step"]:
            figure = _new_figure()
            bound = config.clip_at if config.clip == "norm" else None
            plot_gradient_norm(figure.subplots(), history, bound)
            yield Picture("training", "The gradient's norm before clipping, over the training", figure, norms)
        if len(updates["step"]):
            figure = _new_figure(4)
            plot_updates(figure.subplots(), history)
            caption = (
                "By how much of its size each parameter moved in a step; about a thousandth (the grey line) "
                "is usual, and those farthest from it have names"
            )
            yield Picture("updates", caption, figure, updates)
        if not all(np.isnan(lives[name]).all() for name in lives if name != "step"):
            figure = _new_figure()
            plot_half_lives(figure.subplots(), history, found.sample.unit)
            caption = (
                "How far the gradient reached back, over the training; triangles at the edges: it did not "
                "fall, or was gone after a step"
            )
            yield Picture("half-lives", caption, figure, lives)

    figures = _figures(pictures(), folder)
    if not figures:
        return page.section(
            "training", "5. Over training", page.paragraph("There is no history of the training.")
        )
    said = "" if math.isnan(found.clipped) else f"{found.clipped:.1%} of the steps were clipped."
    can_watch = hasattr(config, "watch_gradients") and not len(updates["step"])
    watched = " --watch-gradients has a training write more of this down." if can_watch else ""
    return page.section("training", "5. Over training", page.paragraph(f"{said}{watched}"), *figures)


# 6


def _remedies(found: Findings) -> str:
    healthy = found.verdict == "healthy"
    if not found.remedies:
        text = "Nothing: the gradient is healthy." if healthy else "Nothing that the run does not do."
        return page.section("remedies", "6. What to try", page.paragraph(text))
    reason = "Nothing is wrong; to have the net remember longer or train more steadily, t" if healthy else "T"
    intro = f"{reason}rain again with one of these beside the options that the run had:"
    items = "".join(
        f"<li><code>{escape(each.flags)}</code><br>{escape(each.why)}</li>" for each in found.remedies
    )
    return page.section("remedies", "6. What to try", page.paragraph(intro), f"<ol>{items}</ol>")


def summary_json(found: Findings, out: Path) -> str:
    """What ``elman inspect --json`` prints."""
    return json.dumps({"report": str(out / files.REPORT), **found.summary()}, ensure_ascii=False)


def summary_lines(found: Findings, out: Path) -> list[str]:
    """What ``elman inspect`` prints."""
    lines = [
        found.sentence,
        *(
            f"{gate.layer}, gate {gate.gate}: {gate.low:.0%} below 0.1, {gate.high:.0%} above 0.9, "
            f"{int(gate.dead.sum())} dead units"
            for gate in found.gates
            if max(gate.low, gate.high) > _SATURATED or gate.dead.any()
        ),
    ]
    for name, (best, *_) in found.trackers.items():
        if _strength(best) >= _TRACKS:
            layer = found.hidden[best.layer].layer
            lines.append(
                f"{name}: unit {best.unit} of {best.part} in {layer}, {best.measure} {best.value:.3f}"
            )
    lines += [f"try {each.flags}: {each.why}" for each in found.remedies]
    return [*lines, "", f"report  {out / files.REPORT}"]
