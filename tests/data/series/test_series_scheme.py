"""What is learnt of series comes back from its file, and nothing else does."""

import json
from typing import Any

import pytest

from elman.config import from_json, to_json
from elman.data.series.scheme import SeriesScheme
from elman.errors import InputError

FACTS: dict[str, Any] = {
    "frequency": "MS",
    "integers": False,
    "horizon": 4,
    "seasons": [12],
    "mase_season": 12,
    "context": 24,
    "test_windows": 1,
    "series": ["a", "b"],
    "columns": ["shop", "day", "sold"],
    "layout": "wide",
    "times": "String|%d.%m.%Y|",
    "spacing": 2,
    "bounded": "all",
    "shifted": True,
    "decimal": ",",
}


def test_it_comes_back():
    scheme = from_json(SeriesScheme, FACTS, "config.json")
    assert scheme.seasons == (12,)
    assert json.loads(json.dumps(to_json(scheme))) == FACTS | {"validation_windows": 1}  # as all had before


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"horizon": 0}, "horizon must be an int in [1, 1e6]. Got 0."),
        ({"context": "9"}, "context must be an int. Got '9'."),
        ({"seasons": []}, "seasons must be 1 to 1000 ints in [1, 1e5]"),
        ({"seasons": [0, 12]}, "seasons must be 1 to 1000 ints in [1, 1e5]"),
        ({"columns": ["shop"]}, "columns must be three names. Got ('shop',)."),
        ({"times": "Float64"}, "times must be a form of times. Got 'Float64'."),
        ({"integers": True}, "--freq must be a whole number if ds holds integers. Got 'MS'."),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named_in_one_line(facts, message):
    with pytest.raises(InputError) as error:
        from_json(SeriesScheme, FACTS | facts, "config.json: facts")
    assert str(error.value) == f"config.json: facts: {message}"
