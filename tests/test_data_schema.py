"""Labels and relation types come from the file; what a schema lacks is dropped and counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from data.article import Article, Entity, Event, Link, Relation, Signatory
from data.errors import UsageError
from data.schema import Schema, load_schema, restrict, schema_from_dict, schema_of


def test_the_default_schema(hospital: Schema) -> None:
    assert hospital.labels == ("HOSPITAL", "PERSON", "ROLE", "DATE")
    assert hospital.tags == ("O", "B-HOSPITAL", "I-HOSPITAL", "B-PERSON", "I-PERSON", "B-ROLE", "I-ROLE", "B-DATE", "I-DATE")
    assert [r.name for r in hospital.relations] == ["SIGNED_WITH", "SIGNED_FOR", "HOLDS_ROLE", "WORKS_AT", "SIGNED_ON"]
    assert [r.name for r in hospital.relations if r.symmetric] == ["SIGNED_WITH"]


def test_the_extended_schema_lets_org_stand_where_hospital_does(hospital: Schema, parties: Schema) -> None:
    assert parties.labels == (*hospital.labels, "ORG")
    for plain, extended in zip(hospital.relations, parties.relations, strict=True):
        def widened(labels: frozenset[str]) -> frozenset[str]:
            return labels | {"ORG"} if "HOSPITAL" in labels else labels

        assert (extended.name, extended.symmetric) == (plain.name, plain.symmetric)
        assert (extended.head, extended.tail) == (widened(plain.head), widened(plain.tail))


def test_admissible_pairs_are_ordered(hospital: Schema) -> None:
    def names(head: str, tail: str) -> list[str]:
        return [hospital.relations[i].name for i in hospital.admissible(head, tail)]

    assert names("HOSPITAL", "HOSPITAL") == ["SIGNED_WITH"]
    assert names("PERSON", "HOSPITAL") == ["SIGNED_FOR", "WORKS_AT"]
    assert names("HOSPITAL", "PERSON") == []
    assert names("HOSPITAL", "DATE") == ["SIGNED_ON"]
    assert names("PERSON", "PERSON") == []


def test_saved_form_round_trips_and_keeps_the_order(parties: Schema) -> None:
    assert schema_from_dict(parties.to_dict()) == parties
    reordered = {"name": "x", "labels": ["B", "A"], "relations": [
        {"name": "Z", "head": ["A"], "tail": ["B"], "symmetric": False},
        {"name": "C", "head": ["B"], "tail": ["B"], "symmetric": True}]}
    schema = schema_from_dict(reordered)
    assert [r.name for r in schema.relations] == ["Z", "C"] and schema.labels == ("B", "A")
    assert schema.to_dict() == reordered


def test_a_schema_without_relations_is_legal() -> None:
    schema = schema_from_dict({"labels": ["name", "company"]})
    assert schema.relations == () and schema.tags == ("O", "B-name", "I-name", "B-company", "I-company")
    assert schema.admissible("name", "company") == () and schema.relation("X") is None


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        schema_from_dict({"labels": ["A", "A"], "colour": 1, "relations": {
            "R": {"head": ["A"], "tail": ["C"]}, "S": {"head": ["A"]},
            "T": {"head": ["A"], "tail": ["A"], "symetric": True}}}, place="my.yaml")
    message = str(caught.value)
    assert caught.value.exit_code == 2
    for part in ("my.yaml", "stands twice", "relations.R", "['C']", "relations.S", "'symetric'", "'colour'", "repair"):
        assert part in message


@pytest.mark.parametrize("record", [None, [], "x", {}, {"labels": []}, {"labels": "A"}, {"labels": [1]}])
def test_what_is_no_schema_is_refused(record: object) -> None:
    with pytest.raises(UsageError):
        schema_from_dict(record)


@pytest.mark.parametrize("relations", ["R", ["R"], {"R": {"head": 5, "tail": ["A"]}}])
def test_relations_of_a_wrong_shape_are_refused(relations: object) -> None:
    with pytest.raises(UsageError):
        schema_from_dict({"labels": ["A"], "relations": relations})


def test_file_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such schema file"):
        load_schema(tmp_path / "none.yaml")
    path = tmp_path / "broken.yaml"
    path.write_text("labels: [A", encoding="utf-8")
    with pytest.raises(UsageError, match="no valid YAML") as caught:
        load_schema(path)
    assert str(path) in str(caught.value)


def test_yaml_is_read_with_the_safe_loader(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text(f"labels: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']", encoding="utf-8")
    with pytest.raises(UsageError):
        load_schema(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("path", sorted(Path("configs/schema").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_schema_loads(path: Path) -> None:
    schema = load_schema(path)
    assert schema.name == path.stem


def test_restrict_counts_what_it_drops(hospital: Schema) -> None:
    def entity(i: int, label: str) -> Entity:
        return Entity(id=f"T{i}", char_start=i, char_end=i + 1, label=label, text="文")

    article = Article(
        id="a", text="文" * 10,
        entities=(entity(0, "HOSPITAL"), entity(1, "ORG"), entity(2, "ORG"), entity(3, "PERSON"), entity(4, "LAW")),
        relations=(Relation(type="SIGNED_WITH", head="T0", tail="T1"), Relation(type="WORKS_AT", head="T3", tail="T0"),
                   Relation(type="WORKS_AT", head="T3", tail="T2"), Relation(type="KNOWS", head="T3", tail="T3"),
                   Relation(type="WORKS_AT", head="T0", tail="T3")),
        events=(Event(parties=("甲",), other_parties=("乙",), evidence=("T0", "T1"), signatories=(
                    Signatory(person="张", hospital="甲"), Signatory(person="李", hospital="乙"), Signatory(person="王"))),
                Event(parties=(), other_parties=("乙", "丙"))),
        clusters=(("T0", "T1"), ("T2",)))
    dropped: Counter[str] = Counter()
    kept = restrict(article, hospital, dropped)
    assert dropped == {"entity:ORG": 2, "entity:LAW": 1, "relation:SIGNED_WITH": 1, "relation:WORKS_AT": 2,
                       "relation:KNOWS": 1, "event": 1}
    assert [e.id for e in kept.entities] == ["T0", "T3"]
    assert kept.relations == (Relation(type="WORKS_AT", head="T3", tail="T0"),)
    assert kept.events == (Event(parties=("甲",), evidence=("T0",), signatories=(
        Signatory(person="张", hospital="甲"), Signatory(person="王"))),)
    assert kept.clusters == (("T0",),)
    assert restrict(kept, hospital) == kept


def test_restrict_to_the_full_schema_keeps_the_seeds_whole(seeds: list[Article], parties: Schema) -> None:
    dropped: Counter[str] = Counter()
    assert [restrict(a, parties, dropped) for a in seeds] == seeds
    assert not dropped


def test_restrict_of_the_seeds_drops_org_and_its_relations_only(seeds: list[Article], hospital: Schema) -> None:
    dropped: Counter[str] = Counter()
    kept = [restrict(a, hospital, dropped) for a in seeds]
    assert set(dropped) == {"entity:ORG", "relation:WORKS_AT"}
    assert dropped["entity:ORG"] == sum(e.label == "ORG" for a in seeds for e in a.entities)
    for before, after in zip(seeds, kept, strict=True):
        org = {e.id for e in before.entities if e.label == "ORG"}
        assert after.relations == tuple(r for r in before.relations if not {r.head, r.tail} & org)


def test_a_schema_read_off_the_data(seeds: list[Article], parties: Schema) -> None:
    schema = schema_of(seeds, "seeds")
    assert schema.name == "seeds" and schema.labels == tuple(sorted(parties.labels))
    assert [r.name for r in schema.relations] == sorted(r.name for r in parties.relations)
    signed_for = schema.relation("SIGNED_FOR")
    assert signed_for and signed_for.head == {"PERSON"} and signed_for.tail <= {"HOSPITAL", "ORG"} and not signed_for.symmetric
    assert [restrict(a, schema).relations for a in seeds] == [a.relations for a in seeds]
    assert schema_from_dict(schema.to_dict()) == schema
    assert schema_of([Article(id="a", text="x")], "none").labels == ()


def test_restrict_drops_the_links_of_dropped_parties(hospital: Schema, parties: Schema) -> None:
    event = Event(parties=("甲",), other_parties=("乙大学",), links=(Link(name="甲", kind="none"), Link(name="乙大学", kind="none")))
    article = Article(id="a", text="甲与乙大学", events=(event,))
    assert [k.name for k in restrict(article, hospital).events[0].links] == ["甲"]
    assert restrict(article, parties).events == (event,)
