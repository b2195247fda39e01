"""What the scripts share: an environment for each library, and the comparison before and after.

A script names what it installs, and yields cases. ``run`` makes a virtual environment in ``build/clients``
that sees this one's packages, installs the library there, runs each case with torch's layers and Elman's,
and writes a line of JSON for each to ``build/clients/results``; ``table.py`` makes the table of them.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import time
import traceback
import venv
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "clients"
STEPS, RATE, SMALL = 5, 0.1, 0.01


@dataclass
class Model:
    """One model: its outputs, gradients, five steps of SGD, and its state on both sides.

    Args:
        name: for the table.
        build: returns the model; called under a fixed seed.
        call: returns what the model gives for fixed inputs; any nesting of tensors.
        way: "convert", or "swap" where the library asks for torch's classes by ``isinstance``.
        modes: "eval", "train"; only "eval" where training needs more than a loss over the outputs.
    """

    name: str
    build: Callable[[], nn.Module]
    call: Callable[[nn.Module], Any]
    way: str = "convert"
    modes: tuple[str, ...] = ("eval", "train")


@dataclass
class Fit:
    """One training by the library's own trainer.

    Args:
        name: for the table.
        fit: trains from a fixed seed and returns tensors (parameters or forecasts). It passes its model,
            as soon as that exists, to the function it is given, which converts the model or does nothing.
        way: as in ``Model``; under "swap" the function does nothing, and the whole fit runs inside the swap.
    """

    name: str
    fit: Callable[[Callable[[nn.Module], nn.Module]], Any]
    way: str = "convert"


Case = Model | Fit


def run(
    cases: Callable[[], Iterable[Case]],
    *requires: str,
    without_dependencies: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
) -> None:
    """Runs a client script: installs its library, then runs its cases in that environment.

    Args:
        cases: yields the cases; imports the library.
        requires: what pip installs with its dependencies.
        without_dependencies: what pip installs alone, because it pins another torch.
        remove: patterns of files to delete after the installation, such as an extension built for CUDA.
    """
    script = Path(sys.argv[0]).resolve()
    parser = argparse.ArgumentParser(description=script.read_text().split('"""')[1])
    parser.add_argument("--clean", action="store_true", help="installs anew")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return _inside(script.stem, cases)
    python = _environment(PLACE / script.stem, (requires, without_dependencies, remove), options.clean)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parent)}
    sys.exit(subprocess.run([python, script, "--inside"], env=environment, cwd=PLACE).returncode)


def _environment(
    folder: Path, parts: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], clean: bool
) -> Path:
    """Returns the interpreter of an environment that has the library; makes it if it is not complete."""
    requires, without_dependencies, remove = parts
    python, done = folder / "bin" / "python", folder / ".done"
    if done.exists() and done.read_text() == repr(parts) and not clean:
        return python
    done.unlink(missing_ok=True)
    venv.create(folder, with_pip=True, clear=True)
    here = Path(sysconfig.get_path("purelib"))
    packages = next(folder.glob("lib/python*/site-packages"))
    # site.addsitedir also reads the .pth files there, such as that of an editable install
    (packages / "zz_beside.pth").write_text(f"import site; site.addsitedir({str(here)!r})\n")
    limits = PLACE / "constraints.txt"
    limits.write_text(f"torch=={torch.__version__.split('+')[0]}\n")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if without_dependencies:
        subprocess.run([*pip, "--no-deps", *without_dependencies], check=True)
    if requires:
        subprocess.run([*pip, "-c", limits, *requires], check=True)
    for pattern in remove:
        for file in packages.glob(pattern):
            file.unlink()
    done.write_text(repr(parts))
    return python


def _inside(name: str, cases: Callable[[], Iterable[Case]]) -> None:
    results = PLACE / "results" / f"{name}.jsonl"
    results.parent.mkdir(parents=True, exist_ok=True)
    failed = 0
    with results.open("w") as file:
        for case in cases():
            start = time.perf_counter()
            line: dict[str, Any] = {"library": name, "case": case.name, "way": case.way}
            try:
                line |= _compare(case) if isinstance(case, Model) else _compare_fits(case)
            except Exception as error:  # the table shows it
                traceback.print_exc()
                line["error"] = f"{type(error).__name__}: {error}"
                failed += 1
            line["seconds"] = round(time.perf_counter() - start, 1)
            print(json.dumps(line))
            file.write(json.dumps(line) + "\n")
    sys.exit(1 if failed else 0)


def _compare(case: Model) -> dict[str, Any]:
    """Compares one model with torch's layers and with Elman's."""
    import elman  # here, because the outer process only installs

    theirs = _built(case)
    if case.way == "swap":
        with elman.swap():
            ours = _built(case)
            ours.load_state_dict(theirs.state_dict())
    else:
        ours = elman.convert(_built(case))
    line: dict[str, Any] = {"layers": _count(ours)}
    assert line["layers"], "no layer was converted"
    assert list(theirs.state_dict()) == list(ours.state_dict()), "the states have other keys"
    before = _results(theirs, case)
    with elman.swap() if case.way == "swap" else nullcontext():
        after = _results(ours, case)
    line |= {key: _difference(before[key], after[key]) for key in before}
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    if case.way == "convert":
        back = elman.convert(ours, back=True)
        assert _count(back) == 0, "a layer of Elman is left after back=True"
        a, b = (_outputs_and_gradients(model.eval(), case.call, False)[0] for model in (theirs, back))
        line["back"] = _difference(a, b)
    return line


def _results(model: nn.Module, case: Model) -> dict[str, list[Tensor]]:
    """Returns outputs in each mode, gradients, and the parameters after steps of SGD (which stay)."""
    results = {}
    for mode in case.modes:
        training = mode == "train"
        results[f"{mode}_output"], gradients = _outputs_and_gradients(
            model.train(training), case.call, training
        )
        if training:
            results["gradient"] = gradients
    if "train" in case.modes:
        _descend(model.train(), case.call)
        results["after_steps"] = _parameters(model)
    return results


def _compare_fits(case: Fit) -> dict[str, Any]:
    import elman  # as in _compare

    layers = 0

    def ours(model: nn.Module) -> nn.Module:
        nonlocal layers
        model = elman.convert(model) if case.way == "convert" else model
        layers = _count(model)
        return model

    a = [t.detach() for t in _tensors(case.fit(lambda model: model))]
    with elman.swap() if case.way == "swap" else nullcontext():
        b = [t.detach() for t in _tensors(case.fit(ours))]
    assert layers, "no layer was converted"
    return {"layers": layers, "after_fit": _difference(a, b)}


def _built(case: Model) -> nn.Module:
    torch.manual_seed(0)
    return case.build()


def _count(model: nn.Module) -> int:
    """Returns the number of Elman's layers and cells in a model."""
    import elman  # as in _compare

    kinds = (elman.RNN, elman.LSTM, elman.GRU, elman.RNNCell, elman.LSTMCell, elman.GRUCell)
    return sum(isinstance(module, kinds) for module in model.modules())


def _outputs_and_gradients(
    model: nn.Module, call: Callable[[nn.Module], Any], training: bool
) -> tuple[list[Tensor], list[Tensor]]:
    torch.manual_seed(1)
    model.zero_grad()
    with torch.set_grad_enabled(training):
        outputs = list(_tensors(call(model)))
    if not training:
        return outputs, []
    _loss(outputs).backward()
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    return [o.detach() for o in outputs], gradients


def _descend(model: nn.Module, call: Callable[[nn.Module], Any]) -> None:
    """Takes five steps of SGD on the mean square of the outputs."""
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    for step in range(STEPS):
        torch.manual_seed(step)
        optimizer.zero_grad()
        _loss(list(_tensors(call(model)))).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def _loss(outputs: list[Tensor]) -> Tensor:
    return torch.stack([o.float().square().mean() for o in outputs if o.requires_grad]).sum()


def _parameters(model: nn.Module) -> list[Tensor]:
    return [p.detach() for p in model.parameters()]


def _tensors(result: Any) -> Iterator[Tensor]:
    """Yields the tensors of floating point in any nesting of tuples, lists, dictionaries and arrays."""
    if isinstance(result, Tensor):
        if result.is_floating_point():
            yield result
    elif isinstance(result, nn.utils.rnn.PackedSequence):
        yield result.data
    elif isinstance(result, dict):
        for value in result.values():
            yield from _tensors(value)
    elif isinstance(result, list | tuple):
        for value in result:
            yield from _tensors(value)
    elif hasattr(result, "__array__"):
        yield torch.as_tensor(result.__array__())


def _difference(a: list[Tensor], b: list[Tensor]) -> float:
    """Returns the largest difference over pairs of tensors, relative to the largest value of the tensor.

    A tensor of unusually small values is measured by a hundredth of the largest value of all tensors, as the
    gradient of a bias before batch normalisation is rounding alone.
    """
    assert len(a) == len(b), f"{len(a)} tensors before, {len(b)} after"
    sizes = [float(x.abs().max()) if x.numel() else 0.0 for x in a]
    worst, least = 0.0, max(SMALL * max(sizes), 1e-30)
    for x, y, size in zip(a, b, sizes, strict=True):
        assert x.shape == y.shape, f"shapes {tuple(x.shape)} before, {tuple(y.shape)} after"
        if x.numel():
            worst = max(worst, float((x - y).abs().max()) / max(size, least))
    return worst


warnings.filterwarnings("ignore", category=DeprecationWarning)
