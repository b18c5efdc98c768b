"""The page as a browser shows it: headless Chromium, the file alone, no network."""

import json
import re
import shutil
import subprocess
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from search.export.html.page import page
from search.results.standings import standings
from search.results.wording import number
from tests.search.landscape import METERED, landscape
from tests.search.made_up import BENCH, distinct, evaluation, store_with

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
HOSTILE = "Pi</script><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">&amp;"


def written(tmp_path, count, **others):
    store, goal = landscape(tmp_path / "store", count, **others)
    ranking = standings(store, goal)
    return ranking, page(store, ranking)


def data(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def opened(tmp_path, text, fragment="", width=1000):
    """The page after its script has run, and what was asked for over HTTP."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--window-size={width},900",
            "--virtual-time-budget=2000", "--dump-dom",
            f"http://127.0.0.1:{server.server_address[1]}/front.html{fragment}",
        ]  # fmt: skip
        completed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        server.shutdown()
    return completed.stdout, asked


def tip(dom):
    return re.search(r'<div id="tip"[^>]*>(.*?)</div></div>', dom, re.DOTALL)


@browser
def test_the_page_draws_every_point_tells_a_recipe_and_asks_for_nothing(tmp_path):
    ranking, text = written(tmp_path, 40)
    dom, asked = opened(tmp_path, text, f"#{ranking.best.recipe_id}")
    assert len(re.findall(r'<g class="point', dom)) == 41
    assert 'class="stairs"' in dom
    assert "best latency" in dom
    tip_lines = tip(dom)
    assert tip_lines, "the tooltip is hidden"
    assert "hidden" not in tip_lines[0].split(">")[0]
    assert f"recipe {ranking.best.recipe_id}" in tip_lines[1]
    assert f"{number(ranking.row(ranking.best).latency_ms)} ms" in tip_lines[1]
    assert re.search(rf'<tr data-row="0" class="[^"]*chosen[^"]*">.*?{ranking.best.recipe_id}', dom)
    assert asked == ["/front.html"]


@browser
def test_a_narrow_page_shows_energy_of_one_provenance_and_a_hostile_name_stays_a_name(tmp_path):
    ranking, text = written(tmp_path, 30, metered=True, bench=replace(BENCH, board=HOSTILE))
    dom, asked = opened(tmp_path, text, "#energy", width=500)
    assert "energy per image, mJ (logarithmic)" in dom
    assert f"Energy: {METERED}" in dom
    assert re.search(r"best [\w, ]*energy[\w, ]*: [\d.]+ mJ \(measured\)", dom)
    marks = re.findall(r'<g class="point (\w+)', dom)
    assert marks.count("apart") == sum(
        bool(row.current.dirty) or row.current.energy_provenance != METERED for row in ranking.ranked
    )
    assert "<title>ran" not in dom
    assert "<title>Highest FoM on Pi&lt;/script&gt;" in dom
    assert not re.search(r"<img", dom)
    assert asked == ["/front.html"]


def test_names_are_escaped_wherever_they_stand(tmp_path):
    _, text = written(tmp_path, 3, bench=replace(BENCH, board=HOSTILE))
    assert "<img" not in text
    assert text.count("<script") == 2
    assert "&amp;amp;" in text


def test_nothing_may_be_loaded_and_only_the_pages_own_script_may_run(tmp_path):
    _, text = written(tmp_path, 3)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert not re.search(r"(?:src|href)=\"?(?!#)\w|https?://(?!www\.w3\.org/2000/svg)|\bstyle=", text)


def test_the_figures_are_those_of_the_ranking(tmp_path):
    ranking, text = written(tmp_path, 12)
    content = data(text)
    by_id = {row.recipe_id: row for row in ranking.rows}
    for name, of in {"latency": "latency_ms", "energy": "energy_mj", "fom": "fom"}.items():
        points = content["axes"][name]["points"]
        assert len(points) == 13
        for point in points:
            row = by_id[content["rows"][point["row"]]["id"]]
            assert point["value"] == getattr(row, of)
            assert content["rows"][point["row"]]["share"] == row.accuracy
    assert text.count("<tr data-row=") == 13


def test_without_a_winner_the_page_says_what_to_do(tmp_path):
    store, goal = landscape(tmp_path / "empty", 0)
    assert "no trial has finished" in page(store, standings(store, goal))
    below = store_with(tmp_path / "below", [evaluation(share=0.5, made=distinct(1)[0])])
    text = page(below, standings(below, goal))
    assert len(re.findall("none feasible: 72.00 % on validation is the line", text, re.IGNORECASE)) == 1
    assert '<p class="first">The data are the built-in image set (not CIFAR-10)' in text
    assert '<p class="first">The device was the machine that ran the search (Test board)' in text


def test_a_thousand_candidates_take_seconds(tmp_path):
    store, goal = landscape(tmp_path / "store", 1000)
    begun = time.process_time()
    text = page(store, standings(store, goal))
    assert time.process_time() - begun < 30
    assert text.count("<tr data-row=") == 1001
