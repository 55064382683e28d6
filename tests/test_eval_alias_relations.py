"""Alias-aware relation scores: the same fact by other mentions counts, another fact does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from data.article import Article, Relation
from data.schema import Schema
from eval.alias_relations import fact_counts, facts_of
from eval.counts import Counts, count_sets
from eval.metrics import relation_items, score_articles

BODY = """{H1:滨城区人民医院}与{H2:惠民县中医院}牵手
> H1 + H2
{D1:3月2日}，{H1:区人民医院}{R1:院长}{P1:蒋文博}与{H2:惠民县中医院}{R2:院长}{P2:尤立}签署医联体协议。
> H1 + H2; P1 for H1; P2 for H2; P1 = R1; P2 = R2; P1 @ H1; P2 @ H2; H1 H2 on D1"""
EVENT = "@event 滨城区人民医院 + 惠民县中医院 | date XXXX-03-02 | kind 医联体 | status signed"


@pytest.fixture
def gold(marked) -> Article:
    return marked(BODY, EVENT, "@alias 滨城区人民医院 = 区人民医院")


def test_gold_against_itself_has_each_fact_once(gold: Article, parties: Schema) -> None:
    counts = fact_counts(facts_of(gold, gold, parties))
    # Headline and lead state one signing: nine strict relations after the lead's eight and the headline's one.
    assert (counts.spurious, counts.missed) == (0, 0)
    assert counts.hits == len(gold.relations) - 1


def test_a_fact_stated_by_other_mentions_is_right(gold: Article, parties: Schema) -> None:
    first, second = [e.id for e in gold.entities if e.label == "HOSPITAL"][:2]
    third, fourth = [e.id for e in gold.entities if e.label == "HOSPITAL"][2:]
    crossed = replace(gold, relations=(Relation(type="SIGNED_WITH", head=first, tail=fourth),))
    assert fact_counts(facts_of(gold, crossed, parties), "SIGNED_WITH") == Counts(hits=1)
    strict = count_sets(relation_items(gold, parties, "SIGNED_WITH"), relation_items(crossed, parties, "SIGNED_WITH"))
    assert strict == Counts(hits=0, spurious=1, missed=2)
    assert second != third


def test_a_wrong_partner_and_an_unknown_mention_are_wrong(gold: Article, parties: Schema) -> None:
    hospitals = [e for e in gold.entities if e.label == "HOSPITAL"]
    shifted = replace(hospitals[1], id="X", char_end=hospitals[1].char_end - 1, text=hospitals[1].text[:-1])
    wrong = replace(gold, entities=(*gold.entities, shifted), relations=(
        Relation(type="SIGNED_WITH", head=hospitals[0].id, tail=hospitals[2].id),
        Relation(type="SIGNED_WITH", head=hospitals[0].id, tail="X")))
    assert fact_counts(facts_of(gold, wrong, parties), "SIGNED_WITH") == Counts(spurious=2, missed=1)


def test_a_mention_that_gold_lacks_counts_by_its_surface(gold: Article, parties: Schema) -> None:
    hospitals = [e for e in gold.entities if e.label == "HOSPITAL"]
    without = replace(gold, entities=tuple(e for e in gold.entities if e is not hospitals[0]), clusters=(),
                      relations=tuple(r for r in gold.relations if hospitals[0].id not in (r.head, r.tail)))
    found = replace(gold, relations=(Relation(type="SIGNED_WITH", head=hospitals[2].id, tail=hospitals[3].id),))
    assert fact_counts(facts_of(without, found, parties), "SIGNED_WITH").hits == 1


def test_direction_counts_where_the_type_has_one(gold: Article, parties: Schema) -> None:
    person = next(e.id for e in gold.entities if e.label == "PERSON")
    role = next(e.id for e in gold.entities if e.label == "ROLE")
    backwards = replace(gold, relations=(Relation(type="HOLDS_ROLE", head=role, tail=person),))
    assert fact_counts(facts_of(gold, backwards, parties), "HOLDS_ROLE").hits == 0


def test_the_score_stands_among_the_metrics_and_is_no_worse_than_strict(gold: Article, parties: Schema) -> None:
    hospitals = [e.id for e in gold.entities if e.label == "HOSPITAL"]
    crossed = replace(gold, relations=(Relation(type="SIGNED_WITH", head=hospitals[0], tail=hospitals[3]),))
    scores = score_articles([gold], [crossed], parties)
    assert scores["relations"]["by_name"]["SIGNED_WITH"]["f1"] == 0.0
    assert scores["relations_alias_aware"]["by_name"]["SIGNED_WITH"]["f1"] == 1.0
