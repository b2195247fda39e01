"""The package's public names: one table, and what type checkers see agrees with it."""

import ast
import inspect

import pytest

import elman
from elman.registry import find_task, task_names


def test_type_checkers_see_the_same_names():
    tree = ast.parse(inspect.getsource(elman))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name.removeprefix("elman.") for line in block.body for alias in line.names}
    assert seen == set(elman.__all__)


@pytest.mark.parametrize("name", elman.__all__)
def test_a_public_name_is_there(name):
    assert getattr(elman, name).__doc__


def test_every_task_is_public():
    for name in task_names():
        cls = find_task(name)
        assert getattr(elman, cls.__name__) is cls


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Lstm'"):
        _ = elman.Lstm
