"""Where a model is good and where it is not: scores over kinds of articles, and over names that training knew or not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from data.article import Article
from data.clean import clean_text, surface
from data.schema import Schema
from eval.counts import Counts, count_sets, scores_of
from eval.event_scores import event_counts
from eval.metrics import entity_items, relation_items

Pairs = Sequence[tuple[Article, Article]]
LONG = 1000  # characters
TRADITIONAL_SHARE = 0.02  # of the characters; a simplified text holds a few that have a simpler form (乾, 著)
SELF_REFERENCES = frozenset({"我院", "本院", "该院", "该医院", "贵院"})
# By the last characters of a publisher's name; the first that fits.
OUTLETS = (
    ("newspaper", re.compile(r"[报報刊]$")),
    ("portal", re.compile(r"(网|網|在线|在線|热线|熱線|视窗|視窗|门户|客户端)$")),
    ("official site", re.compile(r"(院|卫生健康[委局].*|卫健[委局]|委员会|中心|集团|政府|局|委)$")),
)
SEEN, UNSEEN = "seen", "unseen"


def kinds_of(article: Article) -> dict[str, str]:
    """The value of an annotated article in each dimension."""
    refers = any(surface(e.text) in SELF_REFERENCES for e in article.entities)
    parties = max((len(v.parties) + len(v.other_parties) for v in article.events), default=0)
    return {
        "script": script_of(article.text), "outlet": outlet_of(article.publisher),
        "length": "long" if len(article.text) >= LONG else "short",
        "self_reference": "with 我院" if refers else "without",
        "parties": "3+" if parties > 2 else str(parties), "signing": "signing" if article.events else "negative",
    }


def script_of(text: str) -> str:
    """``traditional with glosses``, ``traditional`` or ``simplified``."""
    stats = clean_text(text).stats
    if stats.get("characters simplified", 0) < TRADITIONAL_SHARE * max(1, len(text)):
        return "simplified"
    return "traditional with glosses" if stats.get("glosses dropped", 0) else "traditional"


def outlet_of(publisher: str | None) -> str:
    """``official site`` (of a hospital or an authority), ``newspaper``, ``portal``, ``other``, or ``unknown``."""
    if not publisher:
        return "unknown"
    return next((name for name, pattern in OUTLETS if pattern.search(publisher.strip())), "other")


def slice_scores(pairs: Pairs, schema: Schema, *, seen: Collection[str] | None = ()) -> dict[str, Any]:
    """Dimension -> value -> scores over the articles of that kind; what no article is, is left out.

    ``seen`` are the ids that training had, None where that is not known.
    """
    groups: dict[str, dict[str, list[int]]] = {}
    for i, (gold, _) in enumerate(pairs):
        training = {"training": "unknown" if seen is None else SEEN if gold.id in seen else UNSEEN}
        for dimension, value in (kinds_of(gold) | training).items():
            groups.setdefault(dimension, {}).setdefault(value, []).append(i)
    entities = [count_sets(entity_items(g), entity_items(p)) for g, p in pairs]
    relations = [count_sets(relation_items(g, schema), relation_items(p, schema)) for g, p in pairs]
    events = [event_counts(g, p)["parties"] for g, p in pairs]

    def scores(rows: list[int]) -> dict[str, Any]:
        return {
            "articles": len(rows), "ids": [pairs[i][0].id for i in rows],
            "entities": scores_of([entities[i] for i in rows]), "relations": scores_of([relations[i] for i in rows]),
            "events": scores_of([events[i] for i in rows]),
            "false_events": sum(len(pairs[i][1].events) for i in rows if not pairs[i][0].events)}

    return {dimension: {value: scores(rows) for value, rows in sorted(values.items())}
            for dimension, values in sorted(groups.items())}


def surfaces_of(articles: Sequence[Article], schema: Schema) -> dict[str, set[str]]:
    """Clean surfaces of the mentions by label."""
    found: dict[str, set[str]] = {label: set() for label in schema.labels}
    for article in articles:
        for entity in article.entities:
            if entity.label in found:
                found[entity.label].add(surface(entity.text))
    return found


def known_names(pairs: Pairs, train: Sequence[Article], schema: Schema) -> dict[str, list[str]]:
    """By label, the surfaces of gold and prediction that training had."""
    trained = surfaces_of(train, schema)
    here = surfaces_of([a for pair in pairs for a in pair], schema)
    return {label: sorted(here[label] & trained[label]) for label in schema.labels}


def name_scores(pairs: Pairs, known: Mapping[str, Collection[str]], schema: Schema) -> dict[str, Any]:
    """Label -> seen or unseen -> strict scores. A right mention has one surface, so hits fall into one of the two."""
    return {label: {value: scores_of([_counts(g, p, label, frozenset(known.get(label, ())), value == SEEN) for g, p in pairs])
                    for value in (SEEN, UNSEEN)} for label in schema.labels}


def _counts(gold: Article, predicted: Article, label: str, known: frozenset[str], seen: bool) -> Counts:
    sides = [[(e.char_start, e.char_end) for e in a.entities if e.label == label and (surface(e.text) in known) == seen]
             for a in (gold, predicted)]
    return count_sets(*sides)
