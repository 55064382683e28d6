"""The annotation loop on the real server: push, correct as annotators do, pull, train on the corrections, push again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import label_studio_server as ls
import pytest

from data.article import Article, read_jsonl, write_jsonl
from data.label_studio.__main__ import main
from models.predict import main as predict
from training.train import main as train

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(ls.MISSING), reason=ls.MISSING)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ls.running(tmp_path_factory.mktemp("label-studio")) as url:
        yield url


@pytest.fixture(scope="module")
def li(server: str) -> ls.Person:
    return ls.sign_up(server, "li@example.com")


@pytest.fixture(scope="module")
def wu(server: str, li: ls.Person) -> ls.Person:
    return ls.sign_up(server, "wu@example.com")


@pytest.fixture
def loop(server: str, li: ls.Person, call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Call ``data.label_studio`` with li's token; returns what it said."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", li.token)

    def run(command: str, *argv: object) -> str:
        said = call(main, command, *argv, "--url", server)
        assert said.code == 0, said.err
        assert li.token not in said.out + said.err
        return said.out + said.err

    return run


def tasks_of(person: ls.Person, title: str) -> dict[str, dict[str, Any]]:
    """The project's tasks with predictions and annotations, by article id."""
    project = next(p["id"] for p in person.client.get("/api/projects/").json()["results"] if p["title"] == title)
    found = person.client.get("/api/tasks/", params={"project": project, "fields": "all", "page_size": 100}).json()["tasks"]
    return {task["data"]["id"]: {**task, "project": project} for task in found}


def submit(person: ls.Person, task: dict[str, Any], result: list[dict[str, Any]], **more: Any) -> None:
    said = person.client.post(f"/api/tasks/{task['id']}/annotations/", json={
        "result": result, "parent_prediction": task["predictions"][0]["id"], **more})
    assert said.status_code == 201, said.text


def correct(result: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """One span made longer by a character, one deleted with its relations, and one relation added between the first person and role
    that have none."""
    regions = [i for i in result if i["type"] == "labels"]
    linked = {(i["from_id"], i["to_id"]) for i in result if i["type"] == "relation"}
    dates = [r for r in regions if r["value"]["labels"] == ["DATE"]]
    longer, gone = dates[0], dates[-1]
    value = {**longer["value"], "end": longer["value"]["end"] + 1}
    value["text"] = text[value["start"] : value["end"]]
    person, role = next((p, r) for p in regions for r in regions if p["value"]["labels"] == ["PERSON"]
                        and r["value"]["labels"] == ["ROLE"] and (p["id"], r["id"]) not in linked)
    kept = [i for i in result if i is not longer and i is not gone and gone["id"] not in (i.get("from_id"), i.get("to_id"))]
    return [*kept, {**longer, "value": value},
            {"type": "relation", "from_id": person["id"], "to_id": role["id"], "direction": "right", "labels": ["HOLDS_ROLE"]}]


def test_round_the_loop(loop, li: ls.Person, wu: ls.Person, seeds: list[Article], run_folder: Path, call, tmp_path: Path,
                        caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    predicted = [Article(**{**vars(seed), "model": "gold-as-model"}) for seed in seeds]
    write_jsonl(tmp_path / "predicted.jsonl", predicted)
    assert "5 new tasks" in loop("push", tmp_path / "predicted.jsonl", "--project", "seeds", "--create", "--batch", 2)
    assert "0 new tasks, 5 tasks already there, 5 pre-annotations that were there" in loop("push", tmp_path / "predicted.jsonl", "--project", "seeds")
    tasks = tasks_of(li, "seeds")
    assert len(tasks) == 5
    first, skipped, none, *rest = seeds
    for seed in rest:
        submit(li, tasks[seed.id], tasks[seed.id]["predictions"][0]["result"])
    was = tasks[first.id]["predictions"][0]["result"]
    submit(li, tasks[first.id], correct(was, first.text))
    submit(wu, tasks[first.id], was)
    submit(li, tasks[skipped.id], [], was_cancelled=True)
    submit(li, tasks[none.id], [{"id": "c", "from_name": "signing", "to_name": "text", "type": "choices", "value": {"choices": ["no signing"]}}])
    said = loop("pull", "--project", "seeds", "--output", tmp_path / "gold.jsonl", "--several", "annotator", "--annotator", li.email)
    for note in ("1 annotations skipped by the annotator", "1 articles said to tell of no signing", "agreement of li@example.com (A) and wu@example.com (B)",
                 "1 pre-annotated regions corrected", "pre-annotated regions deleted"):
        assert note in said, said
    back = {a.id: a for a in read_jsonl(tmp_path / "gold.jsonl")}
    assert set(back) == {s.id for s in seeds} - {skipped.id} and back[none.id].entities == ()
    for seed in rest:
        found = back[seed.id]
        assert (found.text, found.entities, found.events, found.clusters) == (seed.text, seed.entities, seed.events, seed.clusters)
        assert set(found.relations) == set(seed.relations)
    before, after = {e.id: e for e in first.entities}, {e.id: e for e in back[first.id].entities}
    dates = [e for e in first.entities if e.label == "DATE"]
    assert set(before) - set(after) == {dates[-1].id} and after[dates[0].id].char_end == dates[0].char_end + 1
    assert {i for i in after if after[i] != before[i]} == {dates[0].id}
    assert len(set(back[first.id].relations) - set(first.relations)) == 1

    wrong = Path(tmp_path / "wrong")
    wrong.write_text("0" * 40, encoding="utf-8")
    refused = call(main, "pull", "--project", "seeds", "--output", tmp_path / "x.jsonl", "--url", str(li.client.base_url), "--token-file", wrong)
    assert refused.code == 1 and "refuses the token" in refused.err and "Access Token" in refused.err

    said = call(train, "--config", "configs/ci.yaml", *(part for s in (
        f"data.train=[{tmp_path / 'gold.jsonl'}]", f"runs={tmp_path / 'runs'}", f"reports={tmp_path / 'reports'}", "threads=1",
        "optimiser.epochs=1") for part in ("--set", s)))
    assert said.code == 0, said.err
    assert call(predict, "--model", tmp_path / "runs/ci", "--input", tmp_path / "predicted.jsonl", "--output", tmp_path / "new.jsonl").code == 0
    assert "5 tasks already there, 5 pre-annotations added" in loop("push", tmp_path / "new.jsonl", "--project", "seeds")
    tasks = tasks_of(li, "seeds")
    assert len(tasks) == 5 and all({p["model_version"] for p in t["predictions"]} == {"gold-as-model", "ci"} for t in tasks.values())
    assert len(tasks[first.id]["annotations"]) == 2, "no annotation was touched"
    everything = caplog.text + "".join(p.read_text(encoding="utf-8", errors="replace") for p in tmp_path.rglob("*") if p.suffix in (
        ".json", ".jsonl", ".html", ".yaml", ".md"))
    assert li.token not in everything and "Bearer" not in everything


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
def test_what_an_annotator_marks_in_the_browser_comes_back_in_place(loop, server: str, li: ls.Person, tmp_path: Path) -> None:
    """Emoji, a rare character, CRLF and a no-break space: the editor's own counting, mouse and keys, and its own drawing of relations."""
    from playwright.sync_api import sync_playwright

    from data.article import Entity, Relation

    spans = [(AWKWARD.index(name), AWKWARD.index(name) + len(name)) for name in ("甲医院", "乙\u00a0医院")]
    article = Article(id="awkward", text=AWKWARD, model="m", relations=(Relation(type="SIGNED_WITH", head="T0", tail="T1"),), entities=tuple(
        Entity(id=f"T{i}", char_start=s, char_end=e, label="HOSPITAL", text=AWKWARD[s:e]) for i, (s, e) in enumerate(spans)))
    write_jsonl(tmp_path / "a.jsonl", [article])
    loop("push", tmp_path / "a.jsonl", "--project", "awkward", "--create")
    task = tasks_of(li, "awkward")["awkward"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"{server}/user/login/")
        page.fill("input[name=email]", li.email)
        page.fill("input[name=password]", ls.PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{server}/projects/{task['project']}/data?task={task['id']}")
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
