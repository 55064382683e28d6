"""The human yardstick: how far the two annotation passes agree, scored as a prediction is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.article import read_jsonl
from data.files import sha256_of
from data.schema import Schema, restrict
from eval.counts import count_sets, scores_of
from eval.event_scores import event_counts
from eval.metrics import entity_items, relation_items

PASSES = (Path("data/gold/passes/a.jsonl"), Path("data/gold/passes/b.jsonl"))


def human_yardstick(schema: Schema, passes: tuple[Path, Path] = PASSES) -> dict[str, Any] | None:
    """The second pass scored against the first (F1 is the same either way), with bootstrap intervals over articles.

    Events agree where their parties do, as in the headline. None where a pass is not there: reports are made outside
    the repository too.
    """
    if not all(path.is_file() for path in passes):
        return None
    first, second = ({a.id: restrict(a, schema) for a in read_jsonl(path)} for path in passes)
    pairs = [(first[i], second[i]) for i in first if i in second]

    def entities(label: str | None) -> dict[str, Any]:
        return scores_of([count_sets(entity_items(a, label), entity_items(b, label)) for a, b in pairs])

    def relations(kind: str | None) -> dict[str, Any]:
        return scores_of([count_sets(relation_items(a, schema, kind), relation_items(b, schema, kind)) for a, b in pairs])

    return {"articles": len(pairs), "source": str(passes[0].parent), "sha256": passes_hash(passes),
            "entities": entities(None), "relations": relations(None),
            "events": scores_of([event_counts(a, b)["parties"] for a, b in pairs]),
            "by_name": {**{n: entities(n) for n in schema.labels}, **{r.name: relations(r.name) for r in schema.relations}}}


def passes_hash(passes: Sequence[Path] = PASSES) -> str:
    """Changes with either pass."""
    return "+".join(sha256_of(path)[:16] for path in passes)
