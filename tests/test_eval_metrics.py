"""Strict scores, worked by hand: recall divides by all gold, and seqeval agrees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from data.article import Article, Entity, Event, Relation, Signatory
from data.schema import Schema, restrict
from eval.counts import Counts, bootstrap_interval, count_sets
from eval.event_scores import date_precision, dates_by_precision, event_counts
from eval.metrics import char_tags, entity_items, relation_items, score_articles, triple_counts

TEXT = "甲院乙院张三院长六月丙院"


def entity(name: str, start: int, label: str, length: int = 2) -> Entity:
    return Entity(id=name, char_start=start, char_end=start + length, label=label, text=TEXT[start : start + length])


A, B, P, R, D, C = (entity("T1", 0, "HOSPITAL"), entity("T2", 2, "HOSPITAL"), entity("T3", 4, "PERSON"), entity("T4", 6, "ROLE"),
                    entity("T5", 8, "DATE"), entity("T6", 10, "HOSPITAL"))
WITH = Relation(type="SIGNED_WITH", head="T1", tail="T2")
HOLDS = Relation(type="HOLDS_ROLE", head="T3", tail="T4")


def article(*entities: Entity, relations: tuple[Relation, ...] = (), events: tuple[Event, ...] = (), name: str = "a") -> Article:
    return Article(id=name, text=TEXT, entities=entities, relations=relations, events=events)


def test_counts_by_hand() -> None:
    counts = Counts(3, 1, 2) + Counts(0, 0, 1)
    assert counts == Counts(3, 1, 3)
    assert counts.precision == 0.75 and counts.recall == 0.5 and counts.f1 == pytest.approx(0.6)
    assert (Counts().precision, Counts().recall, Counts().f1) == (0.0, 0.0, 1.0)
    assert (Counts(0, 5, 0).f1, Counts(0, 0, 5).f1) == (0.0, 0.0)


@given(st.lists(st.integers(0, 6)), st.lists(st.integers(0, 6)))
def test_counts_of_collections_add_up(gold: list[int], predicted: list[int]) -> None:
    counts = count_sets(gold, predicted)
    assert counts.hits + counts.missed == len(gold) and counts.hits + counts.spurious == len(predicted)
    assert count_sets(gold, gold) == Counts(len(gold), 0, 0)


def test_an_item_predicted_twice_is_spurious_once() -> None:
    assert count_sets(["x"], ["x", "x"]) == Counts(1, 1, 0)


def test_entities_are_strict(hospital: Schema) -> None:
    gold = article(A, B, P, R)
    found = article(A, replace(B, char_end=3), replace(P, label="ROLE"))
    scores = score_articles([gold], [found], hospital)["entities"]
    assert (scores["micro"]["precision"], scores["micro"]["recall"]) == (1 / 3, 1 / 4)
    assert scores["micro"]["support"] == 4 and scores["micro"]["predicted"] == 3
    assert {n: s["f1"] for n, s in scores["by_name"].items()} == {"HOSPITAL": 0.5, "PERSON": 0.0, "ROLE": 0.0, "DATE": 1.0}
    # DATE has no gold: it takes no part in the macro average.
    assert scores["macro_f1"] == pytest.approx((0.5 + 0 + 0) / 3)


@st.composite
def flat(draw: st.DrawFn) -> tuple[Entity, ...]:
    entities, cursor = [], 0
    while cursor < len(TEXT):
        gap, length = draw(st.integers(0, 2)), draw(st.integers(1, 3))
        if cursor + gap + length > len(TEXT):
            break
        entities.append(entity(f"T{cursor}", cursor + gap, draw(st.sampled_from(["HOSPITAL", "PERSON", "ROLE", "DATE"])), length))
        cursor += gap + length
    return tuple(entities)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(flat(), flat()), min_size=1, max_size=3))
def test_seqeval_agrees(hospital: Schema, cases: list[tuple[tuple[Entity, ...], tuple[Entity, ...]]]) -> None:
    gold = [article(*g, name=str(i)) for i, (g, _) in enumerate(cases)]
    found = [article(*p, name=str(i)) for i, (_, p) in enumerate(cases)]
    tags = [[char_tags(len(TEXT), a.entities) for a in articles] for articles in (gold, found)]
    ours = score_articles(gold, found, hospital)["entities"]["micro"]["f1"]
    if any(a.entities for a in (*gold, *found)) and any(a.entities for a in gold):
        assert ours == pytest.approx(f1_score(*tags, mode="strict", scheme=IOB2, zero_division=0))


def test_overlapping_predictions_do_not_pass_unseen(hospital: Schema) -> None:
    with pytest.raises(ValueError, match="seqeval"):
        score_articles([article(A, B, P)], [article(A, entity("T9", 0, "PERSON", 3), B, P)], hospital)


def test_a_lost_entity_costs_its_relations(hospital: Schema) -> None:
    gold = article(A, B, P, R, relations=(WITH, HOLDS))
    found = article(A, P, R, relations=(HOLDS,))
    scores = score_articles([gold], [found], hospital)["relations"]
    assert scores["micro"]["recall"] == 0.5 and scores["micro"]["precision"] == 1.0
    assert scores["by_name"]["SIGNED_WITH"]["recall"] == 0.0 and scores["by_name"]["SIGNED_WITH"]["support"] == 1


def test_relations_are_strict_on_both_ends(hospital: Schema) -> None:
    gold = article(A, B, P, R, relations=(HOLDS,))
    for wrong in (replace(R, char_end=7), replace(R, label="DATE")):
        found = article(A, B, P, wrong, relations=(HOLDS,))
        assert score_articles([gold], [found], hospital)["relations"]["micro"]["f1"] == 0.0


def test_ids_do_not_matter_and_symmetric_relations_have_no_direction(hospital: Schema) -> None:
    gold = article(A, B, relations=(WITH,))
    found = article(replace(A, id="X"), replace(B, id="Y"), relations=(Relation(type="SIGNED_WITH", head="Y", tail="X"),))
    assert relation_items(gold, hospital) == relation_items(found, hospital)
    person = article(P, R, relations=(HOLDS,))
    turned = article(P, R, relations=(Relation(type="HOLDS_ROLE", head="T4", tail="T3"),))
    assert relation_items(person, hospital) != relation_items(turned, hospital)


def test_gold_against_itself_is_perfect(seeds: list[Article], hospital: Schema) -> None:
    gold = [restrict(a, hospital) for a in seeds]
    scores = score_articles(gold, gold, hospital, on_gold_entities=gold)
    for part in ("entities", "relations", "relations_on_gold_entities"):
        assert scores[part]["micro"]["f1"] == scores[part]["macro_f1"] == 1.0 and scores[part]["micro"]["interval"] == [1.0, 1.0]
    assert scores["events"]["parties"]["f1"] == scores["events"]["record"]["f1"] == scores["events"]["signatories"]["f1"] == 1.0
    assert scores["articles"] == 5 and scores["entities"]["micro"]["support"] == sum(len(a.entities) for a in gold)
    assert scores["clusters"]["both"]["conll_f1"] == scores["clusters_on_gold_mentions"]["both"]["conll_f1"] == 1.0


def test_nothing_found_is_nothing(seeds: list[Article], hospital: Schema) -> None:
    gold = [restrict(a, hospital) for a in seeds]
    scores = score_articles(gold, [a.without_annotation() for a in gold], hospital)
    for part, name in (("entities", "micro"), ("relations", "micro"), ("events", "parties")):
        assert scores[part][name]["f1"] == scores[part][name]["recall"] == 0.0 and scores[part][name]["support"] > 0
    assert scores["clusters"]["both"]["conll_f1"] == 0.0 and "clusters_on_gold_mentions" not in scores


def test_gold_without_clusters_has_no_cluster_scores(hospital: Schema) -> None:
    assert "clusters" not in score_articles([article(A, B)], [article(A, B)], hospital)


def test_an_article_without_prediction_is_refused(hospital: Schema) -> None:
    with pytest.raises(ValueError, match="no prediction for \\['b'\\]"):
        score_articles([article(A), article(A, name="b")], [article(A)], hospital)


def event(*parties: str, date: str | None = None, people: tuple[str, ...] = ()) -> Event:
    return Event(parties=parties, date=date, signatories=tuple(Signatory(person=p, hospital=parties[0]) for p in people))


def test_events_by_hand() -> None:
    gold = article(events=(event("甲", "乙", date="2024", people=("张",)), event("甲", "丙", date="2023")))
    found = article(events=(event("乙", "甲", date="2024-01", people=("李",)), event("甲", "丁")))
    counts = event_counts(gold, found)
    assert counts["parties"] == Counts(1, 1, 1)
    assert counts["record"] == Counts(0, 2, 2)
    assert counts["signatories"] == Counts(0, 1, 1)
    assert counts["dates_of_matched"] == Counts(0, 0, 1)


def test_fields_are_scored_on_right_records_alone(hospital: Schema) -> None:
    def full(partner: str, date: str, *fields: str | None) -> Event:
        return Event(parties=("甲", partner), date=date, agreement=fields[0], kind=fields[1], status=fields[2])

    gold = article(events=(full("乙", "2024", "协议书", "医联体", "signed"), full("丙", "2023", None, "托管", "planned"),
                           full("丁", "2022", "备忘录", "other", "signed")))
    found = article(events=(full("乙", "2024", "协议书", "医联体", "renewed"), full("丙", "2023", None, "共建", "planned"),
                            full("丁", "2021", "备忘录", "other", "signed")))
    counts = event_counts(gold, found)
    assert counts["record"].hits == 2
    assert counts["agreement_of_records"] == Counts(2, 0, 0)
    assert counts["kind_of_records"] == counts["status_of_records"] == Counts(1, 0, 1)
    scores = score_articles([gold, article(name="b")], [found, article(name="b")], hospital)["events"]
    assert [scores[f"{n}_of_records"]["accuracy"] for n in ("agreement", "kind", "status")] == [1.0, 0.5, 0.5]


def test_other_parties_count_as_parties() -> None:
    with_org = Event(parties=("甲",), other_parties=("乙公司",))
    assert event_counts(article(events=(with_org,)), article(events=(event("甲"),)))["parties"] == Counts(0, 1, 1)


def test_false_events_of_articles_without_events(hospital: Schema) -> None:
    gold = [article(name=n) for n in "abcd"]
    found = [article(name="a", events=(event("甲", "乙"), event("甲", "丙"))), *gold[1:]]
    scores = score_articles(gold, found, hospital)["events"]
    assert scores["negative_articles"] == 4 and scores["false_events_per_100_negatives"] == 50.0


def test_two_agreements_of_one_pair_found_right_are_right() -> None:
    both = article(events=(event("甲", "乙", date="2024-01-01"), event("甲", "乙", date="2024-06-01")))
    assert event_counts(both, both)["dates_of_matched"] == Counts(2, 0, 0)


@pytest.mark.parametrize(("edtf", "precision"), [
    ("2024-11-08", "day"), ("2024-11", "month"), ("2024", "year"), ("2024-01/2024-06", "interval"), ("XXXX-11-08", "open year"), (None, "none")])
def test_the_precision_of_a_date(edtf: str | None, precision: str) -> None:
    assert date_precision(edtf) == precision


def test_dates_count_where_the_parties_are_found(hospital: Schema) -> None:
    gold = article(events=(event("甲", "乙", date="2024-11-08"), event("甲", "乙", date="2024-12-08"), event("甲", "丙", date="XXXX-01-15"),
                           event("甲", "丁", date="2024-11"), event("甲", "戊")))
    found = article(events=(event("乙", "甲", date="2024-12-08"), event("甲", "丙", date="2024-01-15"), event("甲", "戊"),
                            event("甲", "戊", date="2024")))
    # Of the two agreements of 甲 and 乙 one was found; nobody found the one with 丁.
    assert dates_by_precision([(gold, found)]) == {"day": Counts(1, 0, 0), "open year": Counts(0, 0, 1), "none": Counts(1, 0, 0)}
    assert dates_by_precision([(gold, gold), (gold, article())]) == {
        "day": Counts(2, 0, 0), "month": Counts(1, 0, 0), "open year": Counts(1, 0, 0), "none": Counts(1, 0, 0)}
    scores = score_articles([gold], [found], hospital)["events"]
    assert scores["dates_by_precision"]["open year"] == {"right": 0, "support": 1}


def test_the_interval_is_deterministic_and_holds_the_pooled_score() -> None:
    counts = [Counts(i, 5 - i, i % 3) for i in range(6)]
    low, high = bootstrap_interval(counts)
    assert (low, high) == bootstrap_interval(counts) != bootstrap_interval(counts, seed=1)
    assert low <= sum(counts, Counts()).f1 <= high and low < high


def test_the_interval_of_equal_articles_is_a_point_and_of_none_is_zero() -> None:
    low, high = bootstrap_interval([Counts(3, 1, 1)] * 4)
    assert low == high == pytest.approx(0.75)
    assert bootstrap_interval([]) == (0.0, 0.0)
    assert bootstrap_interval([Counts(1, 0, 1)], statistic=lambda sums: sums[:, 0] / (sums[:, 0] + sums[:, 2])) == (0.5, 0.5)


def test_the_interval_pools_before_it_divides() -> None:
    """A long article weighs more than a short one."""
    low, high = bootstrap_interval([Counts(90, 10, 10), Counts(0, 1, 1)])
    assert low == 0.0 and high == pytest.approx(0.9)


def test_items_of_one_label() -> None:
    assert entity_items(article(A, P), "PERSON") == [(4, 6, "PERSON")]
    assert entity_items(article(A, P)) == [(0, 2, "HOSPITAL"), (4, 6, "PERSON")]


def test_triples_ask_for_strings_and_not_for_places() -> None:
    text = "山路由林强写，林强的山路"
    ends = {"T1": (0, 2), "T2": (3, 5), "T3": (7, 9), "T4": (10, 12)}
    entities = tuple(Entity(id=i, char_start=s, char_end=e, label="X", text=text[s:e]) for i, (s, e) in ends.items())

    def related(*pairs: tuple[str, str, str]) -> Article:
        return Article(id="a", text=text, entities=entities, relations=tuple(Relation(type=k, head=h, tail=t) for k, h, t in pairs))

    gold = related(("作者", "T1", "T2"), ("导演", "T1", "T2"))
    elsewhere = related(("作者", "T4", "T3"), ("作者", "T1", "T2"), ("演员", "T1", "T2"))
    assert triple_counts([gold], [elsewhere]) == Counts(hits=1, spurious=1, missed=1)
    assert triple_counts([gold], [gold], lost=2) == Counts(hits=2, missed=2)
    assert triple_counts([gold], [related(("作者", "T2", "T1"))]).hits == 0
