"""Makes a kernel of a form, and of a cell's calls those of the kernel."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from elman.cells.base import Cell, Shape, Weights
from elman.compiler import build, emit
from elman.compiler.form import Form
from elman.kernels.call import Sweep
from elman.kernels.compiled import table
from elman.state import State


@dataclass(frozen=True)
class Made(Cell):
    """A form as a cell whose parameters are those of the kernels: what a compiled cell's calls run on.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        bias: whether the input's product has a bias.
    """

    form: ClassVar[Form]

    def states(self) -> dict[str, Shape]:
        """Returns the shapes of the states: h, which the product reads, and others by number."""
        names = ["h", *(f"state_{n}" for n in range(1, self.form.step.states))]
        return dict.fromkeys(names, (self.hidden_size,))

    def parameters(self) -> dict[str, Shape]:
        """Returns the shapes of the products' weights and biases, and of the extras."""
        H, step = self.hidden_size, self.form.step
        shapes: dict[str, Shape] = {"weight_ih": (step.blocks * H, self.input_size)}
        shapes |= {"bias_ih": (step.blocks * H,)} if self.bias else {}
        if step.products:
            shapes |= {"weight_hh": (step.product_blocks * H, H), "bias_hh": (step.product_blocks * H,)}
        return shapes | dict.fromkeys(names_of_extras(self.form), (H,))

    def step(
        self,
        w: Weights,
        projected: Tensor,
        state: State,
        seen: State | None = None,
        side: Tensor | None = None,
    ) -> State:
        """Computes a step by torch, from the program."""
        H, form = self.hidden_size, self.form
        x, u = projected.split(H, -1), ()
        if form.step.products:
            u = F.linear((seen or state)[0], w["weight_hh"], w["bias_hh"]).split(H, -1)
        given: dict[Any, Tensor] = {("state", n): s for n, s in enumerate(state)}
        given |= {("extra", m): w[name] for m, name in enumerate(names_of_extras(form))}
        for k, slot in enumerate(form.slots):
            parts = [x[slot.given]] if slot.given is not None else []
            parts += [u[slot.product]] if slot.product is not None else []
            given["slot", k] = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        return tuple(form.forward.evaluate(given))


def names_of_extras(form: Form) -> list[str]:
    """Returns the names of a made cell's parameters for each unit."""
    return [f"extra_{m}" for m in range(len(form.step.extras))]


@dataclass(frozen=True)
class Translation:
    """How a call of a cell becomes one of its kernel.

    Attributes:
        made: the class of the kernel's cell.
        form: its form.
        is_linear: whether the input's part is one product, with ``weight_ih`` and ``bias_ih``.
        name: of the kernel; equal for equal arithmetic.
    """

    made: type[Made]
    form: Form
    is_linear: bool
    name: str

    def __call__(self, sweep: Sweep) -> Sweep:
        """Returns the same sweep with the kernel's cell and parameters, computed of the cell's."""
        cell, w, H = sweep.cell, sweep.w, sweep.cell.hidden_size
        own: dict[str, Tensor] = dict(zip(names_of_extras(self.form), self.form.extras(w, H), strict=True))
        products = self.form.recurrent(w)
        if products is not None:
            own["weight_hh"], own["bias_hh"] = products
        if self.is_linear:
            own |= {name: w[name] for name in ("weight_ih", "bias_ih") if name in w}
            x, features, biased = sweep.x, cell.input_size, "bias_ih" in w
        else:  # the kernels make the input's product themselves: with the identity, of the product
            x, biased = cell.project(w, sweep.x), False
            features = x.shape[-1]
            own["weight_ih"] = torch.eye(features, dtype=x.dtype)  # on this CPU, as all that kernels read
        return replace(sweep, cell=self.made(features, H, biased), w=own, x=x)


def make(cell: Cell, form: Form) -> Translation:
    """Builds a form's kernel, or takes it from the cache, and registers it.

    Raises:
        NotCompilable: the kernels have no place for such a form, or there is no compiler.
    """
    text = emit.header(form, "Made")
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    name = f"made-{digest}"
    extras = names_of_extras(form)
    binary = table._kernels.Library(str(build.build(text, name, extras)))
    facts = {"form": form, "recurrent_weights": {"weight_hh": "h"} if form.step.products else {}}
    made = type(f"Made_{digest}", (Made,), {"__doc__": Made.__doc__, **facts})
    recurrent = ("weight_hh", "bias_hh") if form.step.products else (None, None)
    parameters = table.trimmed(("weight_ih", recurrent[0], None, "bias_ih", recurrent[1], *extras))
    table.add(table.Kernel(name, made, binary, 0, parameters, {}))
    return Translation(made, form, _is_linear(cell), name)


def _is_linear(cell: Cell) -> bool:
    return type(cell).project is Cell.project
