"""pull: which annotation counts, what is counted and put aside, and which exports are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.article import Article, read_jsonl
from data.errors import DataError
from data.formats.base import Ledger
from data.label_studio.__main__ import main
from data.label_studio.config import labelling_config
from data.label_studio.export import read_export
from data.label_studio.pull import Pulled, articles_of
from data.label_studio.tasks import build_tasks, interface_of
from data.schema import Schema

TEXT = "甲院院长张三与乙院签约，丙院到场"
PLACES = {"甲院": "HOSPITAL", "院长": "ROLE", "张三": "PERSON", "乙院": "HOSPITAL", "丙院": "HOSPITAL"}


def region(name: str, *, label: str | None = None, at: int | None = None, **more: Any) -> dict[str, Any]:
    start = TEXT.index(name) if at is None else at
    return {"id": name, "from_name": "label", "to_name": "text", "type": "labels",
            "value": {"start": start, "end": start + len(name), "text": name, "labels": [label or PLACES[name]]}, **more}


def link(kind: str | None, head: str, tail: str, direction: str = "right") -> dict[str, Any]:
    return {"type": "relation", "from_id": head, "to_id": tail, "direction": direction, "labels": [kind] if kind else []}


def annotation(*result: dict[str, Any], who: Any = 1, at: str = "2024-05-01", **more: Any) -> dict[str, Any]:
    return {"id": 10, "completed_by": who, "updated_at": at, "result": list(result), **more}


def task(*annotations: Any, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "data": {"id": f"a-{number}", "text": TEXT}, "annotations": list(annotations), **more}


@pytest.fixture
def pull(parties: Schema):
    def run(*tasks: Any, **options: Any) -> tuple[Pulled, Ledger]:
        ledger = Ledger(source="export")
        return articles_of(json.loads(json.dumps(tasks)), parties, ledger, **options), ledger

    return run


def marks(article: Article) -> set[str]:
    return {e.text for e in article.entities}


def links(article: Article) -> set[tuple[str, str, str]]:
    text = {e.id: e.text for e in article.entities}
    return {(r.type, text[r.head], text[r.tail]) for r in article.relations}


A, B, C = region("甲院"), region("乙院"), region("丙院")
THREE = (annotation(A, B, link("SIGNED_WITH", "甲院", "乙院"), who={"id": 1, "email": "li@example.com"}, at="2024-05-03"),
         annotation(A, B, link("SIGNED_WITH", "乙院", "甲院", "bi"), who={"id": 2, "email": "wu@example.com"}, at="2024-05-01", ground_truth=True),
         annotation(A, C, who={"id": 3, "email": "he@example.com"}, at="2024-05-02"))


@pytest.mark.parametrize(("rule", "annotator", "expected", "pairs"), [
    ("latest", None, {"甲院", "乙院"}, 1), ("annotator", "he@example.com", {"甲院", "丙院"}, 0), ("annotator", "nobody", None, 0),
    ("ground-truth", None, {"甲院", "乙院"}, 1), ("majority", None, {"甲院", "乙院"}, 1)])
def test_the_rule_for_several_annotations(pull, rule: str, annotator: str | None, expected: set[str] | None, pairs: int) -> None:
    found, ledger = pull(task(*THREE), rule=rule, annotator=annotator)
    if expected is None:
        assert not found.articles and ledger.counts == {"annotated tasks that have none by the rule annotator": 1}
        return
    article, = found.articles
    assert marks(article) == expected and len(article.relations) == pairs
    assert ledger.counts["annotations passed over for another of the same task"] == 2


def test_majority_of_two_takes_what_both_marked_and_one_annotator_has_one_vote(pull) -> None:
    found, _ = pull(task(annotation(A, B, who=1), annotation(A, C, who=2)), rule="majority")
    assert marks(found.articles[0]) == {"甲院"}
    found, _ = pull(task(annotation(A, B, who=1, at="1"), annotation(A, B, who=1, at="2"), annotation(A, who=2)), rule="majority")
    assert marks(found.articles[0]) == {"甲院"}
    found, _ = pull(task(annotation(A, B, who=1)), rule="majority")
    assert marks(found.articles[0]) == {"甲院", "乙院"}


def test_agreement_per_label_and_pair(pull) -> None:
    found, _ = pull(task(*THREE), task(THREE[0], number=2))
    by_pair = {p.annotators: {r.name: r for r in p.rows} for p in found.pairs}
    assert set(by_pair) == {("he@example.com", "li@example.com"), ("he@example.com", "wu@example.com"), ("li@example.com", "wu@example.com")}
    same, other = by_pair["li@example.com", "wu@example.com"], by_pair["he@example.com", "li@example.com"]
    assert same["HOSPITAL"].f1 == same["SIGNED_WITH"].f1 == same["all entities"].kappa == 1 and "events" not in same
    assert (other["HOSPITAL"].both, other["HOSPITAL"].only_a, other["HOSPITAL"].only_b) == (1, 1, 1) and other["SIGNED_WITH"].f1 == 0
    assert all(p.tasks == 1 for p in found.pairs)


def test_everything_that_is_not_used_is_counted(pull) -> None:
    prediction = {"parent_prediction": 7, "prediction": {"result": [A, B, region("张三")]}}
    found, ledger = pull(
        task(annotation(was_cancelled=True)), task(number=2, drafts=[5, {"id": 6}]), task(annotation(), number=3),
        task(annotation({"type": "choices", "from_name": "signing", "id": "c", "value": {"choices": ["no signing"]}}), number=4),
        task(annotation(A, region("乙院", label="ORG"), C, link("SIGNED_WITH", "甲院", "gone"), link(None, "甲院", "乙院"),
                        link("SIGNED_WITH", "乙院", "甲院"), link("SIGNED_WITH", "甲院", "乙院", "bi"), **prediction), number=5))
    assert [a.id for a in found.articles] == ["a-4", "a-5"] and found.articles[0].entities == ()
    assert links(found.articles[1]) == {("SIGNED_WITH", "甲院", "乙院")}
    assert ledger.counts == {
        "annotations skipped by the annotator": 1, "drafts that were never submitted": 2, 'empty annotations that do not say "no signing"': 1,
        "tasks without a submitted annotation": 3, "articles said to tell of no signing": 1, "relations to deleted regions": 1,
        "relations without a label": 1, "relations drawn twice": 1, "pre-annotated regions deleted by the annotator": 1,
        "pre-annotated regions corrected by the annotator": 1, "regions added to the pre-annotation": 1}
    assert [(r.article, r.reason) for r in found.refused] == [
        ("a-5", "a relation to a deleted region"), ("a-5", "a relation without a type")]
    found, ledger = pull(task(annotation(A, {**B, "value": {**B["value"], "labels": []}})))
    assert marks(found.articles[0]) == {"甲院"} and [r.reason for r in found.refused] == ["a region without a label"]
    assert len(pull(task(annotation()), keep_empty=True)[0].articles) == 1


def test_what_a_person_submitted_carries_no_score_of_the_model(pull) -> None:
    found, _ = pull(task(annotation({**A, "score": 0.7}, B, {**link("SIGNED_WITH", "甲院", "乙院"), "score": 0.6})))
    assert {e.score for e in found.articles[0].entities} == {r.score for r in found.articles[0].relations} == {None}


def test_directions_follow_the_schema(pull) -> None:
    found, ledger = pull(task(annotation(
        A, region("院长"), region("张三"), B, link("HOLDS_ROLE", "院长", "张三"), link("WORKS_AT", "甲院", "张三", "left"),
        link("SIGNED_FOR", "张三", "甲院"), link("SIGNED_WITH", "乙院", "甲院"), link("HOLDS_ROLE", "甲院", "乙院"))))
    assert links(found.articles[0]) == {("HOLDS_ROLE", "张三", "院长"), ("WORKS_AT", "张三", "甲院"), ("SIGNED_FOR", "张三", "甲院"),
                                        ("SIGNED_WITH", "甲院", "乙院")}
    assert ledger.counts == {"relations drawn the wrong way round, turned": 1, "relations between labels that their type does not admit": 1}
    assert "not admissible" in found.refused[0].reason


def test_bad_items_cost_only_themselves(pull) -> None:
    found, ledger = pull(
        task(annotation(A, region("乙院", at=0), {**region("丙院"), "value": {"start": "x"}}, {**B, "id": "b"}, region("院长", at=1), "junk",
                        {"id": "far", "type": "labels", "value": {"start": 0, "end": 2, "text": "丁院", "labels": ["HOSPITAL"]}})),
        "no task", {"id": 3}, {"id": 4, "data": {"text": 5}}, task("no annotation", {"result": 5}, annotation(B), number=5),
        {**task(annotation(A), number=6), "data": {"id": "a-6", "text": TEXT, "text_sha256": "0" * 64}}, task(annotation(A), number=5))
    assert [a.id for a in found.articles] == ["a-1", "a-5"]
    # 乙院 and 院长 are said to stand elsewhere, and stand only once: their text proves where.
    assert marks(found.articles[0]) == {"甲院", "院长", "乙院"}
    assert ledger.counts["regions moved: by its text, which stands once in the article"] == 2
    reasons = " | ".join(r.reason for r in found.refused)
    for part in ("malformed", "expected '甲院', found '丁院'", "overlaps another region", "no text task", "an annotation that is none",
                 "not the one that was pushed", "another task of the export has this article id"):
        assert part in reasons, part
    assert len(ledger.faults) >= 8


def test_events_come_back_where_nobody_touched_the_marks(pull, seeds: list[Article], parties: Schema) -> None:
    interface = interface_of(labelling_config(parties), parties, place="x")
    tasks = build_tasks(seeds, parties, interface, Ledger(source="x"))
    for number, made in enumerate(tasks, start=1):
        made.update(id=number, annotations=[annotation(*made["annotations"][0]["result"])])
    found, ledger = pull(*tasks)
    assert not ledger.counts and not ledger.faults
    for back, seed in zip(found.articles, seeds, strict=True):
        assert (back.entities, back.events, back.clusters, back.published) == (seed.entities, seed.events, seed.clusters, seed.published)
        assert set(back.relations) == set(seed.relations)
    tasks[0]["annotations"][0]["result"].pop()
    found, ledger = pull(*tasks)
    assert found.articles[0].events == () and found.articles[1].events == seeds[1].events
    assert ledger.counts["articles whose events were left out: their marks were changed"] == 1


@pytest.mark.parametrize(("name", "content", "said"), [
    ("min.json", b'[{"id": 1, "text": "x", "label": [{"start": 0, "end": 1}]}]', "JSON_MIN"),
    ("o.csv", "id,text,label\n1,甲院,\n".encode(), "CSV or TSV"), ("o.tsv", b"id\ttext\n", "CSV or TSV"),
    ("o.conll", b"-DOCSTART- -X- O\nx -X- _ O\n", "CoNLL"), ("o.zip", b"PK\x03\x04rest", "packed archive"), ("bad", b"\xff\xfe", "no valid JSON"),
    ("deep", b"[" * 100_000, "no valid JSON")])
def test_exports_without_relations_are_refused(tmp_path: Path, call, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_export(tmp_path / name)
    told = call(main, "pull", "--from", tmp_path / name, "--output", tmp_path / "gold.jsonl")
    assert told.code == 1 and "export the project as JSON" in told.err and not list(tmp_path.glob("gold*"))


def test_the_command_writes_gold_report_and_quarantine(tmp_path: Path, call) -> None:
    export = tmp_path / "export.json"
    export.write_text(json.dumps([task(*THREE), task(annotation(A, link("SIGNED_WITH", "甲院", "gone")), number=2)]), encoding="utf-8")
    said = call(main, "pull", "--from", export, "--output", tmp_path / "gold.jsonl", "--several", "majority")
    assert said.code == 0 and "agreement of he@example.com (A) and li@example.com (B) over 1 articles" in said.out, said.err
    assert "1 relations to deleted regions" in said.err and "1 put aside" in said.out
    assert [a.id for a in read_jsonl(tmp_path / "gold.jsonl")] == ["a-1", "a-2"]
    aside = json.loads((tmp_path / "gold.quarantine.jsonl").read_text(encoding="utf-8"))
    assert aside["task"] == "2" and aside["annotation"] == "10" and aside["item"]["to_id"] == "gone"
    report = json.loads((tmp_path / "gold.report.json").read_text(encoding="utf-8"))
    assert report["entities"] == {"HOSPITAL": 3} and len(report["agreement"]) == 3 and report["agreement"][0]["rows"][0]["f1"] == 0.5
    assert call(main, "pull", "--from", export, "--output", tmp_path / "x.jsonl", "--several", "annotator").code == 2
    assert call(main, "pull", "--from", tmp_path / "none.json", "--output", tmp_path / "x.jsonl").code == 1
    export.write_text("[]", encoding="utf-8")
    assert call(main, "pull", "--from", export, "--output", tmp_path / "x.jsonl").code == 1 and not (tmp_path / "x.jsonl").exists()
