"""Strict scores of predicted articles against gold, with bootstrap intervals over articles.

Recall divides by all gold, whatever the tagger lost; nothing is scored on text that was cut away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from data.article import Article, Entity, Event
from data.schema import Schema
from eval.clusters import score_clusters

METRICS_VERSION = 1
BOOTSTRAP_DRAWS = 1000
DATE_PRECISIONS = ("day", "month", "year", "interval", "open year", "none")


@dataclass(frozen=True)
class Counts:
    """Hits, wrong predictions and misses; adds up over articles."""

    hits: int = 0
    spurious: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.spurious + other.spurious, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of the predictions that are right; 0 without predictions."""
        return self.hits / (self.hits + self.spurious) if self.hits else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold that is found; 0 without gold."""
        return self.hits / (self.hits + self.missed) if self.hits else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is neither gold nor prediction."""
        total = 2 * self.hits + self.spurious + self.missed
        return 2 * self.hits / total if total else 1.0


def count_sets(gold: Iterable[Any], predicted: Iterable[Any]) -> Counts:
    """Counts of two collections of hashable items; an item predicted twice is spurious once."""
    gold_items, predicted_items = Counter(gold), Counter(predicted)
    hits = sum((gold_items & predicted_items).values())
    return Counts(hits, sum(predicted_items.values()) - hits, sum(gold_items.values()) - hits)


def entity_items(article: Article, label: str | None = None) -> list[tuple[int, int, str]]:
    """What strict entity scoring compares: both offsets and the label."""
    return [(e.char_start, e.char_end, e.label) for e in article.entities if label in (None, e.label)]


def relation_items(article: Article, schema: Schema, kind: str | None = None) -> list[tuple[Any, ...]]:
    """What strict relation scoring compares: the type, and offsets and labels of both ends."""
    by_id = {e.id: (e.char_start, e.char_end, e.label) for e in article.entities}
    items = []
    for r in article.relations:
        if kind not in (None, r.type):
            continue
        ends = [by_id[r.head], by_id[r.tail]]
        relation = schema.relation(r.type)
        items.append((r.type, *(sorted(ends) if relation and relation.symmetric else ends)))
    return items


def triple_counts(gold: Sequence[Article], predicted: Sequence[Article], *, lost: int = 0) -> Counts:
    """Counts of (relation type, text of head, text of tail), each once an article, as data sets without offsets score.

    Args:
        lost: gold triples that no span of the text expresses; they count as missed.
    """
    found = {a.id: a for a in predicted}
    counts = [count_sets(_triples(a), _triples(found[a.id])) for a in gold]
    return sum(counts, Counts(missed=lost))


def _triples(article: Article) -> set[tuple[str, str, str]]:
    text_of = {e.id: e.text for e in article.entities}
    return {(r.type, text_of[r.head], text_of[r.tail]) for r in article.relations}


def bootstrap_interval(
    counts: Sequence[Counts], *, statistic: Callable[[Counts], float] = lambda c: c.f1, seed: int = 0
) -> tuple[float, float]:
    """Percentile 95 % interval of a pooled statistic over articles drawn with replacement (Efron 1979)."""
    if not counts:
        return 0.0, 0.0
    table = np.array([(c.hits, c.spurious, c.missed) for c in counts])
    draws = np.random.default_rng(seed).integers(0, len(counts), size=(BOOTSTRAP_DRAWS, len(counts)))
    values = [statistic(Counts(*table[rows].sum(axis=0).tolist())) for rows in draws]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _scores(per_article: Sequence[Counts]) -> dict[str, Any]:
    total = sum(per_article, Counts())
    low, high = bootstrap_interval(per_article)
    return {"precision": total.precision, "recall": total.recall, "f1": total.f1, "interval": [low, high],
            "support": total.hits + total.missed, "predicted": total.hits + total.spurious,
            "mean_over_articles": float(np.mean([c.f1 for c in per_article])) if per_article else 0.0}


def _score_by(
    pairs: Sequence[tuple[Article, Article]], items: Callable[[Article, str | None], list[Any]], names: Sequence[str]
) -> dict[str, Any]:
    micro = _scores([count_sets(items(g, None), items(p, None)) for g, p in pairs])
    per_name = {n: _scores([count_sets(items(g, n), items(p, n)) for g, p in pairs]) for n in names}
    present = [s["f1"] for s in per_name.values() if s["support"]]
    return {"micro": micro, "macro_f1": float(np.mean(present)) if present else 0.0, "by_name": per_name}


EVENT_FIELDS = ("agreement", "kind", "status")
EVENT_SCORES = ("parties", "record", "signatories", "dates_of_matched", *(f"{name}_of_records" for name in EVENT_FIELDS))


def event_counts(gold: Article, predicted: Article) -> dict[str, Counts]:
    """Counts of one article's events: right parties, right record (parties and date), signatories, dates of events whose
    parties are right, and of events whose record is right each of ``EVENT_FIELDS`` (hits and misses: recall is accuracy)."""
    gold_parties, found_parties = [_parties(v) for v in gold.events], [_parties(v) for v in predicted.events]
    records = count_sets([(_parties(v), v.date) for v in gold.events], [(_parties(v), v.date) for v in predicted.events])
    matched = count_sets(gold_parties, found_parties).hits
    return {
        "parties": count_sets(gold_parties, found_parties),
        "record": records,
        "signatories": count_sets(_signatories(gold.events), _signatories(predicted.events)),
        "dates_of_matched": Counts(records.hits, 0, matched - records.hits),
        **{f"{name}_of_records": _field_counts(gold.events, predicted.events, name) for name in EVENT_FIELDS},
    }


def date_precision(edtf: str | None) -> str:
    """``day``, ``month`` or ``year``; ``interval``; ``open year`` where the year is not known; ``none``."""
    if edtf is None:
        return "none"
    if "/" in edtf:
        return "interval"
    if edtf.startswith("XXXX"):
        return "open year"
    return ("year", "month", "day")[edtf.count("-")]


def dates_by_precision(pairs: Iterable[tuple[Article, Article]]) -> dict[str, Counts]:
    """Right (hits) and wrong (missed) dates of the gold events whose parties are found, by the precision of the gold.

    Args:
        pairs: each article's gold and prediction.
    """
    counts: Counter[tuple[str, bool]] = Counter()
    for gold, predicted in pairs:
        found = Counter((_parties(v), v.date) for v in predicted.events)
        parties = Counter(_parties(v) for v in predicted.events)
        # Right dates first: of two events with the same parties, each found one answers for one gold one.
        for event in sorted(gold.events, key=lambda v: not found[_parties(v), v.date]):
            key = _parties(event), event.date
            if parties[key[0]]:
                parties[key[0]] -= 1
                counts[date_precision(event.date), found[key] > 0] += 1
                found[key] -= 1
    return {name: Counts(hits=counts[name, True], missed=counts[name, False])
            for name in DATE_PRECISIONS if counts[name, True] or counts[name, False]}


def _field_counts(gold: Sequence[Event], found: Sequence[Event], name: str) -> Counts:
    """How often a field is right among events whose record is; that the gold names no agreement is to be got right too."""
    values = [[(_parties(v), v.date, getattr(v, name)) for v in events] for events in (gold, found)]
    records = count_sets(*([record[:2] for record in side] for side in values))
    right = count_sets(*values).hits
    return Counts(right, 0, records.hits - right)


def _parties(event: Event) -> frozenset[str]:
    return frozenset(event.parties) | frozenset(event.other_parties)


def _signatories(events: Iterable[Event]) -> set[tuple[str, str | None]]:
    return {(s.person, s.hospital) for v in events for s in v.signatories}


def score_articles(
    gold: Sequence[Article], predicted: Sequence[Article], schema: Schema, *,
    on_gold_entities: Sequence[Article] | None = None,
) -> dict[str, Any]:
    """All scores of predictions against gold.

    Args:
        gold: annotated articles, restricted to the schema.
        predicted: predictions for the same ids.
        schema: labels and relation types that are scored.
        on_gold_entities: predictions of relations over gold entities, scored apart as a diagnostic.

    Raises:
        ValueError: the ids differ, or seqeval and our own counts disagree (a broken span).
    """
    found = {a.id: a for a in predicted}
    if missing := [a.id for a in gold if a.id not in found]:
        raise ValueError(f"no prediction for {missing[:5]}")
    pairs = [(a, found[a.id]) for a in gold]
    entities = _score_by(pairs, entity_items, schema.labels)
    _agree_with_seqeval(pairs, entities["micro"])
    relation_names = [r.name for r in schema.relations]

    def of_schema(article: Article, kind: str | None) -> list[Any]:
        return relation_items(article, schema, kind)

    metrics: dict[str, Any] = {
        "version": METRICS_VERSION, "articles": len(gold), "schema": schema.name, "entities": entities,
        "relations": _score_by(pairs, of_schema, relation_names), "events": _score_events(pairs),
    }
    if (clusters := score_clusters(pairs)) is not None:
        metrics["clusters"] = clusters
    if on_gold_entities is not None:
        related = {a.id: a for a in on_gold_entities}
        if clusters is not None:
            metrics["clusters_on_gold_mentions"] = score_clusters((a, related[a.id]) for a in gold)
        metrics["relations_on_gold_entities"] = _score_by([(a, related[a.id]) for a in gold], of_schema, relation_names)
    return metrics


def _score_events(pairs: Sequence[tuple[Article, Article]]) -> dict[str, Any]:
    per_article = [event_counts(g, p) for g, p in pairs]
    scores: dict[str, Any] = {}
    for name in EVENT_SCORES:
        scores[name] = _scores([c[name] for c in per_article])
        scores[name]["hits"] = sum(c[name].hits for c in per_article)
    scores["dates_by_precision"] = {name: {"right": c.hits, "support": c.hits + c.missed}
                                    for name, c in dates_by_precision(pairs).items()}
    for name in EVENT_FIELDS:
        of_records = sum((c[f"{name}_of_records"] for c in per_article), Counts())
        scores[f"{name}_of_records"]["accuracy"] = of_records.recall
    negatives = [p for g, p in pairs if not g.events]
    scores["negative_articles"] = len(negatives)
    scores["false_events_per_100_negatives"] = (
        100 * sum(len(p.events) for p in negatives) / len(negatives) if negatives else 0.0)
    return scores


def char_tags(text_length: int, entities: Iterable[Entity]) -> list[str]:
    """One BIO tag a character, for seqeval."""
    tags = ["O"] * text_length
    for e in entities:
        tags[e.char_start : e.char_end] = [f"I-{e.label}"] * (e.char_end - e.char_start)
        tags[e.char_start] = f"B-{e.label}"
    return tags


def _agree_with_seqeval(pairs: Sequence[tuple[Article, Article]], micro: Mapping[str, Any]) -> None:
    """seqeval (strict, IOB2) is the reference; our own counts exist for intervals and must equal it."""
    gold = [char_tags(len(g.text), g.entities) for g, _ in pairs]
    found = [char_tags(len(g.text), p.entities) for g, p in pairs]
    if not any(tag != "O" for tags in (*gold, *found) for tag in tags):
        return
    report = classification_report(gold, found, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    reference = report["micro avg"]
    if abs(reference["f1-score"] - micro["f1"]) > 1e-9 and micro["support"]:
        raise ValueError(f"seqeval says micro F1 {reference['f1-score']:.6f}, own counts say {micro['f1']:.6f}")
