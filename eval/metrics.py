"""Strict scores of predicted articles against gold, with bootstrap intervals over articles.

Recall divides by all gold, whatever the tagger lost; nothing is scored on text that was cut away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from data.article import Article, Entity
from data.schema import Schema
from eval.alias_relations import fact_counts, facts_of
from eval.bootstrap import f1_of_counts, interval
from eval.clusters import score_clusters
from eval.counts import Counts, count_sets, scores_of, table_of
from eval.event_scores import score_events

METRICS_VERSION = 2


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


def unlabelled_items(article: Article, schema: Schema, kind: str | None = None) -> list[tuple[Any, ...]]:
    """The same with the offsets of both ends alone: what a relation is worth where a label is wrong."""
    return [(name, *(end[:2] for end in ends)) for name, *ends in relation_items(article, schema, kind)]


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


def _score_by(
    pairs: Sequence[tuple[Article, Article]], items: Callable[[Article, str | None], list[Any]], names: Sequence[str]
) -> dict[str, Any]:
    return _score_counts(lambda name: [count_sets(items(g, name), items(p, name)) for g, p in pairs], names)


def _score_facts(pairs: Sequence[tuple[Article, Article]], schema: Schema, names: Sequence[str]) -> dict[str, Any]:
    facts = [facts_of(g, p, schema) for g, p in pairs]
    return _score_counts(lambda name: [fact_counts(sides, name) for sides in facts], names)


def _score_counts(counts_of: Callable[[str | None], list[Counts]], names: Sequence[str]) -> dict[str, Any]:
    micro = scores_of(counts_of(None))
    counts = {n: counts_of(n) for n in names}
    per_name = {n: scores_of(c) for n, c in counts.items()}
    present = [n for n, s in per_name.items() if s["support"]]
    macro = float(np.mean([per_name[n]["f1"] for n in present])) if present else 0.0
    return {"micro": micro, "macro_f1": macro, "macro_interval": _macro_interval([counts[n] for n in present]),
            "by_name": per_name}


def _macro_interval(per_name: Sequence[Sequence[Counts]]) -> list[float]:
    """The interval of the mean F1 of several names; the names of a draw are those that the whole gold has."""
    if not per_name:
        return [0.0, 0.0]
    table = np.concatenate([table_of(counts) for counts in per_name], axis=1)  # (articles, 3 a name)

    def mean_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.mean([f1_of_counts(part) for part in np.split(sums, len(per_name), axis=1)], axis=0)

    return interval(table, mean_f1)


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
        "relations": _score_by(pairs, of_schema, relation_names),
        "relations_without_labels": _score_by(
            pairs, lambda article, kind: unlabelled_items(article, schema, kind), relation_names),
        "relations_alias_aware": _score_facts(pairs, schema, relation_names),
        "events": score_events(pairs),
    }
    if (clusters := score_clusters(pairs)) is not None:
        metrics["clusters"] = clusters
    if on_gold_entities is not None:
        related = {a.id: a for a in on_gold_entities}
        if clusters is not None:
            metrics["clusters_on_gold_mentions"] = score_clusters((a, related[a.id]) for a in gold)
        metrics["relations_on_gold_entities"] = _score_by([(a, related[a.id]) for a in gold], of_schema, relation_names)
    return metrics


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
