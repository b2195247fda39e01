"""Slots: each row's stream, the same bits whichever rows share its steps."""

import copy
import threading
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from kinds import OF_FEATURES
from rounding import agree_in
from torch import nn

import elman
from elman.cells import GRU, LSTM
from elman.kernels.compiled.table import find_kernel, kernels
from elman.layers import Recurrent

CELLS = list(OF_FEATURES.values())
COMPILED = sorted({k.cell for k in kernels()}, key=str)


def made(cell, inputs, units, **options):
    layer = Recurrent(cell(inputs, units), **options).eval()
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -0.3, 0.3)
    return layer


@pytest.mark.parametrize(("inputs", "units"), [(1, 5), (33, 17), (16, 64)])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
def test_each_slot_is_a_stream_of_its_own(cell, inputs, units):
    layer = made(cell, inputs, units, num_layers=2, residual=True, zoneout=0.2, learned_state=True)
    slots, x = layer.slots(5), torch.randn(4, 3, inputs)
    assert slots.is_together == (find_kernel(layer.cell) is not None)
    outputs = [slots.step(x[t], [4, 0, 2], copy=True) for t in (0, 1)]
    slots.reset([2])
    outputs += [slots.step(x[t, [2, 1]], np.array([2, 0]), copy=True) for t in (2, 3)]

    def whole():
        early, _ = layer(x[:2])
        stays, final = layer(x[:, 1:2])
        late, again = layer(x[2:, 2:])
        return {
            "early": early,
            "late": torch.cat([late, stays[2:]], 1),
            **{f"state {n}": torch.cat(s, 1) for n, s in enumerate(zip(final, again, strict=True))},
        }

    found = {"early": torch.stack(outputs[:2]), "late": torch.stack(outputs[2:])}
    pairs = zip(slots.state[0], slots.state[2], strict=True)
    found |= {f"state {n}": torch.stack(s, 1) for n, s in enumerate(pairs)}
    agree_in(torch.float32, found, whole, [x, *layer.parameters()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("cell", COMPILED, ids=lambda cell: cell.__name__)
def test_a_row_has_the_same_bits_in_every_grouping_and_order(cell, dtype):
    layer = made(cell, 21, 37, num_layers=2, residual=True, zoneout=0.1).to(dtype)
    x = torch.randn(2, 4, 21, dtype=dtype)

    def run(groupings):
        slots, outputs = layer.slots(4), torch.zeros(2, 4, layer.output_size, dtype=dtype)
        for t, groups in enumerate(groupings):
            for group in groups:
                rows = list(group)
                outputs[t, rows] = slots.step(x[t, rows], rows)
        return [outputs, *(s for row in range(4) for s in slots.state[row])]

    alone = run([[[0], [1], [2], [3]]] * 2)
    some = [group for n in (2, 3) for group in combinations(range(4), n)]
    for group in [*permutations(range(4)), *some]:
        rest = [row for row in range(4) if row not in group]
        for found in (run([[group, rest], [rest, group]]), run([[[0, 1, 2, 3]], [group, rest]])):
            assert all(map(torch.equal, found, alone))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", [LSTM, GRU], ids=lambda cell: cell.__name__)
def test_many_rows_have_the_bits_of_few(cell, threads, request):
    before = torch.get_num_threads()
    request.addfinalizer(lambda: torch.set_num_threads(before))
    layer = made(cell, 70, 130)
    x = torch.randn(2, 101, 70)
    torch.set_num_threads(1)
    alone = layer.slots(101)
    wanted = [torch.cat([alone.step(x[t, r : r + 1], [r], copy=True) for r in range(101)]) for t in (0, 1)]
    torch.set_num_threads(threads)
    slots = layer.slots(101)
    order = torch.randperm(101)
    for t in (0, 1):
        for rows in order.split([1, 2, 31, 67]):
            assert torch.equal(slots.step(x[t, rows], rows), wanted[t][rows])


def test_states_are_put_and_taken():
    layer = made(LSTM, 3, 5, num_layers=2)
    slots, x = layer.slots(3), torch.randn(2, 3)
    slots.step(x, [0, 2])
    kept = slots.state[2]
    assert [s.shape for s in kept] == [(2, 5), (2, 5)]
    first = slots.step(x[:1], [2], copy=True)
    slots.state[1] = kept
    assert torch.equal(slots.step(x[:1], [1]), first)
    assert all(map(torch.equal, slots.state[1], slots.state[2]))
    twin = copy.deepcopy(slots)
    slots.reset()
    assert not any(s.any() for row in range(len(slots)) for s in slots.state[row])
    assert all(s.all() for s in twin.state[2])
    with pytest.raises(ValueError, match=r"must have shapes \[\[2, 5\], \[2, 5\]\]. Got \[\[2, 5\]\]"):
        slots.state[0] = kept[:1]


def test_arrays_of_any_rows():
    layer = made(GRU, 3, 5)
    x = torch.randn(4, 3)
    expected = layer.slots(4).step(x, range(4))
    slots = layer.slots(4)
    array = slots.step(x.numpy(), range(4))
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, expected.numpy())
    slots.reset()
    assert torch.equal(slots.step(x.T.contiguous().T, np.arange(4, dtype=np.uint8)), expected)
    assert slots.step(x[:0], []).shape == (0, 5)
    assert slots.step(x[:0].numpy(), torch.arange(0)).shape == (0, 5)


@pytest.mark.parametrize("cell", [LSTM, CELLS[-1]], ids=lambda cell: cell.__name__)
def test_what_no_step_can_take_changes_nothing(cell):
    slots = made(cell, 3, 4).slots(3)
    slots.step(torch.randn(3, 3), [0, 1, 2])
    before = [s for row in range(3) for s in slots.state[row]]
    for rows in ([0, 0], [0, 3], [-1, 0]):
        with pytest.raises(
            ValueError, match=r"rows must be different ints in \[0, 3\). Got \[" + str(rows[0])
        ):
            slots.step(torch.randn(2, 3), rows)
        with pytest.raises(ValueError, match="rows must be different ints"):
            slots.reset(rows)
    with pytest.raises(ValueError, match=r"rows must be ints. Got \[True, False\]"):
        slots.step(torch.randn(2, 3), [True, False])
    with pytest.raises(ValueError, match=r"a step of 2 slots must have the shape \[2, 3\]. Got \[3, 3\]"):
        slots.step(torch.randn(3, 3), [0, 1])
    with pytest.raises(ValueError, match="rows must be different ints"):
        slots.state[3]
    assert all(map(torch.equal, before, [s for row in range(3) for s in slots.state[row]]))
    with pytest.raises(ValueError, match="a bidirectional layer cannot run step by step"):
        Recurrent(cell(3, 4), bidirectional=True).slots(2)


def test_python_runs_meanwhile_and_a_second_thread_is_refused():
    layer = made(LSTM, 256, 256)
    slots, x = layer.slots(400), torch.randn(400, 256)
    refused, done = [], threading.Event()

    def meddle():
        while not done.is_set():
            try:
                slots.step(x, range(400))
            except RuntimeError as error:
                refused.append(str(error))

    other = threading.Thread(target=meddle)
    other.start()
    try:
        for _ in range(200):
            try:
                slots.step(x, range(400))
            except RuntimeError as error:
                refused.append(str(error))
            if refused:
                break
    finally:
        done.set()
        other.join()
    assert set(refused) == {"another thread is in a step of these states"}
    assert elman.Slots is type(slots)
