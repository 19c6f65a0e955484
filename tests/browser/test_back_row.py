"""What a class sees from the back row, a phone in the hand, and a screen reader in the ear: measured in a browser, on every part.

One load a part: the window and the theme change on the page that is open. axe-core comes from npm and is kept in pytest's cache.
"""

import shutil
import subprocess
import tarfile
from itertools import combinations
from pathlib import Path

import pytest

from pages.shared import link, theme
from tests.pages.helpers import PARTS

pytestmark = pytest.mark.browser
AXE = "axe-core@4.10.3"
LOW = ("hand", "bug", "cautions", "cost", "ranking", "training", "own", "net")   # strips, tables and nets, or no picture before Start
EVERYDAY = ("chain",)   # all of them take a quarter of an hour: `python -m pytest -m slow tests/browser/test_back_row.py`
WIDE = "[...document.querySelectorAll('.katex-html .base')].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth)"
EYES = Path(__file__).with_name("back_row.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def axe(request, tmp_path_factory):
    """The script of axe-core; None where npm cannot get it: then all but its rules is measured."""
    cache = getattr(request.config, "cache", None)   # none under `-p no:cacheprovider`
    folder = cache.mkdir("axe") if cache else tmp_path_factory.mktemp("axe")
    script = folder / "package" / "axe.min.js"
    if not script.exists():
        if not shutil.which("npm"):
            return None
        packed = subprocess.run(["npm", "pack", AXE], cwd=folder, capture_output=True, text=True, timeout=120, check=False).stdout.split()
        if not packed:
            return None
        with tarfile.open(folder / packed[-1]) as archive:
            archive.extract("package/axe.min.js", folder, filter="data")
    return script.read_text(encoding="utf-8")


def struck(texts):
    """Pairs of words that lie on each other. A rim lies below its own word."""
    found = []
    for a, b in combinations(texts, 2):
        (l1, t1, r1, b1), (l2, t2, r2, b2) = a["box"], b["box"]
        wide, high = min(r1, r2) - max(l1, l2), min(b1, b2) - max(t1, t2)
        slack = 0.25 * min(a["size"], b["size"])   # a box of text is higher than its letters
        both_lean = a["leans"] and b["leans"]   # side by side, in boxes that are not theirs alone
        if wide > 1.5 and high > slack and not both_lean and not (a["text"] == b["text"] and abs(l1 - l2) < 2 and abs(t1 - t2) < 2):
            found.append((a["text"], b["text"]))
    return found


def askew(charts):
    """Pairs of pictures of one height beside each other, of which one stands lower: the eye cannot compare them."""
    return [(a["name"][:50], b["name"][:50]) for a, b in combinations(charts, 2) if abs(a["page"][0] - b["page"][0]) > 100
            and 2 < abs(a["page"][3] - b["page"][3]) < 80 and abs((a["page"][3] - a["page"][1]) - (b["page"][3] - b["page"][1])) < 2]


def faults_of(page, view):
    """What is wrong with the pictures of an open page, in words."""
    charts = page.evaluate("backRow.charts()")
    found = [f"{view}: {a!r} and {b!r} stand askew" for a, b in askew(charts)]
    for chart in charts:
        left, top, right, bottom = chart["page"]
        name = f"{view}: {chart['name'][:50]}: "
        found += [f"{name}{a!r} on {b!r}" for a, b in struck(chart["texts"])]
        found += [f"{name}{one['text']!r} is {one['size']} px" for one in chart["texts"] if one["size"] < (theme.NOTE if view != "phone" else 10)]
        for one in chart["texts"]:
            (x1, y1, x2, y2), edge = one["box"], one["size"] / 2 if one["leans"] else 2   # a leaning word's box is wider than its letters
            if one["text"].endswith("…") or x1 < left - edge or x2 > right + edge or y1 < top - 3 or y2 > bottom + 3:
                found.append(f"{name}{one['text']!r} is cut")
    return found


def settle(page, patience=60_000):
    page.get_by_role("heading", name="Run it yourself").wait_for(timeout=patience)   # the last of a page
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=60_000)
    page.wait_for_function("""() => { const all = [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].filter(c => c.checkVisibility());
      return all.every(c => c.querySelector('svg.marks, canvas')) && !document.querySelector('[data-testid=stSkeleton]'); }""", timeout=60_000)
    page.wait_for_timeout(700)


@pytest.mark.parametrize(("page", "part"), [
    pytest.param(*one, id=one[1].key, marks=() if one[1].key in EVERYDAY else pytest.mark.slow) for one in PARTS])
def test_a_part_can_be_read_from_the_back_row_on_a_phone_and_by_a_reader(page, part, server, tab, axe):
    asked = link.query(page.controls, {page.part_control.key: part.key})
    visitor = tab(size=(1280, 800))
    there = visitor.page
    there.goto(f"{server.url}/{page.stem}?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    settle(there, 180_000)   # *Published* and *Compare* train while they open
    there.add_script_tag(content=EYES)
    found = faults_of(there, "laptop")
    charts = there.evaluate("backRow.charts()")
    if charts and part.key not in LOW and max(chart["plot"] for chart in charts) < 360:
        found.append(f"the tallest plot is {max(chart['plot'] for chart in charts):.0f} px high")
    if axe:
        there.add_script_tag(content=axe)
    for view, size in {"laptop": (1280, 800), "phone": (390, 844)}.items():
        there.set_viewport_size({"width": size[0], "height": size[1]})
        for mode in ("light", "dark"):
            there.emulate_media(color_scheme=mode)
            settle(there)
            if axe:
                found += [f"{view}, {mode}: {fault}" for fault in there.evaluate("backRow.axe()")]
        if view == "phone":
            found += faults_of(there, view)
            found += [f"{words!r} is {high} px high under a finger" for words, high in there.evaluate("backRow.targets()")]
            found += [f"phone: {formula!r} is wider than the page" for formula in there.evaluate(f"{WIDE}.map(e => e.textContent)")]
    there.set_viewport_size({"width": 820, "height": 1100})   # a tablet, with the sidebar open
    settle(there)
    found += faults_of(there, "tablet")
    assert not found, "\n".join(map(str, found))
