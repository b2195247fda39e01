import pytest
import torch

from elman import state


def test_zeros_has_the_leading_axes_and_each_shape():
    h, c = state.zeros([(4,), (2, 3)], 5, 6, dtype=torch.float64)
    assert torch.equal(h, torch.zeros(5, 6, 4, dtype=torch.float64))
    assert torch.equal(c, torch.zeros(5, 6, 2, 3, dtype=torch.float64))
    assert h.dtype == c.dtype == torch.float64


# vectors, matrices, pictures; as many rows as units, so that no wrong axis passes by its size
SHAPES = [(3,), (3, 3), (3, 2, 4)]


@pytest.mark.parametrize("leading", [(3,), (2, 3)], ids=["in a sweep", "between calls"])
def test_states_of_any_shape(leading):
    before, after = (tuple(torch.randn(*leading, *shape) for shape in SHAPES) for _ in range(2))
    start = state.zeros(SHAPES, *leading, dtype=torch.float32)
    assert [s.shape for s in start] == [s.shape for s in before]
    assert not any(s.any() for s in start)
    axis, alive, index = len(leading) - 1, torch.tensor([True, False, True]), torch.tensor([2, 0, 0, 1])
    frozen = state.where(alive, after, before, axis)
    picked = state.reorder(before, index, axis)
    for old, new, kept, some in zip(before, after, frozen, picked, strict=True):
        rows = list(zip(old.unbind(axis), new.unbind(axis), alive, strict=True))
        assert torch.equal(kept, torch.stack([n if a else o for o, n, a in rows], axis))
        assert torch.equal(some, torch.stack([old.select(axis, k) for k in index.tolist()], axis))
    given = tuple(s.requires_grad_() * 2 for s in before)
    cut = state.detach(given)
    assert not any(s.requires_grad for s in cut)
    assert all(map(torch.equal, cut, given))


def test_detach_cuts_the_history_and_keeps_the_values():
    h = torch.randn(2, 3, requires_grad=True) * 2
    (cut,) = state.detach((h,))
    assert torch.equal(cut, h)
    assert h.requires_grad
    assert not cut.requires_grad


def test_reorder_picks_rows_of_the_batch():
    h, c = torch.randn(2, 3, 4), torch.randn(2, 3, 5, 6)
    index = torch.tensor([2, 0, 0, 1])
    new_h, new_c = state.reorder((h, c), index)
    assert torch.equal(new_h, h[:, [2, 0, 0, 1]])
    assert torch.equal(new_c, c[:, [2, 0, 0, 1]])
    assert torch.equal(state.reorder((h[0],), index, dim=0)[0], h[0, [2, 0, 0, 1]])


def test_where_chooses_whole_rows_on_any_axis_and_shape():
    rows = torch.tensor([True, False, True])
    # as many units as rows: a mask along the wrong axis would pass unnoticed by shape
    for shape, dim in (((3, 3), 0), ((3, 3, 3), 0), ((3, 3, 3), 1), ((2, 3, 4, 3), 1)):
        chosen, other = torch.randn(shape), torch.randn(shape)
        (found,) = state.where(rows, (chosen,), (other,), dim)
        for row, pick in enumerate((chosen, other, chosen)):
            assert torch.equal(found.select(dim, row), pick.select(dim, row))
