"""Both baselines: names, order, no look at the answers, and what the majority learns."""

from __future__ import annotations

from data.article import Article, Entity, Relation
from data.schema import RelationType, Schema
from eval.baselines import MajorityPredictor, baseline_predictions

SCHEMA = Schema(name="tiny", labels=("HOSPITAL", "PERSON"), relations=(
    RelationType(name="WORKS_AT", head=frozenset({"PERSON"}), tail=frozenset({"HOSPITAL"})),
    RelationType(name="SIGNED_WITH", head=frozenset({"HOSPITAL"}), tail=frozenset({"HOSPITAL"}), symmetric=True)))


def article(text: str, marks: list[tuple[str, str]], links: list[tuple[str, int, int]] = [], id: str = "a") -> Article:  # noqa: B006
    entities = []
    reached = 0
    for i, (surface, label) in enumerate(marks):
        start = text.index(surface, reached)
        reached = start + len(surface)
        entities.append(Entity(id=f"T{i}", char_start=start, char_end=reached, label=label, text=surface))
    relations = tuple(Relation(type=k, head=f"T{h}", tail=f"T{t}") for k, h, t in links)
    return Article(id=id, text=text, entities=tuple(entities), relations=relations)


TRAIN = [
    article("康宁王五来了。", [("康宁", "HOSPITAL"), ("王五", "PERSON")], [("WORKS_AT", 1, 0)]),
    article("康宁王五到。康宁在。", [("康宁", "HOSPITAL"), ("王五", "PERSON"), ("康宁", "PERSON")], [("WORKS_AT", 1, 0)]),
    article("康宁、康宁分院。", [("康宁", "HOSPITAL"), ("康宁分院", "HOSPITAL")]),
]


def test_majority_takes_frequent_labels_longest_match_and_frequent_relations() -> None:
    gold = [Article(id="x", text="康寧(níng)分院王五,\n王五。康宁", published="2024-01-01")]
    found = baseline_predictions(gold, TRAIN, SCHEMA)["majority"][0]
    assert [(e.text, e.label) for e in found.entities] == [
        ("康寧(níng)分院", "HOSPITAL"), ("王五", "PERSON"), ("王五", "PERSON"), ("康宁", "HOSPITAL")]
    assert all(found.text[e.char_start : e.char_end] == e.text for e in found.entities)
    assert [(r.type, r.head, r.tail) for r in found.relations] == [("WORKS_AT", "T2", "T1")]
    assert found.model == "majority"
    assert found.published == "2024-01-01"


def test_majority_needs_more_than_half_of_the_pairs() -> None:
    assert MajorityPredictor.from_articles(TRAIN, SCHEMA).habitual == {("WORKS_AT", "PERSON", "HOSPITAL")}
    against = article("康宁王五。", [("康宁", "HOSPITAL"), ("王五", "PERSON")])
    assert MajorityPredictor.from_articles([*TRAIN, against, against], SCHEMA).habitual == frozenset()


def test_without_training_the_majority_says_nothing_and_rules_still_work() -> None:
    gold = [Article(id="x", text="滨河市中医院院长李刚到访。"), Article(id="y", text="")]
    found = baseline_predictions(gold, [], SCHEMA)
    assert list(found) == ["rules", "majority"]
    assert all(not a.entities and not a.relations and not a.events for a in found["majority"])
    assert [e.text for e in found["rules"][0].entities] == ["滨河市中医院", "李刚"]
    assert all([a.id for a in guesses] == ["x", "y"] for guesses in found.values())
    assert all(a.model == name for name, guesses in found.items() for a in guesses)


def test_baselines_do_not_read_the_answers() -> None:
    bare = Article(id="x", text="康宁王五在此。")
    answered = article("康宁王五在此。", [("在此", "PERSON")], id="x")
    assert baseline_predictions([bare], TRAIN, SCHEMA) == baseline_predictions([answered], TRAIN, SCHEMA)


def test_labels_outside_the_schema_are_not_predicted() -> None:
    train = [article("昨日康宁。", [("昨日", "DATE"), ("康宁", "HOSPITAL")])]
    found = baseline_predictions([Article(id="x", text="昨日康宁。")], train, SCHEMA)
    assert all({e.label for a in guesses for e in a.entities} <= {"HOSPITAL"} for guesses in found.values())
