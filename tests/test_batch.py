"""Batches: nothing changes one once it is made."""

import dataclasses

import pytest
import torch

from elman.batch import Batch, Field, Target, Window, WindowBatch, to_device


def batches() -> list[Batch | WindowBatch]:
    field = Field(torch.zeros(3, 2, dtype=torch.int64), torch.tensor([3, 1]))
    target = Target(torch.ones(3, 2), torch.ones(3, 2), torch.tensor([3, 1]))
    window = Window(**{f.name: torch.zeros(4, 2) for f in dataclasses.fields(Window)})
    return [Batch(field, target), WindowBatch(window, target)]


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: type(batch).__name__)
def test_no_field_can_be_set(batch):
    for part in (batch, batch.inputs, batch.targets):
        for field in dataclasses.fields(part):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(part, field.name, None)


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: type(batch).__name__)
def test_a_moved_batch_has_every_tensor_on_the_device_and_keeps_what_is_absent(batch):
    moved = to_device(batch, torch.device("meta"))
    assert type(moved) is type(batch)
    for part, before in ((moved.inputs, batch.inputs), (moved.targets, batch.targets)):
        for field in dataclasses.fields(part):
            tensor, old = getattr(part, field.name), getattr(before, field.name)
            assert (tensor is None) == (old is None)
            assert tensor is None or (
                tensor.is_meta and tensor.shape == old.shape and tensor.dtype == old.dtype
            )


def test_tuples_are_moved_too():
    field, number, empty = to_device((Field(torch.ones(2)), 3, ()), torch.device("meta"))
    assert field.values.is_meta
    assert number == 3
    assert empty == ()
