"""The report's section on the hidden state: heat maps, and the units that track a property of a text."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.inspect import drawn, page
from elman.inspect.findings import Findings, readers
from elman.inspect.hidden import hidden_table, plot_hidden, plot_inputs
from elman.inspect.picture import Picture, table_csv
from elman.inspect.trackers import Tracker

_SHOWN_STEPS = 160  # of a heat map: more would be narrower than a dot
_SHOWN_FEATURES = 64  # of the input at a step
_TRACKS, _NEAR = 0.8, 0.3  # least _strength of a unit that tracks a property, or comes near it


def hidden(found: Findings, folder: Path) -> str:
    """Returns the section: every unit over time, and for texts the units that track a property."""
    content = drawn.figures(_heat_maps(found), folder)
    if found.sample.texts is not None:
        content = [*_tracked(found, folder), *content]
    return page.section("hidden", "4. Hidden state over time", *content)


def _heat_maps(found: Findings) -> Iterator[Picture]:
    """Makes the heat maps of the first row: units × steps, with the input above them."""
    sample, own = found.sample, readers(found.hidden)
    for layer in found.hidden:
        reads_input = any(layer is reader for reader in own)
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
            above = f"; above them the layer's input{left_out}"
        pieces = sample.texts[0][:steps] if reads_input and sample.texts is not None else []
        for axes, (name, values) in zip(panels, states.items(), strict=True):
            plot_hidden(axes, values, name=name, unit=unit, pieces=pieces)
        if pieces:
            table["text"] = pieces
        caption = f"{layer.layer}: every unit over the first {steps} {unit} of the first row{above}"
        yield Picture(f"states-{drawn.slug(layer.layer)}", caption, figure, table)


def _panels(states: int, read: int) -> tuple[Figure, list[Axes]]:
    """Makes a figure with a panel for each state, and one above them for the inputs if there are any."""
    heights = [1.5 + min(0.05 * read, 2.5)] * (read > 0) + [2.6] * states
    figure = drawn.new_figure(sum(heights))
    return figure, list(figure.subplots(len(heights), height_ratios=heights, squeeze=False)[:, 0])


def _feature_names(known: Sequence[str], number: int) -> list[str]:
    return [known[k] if k < len(known) else f"input {k + 1}" for k in range(number)]


def _tracked(found: Findings, folder: Path) -> list[str]:
    """Returns the table of trackers, and the text in the colours of each property's best unit."""
    if not found.trackers:
        return [page.paragraph("No property varies enough in this text to be tracked.")]
    rows = [
        [
            tracker.name if place == 0 else "",
            f"{tracker.part} {tracker.unit}, {found.hidden[tracker.layer].layer}",
            f"{tracker.measure} {tracker.value:.3f}",
        ]
        for ranked in found.trackers.values()
        for place, tracker in enumerate(ranked)
    ]
    intro = (
        "The units that best track a property of the text. AUC: the probability that the unit separates a "
        "step inside from one outside, 0.5 by chance; |correlation|: 1 at best, 0 by chance. The best of "
        "many units is a little above chance even if none tracks anything."
    )
    parts = [page.paragraph(intro), page.table(["property", "unit", "measure"], rows, 2)]
    untracked = [name for name, (best, *_) in found.trackers.items() if _strength(best) < _NEAR]
    if untracked:
        parts.append(page.paragraph(f"No unit tracks: {', '.join(untracked)}."))
    for name, (best, *_) in found.trackers.items():
        if name not in untracked:
            parts += _coloured(found, name, best, folder)
    return parts


def _coloured(found: Findings, name: str, best: Tracker, folder: Path) -> list[str]:
    """Returns the row in which a property varies most, coloured by the unit that tracks it best."""
    assert found.sample.texts is not None
    layer, truth = found.hidden[best.layer], found.properties[name]
    states = layer.states[best.part]
    values = states.reshape(*states.shape[:2], -1)[..., best.unit]
    known = np.ma.masked_invalid(truth)  # a row may lack the property
    row = int(known.std(0).filled(0).argmax())
    pieces = found.sample.texts[row]
    own = values[: len(pieces), row]
    shown = best.sign * (own - own.mean())  # a unit may stay on one side of 0
    table = {
        "step": np.arange(len(pieces)),
        "text": pieces,
        "value": own,
        name: truth[: len(pieces), row],
    }
    file = f"text-{drawn.slug(name)}.csv"
    (folder / file).write_text(table_csv(table), "utf-8")
    verb = "tracks" if tracks(best) else "comes closest to"
    flipped = "" if best.sign > 0 else "; sign flipped"
    head = (
        f"Unit {best.unit} of {best.part} in {layer.layer} {verb}: {name} ({best.measure} {best.value:.3f})"
    )
    note = f"Orange: above the unit's mean in this text, blue: below{flipped} (<code>{escape(file)}</code>)"
    return [f"<h3>{escape(head)}</h3>", page.coloured_text(pieces, shown), f'<p class="faint">{note}</p>']


def _strength(tracker: Tracker) -> float:
    """Returns the measure on one scale: 0 by chance, 1 at best."""
    return 2 * tracker.value - 1 if tracker.measure == "AUC" else tracker.value


def tracks(tracker: Tracker) -> bool:
    """Whether a unit tracks its property well above chance."""
    return _strength(tracker) >= _TRACKS
