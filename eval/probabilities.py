"""How far scores can be trusted: calibration, and precision against recall over all thresholds.

Both read the candidates of a prediction (:meth:`models.document.Predictor.predict_scored`), those below the thresholds too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.article import Article
from data.schema import Schema
from eval.bootstrap import Table, interval
from eval.counts import Counts, count_sets
from eval.metrics import entity_items, relation_items

BINS = 10
MOST_POINTS = 60


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Candidates of one kind of item over all articles. Shape: K candidates.

    ``support`` is the gold, found or not; ``chosen`` what the model kept of them.
    """

    score: NDArray[np.float64]  # (K,)
    right: NDArray[np.bool_]  # (K,)
    article: NDArray[np.int64]  # (K,) index of the article
    support: int
    articles: int
    chosen: Counts


def scored_spans(gold: Sequence[Article], candidates: Sequence[Article], predicted: Sequence[Article],
                 label: str | None = None) -> Scored:
    """Every decoded mention of a label (of any: None)."""
    return _collect(gold, candidates, predicted, lambda a: entity_items(a, label),
                    lambda a: [e.score for e in a.entities if label in (None, e.label)])


def scored_pairs(gold: Sequence[Article], candidates: Sequence[Article], predicted: Sequence[Article], schema: Schema,
                 kind: str | None = None) -> Scored:
    """Every candidate relation of a type (of any: None) over the kept mentions."""
    return _collect(gold, candidates, predicted, lambda a: relation_items(a, schema, kind),
                    lambda a: [r.score for r in a.relations if kind in (None, r.type)])


def scored_events(gold: Sequence[Article], candidates: Sequence[Article], predicted: Sequence[Article]) -> Scored:
    """Every assembled event, judged by its parties."""
    return _collect(gold, candidates, predicted,
                    lambda a: [frozenset(v.parties) | frozenset(v.other_parties) for v in a.events],
                    lambda a: [v.score for v in a.events])


def _collect(gold: Sequence[Article], candidates: Sequence[Article], predicted: Sequence[Article],
             items: Callable[[Article], Sequence[Any]], scores: Callable[[Article], Sequence[float | None]]) -> Scored:
    score: list[float] = []
    right: list[bool] = []
    article: list[int] = []
    chosen, support = Counts(), 0
    for i, (wanted, tried, kept) in enumerate(zip(gold, candidates, predicted, strict=True)):
        left = list(items(wanted))
        support += len(left)
        chosen += count_sets(left, items(kept))
        # The likeliest first: of two candidates for one gold item the other is wrong.
        for item, value in sorted(zip(items(tried), scores(tried), strict=True), key=lambda x: -(x[1] or 0.0)):
            hit = item in left
            if hit:
                left.remove(item)
            score.append(value or 0.0)
            right.append(hit)
            article.append(i)
    return Scored(score=np.array(score, dtype=np.float64), right=np.array(right, dtype=bool),
                  article=np.array(article, dtype=np.int64), support=support, articles=len(gold), chosen=chosen)


def calibration(scored: Scored) -> dict[str, Any]:
    """Bins of equal width, expected calibration error (Guo et al. 2017, https://arxiv.org/abs/1706.04599) with its
    interval over articles, and Brier score."""
    number = np.minimum((scored.score * BINS).astype(np.int64), BINS - 1)
    # (articles, 3 x BINS): count, sum of scores, sum of hits of each bin
    table = np.zeros((scored.articles, 3 * BINS))
    for offset, value in ((0, np.ones(len(number))), (BINS, scored.score), (2 * BINS, scored.right.astype(np.float64))):
        np.add.at(table, (scored.article, number + offset), value)
    count, mean, share = np.split(table.sum(axis=0), 3)
    bins = [{"low": i / BINS, "high": (i + 1) / BINS, "count": int(count[i]), "mean_score": float(mean[i] / count[i]),
             "share_right": float(share[i] / count[i])} for i in range(BINS) if count[i]]
    return {"bins": bins, "ece": float(_ece(table.sum(axis=0)[None])[0]), "interval": interval(table, _ece),
            "brier": float(np.mean((scored.score - scored.right) ** 2)) if len(number) else 0.0,
            "candidates": len(number)}


def _ece(sums: Table) -> NDArray[np.float64]:
    count, mean, share = np.split(sums, 3, axis=1)
    return np.abs(mean - share).sum(axis=1) / np.maximum(count.sum(axis=1), 1e-12)


def precision_recall(scored: Scored, threshold: float | None) -> dict[str, Any]:
    """Precision, recall and F1 of keeping all candidates from each threshold on, and the point where the model stands.

    Recall divides by all gold, so that the curve ends where the candidates end. Average precision is the area under it
    (step-wise, as Manning et al. 2008 define it).
    """
    order = np.argsort(-scored.score, kind="stable")
    score, hits = scored.score[order], np.cumsum(scored.right[order])
    kept = np.arange(1, len(score) + 1)
    last = np.flatnonzero(np.append(np.diff(score) != 0, True)) if len(score) else np.zeros(0, dtype=np.int64)
    precision, recall = hits[last] / kept[last], hits[last] / max(1, scored.support)
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    shown = last[np.unique(np.linspace(0, len(last) - 1, min(MOST_POINTS, len(last))).astype(np.int64))] if len(last) else last
    points = [{"threshold": float(score[i]), "precision": float(hits[i] / kept[i]),
               "recall": float(hits[i] / max(1, scored.support)),
               "f1": float(2 * hits[i] / (kept[i] + scored.support))} for i in shown[::-1]]
    chosen = scored.chosen
    return {"points": points, "average_precision": average, "support": scored.support, "candidates": len(score),
            "chosen": {"threshold": threshold, "precision": chosen.precision, "recall": chosen.recall, "f1": chosen.f1}}


def probability_sections(gold: Sequence[Article], candidates: Sequence[Article], predicted: Sequence[Article],
                         schema: Schema, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The sections ``calibration`` and ``precision_recall`` of ``metrics.json``."""
    every = gold, candidates, predicted
    spans = {label: scored_spans(*every, label) for label in schema.labels}
    pairs = {r.name: scored_pairs(*every, schema, r.name) for r in schema.relations}
    events = scored_events(*every)
    return {
        "calibration": {
            "spans": calibration(scored_spans(*every)), "pairs": calibration(scored_pairs(*every, schema)),
            "events": calibration(events),
            "spans_by_label": {n: calibration(s) for n, s in spans.items()},
            "pairs_by_type": {n: calibration(s) for n, s in pairs.items()}},
        "precision_recall": {
            "entities": {n: precision_recall(s, thresholds.get(n, 0.0)) for n, s in spans.items()},
            "relations": {n: precision_recall(s, thresholds.get(n, 0.5)) for n, s in pairs.items()},
            "events": {"parties": precision_recall(events, None)}},
    }
