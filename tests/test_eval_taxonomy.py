"""One cause for every error, slices of articles, names that training knew, and what to annotate next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from data.article import Article, Entity, Event, Relation, Signatory
from data.schema import Schema
from eval.annotate_next import annotate_next
from eval.causes import CAUSES
from eval.slices import kinds_of, known_names, name_scores, outlet_of, script_of, slice_scores
from eval.taxonomy import error_items, error_section

KNOWN: dict[str, Any] = {"HOSPITAL": {"乙县医院"}, "PERSON": set(), "ROLE": set()}


def spans_of(text: str, marks: list[str]) -> tuple[Entity, ...]:
    """``surface/LABEL`` in text order; each stands behind the one before it."""
    found: list[Entity] = []
    reached = 0
    for i, mark in enumerate(marks):
        surface, label = mark.split("/")
        start = text.index(surface, reached)
        reached = start + len(surface)
        found.append(Entity(id=f"T{i}", char_start=start, char_end=reached, label=label, text=surface))
    return tuple(found)


def article_of(text: str, marks: list[str]) -> Article:
    return Article(id="t", text=text, entities=spans_of(text, marks))


def causes(gold: Article, predicted: Article, schema: Schema, part: str = "entities") -> list[tuple[str, str, str]]:
    return [(i["kind"], i["cause"], i["text"]) for i in error_items([(gold, predicted)], schema, KNOWN) if i["part"] == part]


@pytest.mark.parametrize(("text", "gold", "found", "expected"), [
    ("甲市醫(yī)院来访。", ["甲市醫(yī)院/HOSPITAL"], [], "noise"),
    ("乙县医院心内科主任王一一发言。", ["主任/ROLE"], ["心内科主任/ROLE"], "boundary: department"),
    ("甲市医院东院区今日开诊。", ["甲市医院东院区/HOSPITAL"], ["甲市医院/HOSPITAL"], "boundary: campus"),
    ("王一一教授发言。", ["王一一/PERSON"], ["王一一教授/PERSON"], "boundary: title"),
    ("王一一发言。", ["王一一/PERSON"], ["王一/PERSON"], "boundary: other"),
    ("甲市医院来访。", ["甲市医院/HOSPITAL"], ["甲市医院/PERSON"], "label"),
    ("我院来访。", ["我院/HOSPITAL"], [], "alias"),
    ("王院长来访。", ["王/PERSON"], [], "alias"),
    ("参加的有王一一、李二二、赵三三。", ["王一一/PERSON", "李二二/PERSON", "赵三三/PERSON"], ["王一一/PERSON", "赵三三/PERSON"], "list"),
    ("甲市医院来访，甲市医院答谢。", ["甲市医院/HOSPITAL"], [], "schema doubt"),
    ("乙县医院来访。", ["乙县医院/HOSPITAL"], [], "known form"),
    ("甲市医院来访。", ["甲市医院/HOSPITAL"], [], "unseen name form"),
    ("甲市医院来访。", [], ["甲市医院/HOSPITAL"], "unseen name form"),
])
def test_each_mention_has_its_cause(text: str, gold: list[str], found: list[str], expected: str, hospital: Schema) -> None:
    items = causes(article_of(text, gold), article_of(text, found), hospital)
    assert [cause for _, cause, _ in items] == [expected]


def related(text: str, spans: list[str], *relations: tuple[str, int, int], events: tuple[Event, ...] = ()) -> Article:
    article = article_of(text, spans)
    return replace(article, events=events, relations=tuple(
        Relation(type=kind, head=f"T{h}", tail=f"T{t}") for kind, h, t in relations))


EVENT = Event(parties=("甲市医院", "乙县医院"), date="2024-03-06", agreement="协议",
              signatories=(Signatory(person="王一一", hospital="甲市医院"),), evidence=("T0",))


@pytest.mark.parametrize(("text", "spans", "gold", "found", "events", "expected"), [
    ("王一一是院长。", ["王一一/PERSON", "院长/ROLE"], [("HOLDS_ROLE", 0, 1)], [], (), "other link"),
    ("王一一来了。他任院长。", ["王一一/PERSON", "院长/ROLE"], [("HOLDS_ROLE", 0, 1)], [], (), "cross-sentence"),
    ("甲市医院与乙县医院座谈。", ["甲市医院/HOSPITAL", "乙县医院/HOSPITAL"], [], [("SIGNED_WITH", 0, 1)], (), "bystander"),
    ("王是院长。", ["王/PERSON", "院长/ROLE"], [("HOLDS_ROLE", 0, 1)], [], (), "alias"),
    ("院长王一一、李二二、赵三三。", ["院长/ROLE", "王一一/PERSON", "李二二/PERSON", "赵三三/PERSON"],
     [], [("HOLDS_ROLE", 2, 0)], (), "list"),
    ("甲市医院与乙县医院签约，甲市医院致谢。", ["甲市医院/HOSPITAL", "乙县医院/HOSPITAL", "甲市医院/HOSPITAL"],
     [("SIGNED_WITH", 0, 1)], [("SIGNED_WITH", 1, 2)], (EVENT,), "schema doubt"),
])
def test_each_relation_has_its_cause(
    text: str, spans: list[str], gold: list[Any], found: list[Any], events: tuple[Event, ...], expected: str, hospital: Schema
) -> None:
    items = causes(related(text, spans, *gold, events=events), related(text, spans, *found), hospital, "relations")
    assert {cause for _, cause, _ in items} == {expected}


def test_a_relation_lost_with_a_mention_says_why_the_mention_was_lost(hospital: Schema) -> None:
    text, spans = "王一一是院长。", ["王一一/PERSON", "院长/ROLE"]
    gold = related(text, spans, ("HOLDS_ROLE", 0, 1))
    items = error_items([(gold, article_of(text, ["王一/PERSON", "院长/ROLE"]))], hospital, KNOWN)
    assert [(i["part"], i["cause"], i.get("via")) for i in items] == [
        ("entities", "boundary: other", None), ("relations", "lost with a mention", "boundary: other")]


@pytest.mark.parametrize(("change", "expected"), [
    ({"date": "2024-03-07"}, "event: date"), ({"signatories": ()}, "event: signatory"), ({"agreement": None}, "event: agreement"),
    ({"parties": ("甲市医院",)}, "event: parties"), (None, "lost with a mention"),
])
def test_each_event_has_its_cause(change: dict[str, Any] | None, expected: str, hospital: Schema) -> None:
    gold = replace(article_of("甲市医院签约。", ["甲市医院/HOSPITAL"]), events=(EVENT,))
    found = replace(gold, events=() if change is None else (replace(EVENT, **change),))
    items = [i for i in error_items([(gold, found)], hospital, KNOWN) if i["part"] == "events"]
    assert [i["cause"] for i in items] == [expected]
    assert (items[0]["char_start"], items[0]["char_end"], items[0]["text"]) == (0, 4, "甲市医院 + 乙县医院")


def test_an_event_where_nothing_was_signed_is_a_bystander(hospital: Schema) -> None:
    gold = article_of("甲市医院来访。", ["甲市医院/HOSPITAL"])
    assert causes(gold, replace(gold, events=(EVENT,)), hospital, "events") == [("spurious", "bystander", "甲市医院 + 乙县医院")]


def test_every_error_of_the_rules_on_the_seeds_has_one_known_cause(seeds: list[Article], hospital: Schema) -> None:
    """Real pages: as many items as there are errors, each with a cause that has a meaning, each pointing at its text."""
    from data.schema import restrict
    from eval.baselines import baseline_predictions
    from eval.errors_of import event_pairs, relation_errors, span_errors

    gold = [restrict(a, hospital) for a in seeds]
    found = baseline_predictions(gold, [], hospital)["rules"]
    pairs = list(zip(gold, found, strict=True))
    items = error_items(pairs, hospital, known_names(pairs, [], hospital))
    expected = sum(sum(e.kind != "correct" for e in span_errors(g.entities, p.entities))
                   + sum(e.kind != "correct" for e in relation_errors(g, p, hospital))
                   + sum(bool(e.differing) or not (e.gold and e.predicted) for e in event_pairs(g.events, p.events))
                   for g, p in pairs)
    assert len(items) == expected > 20
    assert {i["cause"] for i in items} <= set(CAUSES)
    text_of = {a.id: a.text for a in gold}
    assert all(i["text"] == text_of[i["article"]][i["char_start"] : i["char_end"]] for i in items if i["part"] != "events")
    section = error_section(items)
    assert sum(c["count"] for c in section["causes"]) == len(items)
    counts = [c["count"] for c in section["causes"]]
    assert counts == sorted(counts, reverse=True)
    advice = annotate_next(items, slice_scores(pairs, hospital), {"f1": 1.0})
    assert advice and all(a["examples"] and a["advice"]["en"] and a["advice"]["zh"] for a in advice)


def test_advice_names_the_kind_of_article_that_is_read_worst(hospital: Schema) -> None:
    text = "甲市医院来访。"
    good = [replace(article_of(text, ["甲市医院/HOSPITAL"]), id=f"g{i}", publisher="甲市日报") for i in range(6)]
    bad = [replace(a, id=f"b{i}", publisher="甲市在线") for i, a in enumerate(good[:3])]
    pairs = [(a, a) for a in good] + [(a, replace(a, entities=())) for a in bad]
    items = error_items([*pairs, *[(good[0], replace(good[0], entities=()))] * 4], hospital, KNOWN)
    advice = annotate_next(items, slice_scores(pairs, hospital), {"f1": 0.8})
    assert [a["slice"] for a in advice if a["slice"]] == ["outlet: portal"]


# Slices


@pytest.mark.parametrize(("publisher", "expected"), [
    ("威海市中医院", "official site"), ("信阳市卫生健康委员会", "official site"), ("景宁县卫生健康局", "official site"),
    ("峡江晚报", "newspaper"), ("宣州晨刊", "newspaper"), ("荆楚网", "portal"), ("黔医在线", "portal"), ("闽北热线", "portal"),
    ("极光图片社", "other"), (None, "unknown"), ("", "unknown")])
def test_outlets(publisher: str | None, expected: str) -> None:
    assert outlet_of(publisher) == expected


def test_scripts_of_the_seeds(seeds: list[Article]) -> None:
    assert [a.id[:3] for a in seeds if script_of(a.text) == "simplified"] == ["003"]
    assert {script_of(a.text) for a in seeds if a.id[:3] != "003"} == {"traditional with glosses"}
    assert script_of("甲市醫院與乙縣醫院簽署協議") == "traditional"
    assert script_of("甲市醫(yī)院與乙縣醫(yī)院簽署協議") == "traditional with glosses"
    assert script_of("甲市医院与乙县医院签署协议（以下简称甲医）") == "simplified"
    assert script_of("") == "simplified"


def test_kinds_of_an_article() -> None:
    article = replace(article_of("我院与甲市医院签约。", ["我院/HOSPITAL", "甲市医院/HOSPITAL"]), publisher="乙日报",
                      events=(EVENT, replace(EVENT, other_parties=("丙大学",))))
    assert kinds_of(article) == {"script": "simplified", "outlet": "newspaper", "length": "short",
                                 "self_reference": "with 我院", "parties": "3+", "signing": "signing"}
    bare = Article(id="x", text="字" * 1000)
    assert kinds_of(bare) == {"script": "simplified", "outlet": "unknown", "length": "long", "self_reference": "without",
                              "parties": "0", "signing": "negative"}


def test_slices_part_the_articles(hospital: Schema) -> None:
    one = article_of("甲市医院来访。", ["甲市医院/HOSPITAL"])
    two = replace(one, id="two", events=(EVENT,))
    slices = slice_scores([(one, replace(one, events=(EVENT,))), (two, replace(two, entities=()))], hospital, seen=["two"])
    for values in slices.values():
        assert sorted(i for part in values.values() for i in part["ids"]) == ["t", "two"]
    assert slices["training"]["seen"]["ids"] == ["two"]
    assert slices["training"]["unseen"]["entities"]["f1"] == 1.0
    assert slices["signing"]["negative"]["false_events"] == 1
    assert slices["signing"]["signing"]["entities"]["f1"] == 0.0


def test_names_are_split_by_what_training_had(hospital: Schema) -> None:
    text = "甲市医院与乙縣醫(yī)院来访。"
    gold, found = article_of(text, ["甲市医院/HOSPITAL", "乙縣醫(yī)院/HOSPITAL"]), article_of(text, ["乙縣醫(yī)院/HOSPITAL"])
    train = [article_of("乙县医院来访。", ["乙县医院/HOSPITAL"])]
    known = known_names([(gold, found)], train, hospital)
    assert known["HOSPITAL"] == ["乙县医院"]  # the clean form
    scores = name_scores([(gold, found)], known, hospital)["HOSPITAL"]
    assert (scores["seen"]["f1"], scores["seen"]["support"], scores["unseen"]["recall"], scores["unseen"]["support"]) == (1, 1, 0, 1)
