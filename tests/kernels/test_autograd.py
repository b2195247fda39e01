"""The compiled kernels as a differentiable function: twice, in part, on views, after changes in place."""

from dataclasses import replace

import pytest
import torch
from agreement import weighted_sum
from rounding import agree_in
from sweeps import BOUND, DTYPES, MAKE, Problem, problem, same_bits, worst
from torch import Tensor

from elman.kernels import reference
from elman.kernels.compiled import cpu

if cpu._kernels is None:
    pytest.skip("elman was installed without a C++ compiler", allow_module_level=True)

each_cell = pytest.mark.parametrize("name", MAKE)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)

SIZE = (5, 4, 7, 19)
ALL = "reverse lengths resets mask maps rates"


def by_name(values: tuple[Tensor, ...]) -> dict[str, Tensor]:
    return dict(zip(map(str, range(len(values))), values, strict=True))


@each_cell
@each_dtype
def test_every_backward_gives_the_same_gradients(dtype, name):
    asked = problem(name, *SIZE, ALL, DTYPES[dtype])
    results = asked.run()
    first = by_name(asked.gradients(results, retain_graph=True))
    for _ in range(2):  # from the second on, the forward sweep is made again
        assert same_bits(by_name(asked.gradients(results, retain_graph=True)), first)
    error, whose = worst(asked.solve(), asked.truth())
    assert error <= BOUND[dtype][name], whose


def second_gradients(asked: Problem, unroll) -> dict[str, Tensor]:
    """Those of all gradients of a scalar that is itself no linear function of the results."""
    first = asked.gradients(tuple(r.square() for r in asked.run(unroll)), create_graph=True)
    leaves = asked.leaves()
    found = torch.autograd.grad(
        weighted_sum(first), leaves.values(), allow_unused=True, materialize_grads=True
    )
    return {f"gradient of {k}": g for k, g in zip(leaves, first, strict=True)} | dict(
        zip(leaves, found, strict=True)
    )


@each_cell
@pytest.mark.parametrize("options", ["", ALL, "no-bias lengths"], ids=["plain", "all", "no-bias lengths"])
def test_second_gradients(options, name):
    asked = problem(name, 3, 4, 5, 6, options)
    exact = asked.to(torch.float64)
    found = second_gradients(asked, cpu.unroll)
    agree_in(torch.float32, found, lambda: second_gradients(exact, reference.unroll), exact.leaves().values())


@each_cell
@pytest.mark.parametrize(
    "options",
    [
        "reverse lengths resets rates",
        "maps",
        "mask",
    ],
)
def test_second_gradients_in_bfloat16(options, name):
    asked = problem(name, 3, 4, 5, 6, options, torch.bfloat16)
    wanted = second_gradients(asked.to(torch.float64), reference.unroll)
    found = second_gradients(asked, cpu.unroll)
    for key, value in wanted.items():
        assert found[key].dtype == torch.bfloat16
        assert (found[key] - value).norm() <= 0.02 * value.norm(), key


@each_cell
@each_dtype
def test_an_output_may_be_changed_in_place(dtype, name):
    asked = problem(name, *SIZE, ALL, DTYPES[dtype])
    wanted = asked.gradients(asked.run())
    results = asked.run()
    with torch.no_grad():
        for result in results:
            result.fill_(7.0)
    assert same_bits(by_name(asked.gradients(results)), by_name(wanted))


@each_cell
def test_an_input_changed_in_place_is_noticed(name):
    asked = problem(name, *SIZE, "resets")
    for leaf in asked.leaves().values():
        results = asked.run()
        with torch.no_grad():
            leaf.add_(1.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            asked.gradients(results)


def strided(t: Tensor) -> Tensor:
    """The same numbers as a leaf that is not contiguous: every other element, axes in reverse order."""
    wide = t.detach().new_full((*t.shape[::-1], 2), float("nan"))
    view = wide[..., 0].permute(*reversed(range(t.dim())))
    view.copy_(t.detach())
    assert view.numel() < 2 or not view.is_contiguous()
    return view.requires_grad_()


@each_cell
@each_dtype
def test_views_give_the_same_bits(dtype, name):
    asked = problem(name, *SIZE, ALL, DTYPES[dtype])
    options = dict(asked.options)
    options["initial"] = tuple(map(strided, options["initial"]))
    options["lengths"] = options["lengths"].repeat_interleave(2)[::2]
    options["resets"] = options["resets"].t().contiguous().t()
    noise = options["noise"]
    maps = tuple(strided(z).detach() if isinstance(z, Tensor) else z for z in noise.zoneout)
    options["noise"] = replace(noise, recurrent=(strided(*noise.recurrent).detach(),), zoneout=maps)
    view = replace(
        asked,
        w={k: strided(v) for k, v in asked.w.items()},
        x=strided(asked.x),
        state=tuple(map(strided, asked.state)),
        options=options,
        d_results=tuple(strided(d).detach() for d in asked.d_results),
    )
    assert same_bits(view.solve(), asked.solve())


@each_cell
def test_one_state_for_all_rows(name):
    asked = problem(name, *SIZE, ALL)
    rows = [s.detach()[:1].requires_grad_() for s in asked.state]
    spread = replace(asked, state=tuple(row.expand(SIZE[1], -1) for row in rows))
    repeated = replace(asked, state=tuple(row.detach().repeat(SIZE[1], 1).requires_grad_() for row in rows))
    wanted = repeated.solve()
    sums = torch.autograd.grad(spread.run(), rows, spread.d_results)
    for k, found in enumerate(sums):
        torch.testing.assert_close(found, wanted[f"gradient of state {k}"].sum(0, keepdim=True))


@each_cell
@each_dtype
def test_a_gradient_does_not_depend_on_which_others_are_asked_for(dtype, name):
    asked = problem(name, *SIZE, ALL, DTYPES[dtype])
    wanted = asked.solve()
    for alone, leaf in asked.leaves().items():
        for other in asked.leaves().values():
            other.requires_grad_(other is leaf)
        results = asked.run()
        (found,) = torch.autograd.grad(results, leaf, asked.d_results)
        assert found.dtype == leaf.dtype
        assert same_bits({alone: found}, {alone: wanted[f"gradient of {alone}"]})


@each_cell
@each_dtype
def test_each_result_alone(dtype, name):
    asked = problem(name, *SIZE, ALL, DTYPES[dtype])
    exact = asked.to(torch.float64)
    for k in range(len(asked.d_results)):
        leaves, exact_leaves = asked.leaves(), exact.leaves()
        keywords = {"allow_unused": True, "materialize_grads": True}
        found = torch.autograd.grad(asked.run()[k], leaves.values(), asked.d_results[k], **keywords)
        truth = torch.autograd.grad(
            exact.run(reference.unroll)[k], exact_leaves.values(), exact.d_results[k], **keywords
        )
        error, whose = worst(dict(zip(leaves, found, strict=True)), dict(zip(leaves, truth, strict=True)))
        assert error <= BOUND[dtype][name], f"{whose} from result {k}"


@each_cell
def test_without_gradients_the_results_are_the_same(name):
    asked = problem(name, *SIZE, ALL)
    wanted = by_name(asked.run())
    with torch.no_grad():
        found = by_name(asked.run())
    assert same_bits(found, wanted)
    assert not any(r.requires_grad for r in found.values())
    with torch.inference_mode():
        assert same_bits(by_name(asked.run()), wanted)


@each_cell
@each_dtype
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_in_its_row(bad, dtype, name):
    asked = problem(name, 5, 6, 7, 19, "lengths resets mask", DTYPES[dtype])
    row = int(asked.options["lengths"].argmax())
    x = asked.x.detach().clone()
    x[1, row, 3] = bad
    wanted, found = asked.solve(), replace(asked, x=x.requires_grad_()).solve()
    others = torch.arange(6) != row
    per_row = [
        k
        for k in found
        if k == "output" or k.split()[-2] in ("final", "state", "initial") or k.endswith(" x")
    ]
    assert len(per_row) == 2 + 3 * len(asked.state)
    for key in per_row:
        axis = 1 if found[key].dim() == 3 else 0
        pick = (slice(None),) * axis + (others,)
        assert same_bits({key: found[key][pick]}, {key: wanted[key][pick]})


@each_cell
@each_dtype
def test_nan_is_not_hidden(name, dtype):
    asked = problem(name, 2, 3, 4, 5, "", DTYPES[dtype])
    x = asked.x.detach().clone()
    x[0, 1, 2] = float("nan")
    output, *final = replace(asked, x=x).run()
    assert all(value[..., 1, :].isnan().all() for value in (output, *final))
