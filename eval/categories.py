"""Kinds of near misses: the four views of nervaluate (Segura-Bedmar et al. 2013, SemEval task 9), and who is taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nervaluate import Evaluator
from numpy.typing import NDArray

from data.article import Article, Entity
from data.schema import Schema
from eval.bootstrap import Table, interval
from eval.errors_of import span_errors

# What we call a view -> what nervaluate calls it.
VIEWS = {"strict": "strict", "boundary": "exact", "partial": "partial", "type": "ent_type"}
KINDS = ("correct", "incorrect", "partial", "missed", "spurious")
NOTHING = "none"


def categories(pairs: Sequence[tuple[Article, Article]], schema: Schema) -> dict[str, Any]:
    """Correct, incorrect, partial, missed and spurious spans by view, in all and by label, each with P, R, F1, interval.

    A partial hit counts half. By label, only spans of that label meet: a span under a wrong label is missed for one
    label and spurious for the other.
    """
    names = [None, *schema.labels]
    rows: dict[str | None, dict[str, list[list[int]]]] = {n: {view: [] for view in VIEWS} for n in names}
    for gold, predicted in pairs:
        found = Evaluator([_spans(gold.entities)], [_spans(predicted.entities)], tags=list(schema.labels),
                          loader="dict").evaluate()
        for name in names:
            results = found["overall"] if name is None else found["entities"].get(name, {})
            for view, theirs in VIEWS.items():
                result = results.get(theirs)
                rows[name][view].append([getattr(result, kind) if result else 0 for kind in KINDS])
    scored = {name: {view: _score(np.array(counts, dtype=np.float64)) for view, counts in views.items()}
              for name, views in rows.items()}
    return {"overall": scored[None], "by_label": {label: scored[label] for label in schema.labels}}


def _spans(entities: Sequence[Entity]) -> list[dict[str, Any]]:
    """In text order, which nervaluate's greedy match wants; its ends are inclusive."""
    return [{"label": e.label, "start": e.char_start, "end": e.char_end - 1}
            for e in sorted(entities, key=lambda e: (e.char_start, e.char_end))]


def _score(table: Table) -> dict[str, Any]:
    """Scores of a table ``(articles, 5)`` of the kinds in their order."""
    table = table.reshape(-1, len(KINDS))
    sums = table.sum(axis=0)
    credit, found, gold = (float(x[0]) for x in _credit(sums[None]))
    counts = {kind: int(n) for kind, n in zip(KINDS, sums, strict=True)}
    return {**counts, "precision": credit / found if found else 0.0, "recall": credit / gold if gold else 0.0,
            "f1": float(_f1(sums[None])[0]), "interval": interval(table, _f1), "support": int(gold), "predicted": int(found)}


def _credit(sums: Table) -> tuple[Table, Table, Table]:
    correct, incorrect, partial, missed, spurious = sums.T
    both = correct + incorrect + partial
    return correct + 0.5 * partial, both + spurious, both + missed


def _f1(sums: Table) -> NDArray[np.float64]:
    credit, found, gold = _credit(sums)
    return np.where(found + gold > 0, 2 * credit / np.maximum(found + gold, 1e-12), 1.0)


def confusion(pairs: Sequence[tuple[Article, Article]]) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """Gold label -> predicted label -> kind of judgement -> count; :data:`NOTHING` is the side that has no span."""
    table: dict[str, dict[str, dict[str, int]]] = {}
    for gold, predicted in pairs:
        for error in span_errors(gold.entities, predicted.entities):
            row = table.setdefault(error.gold.label if error.gold else NOTHING, {})
            cell = row.setdefault(error.predicted.label if error.predicted else NOTHING, {})
            cell[error.kind] = cell.get(error.kind, 0) + 1
    return table
