"""Every kind of fault is found, all at once, with id, offset, expected and found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.article import Article, Entity, Event, Link, LinkCandidate, Relation, write_jsonl
from data.schema import Schema
from data.validate import main, validate_articles, validate_file

TEXT = "甲医院与乙医院签约，院长张三出席。"


def entity(name: str, start: int, end: int, label: str, text: str | None = None) -> Entity:
    return Entity(id=name, char_start=start, char_end=end, label=label, text=TEXT[start:end] if text is None else text)


def article(*entities: Entity, relations: tuple[Relation, ...] = (), **more: object) -> Article:
    return Article(id="a-1", text=TEXT, entities=entities, relations=relations, **more)  # type: ignore[arg-type]


A, B, ROLE, ZHANG = (entity("T1", 0, 3, "HOSPITAL"), entity("T2", 4, 7, "HOSPITAL"), entity("T3", 10, 12, "ROLE"),
                     entity("T4", 12, 14, "PERSON"))
SIGNED = Relation(type="SIGNED_WITH", head="T1", tail="T2")


def test_a_right_article_has_no_fault(hospital: Schema) -> None:
    link = Link(name="甲医院", kind="exact", id="1", best=LinkCandidate(id="1", name="甲医院", score=1.0))
    event = Event(parties=("甲医院", "乙医院"), evidence=("T1",), sentences=((0, 17),), links=(link, Link(name="乙医院", kind="none")))
    right = article(A, B, ROLE, ZHANG, relations=(SIGNED, Relation(type="HOLDS_ROLE", head="T4", tail="T3")), events=(event,), clusters=(("T1",), ("T2",)))
    assert validate_articles([right], hospital) == []


KINDS = {
    "text differs": (article(entity("T1", 0, 3, "HOSPITAL", "乙医院")), "a-1: entity T1 at 0-3: expected '甲医院', found '乙医院'"),
    "past the end": (article(entity("T1", 14, 99, "PERSON", "x")), "a-1: entity T1 at 14-99: expected offsets within 0-17, start before end"),
    "negative": (article(entity("T1", -3, 2, "PERSON", "x")), "a-1: entity T1 at -3-2: expected offsets within 0-17, start before end"),
    "empty": (article(entity("T1", 3, 3, "PERSON", "")), "a-1: entity T1 at 3-3: expected offsets within 0-17, start before end"),
    "turned round": (article(entity("T1", 5, 3, "PERSON", "")), "a-1: entity T1 at 5-3: expected offsets within 0-17, start before end"),
    "overlap": (article(A, entity("T9", 2, 5, "HOSPITAL")), "a-1: entity T9 at 2-5: overlaps entity T1; spans are flat"),
    "same span twice": (article(A, entity("T9", 0, 3, "PERSON")), "a-1: entity T9 at 0-3: overlaps entity T1; spans are flat"),
    "id twice": (article(A, replace(B, id="T1")), "a-1: an entity id stands twice"),
    "label": (article(replace(A, label="HOSPITL")), "a-1: entity T1 at 0-3: expected a label among HOSPITAL PERSON ROLE DATE, found 'HOSPITL'"),
    "relation end": (article(A, relations=(SIGNED,)), "a-1: relation SIGNED_WITH T1 -> T2: no entity T2"),
    "relation twice": (article(A, B, relations=(SIGNED, SIGNED)), "a-1: relation SIGNED_WITH T1 -> T2: stands twice"),
    "relation type": (article(A, B, relations=(replace(SIGNED, type="SIGNED"),)),
                      "a-1: relation SIGNED T1 -> T2: expected a type among SIGNED_WITH SIGNED_FOR HOLDS_ROLE WORKS_AT SIGNED_ON"),
    "relation ends": (article(A, ZHANG, relations=(Relation(type="WORKS_AT", head="T1", tail="T4"),)),
                      "a-1: relation WORKS_AT T1 -> T4: expected PERSON -> HOSPITAL, found HOSPITAL -> PERSON"),
    "relation turned": (article(A, B, relations=(Relation(type="SIGNED_WITH", head="T2", tail="T1"),)),
                        "a-1: relation SIGNED_WITH T2 -> T1: a symmetric relation is stored head first in the text"),
    "evidence": (article(A, B, events=(Event(parties=("甲", "乙"), evidence=("T1", "T7")),)), "a-1: event of 甲 + 乙: evidence ['T7'] is no entity"),
    "sentence": (article(A, events=(Event(parties=("甲",), sentences=((0, 4), (9, 99))),)),
                 "a-1: event of 甲: expected sentence offsets within 0-17, start before end, found 9-99"),
    "link of nobody": (article(A, events=(Event(parties=("甲",), links=(Link(name="乙", kind="none"),)),)), "a-1: event of 甲: link 乙 is no party"),
    "link kind": (article(A, events=(Event(parties=("甲",), links=(Link(name="甲", kind="near"),)),)),
                  "a-1: event of 甲: link 甲: expected a kind among exact alias close ambiguous none, found 'near'"),
    "link without id": (article(A, events=(Event(parties=("甲",), links=(Link(name="甲", kind="exact"),)),)),
                        "a-1: event of 甲: link 甲: exact lacks its id"),
    "link with id": (article(A, events=(Event(parties=("甲",), other_parties=("丙",), links=(Link(name="丙", kind="ambiguous", id="1"),)),)),
                     "a-1: event of 甲 + 丙: link 丙: ambiguous has an id"),
    "cluster": (article(A, clusters=(("T1", "T8"),)), "a-1: cluster ('T1', 'T8'): ['T8'] is no entity"),
    "undecided": (article(A, undecided=("T8",)), "a-1: undecided: T8 is no entity"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault(kind: str, hospital: Schema) -> None:
    wrong, fault = KINDS[kind]
    assert validate_articles([wrong], hospital) == [fault]


def test_all_faults_of_all_articles_come_at_once(hospital: Schema) -> None:
    articles = [replace(wrong, id=f"a-{i}") for i, (wrong, _) in enumerate(KINDS.values())]
    wanted = [fault.replace("a-1", f"a-{i}") for i, (_, fault) in enumerate(KINDS.values())]
    assert validate_articles(articles, hospital) == wanted


def test_an_article_id_twice() -> None:
    assert validate_articles([article(A), article(B)]) == ["a-1: the article id stands twice"]


def test_without_schema_labels_are_free() -> None:
    assert validate_articles([article(replace(A, label="X"), B, relations=(replace(SIGNED, type="Y"),))]) == []


def test_an_overlap_names_the_span_it_overlaps() -> None:
    outer, inner, late = entity("T1", 0, 9, "HOSPITAL"), entity("T2", 1, 3, "HOSPITAL"), entity("T3", 5, 7, "HOSPITAL")
    faults = validate_articles([article(outer, inner, late)])
    assert faults[1].endswith("overlaps entity T1; spans are flat")


def test_file_lines_that_cannot_be_read_are_faults_too(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    write_jsonl(path, [article(entity("T1", 0, 3, "HOSPITAL", "x"))])
    path.write_text("{broken\n" + path.read_text(encoding="utf-8") + '{"id": "b"}\n', encoding="utf-8")
    count, faults = validate_file(path)
    assert count == 1
    assert [f.partition(":")[0] for f in faults] == ["line 1", "line 3", "a-1"]


def test_the_command(tmp_path: Path, call) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    write_jsonl(good, [article(A, B, relations=(SIGNED,))])
    write_jsonl(bad, [article(replace(A, label="X"), entity("T2", 9, 99, "PERSON", "y"))])
    said = call(main, good, "--schema", "configs/schema/hospital.yaml")
    assert said.code == 0 and said.out == f"{good}: 1 articles, 0 faults\n"
    said = call(main, good, bad, tmp_path / "none.jsonl", "--schema", "configs/schema/hospital.yaml")
    assert said.code == 1
    assert f"{good}: 1 articles, 0 faults" in said.out and f"{bad}: 1 articles, 2 faults" in said.out
    assert "found 'X'" in said.out and "9-99" in said.out
    assert f"{tmp_path / 'none.jsonl'}: no such file" in said.err
    assert call(main, good, "--schema", tmp_path / "none.yaml").code == 2


@pytest.mark.parametrize("name", ["seeds.jsonl", "passes/a.jsonl", "passes/b.jsonl"])
def test_the_shipped_gold_is_valid(name: str, call) -> None:
    assert call(main, f"data/gold/{name}", "--schema", "configs/schema/parties.yaml").code == 0


def test_a_file_in_a_foreign_encoding_is_a_fault(tmp_path: Path, call) -> None:
    path = tmp_path / "gbk.jsonl"
    path.write_bytes('{"id": "a", "text": "市人民医院"}'.encode("gb18030"))
    assert call(main, path).code == 1


def test_an_empty_file_is_a_fault(tmp_path: Path, call) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert call(main, tmp_path / "empty.jsonl").code == 1
