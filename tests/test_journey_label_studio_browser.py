"""The annotation loop in the real interface, by mouse and keys: what an annotator does there comes back in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import label_studio_page as lsp
import label_studio_server as ls
import pytest

from data.article import Article, Entity, Relation, read_jsonl, write_jsonl
from data.label_studio.config import labelling_config
from data.schema import Schema
from data.uncertainty import Uncertainty
from eval import suspects
from eval.label_doubts import article_doubts
from models.document import Predictor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(ls.MISSING), reason=ls.MISSING),
              pytest.mark.skipif(bool(lsp.MISSING), reason=lsp.MISSING)]
AWKWARD = "😀𠮷甲医院与\r\n乙\u00a0医院签约。\r\n丙医院😀的张三院长\n丁医院。"


@pytest.fixture(scope="module")
def editor(annotation_server: str, li: ls.Person) -> Iterator[lsp.Editor]:
    with lsp.editing(annotation_server, li) as opened:
        yield opened


def hospitals(text: str, *names: str, **more: Any) -> Article:
    return Article(text=text, model="m", entities=tuple(
        Entity(id=f"T{i}", char_start=text.index(n), char_end=text.index(n) + len(n), label="HOSPITAL", text=n)
        for i, n in enumerate(names)), **more)


def test_what_an_annotator_marks_in_the_browser_comes_back_in_place(loop, editor: lsp.Editor, li: ls.Person, tmp_path: Path) -> None:
    """Emoji, a rare character, CRLF and a no-break space: the editor's own counting, mouse and keys, and its own drawing of relations."""
    write_jsonl(tmp_path / "a.jsonl", [hospitals(AWKWARD, "甲医院", "乙\u00a0医院", id="awkward", relations=(
        Relation(type="SIGNED_WITH", head="T0", tail="T1"),))])
    loop("push", tmp_path / "a.jsonl", "--project", "awkward", "--create")
    task = ls.tasks_of(li, "awkward")["awkward"]
    editor.open(task["project"], "甲医院", task=task["id"])
    editor.page.wait_for_selector("text=SIGNED_WITH")  # the pre-annotated relation is drawn
    for word, key in (("丙医院", "1"), ("张三", "2"), ("院长", "3"), ("丁医院", "1")):
        editor.mark(word, key)
    editor.delete("甲医院")
    editor.relate("张三", "院长")
    editor.name_relation("HOLDS_ROLE")
    editor.relate("张三", "丙医院")  # and one that is left without a type
    with editor.page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST"):
        editor.page.click("button:has-text('Submit')")
    said = loop("pull", "--project", "awkward", "--output", tmp_path / "gold.jsonl")
    found, = read_jsonl(tmp_path / "gold.jsonl")
    assert [(e.text, e.label) for e in sorted(found.entities, key=lambda e: e.char_start)] == [
        ("乙\u00a0医院", "HOSPITAL"), ("丙医院", "HOSPITAL"), ("张三", "PERSON"), ("院长", "ROLE"), ("丁医院", "HOSPITAL")]
    assert all(AWKWARD[e.char_start : e.char_end] == e.text for e in found.entities) and "moved" not in said
    text = {e.id: e.text for e in found.entities}
    assert [(r.type, text[r.head], text[r.tail]) for r in found.relations] == [("HOLDS_ROLE", "张三", "院长")]
    assert "1 pre-annotated regions deleted by the annotator" in said and "4 regions added to the pre-annotation" in said
    assert "1 relations without a label" in said and "a relation without a type" in (tmp_path / "gold.quarantine.jsonl").read_text(encoding="utf-8")


def test_the_handbooks_keys_and_button_do_what_it_says(loop, editor: lsp.Editor, li: ls.Person, parties: Schema, tmp_path: Path) -> None:
    handbook = Path("data/GUIDELINES.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"`((?:Alt|Ctrl)\+\w+|Backspace|\d)`", handbook))
    assert keys == {"1", "5", "Backspace", "Alt+R", "0", "Ctrl+Enter"}, "press below what the handbook names"
    assert re.findall(r'hotkey="(.)"', labelling_config(parties)) == ["1", "2", "3", "4", "5", "0"]
    text = "甲医院与乙医院签约。张三院长五月一日到场，丁公司派人。"
    pool = [hospitals(text, "甲医院", "乙医院", id="second", uncertainty=Uncertainty(spans=1.0)),
            hospitals("改由戊医院先来，与前一篇无关的一句话。", "戊医院", id="first", uncertainty=Uncertainty(spans=9.0))]
    write_jsonl(tmp_path / "p.jsonl", pool)
    loop("push", tmp_path / "p.jsonl", "--project", "keys", "--create")
    loop("queue", tmp_path / "p.jsonl", "--project", "keys")
    editor.open(ls.project_of(li, "keys"), "Learning order")
    editor.page.get_by_label("Toggle open").click()
    editor.page.get_by_text("Label Tasks As Displayed").click()
    editor.wait_for("戊医院")  # pushed last, ranked first
    editor.press("0")
    editor.press("Control+Enter")
    editor.wait_for("甲医院")
    for word, key in (("张三", "2"), ("院长", "3"), ("五月一日", "4"), ("丁公司", "5")):
        editor.mark(word, key)
    editor.click("甲医院")
    editor.press("5")  # another label for a span that stands
    editor.delete("乙医院")
    editor.relate("张三", "院长", key="Alt+r")
    with editor.page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST"):
        editor.press("Control+Enter")
    tasks = ls.tasks_of(li, "keys")
    [first], [second] = ([a["result"] for a in tasks[name]["annotations"]] for name in ("first", "second"))
    assert [i["value"]["choices"] for i in first if i["type"] == "choices"] == [["no signing"]]
    assert {i["value"]["text"]: i["value"]["labels"] for i in second if i["type"] == "labels"} == {
        "甲医院": ["ORG"], "张三": ["PERSON"], "院长": ["ROLE"], "五月一日": ["DATE"], "丁公司": ["ORG"]}
    name = {i["id"]: i["value"]["text"] for i in second if i["type"] == "labels"}
    assert [(name[i["from_id"]], name[i["to_id"]]) for i in second if i["type"] == "relation"] == [("张三", "院长")]


def test_suspect_tasks_show_what_is_doubted_and_come_back_whole(
        loop, call, editor: lsp.Editor, li: ls.Person, seeds: list[Article], predictor: Predictor, parties: Schema, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The model of every fold is a stand-in that was never trained; what it doubts is judged, written and imported for real."""
    root = Path.cwd()
    monkeypatch.setattr(suspects, "fold_doubts", lambda config, overrides, train, held_out, **_: [
        d for a in held_out for d in article_doubts(predictor, a)])
    monkeypatch.chdir(tmp_path)
    done = call(suspects.main, "--config", root / "configs/ci.yaml", "--data", root / "data/gold/seeds.jsonl", "--folds", 2,
                "--schema", root / "configs/schema/hospital.yaml")
    assert done.code == 0, done.err
    tasks = json.loads(Path("reports/suspects/tasks.json").read_text(encoding="utf-8"))
    project = li.client.post("/api/projects", json={"title": "suspects", "label_config": labelling_config(parties)}).json()["id"]
    assert li.client.post(f"/api/projects/{project}/import", json=tasks).is_success
    held = ls.tasks_of(li, "suspects")
    for task in tasks:
        [sent], [kept] = task["predictions"], held[task["data"]["id"]]["predictions"]
        assert (kept["model_version"], kept["result"], kept["score"]) == ("suspects", sent["result"], sent["score"])
    drawn = next(t for t in tasks if any(i["type"] == "relation" for i in t["predictions"][0]["result"]))
    marks = drawn["predictions"][0]["result"]
    shown = held[drawn["data"]["id"]]
    editor.open(project, marks[0]["value"]["text"], task=shown["id"])
    editor.page.locator(".lsf-annotation-button", has_text="suspects").click()
    relation = next(i for i in marks if i["type"] == "relation")["labels"][0]
    editor.page.locator(f"text={relation}").first.wait_for()
    doubted = sorted(i["value"]["text"] for i in marks if i["type"] == "labels" and "\n" not in i["value"]["text"])
    assert doubted and set(doubted) <= set(editor.page.locator(".htx-highlight >> visible=true").all_inner_texts())

    # Where the articles are tasks already, push lays the doubts beside them. Nothing is doubled, and all comes back.
    assert f"0 new tasks, {len(tasks)} tasks already there, {len(tasks)} pre-annotations that were there" in loop(
        "push", "reports/suspects/predictions.jsonl", "--project", "suspects", "--schema", root / "configs/schema/hospital.yaml")
    loop("pull", "--project", "suspects", "--output", "gold.jsonl", "--schema", root / "configs/schema/parties.yaml")
    back, was = {a.id: a for a in read_jsonl("gold.jsonl")}, {a.id: a for a in seeds}
    assert set(back) == set(held)
    for name, found in back.items():
        assert (found.entities, found.events, found.clusters) == (was[name].entities, was[name].events, was[name].clusters)
        assert set(found.relations) == set(was[name].relations)
