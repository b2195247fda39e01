"""What a reader does with the page: clicks, keys, sliders, and what must follow."""

import pytest
from browser import Tab, browser, needs_browser

import elman
from elman.playground.page import page

pytestmark = needs_browser
TEXT = "The owl and the pussy-cat went to sea (in a boat).\nThey took 2 jars of honey!\n" * 30


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    options = {"hidden_size": 12, "layers": 2, "epochs": 1, "bptt": 20, "batch_size": 4, "ngrams": "none"}
    task = elman.LanguageModel(cell="lstm", **options).fit(texts=[TEXT])
    (folder / "index.html").write_text(page(task, "test"), "utf-8")
    with browser(folder / "profile") as found:
        found.url = (folder / "index.html").as_uri()
        yield found


@pytest.fixture(autouse=True)
def fresh(tab: Tab):
    tab.faults.clear()
    tab.open("about:blank")
    tab.open(tab.url)
    yield
    assert tab.faults == []


def text(tab: Tab, box: str = "text") -> str:
    return tab.value(f"document.getElementById('{box}').textContent")


def test_it_types_on_and_space_stops_it(tab):
    before = len(text(tab))
    tab.until(f"document.getElementById('text').textContent.length > {before + 5}")
    tab.value("document.activeElement.blur()")
    tab.key(" ")
    stopped = text(tab)
    assert tab.value("new Promise(done => setTimeout(() => done(view.playing), 200))") is False
    assert text(tab) == stopped
    tab.key(" ")
    tab.until(f"document.getElementById('text').textContent.length > {len(stopped)}")


def test_a_click_goes_on_from_that_character(tab):
    tab.key(" ")
    before = text(tab)
    tab.click("document.getElementById('text').childNodes[100]")
    tab.until("view.playing && view.text.steps.length > 110")
    after = text(tab)
    assert after[:101] == before[:101]
    assert after[101:111] != before[101:111]


def test_arrows_move_along_and_the_guesses_follow(tab):
    tab.key("ArrowLeft")
    at = tab.value("view.at")
    tab.key("ArrowLeft")
    assert tab.value("view.at") == at - 1
    shares = tab.value(
        "[...document.querySelectorAll('#guesses li span')].map(e => parseFloat(e.textContent))"
    )
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)
    assert f"(character {at})" in tab.value("document.getElementById('where').textContent")


def test_ones_own_beginning_is_read_and_unknown_characters_are_told(tab):
    tab.value("document.getElementById('typed').value = 'The owl ☃'")
    tab.click("document.querySelector('#prompt button')")
    tab.until("view.text.steps.length > 10")
    assert text(tab).startswith("The owl ")
    assert "never seen “☃”" in tab.value("document.getElementById('told').textContent")


def test_the_gradient_shades_what_the_guess_comes_from(tab):
    tab.click("document.getElementById('reach')")
    shades = tab.value("[...document.querySelectorAll('#text span')].map(e => e.style.backgroundColor)")
    assert "rgba(0, 158, 115" in shades[tab.value("view.at")]
    assert tab.value("view.playing") is False


def test_a_unit_is_chosen_coloured_and_silenced_beside_the_text_as_it_was(tab):
    tab.key(" ")
    before = text(tab)
    tab.click("document.getElementById('map')")
    unit = tab.value("view.unit")
    assert 0 <= unit < 12
    assert f"Unit {unit} of layer 2" in tab.value("document.getElementById('unit-told').textContent")
    tab.click("document.getElementById('colour')")
    assert tab.value("document.querySelector('#text span').style.backgroundColor").startswith("rgba(")
    tab.click("document.getElementById('up')")
    assert text(tab) == before
    changed = text(tab, "changed")
    assert len(changed) >= len(before)
    assert changed != before
    held = tab.value(f"view.other.steps.slice(2).map(s => s.states[1][0][{unit}])")
    assert set(held) == {1}
    assert "It is held at 1." in tab.value("document.getElementById('unit-told').textContent")
    tab.click("document.getElementById('free')")
    assert tab.value("document.getElementById('other').hidden") is True


def test_layers_can_be_chosen(tab):
    tab.click("document.querySelector('#layers input')")
    assert tab.value("view.layer") == 0


def test_the_lesson_runs_and_its_gradient_fades_as_it_says(tab):
    found = tab.value("lesson.learners.map(({learner, random}) => learner.learn(30, random).reach)")
    simple, gated = ([value / reach[0] for value in reach] for reach in found)
    assert simple[-1] < 1e-5  # over thirty steps, before anything is learnt
    assert gated[-1] > 0.1
    tab.click("document.getElementById('learn')")
    tab.until("lesson.curves[1].length > 3")
    tab.click("document.getElementById('learn')")
    assert "updates. simple (Elman) RNN:" in tab.value("document.getElementById('lesson-told').textContent")


@pytest.mark.parametrize("width", [360, 1600])
def test_the_page_fits_its_window(tab, width):
    tab.open(tab.url, width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width
