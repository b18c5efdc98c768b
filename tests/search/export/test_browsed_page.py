"""The page in a browser: by mouse, keyboard and phone, without a network, and while the search goes on."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.export.html.going import going_page
from search.export.html.page import page, write_page
from search.results.standings import standings
from search.store.trials import COMPLETE
from space.errors import RequestError
from tests.search.export.browser import CHROMIUM, MISSING, Tab, tab
from tests.search.landscape import landscape
from tests.search.made_up import GOAL, distinct, evaluation, keep, store_with
from tests.search.whole import ROOT

browser = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
# Where npm puts it: here, or for everybody.
PLACES = (ROOT / "node_modules", Path("/usr/local/lib/node_modules"), Path("/usr/lib/node_modules"))
AXE = next((path for place in PLACES if (path := place / "axe-core" / "axe.min.js").is_file()), None)
# Until the frame that shows a change is drawn.
DRAWN = "new Promise(done => requestAnimationFrame(() => { const after = new MessageChannel(); " \
    "after.port1.onmessage = () => done(performance.now()); after.port2.postMessage(0); }))"  # fmt: skip
# How long after it is typed what matches is drawn.
ANSWERED = """(end => {{
  const begun = performance.now();
  end.value = "{least}";
  end.dispatchEvent(new Event("input"));
  return {drawn}.then(now => now - begun);
}})(document.querySelector("#filter input"))"""


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("thousand")
    store, goal = landscape(folder / "store", 1000)
    write_page(folder / "front.html", ".html", store, standings(store, goal))
    return folder / "front.html"


@pytest.fixture(scope="module")
def window(tmp_path_factory) -> Iterator[Tab]:
    """One for all of these tests: a browser takes a second to start."""
    with tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def written(tmp_path, count=40, **others) -> str:
    store, goal = landscape(tmp_path / "store", count)
    path = tmp_path / "front.html"
    path.write_text(page(store, standings(store, goal), **others), encoding="utf-8")
    return path.as_uri()


def shown(window: Tab) -> str:
    return str(window.says("document.getElementById('count').textContent"))


def types(window: Tab, place: int, value: object) -> None:
    window.says(
        f"(end => {{ end.value = '{value}'; end.dispatchEvent(new Event('input', {{ bubbles: true }})); }})"
        f"(document.querySelectorAll('#filter input')[{place}])"
    )


@browser
def test_a_thousand_candidates_open_in_a_second_and_a_filter_answers_at_once(window, thousand):
    opened, answered = [], []
    # Some are held up by what else the machine does.
    while not opened or (len(opened) < 20 and (min(opened) > 1000 or min(answered) > 50)):
        window.opens(thousand.as_uri())
        opened.append(window.says(DRAWN))
        answered += [window.says(ANSWERED.format(least=least, drawn=DRAWN)) for least in (80, 85)]
        assert re.fullmatch(r"\d{3} of 1,001", shown(window))
    assert min(opened) <= 1000
    assert min(answered) <= 50
    assert window.asked == [thousand.as_uri()]
    assert window.errors == []


@browser
def test_a_rectangle_on_the_picture_filters_the_table(window, tmp_path):
    window.opens(written(tmp_path))
    everything = shown(window)
    box = window.says("(({left, top, width, height}) => [left, top, width, height])(picture.getBoundingClientRect())")
    left, top, width, height = box
    window.drags((left + 60, top + 30), (left + width / 2, top + height / 2))
    count = shown(window)
    assert re.fullmatch(r"\d+ of 41", count)
    ends = window.says("[...document.querySelectorAll('#filter input')].map(end => Number(end.value))")
    low, high, fast, slow = ends
    rows = window.says("[...document.querySelectorAll('#table tbody tr')].map(row => Number(row.dataset.row))")
    content = window.says("JSON.parse(document.getElementById('data').textContent)")
    values = {point["row"]: point["value"] for point in content["axes"]["latency"]["points"]}
    inside = {
        row
        for row, about in enumerate(content["rows"])
        if low <= 100 * about["share"] <= high and fast <= values[row] <= slow
    }
    assert set(rows) == inside
    assert 0 < len(inside) < 41
    assert window.says("document.querySelectorAll('#picture .point.outside').length") == 41 - len(inside)
    assert window.says("document.querySelectorAll('#picture .brush').length") == 1
    window.says("document.querySelector('#filter button').click()")
    assert shown(window) == everything == "all 41"


@browser
def test_by_keyboard_alone_a_card_is_opened_read_and_closed(window, tmp_path):
    window.opens(written(tmp_path))
    for _ in range(20):
        window.presses("Tab")
        if window.says("document.activeElement.classList.contains('point')"):
            break
    window.presses("ArrowRight")
    window.presses("ArrowRight")
    named = window.says("document.activeElement.getAttribute('aria-label')")
    window.presses("Enter")
    assert window.says("document.activeElement.id") == "whose"
    recipe = re.match(r"recipe (\w+)", named)
    assert recipe
    assert window.says("whose.textContent") == f"Candidate {recipe[1]}"
    text = window.says("card.innerText")
    assert "FILE" in text.upper()
    assert "bytes" in text
    drawn = window.says("document.querySelector('#card .network').getAttribute('aria-label')")
    content = window.says("JSON.parse(document.getElementById('data').textContent)")
    about = next(row for row in content["rows"] if row["id"] == recipe[1])
    assert f"stem {about['widths'][0]} of 32 channels" in drawn
    assert window.says("document.querySelectorAll('#card .kept').length") == sum(width > 0 for width in about["widths"])
    assert "latency" in window.says("document.querySelector('#card .intervals').getAttribute('aria-label')")
    window.presses("Escape")
    assert window.says("card.hidden")
    assert window.says("document.activeElement.classList.contains('point')")


@browser
def test_on_a_phone_nothing_reaches_over_the_edge(window, tmp_path):
    window("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    try:
        window.opens(written(tmp_path, live=True))
        window.says("document.querySelector('#table tbody a').click()")
        assert not window.says("card.hidden")
        assert window.says("document.documentElement.scrollWidth") <= 360
        types(window, 0, 85)
        assert " of 41" in shown(window)
    finally:
        window("Emulation.clearDeviceMetricsOverride")


@browser
@pytest.mark.skipif(AXE is None, reason="no axe-core here: npm install --no-save axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_no_violation(window, tmp_path, scheme, width):
    assert AXE is not None
    window("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
    window("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        window.opens(written(tmp_path, live=True))
        window.says("document.querySelector('#table tbody a').click()")
        types(window, 0, 80)
        window.says(AXE.read_text() + "; true")
        violations = window.says("axe.run().then(all => all.violations.map(one => [one.id, one.nodes.length]))")
        assert violations == []
    finally:
        window("Emulation.clearDeviceMetricsOverride")
        window("Emulation.setEmulatedMedia", features=[])


@browser
def test_while_the_search_goes_on_it_opens_itself_anew_and_stays_as_it_was_left(window, tmp_path):
    store = store_with(tmp_path / "store", [])
    recipes = distinct(2)
    lines: list[str] = []
    going = going_page(tmp_path / "front.html", lines.append)

    def ended(number: int) -> None:
        keep(store, evaluation(made=recipes[number], share=0.8 + 0.01 * number, latency_ms=1.0 - 0.2 * number))
        store.begin_trial(GOAL.id, number, recipes[number].id)
        store.end_trial(GOAL.id, number, COMPLETE)
        going._next = 0.0
        going.after_trial(store, GOAL)

    ended(0)
    # What takes five seconds for a person is done at once.
    path = tmp_path / "front.html"
    path.write_text(path.read_text().replace('"again":5', '"again":0.2'))
    window.opens(path.as_uri())
    assert shown(window) == "all 2"
    types(window, 0, 75)
    window.says("document.querySelector('input[value=energy]').click()")
    window.says("document.querySelector('#table tbody a').click()")
    window.says("document.activeElement.blur()")
    ended(1)
    end = time.monotonic() + 60
    # Asked while it opens anew, a page has no such element yet.
    while window.says("document.getElementById('count')?.textContent") != "3 of 3" and time.monotonic() < end:
        time.sleep(0.1)
    assert shown(window) == "3 of 3"
    assert window.says("document.querySelector('#filter input').value") == "75"
    assert window.says("document.querySelector('input[name=axis]:checked').value") == "energy"
    assert window.says("whose.textContent") == f"Candidate {recipes[0].id}"
    assert {url.partition("#")[0] for url in window.asked} == {path.as_uri()}
    going.end(store)
    assert 'id="live"' not in path.read_text()
    assert '"again"' not in path.read_text()
    assert lines == []


def test_a_page_that_cannot_be_written_is_refused_before_and_ends_no_search(tmp_path):
    for path, words in ((tmp_path / "front.pdf", "ends in .html"), (tmp_path / "no" / "front.html", "no folder")):
        with pytest.raises(RequestError, match=words):
            going_page(path, print)
    lines: list[str] = []
    store, goal = landscape(tmp_path / "store", 2)
    (tmp_path / "front.html").mkdir()
    going = going_page(tmp_path / "front.html", lines.append)
    going.after_trial(store, goal)
    assert "cannot be written" in lines[0]
