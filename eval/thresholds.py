"""From which score a mention or a relation holds: chosen on dev, stored with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from data.article import Article
from data.schema import Schema
from eval.metrics import count_sets, entity_items, relation_items
from models.document import Predictor

LOOSE = 0.05  # threshold at which candidates are kept while the real thresholds are being chosen
FLOORS = tuple(round(0.05 * i, 2) for i in range(17))  # candidate floors of span scores, up to 0.8


def tune_thresholds(predictor: Predictor, dev: Sequence[Article]) -> dict[str, float]:
    """Floors of span scores by label, then relation thresholds over the spans that are left, chosen on dev; without
    dev no floor and 0.5 for each relation."""
    schema = predictor.encoder.schema
    if not dev:
        return {r.name: 0.5 for r in schema.relations}
    every = replace(predictor, thresholds={r.name: LOOSE for r in schema.relations})
    floors = best_floors(dev, list(every.predict(dev)), schema)
    loose = replace(every, thresholds={**every.thresholds, **floors})
    return {**floors, **best_thresholds(dev, list(loose.predict(dev)), schema)}


def best_floors(gold: Sequence[Article], predicted: Sequence[Article], schema: Schema) -> dict[str, float]:
    """For each label the lowest score of a span to keep that gives the best strict F1 on dev; 0 keeps all.

    Args:
        gold: dev articles.
        predicted: their predictions without any floor.
    """
    floors = {}
    for label in schema.labels:
        gold_items = [(a.id, item) for a in gold for item in entity_items(a, label)]
        scored = [((a.id, item), e.score or 0.0) for a in predicted
                  for item, e in zip(entity_items(a, label), (e for e in a.entities if e.label == label), strict=True)]
        floors[label] = max(
            FLOORS, key=lambda t: (count_sets(gold_items, [i for i, s in scored if s >= t]).f1, -t)) if gold_items else 0.0
    return floors


def best_thresholds(gold: Sequence[Article], loose: Sequence[Article], schema: Schema) -> dict[str, float]:
    """For each relation type the probability threshold with the best strict F1 on dev; 0.5 where dev has none.

    Args:
        gold: dev articles.
        loose: their predictions made with a threshold near zero.
    """
    found = {a.id: a for a in loose}
    thresholds = {}
    for relation in schema.relations:
        gold_items = [(a.id, item) for a in gold for item in relation_items(a, schema, relation.name)]
        scored = []
        for a in gold:
            kept = [r for r in found[a.id].relations if r.type == relation.name]
            scored += [((a.id, item), r.score or 0.0)
                       for item, r in zip(relation_items(found[a.id], schema, relation.name), kept, strict=True)]
        grid = [round(0.2 + 0.05 * i, 2) for i in range(13)]
        best = max(grid, key=lambda t: (count_sets(gold_items, [i for i, s in scored if s >= t]).f1, -abs(t - 0.5)))
        thresholds[relation.name] = best if gold_items else 0.5
    return thresholds
