"""The tables of docs/choosing_a_cell.md say what the cells and the results say."""

import math
import re

import pages

from elman import cells

PAGE = pages.read("docs/choosing_a_cell.md")
CELLS = {name: getattr(cells, name) for name in cells.__all__ if name != "Cell"}


def table(text, head):
    """The rows of the table whose head begins so, each a list of its cells."""
    lines = text[text.index(head) :].splitlines()
    last = next((k for k, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:last]]


def test_every_cell_is_in_the_table_with_its_states_and_sizes():
    listed = {row[0].strip("`"): row for row in table(PAGE, "| cell |")}
    assert listed.keys() == CELLS.keys()
    for name, (_, _, states, parameters, products, *_) in listed.items():
        cell = CELLS[name](128, 128)
        shapes = cell.parameters().values()
        assert states == ", ".join(cell.states())
        assert parameters == f"{sum(map(math.prod, shapes)) / 128:,.0f}"
        matrices = sum(math.prod(shape) for shape in shapes if len(shape) > 1)
        assert products == f"{matrices / (2 * 128 * 128):.2f}"


def test_the_times_are_those_of_the_benchmarks():
    training = pages.read("docs/benchmarks.md").partition("### Training step")[2].partition("###")[0]
    measured = dict(re.findall(r"\| (\w+) 64, 100, 512 \| ([\d.]+) \|", training))
    listed = {row[0].strip("`"): row[5].removesuffix(" ms") for row in table(PAGE, "| cell |")}
    assert {name: time for name, time in listed.items() if time} == {
        "Elman": measured["RNN"],
        "LSTM": measured["LSTM"],
        "GRU": measured["GRU"],
    }


def test_the_memory_of_each_remedy_is_that_of_the_results():
    results = pages.read("docs/results.md")
    lengths = ["25", "50", "100", "200", "400", "1,000"]
    solved = {}  # a row's name → the longest length that is solved, in bold, with all shorter ones
    for name, *errors in table(results, f"| network | {' | '.join(lengths)} |"):
        number = next((k for k, error in enumerate(errors) if "**" not in error), len(errors))
        solved[name] = ["0", *lengths][number]
    named = dict(
        re.fullmatch(r"([\d,]+) \[(.+)\]", row[2]).group(2, 1)
        for row in table(PAGE, "| remedy | option | adding problem")
    )
    assert named == solved


def test_the_sources_are_listed():
    listed = " ".join(PAGE.partition("## Sources")[2].split())
    for row in [
        row
        for head in ("| cell |", "| remedy | option | adding", "| remedy | option | what")
        for row in table(PAGE, head)
    ]:
        for source in filter(None, row[-1].split(";")):
            author, year = re.match(r"\s*([A-Z]\w+).*?(\d{4})", source).groups()
            assert re.search(rf"{author}[^·]*{year}", listed), source
