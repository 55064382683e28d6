"""From which score a mention or a relation holds: chosen on dev, stored with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.article import Article
from data.clean import surface
from data.schema import Schema
from eval.bootstrap import f1_of_counts, resampled
from eval.counts import Counts, count_sets, table_of
from eval.event_scores import event_counts
from eval.metrics import entity_items, relation_items
from models.consistency import shared_scores
from models.document import EVENT, LEAST_SCORE, LONE_EVENT, Predictor, event_kind_of

LOOSE = 0.05  # threshold at which candidates are kept while the real thresholds are being chosen
FLOORS = tuple(round(0.05 * i, 2) for i in range(17))  # candidate floors of span scores, up to 0.8
EVENT_FLOORS = tuple(round(0.05 * i, 2) for i in range(20))  # candidate floors of event scores, up to 0.95
TEMPERATURES = tuple(round(0.5 * 1.1**i, 3) for i in range(24))  # 0.5 to 4.5
RELATION_THRESHOLDS = tuple(round(0.2 + 0.05 * i, 2) for i in range(13))
SMALLEST_GAIN = 1e-12  # sums of the same counts in another order are no difference
SMALLEST = 1e-4  # scores are stored with four digits


def tune_thresholds(predictor: Predictor, dev: Sequence[Article]) -> dict[str, Any]:
    """What a model's settings need to decide: ``{"temperature": float, "thresholds": {name: float}}``.

    Chosen on dev one after the other: floors of span scores by label; the temperature that makes the probabilities of
    pairs over the spans that are left honest; a threshold for each relation type; a floor for events. Without dev,
    nothing is floored and relations hold from 0.5.
    """
    schema = predictor.schema
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
    """The lowest scores to keep for the F1 of event parties on dev, of events with several parties, then of those with
    one; 0 keeps all, and so it stays unless a floor earns its place (:func:`steadiest`)."""
    found = {a.id: a for a in predicted}
    floors = {EVENT: 0.0, LONE_EVENT: 0.0}

    def counts(tried: Mapping[str, float]) -> list[Counts]:
        kept = [replace(found[a.id], events=tuple(v for v in found[a.id].events if (v.score or 0.0) >= tried[event_kind_of(v)]))
                for a in gold]
        return [event_counts(g, p)["parties"] for g, p in zip(gold, kept, strict=True)]

    for kind in floors:
        floors[kind] = steadiest(EVENT_FLOORS, [counts({**floors, kind: floor}) for floor in EVENT_FLOORS],
                                 neutral=0.0, standard_errors=1.0)
    return floors


def best_floors(gold: Sequence[Article], predicted: Sequence[Article], schema: Schema) -> dict[str, float]:
    """For each label the lowest score of a span to keep that gives the best strict F1 on dev; 0 keeps all.

    A mention counts with the score of the best that vouches for it, as it does when texts are read.

    The best itself, not what lies within a standard error of it: floors chosen on one half of dev serve the other half as
    well, and lower ones let fragments through on real pages.

    Args:
        gold: dev articles.
        predicted: their predictions without any floor.
    """
    found = {a.id: a for a in predicted}
    floors = {}
    for label in schema.labels:
        scored = []
        for a in gold:
            kept = [e for e in found[a.id].entities if e.label == label]
            scores = shared_scores([label] * len(kept), [surface(e.text) for e in kept], [e.score or 0.0 for e in kept])
            scored.append((entity_items(a, label), list(zip(entity_items(found[a.id], label), scores, strict=True))))
        floors[label] = _chosen(FLOORS, scored, neutral=0.0, standard_errors=0.0)
    return floors


def best_thresholds(gold: Sequence[Article], loose: Sequence[Article], schema: Schema) -> dict[str, float]:
    """For each relation type the probability threshold for the strict F1 on dev (:func:`steadiest`); 0.5 where dev has
    none.

    Args:
        gold: dev articles.
        loose: their predictions made with a threshold near zero.
    """
    found = {a.id: a for a in loose}
    thresholds = {}
    for relation in schema.relations:
        scored = []
        for a in gold:
            kept = [r for r in found[a.id].relations if r.type == relation.name]
            items = relation_items(found[a.id], schema, relation.name)
            scored.append((relation_items(a, schema, relation.name),
                           [(item, r.score or 0.0) for item, r in zip(items, kept, strict=True)]))
        thresholds[relation.name] = _chosen(RELATION_THRESHOLDS, scored, neutral=0.5, standard_errors=1.0)
    return thresholds


Scored = tuple[Sequence[Any], Sequence[tuple[Any, float]]]  # of one article: gold items, predicted ones with their scores


def _chosen(grid: Sequence[float], scored: Sequence[Scored], *, neutral: float, standard_errors: float) -> float:
    """The threshold for items of one kind; ``neutral`` where dev has none of them."""
    if not any(gold for gold, _ in scored):
        return neutral
    counts = [[count_sets(gold, [item for item, score in predicted if score >= threshold]) for gold, predicted in scored]
              for threshold in grid]
    return steadiest(grid, counts, neutral=neutral, standard_errors=standard_errors)


def steadiest(
    grid: Sequence[float], counts: Sequence[Sequence[Counts]], *, neutral: float, standard_errors: float
) -> float:
    """Of thresholds that dev cannot tell apart, the one nearest to ``neutral``: all whose F1 lies within so many
    standard errors of the best (Breiman et al. 1984, Classification and Regression Trees, 3.4.3), by a paired bootstrap over
    articles. The best alone may owe its place to a single mention, and pages of another kind would pay for it.

    Args:
        grid: candidates ``(K,)``.
        counts: of each candidate, for each article ``(K, articles)``.
        neutral: what would be taken without any knowledge.
        standard_errors: 0 leaves the best and what equals it.
    """
    tables = [table_of(of_one) for of_one in counts]
    f1 = f1_of_counts(np.stack([table.sum(axis=0) for table in tables]))  # (K,)
    drawn = np.stack([resampled(table, f1_of_counts) for table in tables])  # (K, draws)
    best = int(f1.argmax())
    error = (drawn[best] - drawn).std(axis=1)
    alike = [value for value, near in zip(grid, f1[best] - f1 <= standard_errors * error + SMALLEST_GAIN, strict=True) if near]
    return min(alike, key=lambda value: (round(abs(value - neutral), 6), value))
