"""Kernels built of cells: beside the step by step, and an LSTM's beside the one written by hand."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import more_cells
import pages
import pytest
import torch

from elman.cells import LSTM, RGLRU, SLSTM, GRUResetBefore, MinGRU, MinLSTM
from elman.compiler import NotCompilable, build, compile, emit, engine
from elman.compiler.form import form_of
from elman.compiler.kernel import make
from elman.compiler.read import read_step
from elman.errors import InputError
from elman.kernels import reference
from elman.kernels.call import Noise, Sweep
from elman.kernels.compiled import cpu, table
from elman.layers import Recurrent

if table._kernels is None or shutil.which("g++") is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

T, B, I, H = 6, 4, 3, 19


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of this module's own, and an engine that remembers nothing before and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("ELMAN_COMPILE", "never")
        for name in ("_made", "_refused", "_spent"):
            patch.setattr(engine, name, {})
        patch.setattr(engine, "_building", set())
        patch.setattr(table, "translations", {})
        yield


@pytest.fixture(scope="module")
def mgu():
    """The translation of a cell that exists in Python alone."""
    cell = more_cells.MGU(I, H)
    return cell, make(cell, form_of(read_step(cell)))


def sweep_of(cell, **options) -> Sweep:
    w = {name: (0.4 * torch.randn(shape)).requires_grad_() for name, shape in cell.parameters().items()}
    state = tuple(torch.randn(B, H, requires_grad=True) for _ in cell.states())
    return Sweep(cell, w, torch.randn(T, B, I, requires_grad=True), state, **options)


def results(unroll, sweep: Sweep, given: Sweep) -> list[torch.Tensor]:
    """Output, final state and every gradient of the given sweep's tensors."""
    output, final = unroll(sweep)
    torch.manual_seed(1)
    weights = [torch.randn_like(t) for t in (output, *final)]
    leaves = [given.x, *given.state, *given.w.values()]
    return [output, *final, *torch.autograd.grad((output, *final), leaves, weights)]


OPTIONS = {
    "plain": {},
    "lengths": {"lengths": torch.tensor([6, 0, 3, 1])},
    "resets": {"resets": torch.rand(T, B) > 0.6, "initial": (torch.randn(B, H),)},
    "reverse": {"reverse": True, "lengths": torch.tensor([2, 6, 5, 6])},
    "noise": {"noise": Noise((torch.rand(B, H).round() * 2,), (torch.rand(T, B, H).round(),))},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_built_kernel_equals_the_step_by_step(mgu, options):
    cell, translation = mgu
    sweep = sweep_of(cell, **options)
    built = results(cpu.unroll, translation(sweep), sweep)
    plain = results(reference.unroll, sweep, sweep)
    for own, expected in zip(built, plain, strict=True):
        torch.testing.assert_close(own, expected, rtol=2e-5, atol=2e-5)


def test_an_lstms_kernel_gives_the_bits_of_the_one_by_hand():
    cell = LSTM(I, H)
    translation = make(cell, form_of(read_step(cell)))
    sweep = sweep_of(cell, lengths=torch.tensor([6, 0, 3, 1]))
    built = results(cpu.unroll, translation(sweep), sweep)
    by_hand = results(cpu.unroll, sweep, sweep)
    assert [torch.equal(a, b) for a, b in zip(built, by_hand, strict=True)] == [True] * len(built)


def test_a_cell_without_a_recurrent_product_has_a_kernel():
    """With two states and two vectors of parameters, whose gradients are sums over rows and steps."""
    cell = more_cells.SRU(I, H)
    translation = make(cell, form_of(read_step(cell)))
    sweep = sweep_of(cell, lengths=torch.tensor([6, 0, 3, 1]))
    built = results(cpu.unroll, translation(sweep), sweep)
    plain = results(reference.unroll, sweep, sweep)
    for own, expected in zip(built, plain, strict=True):
        torch.testing.assert_close(own, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    "kind", [SLSTM, *(pytest.param(kind, marks=pytest.mark.long) for kind in (MinGRU, MinLSTM, RGLRU))]
)
def test_a_built_in_cell_without_a_header_has_a_kernel(kind):
    """From the state before any step, which an sLSTM tells apart, in rows that begin anew too."""
    cell = kind(I, H)
    start = tuple(torch.zeros(B, H, requires_grad=True) for _ in cell.states())
    again = tuple(torch.zeros(B, H) for _ in cell.states())
    plain = sweep_of(cell, lengths=torch.tensor([6, 0, 3, 5]), resets=torch.rand(T, B) > 0.6, initial=again)
    sweep = replace(plain, state=start)
    built = results(cpu.unroll, make(cell, form_of(read_step(cell)))(sweep), sweep)
    for own, expected in zip(built, results(reference.unroll, sweep, sweep), strict=True):
        torch.testing.assert_close(own, expected, rtol=2e-5, atol=2e-5)


def test_gradients_of_gradients_come_from_the_program(mgu):
    cell, translation = mgu
    sweep = sweep_of(cell)

    def twice(output):
        (first,) = torch.autograd.grad(output.square().sum(), sweep.x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), sweep.w["weight_hh"])[0]

    own, plain = twice(cpu.unroll(translation(sweep))[0]), twice(reference.unroll(sweep)[0])
    torch.testing.assert_close(own, plain, rtol=1e-3, atol=1e-4)


def test_a_layer_takes_the_kernel_once_it_is_there(mgu):
    """Before, it runs step by step; afterwards ``explain`` names the compiled kernels."""
    layer = Recurrent(more_cells.MGU(I, H), 2, bidirectional=True)
    x = torch.randn(T, B, I)
    before, text = layer(x)[0], layer.explain(x)
    for cell in layer.cells:
        compile(cell)
    assert "backend 'reference' runs" in text
    assert "backend 'cpu' runs" in layer.explain(x)
    torch.testing.assert_close(layer(x)[0], before, rtol=1e-5, atol=1e-5)


class Scaled(more_cells.MGU):
    """A cell whose kernel reads a matrix that is computed of the parameter."""

    def recur(self, w, state):
        return super().recur({**w, "weight_hh": 3 * w["weight_hh"].tanh()}, state)


@pytest.mark.parametrize("kind", [more_cells.MGU, Scaled], ids=lambda kind: kind.__name__)
def test_streams_and_slots_step_by_the_kernel(mgu, kind):
    """With the bits of each row alone, and never behind the parameters."""
    layer = Recurrent(kind(I, H), 2, zoneout=0.1, learned_state=True).eval()
    x = torch.randn(T, B, I)
    for cell in layer.cells:
        compile(cell)
    slots, alone, stream = layer.slots(B), layer.slots(B), layer.stream(B)
    assert slots.is_together
    changes = [
        lambda: None,
        lambda: layer.weight_hh_l1.data.mul_(-2),
        lambda: layer.weight_hh_l0.detach().numpy().__iadd__(0.5),
        lambda: setattr(layer, "weight_hh_l0", torch.nn.Parameter(-layer.weight_hh_l0.data)),
        lambda: layer.load_state_dict({k: v / 2 for k, v in layer.state_dict().items()}, assign=True),
    ]
    for change in changes:
        change()
        for own in (slots, alone, stream):
            own.reset()
        rows = [3, 1, 0, 2]
        found = torch.stack([slots.step(x_t[rows], rows, copy=True) for x_t in x])[:, [2, 1, 3, 0]]
        single = [torch.cat([alone.step(x_t[k : k + 1], [k], copy=True) for k in range(B)]) for x_t in x]
        assert torch.equal(found, torch.stack(single))
        assert torch.equal(found, torch.stack([stream.step(x_t, copy=True) for x_t in x]))
        with torch.no_grad():
            torch.testing.assert_close(found, layer(x)[0], rtol=2e-5, atol=2e-5)
    assert stream.step(x[0].numpy()).shape == (B, H)
    hook = layer.register_forward_pre_hook(lambda module, args: (2 * args[0], *args[1:]))
    assert not slots.is_together
    hook.remove()


def test_a_product_of_its_own_input_enters_ready_made(mgu):
    """A cell whose ``project`` is no plain product."""

    class Doubled(more_cells.MGU):
        def project(self, w, x):
            return 2 * super().project(w, x).tanh()

    layer = Recurrent(Doubled(I, H), bidirectional=True)
    x = torch.randn(T, B, I)
    before = layer(x)[0]
    for cell in layer.cells:
        compile(cell)
    assert "backend 'cpu' runs" in layer.explain(x)
    torch.testing.assert_close(layer(x)[0], before, rtol=1e-5, atol=1e-5)


def test_a_cell_is_built_in_the_background_once_it_has_taken_long(mgu, monkeypatch):
    monkeypatch.setenv("ELMAN_COMPILE", "auto")
    cells = (more_cells.MGU(I + 1, H),)
    engine.took(cells, engine._PATIENCE / 2)
    assert cells[0] not in engine._building
    engine.took(cells, engine._PATIENCE)
    assert cells[0] in engine._building
    for _ in range(500):
        if cells[0] in table.translations:
            break
        time.sleep(0.02)
    assert table.why_no_kernel(cells) is None


def test_waiting_builds_before_the_first_call(mgu, monkeypatch):
    layer = Recurrent(more_cells.MGU(I + 2, H))
    assert table.why_no_kernel(layer.cells) is not None
    monkeypatch.setenv("ELMAN_COMPILE", "wait")
    assert "backend 'cpu' runs" in layer.explain(torch.randn(T, B, I + 2))
    monkeypatch.setenv("ELMAN_COMPILE", "soon")
    with pytest.raises(InputError, match=r"ELMAN_COMPILE must be one of auto, wait, never\. Got soon"):
        engine.mode()


def test_where_torch_is_deterministic_no_kernel_joins_later(mgu, monkeypatch):
    monkeypatch.setenv("ELMAN_COMPILE", "auto")
    layer = Recurrent(more_cells.MGU(I + 3, H))
    torch.use_deterministic_algorithms(True)
    try:
        assert "backend 'cpu' runs" in layer.explain(torch.randn(T, B, I + 3))
    finally:
        torch.use_deterministic_algorithms(False)


def test_reading_a_step_draws_no_random_numbers():
    before = torch.get_rng_state()
    read_step(LSTM(I, H))
    assert torch.equal(torch.get_rng_state(), before)


def test_explain_says_why_a_cell_has_no_kernel(monkeypatch):
    monkeypatch.setenv("ELMAN_COMPILE", "wait")
    layer = Recurrent(GRUResetBefore(I, H))
    assert "one product after another" in layer.explain(torch.randn(T, B, I))


@pytest.mark.parametrize(("page", "shown"), [("docs/compiler.md", 2), ("docs/cell_in_25_lines.md", 3)])
def test_the_page_prints_what_it_shows(mgu, page, shown):
    text = pages.read(page)
    found = list(pages.outputs(text, page))
    assert sum(output is not None for _, output, _ in found) == shown
    for block, output, printed in found:
        assert printed == (output.code if output else ""), block.line


def test_a_library_is_built_once(mgu, monkeypatch):
    """The second time it comes from the cache, whatever the compiler; in another process too."""
    cell, _ = mgu
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("compiled again"))
    make(cell, form_of(read_step(cell)))
    program = (
        "import more_cells, elman.compiler.build as b; b._compile = None; "
        f"print(__import__('elman').compile(more_cells.MGU({I}, {H})).name)"
    )
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root / "examples"), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert done.stdout.startswith("made-"), done.stderr


def test_a_library_that_others_may_write_is_not_loaded(mgu):
    cell, _ = mgu
    library = build.build(emit.header(form_of(read_step(cell)), "Made"), mgu[1].name, [])
    library.chmod(0o666)
    assert not build._is_ours(library)
    library.chmod(0o755)
    assert build._is_ours(library)


def test_a_failing_compiler_is_one_line_with_a_log(monkeypatch, tmp_path):
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path))
    with pytest.raises(NotCompilable, match=r"failed; .*\.log holds what it said") as refused:
        build.build("struct Made { no C++ };", "made-x", [])
    log = Path(str(refused.value).split("; ")[1].split(" holds")[0])
    assert "plugin.cpp" in log.read_text()
    assert not list(log.parent.glob("*/cell.so"))


def test_a_library_of_other_kernels_is_refused(tmp_path):
    (tmp_path / "none.cpp").write_text("extern const int nothing = 0;")
    library = tmp_path / "none.so"
    subprocess.run(["g++", "-shared", "-fPIC", str(tmp_path / "none.cpp"), "-o", str(library)], check=True)
    with pytest.raises(ValueError, match="no library of a cell"):
        table._kernels.Library(str(library))
