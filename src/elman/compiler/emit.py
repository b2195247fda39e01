"""Writes a form as C++: a cell's struct, as the headers of csrc/cells are written by hand."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from elman.compiler.form import Form
from elman.compiler.ops import OPS
from elman.compiler.program import Program
from elman.compiler.trace import NotCompilable
from elman.kernels.compiled.table import MOST_STATES, PLACES

MOST_EXTRAS = PLACES - 5

_FORWARD = "static void forward(vec (&a)[slots], const vec* old, vec* fresh, const vec* w)"
_BACKWARD = "static void backward(vec (&a)[slots], const vec* old, vec* d, const vec* w, vec* dw)"


def header(form: Form, name: str) -> str:
    """Returns the struct of a cell.

    Args:
        form: the cell's form.
        name: of the struct.

    Raises:
        NotCompilable: the kernels' templates have no place for the form.
    """
    _check(form)
    given = [slot.given for slot in form.slots]
    products = [slot.product for slot in form.slots]
    facts = {
        "gates": len(given) - given.count(None),
        "states": form.step.states,
        "slots": len(form.slots),
        "extras": len(form.step.extras),
        "recurrent": products.count(None),
    }
    lines = [
        f"struct {name} {{",
        f"  static constexpr int {', '.join(f'{k} = {v}' for k, v in facts.items())};",
        f"  static constexpr int gate_of_slot[slots] = {{{_listed(given)}}};",
        f"  static constexpr int recurrent_of_slot[slots] = {{{_listed(products)}}};",
        f"  {_FORWARD} {{",
        *_forward(form),
        "  }",
        f"  {_BACKWARD} {{",
        *_backward(form),
        "  }",
        "};",
    ]
    return "\n".join(lines) + "\n"


def _listed(blocks: Sequence[int | None]) -> str:
    return ", ".join(str(block or 0) for block in blocks)


def _check(form: Form) -> None:
    """Raises NotCompilable if the kernels' templates have no place for a form."""
    states, extras = form.step.states, len(form.step.extras)
    if form.seen not in ((), (0,)):
        raise NotCompilable("the kernels' product reads the first state alone, as yet")
    if states > MOST_STATES or extras > MOST_EXTRAS:
        most = f"at most {MOST_STATES} states and {MOST_EXTRAS} vectors of parameters"
        raise NotCompilable(f"the kernels take {most}. Got {states} and {extras}.")
    blocks = sum(slot.given is not None for slot in form.slots)
    if blocks < form.step.blocks or not blocks:
        raise NotCompilable("a part of what project gives has no use in the step")


def _forward(form: Form) -> list[str]:
    lines, text = _values(form.forward, {"slot": "a", "state": "old", "extra": "w"}, form.kept)
    lines += [f"    fresh[{n}] = {_bare(text(place))};" for n, place in enumerate(form.forward.outputs)]
    lines += [f"    a[{k}] = {text(place)};" for k, place in enumerate(form.kept)]
    return lines


def _backward(form: Form) -> list[str]:
    given = {"kept": "a", "state": "old", "extra": "w", "gradient": "d"}
    lines, text = _values(form.backward, given)
    targets = {"slot": "a", "state": "d", "extra": "dw"}
    results = iter(form.backward.outputs)
    for kind, count in form.inputs.items():
        lines += [f"    {targets[kind]}[{k}] = {_bare(text(next(results)))};" for k in range(count)]
    return lines


def _values(
    program: Program, given: Mapping[str, str], kept: Sequence[int] = ()
) -> tuple[list[str], Callable[[int], str]]:
    """Returns a line for each value with several uses, and a function that writes values.

    A value with one use is written where it is used, as by hand. Inputs are read before results are written
    over them.
    """
    users = program.users()
    uses = Counter(program.outputs) + Counter(kept)

    def text(place: int) -> str:
        node = program.nodes[place]
        if node.number is not None:
            return f"all({_literal(node.number)})"
        if node.op == "input" or len(users[place]) + uses[place] > 1:
            return f"v{place}"
        return written(place)

    def written(place: int) -> str:
        node = program.nodes[place]
        return OPS[node.op].text.format(*map(text, node.args))

    lines = []
    for place, node in enumerate(program.nodes):
        if node.source is not None:
            kind, number = node.source
            lines.append(f"    const vec v{place} = {given[kind]}[{number}];")
    for place, node in enumerate(program.nodes):
        if node.op in OPS and len(users[place]) + uses[place] > 1:
            kind = "veci" if OPS[node.op].is_mask else "vec"
            lines.append(f"    const {kind} v{place} = {_bare(written(place))};")
    return lines, text


def _bare(text: str) -> str:
    """Returns a line's expression without the parentheses around the whole."""
    depth = 0
    for k, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and k < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


def _literal(number: float) -> str:
    """Returns a float32 as C++ reads it without loss."""
    if number in (float("inf"), float("-inf")):
        return f"{'-' if number < 0 else ''}__builtin_inff()"
    return f"{float(number).hex()}f"
