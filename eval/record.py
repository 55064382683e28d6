"""Every figure of ``metrics.json`` that the files of a report decide: one pure function, for evaluation and verification.

The form is in ``metrics_schema.json`` beside this file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from data.article import Article
from data.schema import Schema
from eval.annotate_next import annotate_next
from eval.categories import categories, confusion
from eval.history import headline
from eval.human import human_yardstick
from eval.metrics import score_articles
from eval.probabilities import probability_sections
from eval.report_files import Scorable
from eval.slices import name_scores, slice_scores
from eval.taxonomy import error_items, error_section

# What stands in metrics.json and does not follow from the report's own files.
NOT_RECOMPUTED = ("model", "schema_definition", "coverage", "last_run", "learning_curve", "seen_in_training",
                  "seen_in_tuning", "training_known", "thresholds", "temperature", "cost", "provenance", "not_recomputed")


def figures(articles: Scorable, schema: Schema, *, thresholds: Mapping[str, float], seen: Collection[str] | None,
            known: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """All sections but :data:`NOT_RECOMPUTED`.

    Args:
        articles: gold, predictions and the rest, restricted to the schema.
        thresholds: of the model.
        seen: ids of the articles that training had, None where that is not known.
        known: from :func:`eval.slices.known_names`.

    Raises:
        ValueError: see :func:`eval.metrics.score_articles`.
    """
    pairs = articles.pairs
    record = score_articles(articles.gold, articles.predicted, schema, on_gold_entities=articles.on_gold)
    record["categories"] = categories(pairs, schema)
    record["confusion"] = confusion(pairs)
    record["baselines"] = {name: baseline_line(articles.gold, found, schema) for name, found in articles.baselines.items()}
    record["human"] = human_yardstick(schema)
    record["slices"] = slice_scores(pairs, schema, seen=seen)
    record["names"] = {"by_label": name_scores(pairs, known, schema), "known": dict(known)}
    record |= probability_sections(articles.gold, articles.candidates, articles.predicted, schema, thresholds)
    items = error_items(pairs, schema, known)
    record["errors"] = error_section(items)
    record["annotate_next"] = annotate_next(items, record["slices"], record["entities"]["micro"])
    record["unseen"] = _unseen(articles, schema, seen)
    return record


def baseline_line(gold: Sequence[Article], predicted: Sequence[Article], schema: Schema) -> dict[str, Any]:
    """The headline of a baseline, and its F1 by label and relation type."""
    scores = score_articles(gold, predicted, schema)
    return {**headline(scores), "entities_by_name": {n: s["f1"] for n, s in scores["entities"]["by_name"].items()},
            "relations_by_name": {n: s["f1"] for n, s in scores["relations"]["by_name"].items()}}


def _unseen(articles: Scorable, schema: Schema, seen: Collection[str] | None) -> dict[str, Any] | None:
    """The headline of what training did not have, where it had some of the articles but not all."""
    left = [(g, p) for g, p in articles.pairs if g.id not in (seen or ())]
    if not seen or not left:
        return None
    return {"articles": len(left), **headline(score_articles([g for g, _ in left], [p for _, p in left], schema))}
