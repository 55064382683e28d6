"""The human yardstick: how far the two annotation passes agree, scored as a prediction is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.agreement import Agreement, compare
from data.article import read_jsonl
from data.files import sha256_of
from data.schema import Schema, restrict
from eval.counts import Counts, scores_of

PASSES = (Path("data/gold/passes/a.jsonl"), Path("data/gold/passes/b.jsonl"))
ROWS = {"entities": "all entities", "relations": "all relations", "events": "events"}


def human_yardstick(schema: Schema, passes: tuple[Path, Path] = PASSES) -> dict[str, Any] | None:
    """The second pass scored against the first (F1 is the same either way), with bootstrap intervals over articles.

    Events agree where parties and date do. None where a pass is not there: reports are made outside the repository too.
    """
    if not all(path.is_file() for path in passes):
        return None
    first, second = ({a.id: restrict(a, schema) for a in read_jsonl(path)} for path in passes)
    per_article = [{r.name: r for r in compare([first[i]], [second[i]], schema)} for i in first if i in second]

    def score(name: str) -> dict[str, Any]:
        return scores_of([_counts(agreement[name]) for agreement in per_article])

    names = [*schema.labels, *(r.name for r in schema.relations)]
    return {"articles": len(per_article), "source": str(passes[0].parent), "sha256": passes_hash(passes),
            **{row: score(name) for row, name in ROWS.items()}, "by_name": {n: score(n) for n in names}}


def passes_hash(passes: Sequence[Path] = PASSES) -> str:
    """Changes with either pass."""
    return "+".join(sha256_of(path)[:16] for path in passes)


def _counts(agreement: Agreement) -> Counts:
    return Counts(hits=agreement.both, spurious=agreement.only_b, missed=agreement.only_a)
