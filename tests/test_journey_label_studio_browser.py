"""The annotation loop in the real interface, by mouse and keys: what an annotator does there comes back in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import label_studio_server as ls
import pytest

from data.article import Article, Entity, Relation, read_jsonl, write_jsonl

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(ls.MISSING), reason=ls.MISSING),
              pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium")]
AWKWARD = "😀𠮷甲医院与\r\n乙\u00a0医院签约。\r\n丙医院😀的张三院长\n丁医院。"
FIND = """([word]) => {
  const root = [...document.querySelectorAll('.lsf-htx-richtext')].find(e => e.textContent.includes('甲'));
  if (!root) return null;
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) {
    const at = node.data.indexOf(word);
    if (at < 0) continue;
    const range = document.createRange(); range.setStart(node, at); range.setEnd(node, at + word.length);
    const box = range.getBoundingClientRect(); return [box.left, box.right, (box.top + box.bottom) / 2];
  }
  return null;
}"""


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium")
def test_what_an_annotator_marks_in_the_browser_comes_back_in_place(loop, annotation_server: str, li: ls.Person, tmp_path: Path) -> None:
    """Emoji, a rare character, CRLF and a no-break space: the editor's own counting, mouse and keys, and its own drawing of relations."""
    from playwright.sync_api import sync_playwright

    from data.article import Entity, Relation

    spans = [(AWKWARD.index(name), AWKWARD.index(name) + len(name)) for name in ("甲医院", "乙\u00a0医院")]
    article = Article(id="awkward", text=AWKWARD, model="m", relations=(Relation(type="SIGNED_WITH", head="T0", tail="T1"),), entities=tuple(
        Entity(id=f"T{i}", char_start=s, char_end=e, label="HOSPITAL", text=AWKWARD[s:e]) for i, (s, e) in enumerate(spans)))
    write_jsonl(tmp_path / "a.jsonl", [article])
    loop("push", tmp_path / "a.jsonl", "--project", "awkward", "--create")
    task = ls.tasks_of(li, "awkward")["awkward"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"{annotation_server}/user/login/")
        page.fill("input[name=email]", li.email)
        page.fill("input[name=password]", ls.PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{annotation_server}/projects/{task['project']}/data?task={task['id']}")
        page.wait_for_function(f"() => ({FIND})(['甲医院'])")
        page.wait_for_selector("text=SIGNED_WITH")  # the pre-annotated relation is drawn

        def drag(word: str, key: str) -> None:
            page.keyboard.press(key)
            page.wait_for_timeout(200)
            left, right, middle = page.evaluate(FIND, [word])
            page.mouse.move(left + 1, middle)
            page.mouse.down()
            page.mouse.move(right - 1, middle, steps=5)
            page.mouse.up()
            page.wait_for_timeout(300)
            page.keyboard.press("Escape")

        def click(word: str) -> None:
            left, right, middle = page.evaluate(FIND, [word])
            page.mouse.click((left + right) / 2, middle)
            page.wait_for_timeout(300)

        def relate(head: str, tail: str) -> None:
            click(head)
            page.keyboard.press("Alt+r")
            page.wait_for_timeout(300)
            click(tail)
            page.keyboard.press("Escape")
            page.wait_for_timeout(300)

        for word, key in (("丙医院", "1"), ("张三", "2"), ("院长", "3"), ("丁医院", "1")):
            drag(word, key)
        click("甲医院")
        page.keyboard.press("Backspace")
        page.wait_for_timeout(300)
        relate("张三", "院长")
        page.locator("#regions-relations_1_droppable >> visible=true").click()
        page.locator("[class*=relations__item] >> visible=true").first.hover()
        page.get_by_label("Show Relation Labels").click()
        page.locator(".lsf-relation-meta button").click()
        page.get_by_role("option", name="HOLDS_ROLE").click()
        page.keyboard.press("Escape")
        relate("张三", "丙医院")  # and one that is left without a type
        page.click("button:has-text('Submit')")
        page.wait_for_timeout(2000)
        browser.close()
    said = loop("pull", "--project", "awkward", "--output", tmp_path / "gold.jsonl")
    found, = read_jsonl(tmp_path / "gold.jsonl")
    assert [(e.text, e.label) for e in sorted(found.entities, key=lambda e: e.char_start)] == [
        ("乙\u00a0医院", "HOSPITAL"), ("丙医院", "HOSPITAL"), ("张三", "PERSON"), ("院长", "ROLE"), ("丁医院", "HOSPITAL")]
    assert all(AWKWARD[e.char_start : e.char_end] == e.text for e in found.entities) and "moved" not in said
    text = {e.id: e.text for e in found.entities}
    assert [(r.type, text[r.head], text[r.tail]) for r in found.relations] == [("HOLDS_ROLE", "张三", "院长")]
    assert "1 pre-annotated regions deleted by the annotator" in said and "4 regions added to the pre-annotation" in said
    assert "1 relations without a label" in said and "a relation without a type" in (tmp_path / "gold.quarantine.jsonl").read_text(encoding="utf-8")
