"""The pages in a real browser, from disk: nothing asked of the network, nothing on the console, every control works.

Skips where there is no Chromium. Screenshots of every page go to ``build/screenshots`` for people to look at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.article import Article, Entity, Event, Relation, write_jsonl
from data.errors import run_command
from data.schema import Schema, restrict
from eval.baselines import baseline_predictions
from eval.index import write_index
from eval.metrics import score_articles
from eval.network import main as network_main
from eval.report import write_report
from eval.screenshot import FLAGS, find_chromium
from eval.screenshot import main as screenshot_main

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[dev]")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = find_chromium()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")]
SCREENSHOTS = Path("build/screenshots")
HOSTILE = "<img src=x onerror=\"window.pwned=1\">'&\"</script><script>window.pwned=1</script>"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, seeds: list[Article], hospital: Schema) -> Path:
    """A report on the seeds and a hostile article, as the rules read them; an index; a network page."""
    root = tmp_path_factory.mktemp("reports")
    text = f"甲医院与{HOSTILE}医院签约。🏥乙医院在后。"
    start = text.index("乙")
    hostile = Article(
        id=f"h/{HOSTILE}", text=text, publisher=HOSTILE, published="2024-05-06",
        entities=(Entity(id="T1", char_start=0, char_end=3, label="HOSPITAL", text="甲医院"),
                  Entity(id="T2", char_start=4, char_end=start - 5, label="HOSPITAL", text=text[4 : start - 5]),
                  Entity(id="T3", char_start=start, char_end=start + 3, label="HOSPITAL", text="乙医院")),
        relations=(Relation(type="SIGNED_WITH", head="T1", tail="T2"),),
        events=(Event(parties=("甲医院", f"{HOSTILE}医院"), date="2024-05-06", evidence=("T1",)),))
    gold = [restrict(a, hospital) for a in seeds] + [hostile]
    predicted = [replace(a, model=f"m{HOSTILE}") for a in baseline_predictions(gold, gold[:2], hospital)["rules"]]
    predicted[-1] = replace(hostile, entities=hostile.entities[:2], relations=(), model=f"m{HOSTILE}")
    metrics = score_articles(gold, predicted, hospital)
    micro, events = metrics["entities"]["micro"], metrics["events"]["parties"]
    part = {"articles": 3, "ids": [a.id for a in gold[:3]], "entities": micro, "relations": micro, "events": events}
    metrics |= {
        "slices": {"script": {"simplified": part}, "length": {HOSTILE: part}}, "seen_in_training": [gold[0].id],
        "errors": {"causes": [{"cause": HOSTILE, "count": 1, "share": 1.0, "meaning": {"en": HOSTILE, "zh": HOSTILE}}],
                   "items": [{"article": hostile.id, "part": "entities", "kind": "missed", "name": "HOSPITAL", "cause": HOSTILE, "char_start": start}]},
        "provenance": {"command": HOSTILE, "config": {"a": HOSTILE}, "finished": "2024-05-06T07:08:09Z"}}
    tasks = {gold[2].id: "http://localhost:8080/projects/1/data?task=2"}
    for name in ("default", "x <b>&'\""):
        write_report(root / name / "index.html", metrics, gold, predicted, hospital, tasks=tasks)
        (root / name / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    write_index(root)
    write_jsonl(root / "articles.jsonl", gold)
    network_main([str(root / "articles.jsonl"), "--output", str(root / "network.html")])
    return root


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, pages: Path) -> Iterator[Open]:
    """Open a page below the reports; at the end nothing may have been asked of the network or said on the console."""
    faults: list[str] = []
    contexts = []

    def open_one(name: str, *, size: dict[str, int] = WIDE, scheme: str = "light", anchor: str = "") -> Any:
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: faults.append(f"console {said.type}: {said.text}"))
        page.on("pageerror", lambda fault: faults.append(f"error: {fault}"))
        page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else faults.append(asked.url))
        page.goto((pages / name).as_uri() + anchor)
        return page

    yield open_one
    pwned = [p.evaluate("window.pwned") for c in contexts for p in c.pages]
    for context in contexts:
        context.close()
    assert faults == []
    assert not any(pwned)


PAGES = ("default/index.html", "index.html", "network.html")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_page_is_accessible_and_fits_the_screen(open_page: Open, name: str, size: dict[str, int], scheme: str) -> None:
    page = open_page(name, size=size, scheme=scheme)
    if name == PAGES[0]:
        page.locator("details.article > summary").nth(1).click()
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 10  # it did run
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"] if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ("rgb(253, 253, 251)" if scheme == "light" else "rgb(20, 24, 26)")
    page.evaluate("scrollTo(0, 0)")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name.replace('/', '-').removesuffix('.html')}-{size['width']}.png")


def test_filters_and_search_narrow_articles_and_errors(open_page: Open) -> None:
    page = open_page(PAGES[0])
    cards, errors = page.locator("details.article:visible"), page.locator("#errors > li")
    everything = errors.count()
    assert cards.count() == 6 and everything > 5
    page.select_option("#kind", "missed")
    assert 0 < errors.count() < everything
    assert set(page.locator("#errors .badge").all_inner_texts()) == {"− missed"}
    page.select_option("#name", label="HOSPITAL")
    assert errors.count() and all("HOSPITAL" in row for row in errors.all_inner_texts())
    page.click("#reset")
    page.select_option("#slice", label="script: simplified")
    assert cards.count() == 3
    page.click("#reset")
    page.select_option("#cause", index=1)
    assert cards.count() == 1 and errors.count() == 1 and "🏥" in errors.inner_text()
    page.click("#reset")
    page.fill("#q", "黄石")
    assert 0 < cards.count() < 6
    assert "黄石" in (cards.first.locator("summary").inner_text() + page.evaluate("JSON.parse(document.getElementById('page-data').textContent).articles.map(a => a.t).join()"))
    page.fill("#q", "no such words")
    assert cards.count() == 0 and "Nothing fits" in errors.inner_text()
    page.click("#reset")
    page.locator("#shown", has_text="6 of 6 articles").wait_for()  # the page counts anew once the form is reset


def test_slice_table_leads_to_its_articles(open_page: Open) -> None:
    page = open_page(PAGES[0])
    page.locator("a[data-slice='0']").click()
    assert page.locator("details.article:visible").count() == 3


def test_pointing_shows_evidence_and_relation_lines(open_page: Open) -> None:
    page = open_page(PAGES[0])
    card = page.locator("details.article").nth(2)
    card.locator("summary").first.click()
    event, lit = card.locator(".event").first, card.locator("mark.evidence")
    event.hover()
    assert lit.count() > 0
    page.mouse.move(0, 0)
    assert lit.count() == 0
    event.focus()
    assert lit.count() > 0
    assert card.locator("svg.arcs path").count() == 0
    relation = card.locator("button[data-relation]:visible").first
    relation.focus()
    assert card.locator("svg.arcs path").count() == 2  # the line and its head
    assert lit.count() == 2
    page.select_option("#lines", "all")
    drawn = card.locator("svg.arcs path").count()
    assert drawn == 2 * card.locator("button[data-relation]").count()
    box = card.locator(".text").bounding_box()
    line = card.locator("svg.arcs path").first.bounding_box()
    assert box["x"] <= line["x"] and line["x"] + line["width"] <= box["x"] + box["width"]
    page.set_viewport_size(PHONE)
    assert card.locator("svg.arcs path").count() == drawn


def test_errors_link_into_the_text_and_to_label_studio(open_page: Open) -> None:
    page = open_page(PAGES[0])
    row = page.locator("#errors > li", has=page.locator("a[href^='http://localhost:8080']")).first
    assert row.locator("a", has_text="Label Studio").get_attribute("href") == "http://localhost:8080/projects/1/data?task=2"
    page.locator("#errors > li a", has_text="in the text").first.click()
    mark = page.locator("mark:focus")
    mark.wait_for()  # the address changes first, the focus a moment later
    assert "correct" not in mark.get_attribute("class")
    # The address of that error opens the same place anew.
    anchor = page.evaluate("location.hash")
    assert open_page(PAGES[0], anchor=anchor).locator("mark:focus").get_attribute("data-start") == mark.get_attribute("data-start")


def test_markup_in_data_shows_as_text_and_offsets_count_code_points(open_page: Open) -> None:
    page = open_page(PAGES[0])
    card = page.locator("details.article").last
    card.locator("summary").first.click()
    assert HOSTILE in card.locator(".text").text_content()
    assert card.locator("mark.missed").text_content() == "乙医院"
    assert HOSTILE in page.locator("h1").text_content() and HOSTILE in page.locator("#provenance").text_content()
    assert page.locator("img").count() == 0
    index = open_page("index.html")
    index.locator("#runs a", has_text="x <b>&'\"").click()
    assert HOSTILE in index.locator("h1").text_content()


def test_language_and_theme_switch_and_stay(open_page: Open) -> None:
    page = open_page(PAGES[0])
    page.locator("details.article > summary").first.click()
    page.select_option("#lang", "zh-CN")
    assert "接下来标什么" in page.locator("main").inner_text() and "What to annotate next" not in page.locator("main").inner_text()
    assert page.locator("#shown").inner_text().startswith("6/6 篇")
    assert page.locator("nav").get_attribute("aria-label") == "目录"
    assert page.locator("details.article").first.get_attribute("open") is not None  # what was open stays open
    assert page.locator("#kind option").nth(1).get_attribute("label") == "任何错误"
    page.select_option("#theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 26)"
    found = axe.Axe().run(page).response
    assert [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")] == []
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 26)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#filters").is_visible()


def test_index_sorts_by_each_column_and_searches(open_page: Open) -> None:
    page = open_page("index.html")
    head = page.locator("#runs thead th").first
    names = page.locator("#runs tbody th")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending" and names.first.inner_text().startswith("x <b>")
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending" and names.first.inner_text() == "default"
    page.fill("#q", "default")
    assert page.locator("#runs tbody tr:visible").count() == 1


def test_network_narrows_the_list_by_mouse_and_keyboard(open_page: Open) -> None:
    page = open_page("network.html")
    rows = page.locator("#signings tbody tr")
    everything = rows.count()
    node = page.locator(".network .node").first
    node.focus()
    page.keyboard.press("Enter")
    assert node.get_attribute("aria-pressed") == "true" and 0 < rows.count() < everything
    name = node.locator("title").text_content().rsplit(" (", 1)[0]
    assert all(name in text for text in rows.all_inner_texts())
    page.keyboard.press("Enter")
    assert rows.count() == everything
    page.locator(".timeline .bin").first.click()
    assert 0 < rows.count() < everything
    page.locator("button[type=reset]").click()
    page.fill("#q", "window.pwned")
    assert rows.count() == 1 and HOSTILE in rows.inner_text()


def test_screenshot_command_writes_a_picture_of_the_size_asked_for(pages: Path, tmp_path: Path) -> None:
    # In a process of its own: the driver of this module's browser is running here.
    import subprocess
    import sys

    picture = tmp_path / "deep" / "p.png"
    subprocess.run([sys.executable, "-m", "eval.screenshot", str(pages / "index.html"), "--output", str(picture),
                    "--width", "390", "--height", "500", "--lang", "zh"], check=True, capture_output=True, timeout=120)
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == (390, 500)
    assert run_command(screenshot_main, [str(tmp_path / "none.html"), "--output", str(picture)]) == 1
