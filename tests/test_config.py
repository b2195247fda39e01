"""Options from JSON and YAML: every name and type checked, every refusal in one line."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from elman.config import check_regular, flag, from_json, read_json, read_yaml, require, shown, to_json
from elman.errors import InputError
from elman.tasks.language_model.options import LanguageModelConfig


@dataclass(frozen=True)
class Options:
    units: int = 8
    rate: float = 0.5
    name: str = "lstm"
    tied: bool = False
    level: Literal["characters", "bytes"] = "bytes"
    minutes: float | None = None
    split: tuple[float, float] = (0.5, 0.5)
    sizes: tuple[int, ...] = ()
    file: Path = Path("a.txt")
    short: Annotated[int, "whatever"] = 1

    def __post_init__(self) -> None:
        require(flag("units"), self.units > 0, "an int in [1, inf)", self.units)


def load(**values: Any) -> Options:
    return from_json(Options, values, "run/config.json")


def test_what_goes_out_comes_back():
    options = Options(9, 0.25, "gru", True, "characters", 1.5, (0.1, 0.9), (3, 4), Path("b/c.txt"), 2)
    assert from_json(Options, json.loads(json.dumps(to_json(options))), "x") == options
    assert from_json(Options, {}, "x") == Options()
    assert to_json(options)["split"] == [0.1, 0.9]
    assert to_json(options)["file"] == "b/c.txt"


def test_a_value_without_a_default_must_be_there():
    @dataclass(frozen=True)
    class Facts:
        classes: int
        scale: float = 1.0

    assert from_json(Facts, {"classes": 3}, "x") == Facts(3)
    with pytest.raises(InputError, match=r"^run/config\.json: classes is missing$"):
        from_json(Facts, {"scale": 2.0}, "run/config.json")


@pytest.mark.parametrize(
    ("values", "field", "wanted"),
    [
        ({"rate": 1}, "rate", 1.0),
        ({"minutes": None}, "minutes", None),
        ({"minutes": 2}, "minutes", 2.0),
        ({"sizes": []}, "sizes", ()),
        ({"sizes": [1, 2, 3]}, "sizes", (1, 2, 3)),
        ({"rate": -0.0}, "rate", 0.0),
    ],
)
def test_what_json_cannot_tell_apart_is_taken_for_what_it_is(values, field, wanted):
    found = getattr(load(**values), field)
    assert found == wanted
    assert type(found) is type(wanted)


def test_a_hyphen_is_as_good_as_an_underscore():
    two = dataclass(type("Two", (), {"__annotations__": {"hidden_size": int}}))
    assert from_json(two, {"hidden-size": 4}, "x").hidden_size == 4


BAD = [
    ({"units": True}, "units must be an int. Got True."),
    ({"units": 8.0}, "units must be an int. Got 8.0."),
    ({"units": "8"}, "units must be an int. Got '8'."),
    ({"units": None}, "units must be an int. Got None."),
    ({"short": "1"}, "short must be an int. Got '1'."),
    ({"rate": "0.5"}, "rate must be a finite number. Got '0.5'."),
    ({"rate": True}, "rate must be a finite number. Got True."),
    ({"rate": float("nan")}, "rate must be a finite number. Got nan."),
    ({"rate": float("-inf")}, "rate must be a finite number. Got -inf."),
    ({"rate": 10**400}, "rate must be a finite number. Got 1000"),
    ({"minutes": "1"}, "minutes must be a finite number or null. Got '1'."),
    ({"minutes": float("inf")}, "minutes must be a finite number or null. Got inf."),
    ({"name": 3}, "name must be a text. Got 3."),
    ({"name": "x" * 5000}, "name must have at most 4096 characters. Got 5000."),
    ({"tied": 1}, "tied must be true or false. Got 1."),
    ({"level": "words"}, "level must be one of 'characters', 'bytes'. Got 'words'."),
    ({"level": ["bytes"]}, "level must be one of 'characters', 'bytes'. Got ['bytes']."),
    ({"split": [0.5]}, "split must be a list of 2. Got [0.5]."),
    ({"split": [0.5, "a"]}, "split must be a finite number. Got 'a'."),
    ({"split": 0.5}, "split must be a list of 2. Got 0.5."),
    ({"split": "ab"}, "split must be a list of 2. Got 'ab'."),
    ({"sizes": [1, None]}, "sizes must be an int. Got None."),
    ({"file": 3}, "file must be a text. Got 3."),
    ({"nits": 3}, "unknown option 'nits'"),
    ({"__init__": 3}, "unknown option '__init__'"),
    ({"a\nb": 3}, r"unknown option 'a\nb'"),
    ({"x" * 5000: 3}, "unknown option 'xxxx"),
    ({"units": 0}, "--units must be an int in [1, inf). Got 0."),
]


@pytest.mark.parametrize(("values", "message"), BAD, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_refused_in_one_line(values, message):
    with pytest.raises(InputError) as error:
        load(**values)
    found = str(error.value)
    assert found.removeprefix("run/config.json: ").startswith(message.removesuffix("."))
    assert found.startswith("run/config.json: ")
    assert "\n" not in found
    assert len(found) < 200


@pytest.mark.parametrize("obj", [None, [], "options", 3, [["units", 3]]])
def test_what_is_no_object_is_refused(obj):
    with pytest.raises(InputError, match=r"^x: must hold one object of options\. Got "):
        from_json(Options, obj, "x")


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON: "),
        (b"{'a': 1}", "not JSON: "),
        (b'{"a": 1} {"b": 2}', "not JSON: "),
        (b"\xff\xfe", "not JSON: "),
        (b'"\xff"', "not JSON: "),
        (b"[" * 10**5, "nested too deep"),
        (b'{"a":' * 10**5, "nested too deep"),
        (b"9" * 5000, "not JSON: "),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_is_no_json_is_refused(tmp_path, content, message):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_json(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)


def test_only_ordinary_files_of_a_sensible_size_are_read(tmp_path):
    good = tmp_path / "good.json"
    good.write_text('{"é": [1, 2.5, null, true]}', "utf-8")
    assert read_json(good) == {"é": [1, 2.5, None, True]}
    (tmp_path / "link").symlink_to(good)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        with pytest.raises(InputError, match="must be an ordinary file, not a link, folder or device"):
            read_json(tmp_path / name)
    os.truncate(good, 5 * 2**20)
    with pytest.raises(InputError, match=r"must have at most 4,194,304 bytes. Got 5,242,880"):
        read_json(good)
    with pytest.raises(InputError, match="No such file"):
        check_regular(tmp_path / "missing")
    with pytest.raises(InputError, match="name too long"):
        check_regular(tmp_path / ("x" * 300))


def test_yaml_is_read(tmp_path):
    path = tmp_path / "options.yaml"
    path.write_text(
        "hidden_size: 8 # units\nlearning_rate: 4e-3\nsplit: [0.8, 0.1, 0.1]\nname: é\nmax_minutes: null\n"
    )
    assert read_yaml(path) == {
        "hidden_size": 8,
        "learning_rate": 0.004,
        "split": [0.8, 0.1, 0.1],
        "name": "é",
        "max_minutes": None,
    }
    path.write_text("# nothing\n")
    assert read_yaml(path) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "not YAML: "),
        (b"a: !!python/object/apply:os.mkdir [marker]", "not YAML: "),
        (b"\xff\xfe\xff", "not YAML: "),
        (b"a: 2024-13-45", "not YAML: "),
        (b"[" * 5000, "nested too deep"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "options.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_yaml(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "marker").exists()
    with pytest.raises(InputError, match="No such file"):
        read_yaml(tmp_path / "missing.yaml")


def test_a_value_is_shown_in_one_short_line():
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) == 80
    deep: list[Any] = []
    for _ in range(10**5):
        deep = [deep]
    assert shown(deep) == "list"
    while deep:  # taken apart from outside: freeing it at once would recurse
        (deep,) = deep


@pytest.mark.parametrize(
    "options", [{"optimizer": "adam"}, {"clip": "nrom"}, {"epochs": 1.5}, {"hidden_size": "12"}, {"tied": 1}]
)
def test_options_given_in_python_are_checked_as_those_of_files_are(options):
    with pytest.raises(InputError, match=f"--{next(iter(options)).replace('_', '-')} must be"):
        LanguageModelConfig(**options)
