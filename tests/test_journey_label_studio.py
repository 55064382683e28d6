"""The annotation loop on the real server: push, correct as annotators do, pull, train on the corrections, push again."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import label_studio_server as ls
import pytest

from data.article import Article, read_jsonl, write_jsonl
from data.label_studio.__main__ import main
from data.uncertainty import Uncertainty
from models.predict import main as predict
from training.train import main as train

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(ls.MISSING), reason=ls.MISSING)]


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
    tasks = ls.tasks_of(li, "seeds")
    assert len(tasks) == 5
    first, skipped, none, *rest = seeds
    for seed in rest:
        ls.submit(li, tasks[seed.id], tasks[seed.id]["predictions"][0]["result"])
    was = tasks[first.id]["predictions"][0]["result"]
    ls.submit(li, tasks[first.id], correct(was, first.text))
    ls.submit(wu, tasks[first.id], was)
    ls.submit(li, tasks[skipped.id], [], was_cancelled=True)
    ls.submit(li, tasks[none.id], [{"id": "c", "from_name": "signing", "to_name": "text", "type": "choices", "value": {"choices": ["no signing"]}}])
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

    wrong = tmp_path / "wrong"
    wrong.write_text("0" * 40, encoding="utf-8")
    refused = call(main, "pull", "--project", "seeds", "--output", tmp_path / "x.jsonl", "--url", str(li.client.base_url), "--token-file", wrong)
    assert refused.code == 1 and "refuses the token" in refused.err and "Access Token" in refused.err

    said = call(train, "--config", "configs/ci.yaml", *(part for s in (
        f"data.train=[{tmp_path / 'gold.jsonl'}]", f"runs={tmp_path / 'runs'}", f"reports={tmp_path / 'reports'}", "threads=1",
        "optimiser.epochs=1") for part in ("--set", s)))
    assert said.code == 0, said.err
    assert call(predict, "--model", tmp_path / "runs/ci", "--input", tmp_path / "predicted.jsonl", "--output", tmp_path / "new.jsonl").code == 0
    assert "5 tasks already there, 5 pre-annotations added" in loop("push", tmp_path / "new.jsonl", "--project", "seeds")
    tasks = ls.tasks_of(li, "seeds")
    assert len(tasks) == 5 and all({p["model_version"] for p in t["predictions"]} == {"gold-as-model", "ci"} for t in tasks.values())
    assert len(tasks[first.id]["annotations"]) == 2, "no annotation was touched"
    everything = caplog.text + "".join(p.read_text(encoding="utf-8", errors="replace") for p in tmp_path.rglob("*") if p.suffix in (
        ".json", ".jsonl", ".html", ".yaml", ".md"))
    assert li.token not in everything and "Bearer" not in everything


def next_task(person: ls.Person, project: int, *, as_displayed: bool = True) -> str:
    """The article that "Label Tasks As Displayed" opens (or "Label All Tasks"), pressed in the tab that the project opens with; empty
    where all are done. It sends what the page sends: tests/test_journey_label_studio_browser.py presses the button itself."""
    tab = person.client.get("/api/dm/views/", params={"project": project}).json()[0]
    shown = {key: tab["data"][key] for key in ("ordering", "filters")} if as_displayed else {}
    said = person.client.post("/api/dm/actions/", params={"id": "next_task", "tabID": tab["id"], "project": project},
                              json={**shown, "project": str(project)})
    assert said.is_success or said.status_code == 404, said.text
    return str(said.json()["data"]["id"]) if said.is_success else ""


def test_the_queue_decides_what_comes_next(loop, li: ls.Person, wu: ls.Person, tmp_path: Path) -> None:
    doubts = {"a": 1.0, "b": 4.0, "c": 2.0, "d": 3.0}
    pool = [Article(id=name, text=chr(0x4E00 + 97 * i) * 40, model="m", uncertainty=Uncertainty(spans=doubt, pairs=0.0))
            for i, (name, doubt) in enumerate(doubts.items())]
    write_jsonl(tmp_path / "p.jsonl", pool)
    write_jsonl(tmp_path / "more.jsonl", [Article(id="later", text="另一篇。", model="m"), *pool])
    loop("push", tmp_path / "more.jsonl", "--project", "queue", "--create")
    project = ls.project_of(li, "queue")
    assert li.client.post("/api/dm/views/", json={"project": project, "data": {"title": "Mine"}}).status_code == 201  # made before
    assert "4 tasks ranked, 4 changed" in loop("queue", tmp_path / "p.jsonl", "--project", "queue")
    tasks = ls.tasks_of(li, "queue")
    assert [tasks[n]["data"].get("queue_rank") for n in ("b", "d", "c", "a", "later")] == ["000001", "000002", "000003", "000004", None]
    assert all(len(t["predictions"]) == 1 for t in tasks.values()), "a rank costs no pre-annotation"
    assert [v["data"]["title"] for v in wu.client.get("/api/dm/views/", params={"project": project}).json()] == ["Learning order", "Mine"]

    assert (next_task(li, project), next_task(wu, project)) == ("b", "b")  # the tab knows no locks: GUIDELINES.md says so
    ls.submit(li, tasks["b"], [])
    assert (next_task(li, project), next_task(wu, project)) == ("d", "d")
    # A new order over what is left: c moves to the end of the ranked ones.
    write_jsonl(tmp_path / "p.jsonl", [replace(a, uncertainty=Uncertainty(spans=0.0 if a.id == "c" else doubts[a.id], pairs=0.0)) for a in pool])
    loop("queue", tmp_path / "p.jsonl", "--project", "queue")
    assert len(li.client.get("/api/dm/views/", params={"project": project}).json()) == 2, "the tab is made once"
    given = []
    while name := next_task(wu, project):
        given.append(name)
        ls.submit(wu, tasks[name], [], was_cancelled=name == "d")  # what is skipped does not come again
        assert len(given) < 5
    assert given == ["d", "a", "c", "later"]
