"""From which score a mention or a relation holds: chosen on dev, stored with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.article import Article
from data.schema import Schema
from eval.counts import Counts, count_sets
from eval.event_scores import event_counts
from eval.metrics import entity_items, relation_items
from models.document import EVENT, LEAST_SCORE, LONE_EVENT, Predictor, event_kind_of

LOOSE = 0.05  # threshold at which candidates are kept while the real thresholds are being chosen
FLOORS = tuple(round(0.05 * i, 2) for i in range(17))  # candidate floors of span scores, up to 0.8
EVENT_FLOORS = tuple(round(0.05 * i, 2) for i in range(20))  # candidate floors of event scores, up to 0.95
TEMPERATURES = tuple(round(0.5 * 1.1**i, 3) for i in range(24))  # 0.5 to 4.5
SMALLEST = 1e-4  # scores are stored with four digits


def tune_thresholds(predictor: Predictor, dev: Sequence[Article]) -> dict[str, Any]:
    """What a model's settings need to decide: ``{"temperature": float, "thresholds": {name: float}}``.

    Chosen on dev one after the other: floors of span scores by label; the temperature that makes the probabilities of
    pairs over the spans that are left honest; a threshold for each relation type; a floor for events. Without dev,
    nothing is floored and relations hold from 0.5.
    """
    schema = predictor.encoder.schema
    if not dev:
        return {"temperature": 1.0, "thresholds": {r.name: 0.5 for r in schema.relations}}
    every = replace(predictor, thresholds={r.name: LOOSE for r in schema.relations}, temperature=1.0)
    thresholds = best_floors(dev, list(every.predict(dev)), schema)
    all_pairs = replace(every, thresholds={**dict.fromkeys(every.thresholds, LEAST_SCORE), **thresholds})
    temperature = best_temperature(*pair_scores(dev, list(all_pairs.predict(dev)), schema))
    loose = replace(every, thresholds={**every.thresholds, **thresholds}, temperature=temperature)
    thresholds |= best_thresholds(dev, list(loose.predict(dev)), schema)
    tuned = replace(loose, thresholds=thresholds)
    return {"temperature": temperature,
            "thresholds": {**thresholds, **best_event_floors(dev, list(tuned.predict(dev)))}}


def pair_scores(
    gold: Sequence[Article], predicted: Sequence[Article], schema: Schema
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities of predicted relations ``(K,)`` and which of them are in gold."""
    found = {a.id: a for a in predicted}
    scores: list[float] = []
    right: list[bool] = []
    for article in gold:
        items = set(relation_items(article, schema))
        scores += [r.score or 0.0 for r in found[article.id].relations]
        right += [item in items for item in relation_items(found[article.id], schema)]
    return np.array(scores), np.array(right, dtype=bool)


def best_temperature(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The divisor of the logits with the least cross-entropy (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    Args:
        scores: ``(K,)`` probabilities at temperature 1.
        right: ``(K,)`` whether each relation is in gold.
    """
    if not right.any() or right.all():
        return 1.0
    logits = np.log(np.clip(scores, SMALLEST, 1 - SMALLEST)) - np.log1p(-np.clip(scores, SMALLEST, 1 - SMALLEST))
    signed = np.where(right, logits, -logits)
    return min(TEMPERATURES, key=lambda t: float(np.logaddexp(0.0, -signed / t).mean()))


def best_event_floors(gold: Sequence[Article], predicted: Sequence[Article]) -> dict[str, float]:
    """The lowest scores to keep for the best F1 of event parties on dev, of events with several parties, then of those
    with one; 0 keeps all."""
    found = {a.id: a for a in predicted}
    floors = {EVENT: 0.0, LONE_EVENT: 0.0}

    def f1(tried: Mapping[str, float]) -> float:
        kept = [replace(found[a.id], events=tuple(v for v in found[a.id].events if (v.score or 0.0) >= tried[event_kind_of(v)]))
                for a in gold]
        return sum((event_counts(g, p)["parties"] for g, p in zip(gold, kept, strict=True)), Counts()).f1

    for kind in floors:
        floors[kind] = max(EVENT_FLOORS, key=lambda floor: (f1({**floors, kind: floor}), -floor))
    return floors


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
