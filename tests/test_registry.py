import subprocess
import sys
from types import ModuleType

import pytest

from elman import registry
from elman.cells import Cell, PeepholeLSTM
from elman.errors import InputError


def test_names_are_those_of_the_files():
    names = registry.names("cells")
    assert names == sorted(names)
    assert {"elman", "lstm", "gru", "gru-reset-before", "peephole-lstm"} <= set(names)
    assert not {"--init--", "base", "initialise", "named"} & set(names)


def test_listing_imports_neither_cells_nor_torch():
    program = (
        "import sys; from elman import registry; registry.names('cells'); "
        "assert not {'torch', 'elman.cells'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_kind_is_known_by_the_text_of_its_files(tmp_path, monkeypatch):
    assert registry.names_of_kind("heads", "Distribution") == [
        "negative-binomial",
        "normal",
        "quantile",
        "student-t",
    ]
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / "log_normal.py").write_text(
        "import torch\n\nclass LogNormal(Distribution):\n    pass\n"
    )
    (tmp_path / "heads" / "crf.py").write_text("class CRF(Head):\n    pass\n")
    monkeypatch.setattr(registry, "_PACKAGE", tmp_path)
    assert registry.names_of_kind("heads", "Distribution") == ["log-normal"]


def test_find_gives_the_class_that_the_file_defines():
    assert registry.find("cells", "peephole-lstm", Cell) is PeepholeLSTM


def test_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(InputError) as error:
        registry.find("cells", "lstn", Cell)
    assert str(error.value) == f"unknown cell 'lstn'; known: {', '.join(registry.names('cells'))}"


@pytest.mark.parametrize("count", [0, 2])
def test_file_must_define_exactly_one(count, monkeypatch):
    module = ModuleType("elman.cells.odd")
    for k in range(count):
        setattr(module, f"Odd{k}", type(f"Odd{k}", (Cell,), {"__module__": module.__name__}))
    module.LSTM = PeepholeLSTM  # imported, not defined there: does not count
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "names", lambda folder: ["odd"])
    with pytest.raises(TypeError, match=rf"^elman\.cells\.odd must define exactly one Cell\. Got {count}\.$"):
        registry.find("cells", "odd", Cell)


def test_the_tasks_of_a_verb_are_found_without_their_options():
    found = {
        verb: registry.tasks_of_verb(verb) for verb in ("generate", "translate", "predict", "try", "resume")
    }
    assert found == {
        "generate": ["language-model"],
        "translate": ["translation"],
        "predict": ["regression", "video-prediction"],
        "try": [],  # shared by several tasks
        "resume": [],  # of every task
    }
