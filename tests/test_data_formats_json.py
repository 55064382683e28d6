"""CLUENER and DuIE lines and Label Studio exports, as published or exported, and malformed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from data.article import Article, Entity, Relation
from data.errors import DataError
from data.formats.base import Ledger
from data.formats.duie import LOST
from data.formats.label_studio import article_to_task, task_to_article
from data.validate import validate_articles

ReadFormat = Callable[..., tuple[list[Article], Ledger]]


def spans(article: Article) -> list[tuple[str, str]]:
    return [(e.text, e.label) for e in article.entities]


def places(ledger: Ledger) -> list[str]:
    return [f.place for f in ledger.faults]


def lines(*records: Any) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in records)


def test_cluener_as_published_and_as_spans(read_format: ReadFormat) -> None:
    text = "记者林强在城东医院见到林强"
    published = {"text": text, "label": {"name": {"林强": [[2, 3], [11, 12]]}, "organization": {"城东医院": [[5, 8]]}}}
    as_spans = {"text": text, "entities": [{"start": 2, "end": 4, "label": "name"}, {"start": 5, "end": 9, "label": "organization"},
                                           {"start": 11, "end": 13, "label": "name"}]}
    found, ledger = read_format("cluener", lines(published, as_spans), file="train.json")
    assert [a.id for a in found] == ["train-1", "train-2"] and not ledger.faults
    assert spans(found[0]) == spans(found[1]) == [("林强", "name"), ("城东医院", "organization"), ("林强", "name")]


def test_cluener_malformed(read_format: ReadFormat) -> None:
    found, ledger = read_format("cluener", lines(
        {"text": "林强", "label": {}}, "{", [1], {"label": {}}, {"text": "林强"}, {"text": "林强", "label": {"name": 3}},
        {"text": "林强", "entities": [{"start": "0", "end": 1, "label": "name"}]},
        {"text": "林强来了", "label": {"name": {"林强": [[1, 2]], "来": [[2, 2]]}}},
        {"text": "林强", "entities": [{"start": 0, "end": 9, "label": "name"}, {"start": 0, "end": 2, "label": "name"}]}))
    assert [a.id for a in found] == ["train-1", "train-8", "train-9"]
    assert places(ledger) == [f"line {n}" for n in (2, 3, 4, 5, 6, 7, 8, 9)]
    assert spans(found[1]) == [("来", "name")] and spans(found[2]) == [("林强", "name")]
    assert "expected '强来', found '林强'" in ledger.faults[6].reason


def test_overlaps_are_counted_and_the_longer_stays(read_format: ReadFormat) -> None:
    record = {"text": "城东医院长", "entities": [{"start": 0, "end": 2, "label": "a"}, {"start": 0, "end": 4, "label": "b"},
                                             {"start": 3, "end": 5, "label": "c"}, {"start": 4, "end": 5, "label": "d"}]}
    found, ledger = read_format("cluener", lines(record))
    assert spans(found[0]) == [("城东医院", "b"), ("长", "d")] and ledger.counts == {"entities that overlap another": 2}


def spo(subject: str, predicate: str, object_: Any, types: tuple[str, Any] = ("作品", "人物")) -> dict[str, Any]:
    return {"subject": subject, "predicate": predicate, "object": object_, "subject_type": types[0], "object_type": types[1]}


def test_duie_places_triples(read_format: ReadFormat) -> None:
    text = "林强写了《山路》，山路由林强自己配音，林强满意"
    found, ledger = read_format("duie", lines(
        {"text": text, "spo_list": [spo("山路", "作者", "林强"), spo("山路", "作者", "林强"), spo("山路", "导演", "高山")]}))
    article = found[0]
    assert spans(article) == [("林强", "人物"), ("山路", "作品"), ("山路", "作品"), ("林强", "人物"), ("林强", "人物")]
    assert [(r.type, r.head, r.tail) for r in article.relations] == [("作者", "T3", "T4")]
    assert ledger.counts == {LOST: 1} and validate_articles(found) == []


def test_duie_slots_become_relations(read_format: ReadFormat) -> None:
    found, _ = read_format("duie", lines({"text": "林强在山路里给石头配音", "spo_list": [
        spo("林强", "配音", {"@value": "石头", "inWork": "山路", "period": ""}, ("人物", {"@value": "角色", "inWork": "作品", "period": "Date"}))]}))
    by_id = {e.id: e.text for e in found[0].entities}
    assert {(r.type, by_id[r.head], by_id[r.tail]) for r in found[0].relations} == {("配音", "林强", "石头"), ("配音_inWork", "林强", "山路")}


def test_duie_mentions_inside_longer_ones(read_format: ReadFormat) -> None:
    found, ledger = read_format("duie", lines({"text": "《林强传》写林强", "spo_list": [spo("林强传", "主角", "林强"), spo("林强传", "主角", "强")]}))
    assert spans(found[0]) == [("林强传", "作品"), ("林强", "人物")] and len(found[0].relations) == 1 and ledger.counts == {LOST: 1}


def test_duie_malformed(read_format: ReadFormat) -> None:
    good = {"text": "山路林强", "spo_list": [spo("山路", "作者", "林强")]}
    found, ledger = read_format("duie", lines(good, {"text": "x"}, {"text": "x", "spo_list": [{"subject": "x"}]}, "oops",
                                                      {"text": "x", "spo_list": [spo("a", "b", 3)]}, good))
    assert [a.id for a in found] == ["train-1", "train-6"] and places(ledger) == [f"line {n}" for n in (2, 3, 4, 5)]


def region(number: str, start: int, end: int, label: str = "ORG", **more: Any) -> dict[str, Any]:
    return {"id": number, "from_name": "l", "to_name": "t", "type": "labels", "value": {"start": start, "end": end, "labels": [label], **more}}


def tasks_file(read_format: ReadFormat, *tasks: Any) -> tuple[list[Article], Ledger]:
    return read_format("label-studio", json.dumps(tasks, ensure_ascii=False), file="export.json")


def test_label_studio_relations_and_directions(read_format: ReadFormat) -> None:
    relation = {"type": "relation", "from_id": "x", "to_id": "y"}
    found, ledger = tasks_file(read_format, {"id": 7, "data": {"text": "甲院和\n😀乙院"}, "annotations": [{"result": [
        region("x", 0, 2, text="甲院"), region("y", 5, 7, "HOSPITAL"), region("z", 2, 5, text="和\\n😀"),
        {**relation, "direction": "right", "labels": ["A", "B"]}, {**relation, "direction": "left", "labels": ["C"]},
        {**relation, "direction": "right", "labels": []}, {"type": "choices", "value": {"choices": ["no"]}, "id": "c"}]}]})
    assert found[0].id == "7" and spans(found[0]) == [("甲院", "ORG"), ("乙院", "HOSPITAL"), ("和\n😀", "ORG")]
    assert [(r.type, r.head, r.tail) for r in found[0].relations] == [("A", "x", "y"), ("B", "x", "y"), ("C", "y", "x")]
    assert not ledger.faults and ledger.counts == {"relations without a label": 1, "results of type choices": 1}


def test_label_studio_takes_one_annotation(read_format: ReadFormat) -> None:
    def annotation(label: str, **more: Any) -> dict[str, Any]:
        return {"result": [region("x", 0, 2, label)], **more}

    data = {"text": "甲院"}
    found, ledger = tasks_file(
        read_format, {"id": 1, "data": data, "annotations": [annotation("new", updated_at="2024-05-02"), annotation("old", updated_at="2024-05-01")]},
        {"id": 2, "data": data, "annotations": [annotation("truth", ground_truth=True), annotation("new", updated_at="2024-05-02")]},
        {"id": 3, "data": data, "annotations": [annotation("skipped", was_cancelled=True)], "predictions": [{"model_version": "m1", **annotation("guess")}]},
        {"id": 4, "data": data, "annotations": [annotation("skipped", was_cancelled=True)]}, {"id": 5, "data": data, "annotations": []})
    assert [(a.id, a.entities[0].label, a.model) for a in found] == [("1", "new", None), ("2", "truth", None), ("3", "guess", "m1")]
    assert ledger.counts == {"annotations passed over for another of the same task": 2, "tasks that nobody has annotated": 2}


def test_label_studio_malformed(read_format: ReadFormat) -> None:
    def task(*result: Any) -> dict[str, Any]:
        return {"data": {"text": "甲院长"}, "annotations": [{"result": list(result)}]}

    found, ledger = tasks_file(
        read_format, {"id": 1, "text": "甲院", "label": [{"start": 0, "end": 2}]}, {"data": {"image": "x"}, "annotations": []}, "task",
        task(region("x", 0, 2, text="乙院"), region("y", 0, 9), region("z", 1, 3)), task({"type": "labels", "id": "q", "value": {"labels": ["A"]}}),
        task({"type": "labels", "id": "q", "value": {"start": "/div[1]", "end": 2, "labels": ["A"]}}, region("x", 0, 2), region("x", 2, 3)))
    assert [spans(a) for a in found] == [[("院长", "ORG")], [], [("甲院", "ORG")]]
    assert places(ledger) == ["task 1", "task 2", "task 3", "task 4", "task 4", "task 5", "task 6", "task 6"]
    assert "JSON-MIN" in ledger.faults[0].reason and "found '/div[1]'" in ledger.faults[6].reason
    assert [a.id for a in found] == ["task 4", "task 5", "task 6"]


@pytest.mark.parametrize("text", ["", "{", "id,text\n1,x\n", "[" * 100_000])
def test_no_label_studio_export(read_format: ReadFormat, text: str) -> None:
    with pytest.raises(DataError, match="expected a Label Studio export"):
        read_format("label-studio", text)


def test_predictions_go_and_come_with_scores() -> None:
    entity = Entity(id="T1", char_start=0, char_end=2, label="ORG", text="甲院", score=0.75)
    article = Article(id="a", text="甲院乙院", published="2024-05-01", publisher="甲院", model="runs/x", entities=(
        entity, replace(entity, id="T2", char_start=2, char_end=4, text="乙院")), relations=(Relation(type="S", head="T1", tail="T2", score=0.5),))
    task = article_to_task(article, Ledger(source="x"), schema=None)
    assert task["annotations"] == [] and task["predictions"][0]["model_version"] == "runs/x"
    assert task_to_article(json.loads(json.dumps(task)), Ledger(source="x")) == article
