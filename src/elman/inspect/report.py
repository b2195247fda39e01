"""The report: a page with pictures of a trained model's gradients, gates and hidden states."""

import json
from pathlib import Path

from elman.inspect import page, sections, states
from elman.inspect.findings import Findings, look
from elman.tasks.shared.sources import Paths, as_paths
from elman.tasks.shared.task import Task
from elman.train import files

_SATURATED = 0.5  # share of a gate's values


def report(
    task: Task,
    out: str | Path,
    data: Paths | None = None,
    *,
    lags: int | None = None,
    overwrite: bool = False,
) -> Findings:
    """Measures a trained task and writes the report: ``report.html``, the pictures and their numbers.

    Args:
        task: trained, or loaded from its run folder.
        out: the folder to write.
        data: files of the task's kind to measure on; None: the run's own.
        lags: steps back from a loss; None: the number that the task needs, if known, or 200.
        overwrite: replaces an existing report.

    Returns:
        The measurements.

    Raises:
        InputError: the folder is not empty, the data do not match the task, or they have fewer steps than
            lags; nothing is written then.
    """
    out = Path(out)
    files.check_new_report(out, overwrite)
    found = look(task, data, lags)
    with files.scratch_folder(out) as scratch:
        (scratch / files.REPORT).write_text(_page(task, found, scratch, data), "utf-8")
        # the list identifies the folder as a report when --overwrite replaces it
        own = sorted({files.SUMMARY, *(path.name for path in scratch.iterdir())})
        files.write_json(scratch / files.SUMMARY, {**found.summary(), files.LISTED: own})
        files.install(scratch, out, overwrite, files.check_new_report)
    return found


def _page(task: Task, found: Findings, folder: Path, data: Paths | None) -> str:
    """Writes the pictures; returns the page."""
    # a run folder often has its task's name
    name = ": ".join(dict.fromkeys([*([task.folder.resolve().name] if task.folder else []), task.name]))
    shape = found.inputs.shape
    rows, unit = f"{shape[1]} {'row' if shape[1] == 1 else 'rows'}", found.sample.unit
    source = "its own data" if data is None else ", ".join(path.name for path in as_paths(data))
    about = f"{task.config.network}; measured on {rows} of up to {shape[0]:,} {unit} from {source}."
    parts = [
        sections.gradient(found, folder),
        sections.spectrum(found, folder),
        sections.gates(found, folder),
        states.hidden(found, folder),
        sections.training(found, folder),
        sections.remedies(found),
    ]
    return page.page(
        name, [page.paragraph(found.sentence, "verdict"), page.paragraph(about, "faint"), *parts]
    )


def summary_json(found: Findings, out: Path) -> str:
    """Returns the output of ``elman inspect --json``."""
    return json.dumps({"report": str(out / files.REPORT), **found.summary()}, ensure_ascii=False)


def summary_lines(found: Findings, out: Path) -> list[str]:
    """Returns the lines that ``elman inspect`` prints."""
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
        if states.tracks(best):
            layer = found.hidden[best.layer].layer
            lines.append(
                f"{name}: unit {best.unit} of {best.part} in {layer}, {best.measure} {best.value:.3f}"
            )
    lines += [f"try {remedy.flags}: {remedy.why}" for remedy in found.remedies]
    return [*lines, "", f"report  {out / files.REPORT}"]
