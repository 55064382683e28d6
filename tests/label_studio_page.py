"""The editor of the real annotation server in headless Chromium, used as an annotator does: by mouse and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import label_studio_server as ls

from eval.screenshot import FLAGS, find_chromium

CHROMIUM = find_chromium()
MISSING = "" if CHROMIUM else "no Chromium here: apt-get install chromium"
MOMENT_MS = 300  # the editor redraws after what is done to it
_FIND = """([word]) => {
  const root = [...document.querySelectorAll('.lsf-htx-richtext')].find(e => e.textContent.includes(word));
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


class Editor:
    """A page on which somebody is logged in."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url

    def open(self, project: int, word: str, *, task: int | None = None) -> None:
        """A project's data manager, or a task of it; ``word`` is waited for."""
        self.page.goto(f"{self.url}/projects/{project}/data{f'?task={task}' if task else ''}")
        self.wait_for(word) if task else self.page.get_by_text(word).first.wait_for()

    def wait_for(self, word: str) -> None:
        """Until the text being edited holds the word."""
        self.page.wait_for_function(f"() => ({_FIND})([{word!r}])")
        self.pause()

    def pause(self) -> None:
        self.page.wait_for_timeout(MOMENT_MS)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.pause()

    def _place(self, word: str) -> tuple[float, float, float]:
        """Left, right and middle height of the word on the screen, once it is drawn: the editor draws the text anew now and then."""
        left, right, middle = self.page.wait_for_function(f"() => ({_FIND})([{word!r}])").json_value()
        return left, right, middle

    def _marks(self) -> int:
        return int(self.page.locator(".htx-highlight").count())

    def click(self, word: str) -> None:
        left, right, middle = self._place(word)
        self.page.mouse.click((left + right) / 2, middle)
        self.pause()

    def mark(self, word: str, key: str) -> None:
        """Choose a label by its key and drag over the word."""
        before = self._marks()
        self.press(key)
        left, right, middle = self._place(word)
        self.page.mouse.move(left + 1, middle)
        self.page.mouse.down()
        self.page.mouse.move(right - 1, middle, steps=5)
        self.page.mouse.up()
        self.page.wait_for_function(f"() => document.querySelectorAll('.htx-highlight').length > {before}")
        self.pause()
        self.page.keyboard.press("Escape")

    def delete(self, word: str) -> None:
        before = self._marks()
        self.click(word)
        self.press("Backspace")
        self.page.wait_for_function(f"() => document.querySelectorAll('.htx-highlight').length < {before}")

    def relate(self, head: str, tail: str, *, key: str = "Alt+r") -> None:
        self.click(head)
        self.press(key)
        self.click(tail)
        self.press("Escape")

    def name_relation(self, kind: str) -> None:
        """Choose the type of the first relation of the list."""
        self.page.locator("#regions-relations_1_droppable >> visible=true").click()
        self.page.locator("[class*=relations__item] >> visible=true").first.hover()
        self.page.get_by_label("Show Relation Labels").click()
        self.page.locator(".lsf-relation-meta button").click()
        self.page.get_by_role("option", name=kind).click()
        self.page.keyboard.press("Escape")


@contextmanager
def editing(url: str, person: ls.Person) -> Iterator[Editor]:
    """A browser in which the person has logged in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", person.email)
        page.fill("input[name=password]", ls.PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "login" not in address)
        yield Editor(page, url)
        browser.close()
