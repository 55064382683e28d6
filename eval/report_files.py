"""The files of one report folder: what ``eval.evaluate`` leaves and ``eval.verify`` and ``eval.compare`` read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.article import Article, article_to_dict, read_jsonl, write_jsonl
from data.errors import DataError
from data.files import text_hash, write_text

METRICS, GOLD, PREDICTIONS = "metrics.json", "gold.jsonl", "predictions.jsonl"
ON_GOLD, CANDIDATES, BASELINE = "on_gold_entities.jsonl", "candidates.jsonl", "baseline-{}.jsonl"


@dataclass(frozen=True, kw_only=True)
class Scorable:
    """The articles that all figures are made of; every list holds the same ids in the same order."""

    gold: Sequence[Article]
    predicted: Sequence[Article]
    on_gold: Sequence[Article]
    candidates: Sequence[Article]
    baselines: Mapping[str, Sequence[Article]] = field(default_factory=dict)

    @property
    def pairs(self) -> list[tuple[Article, Article]]:
        """Gold beside prediction."""
        return list(zip(self.gold, self.predicted, strict=True))


def write_articles(folder: Path, articles: Scorable) -> None:
    """Write every article file of a report."""
    for name, part in ((PREDICTIONS, articles.predicted), (GOLD, articles.gold), (ON_GOLD, articles.on_gold),
                       (CANDIDATES, articles.candidates),
                       *((BASELINE.format(n), found) for n, found in articles.baselines.items())):
        write_jsonl(folder / name, part)


def read_articles(folder: Path, baselines: Sequence[str]) -> Scorable:
    """Read them back.

    Raises:
        DataError: a file is missing or broken, or holds other articles than ``gold.jsonl``.
    """
    gold = read_jsonl(folder / GOLD)

    def read(name: str) -> list[Article]:
        found = {a.id: a for a in read_jsonl(folder / name)}
        if set(found) != {a.id for a in gold}:
            raise DataError(f"expected the articles of {GOLD}; only in one of the two: "
                            f"{', '.join(sorted(set(found) ^ {a.id for a in gold})[:5])}",
                            place=str(folder / name), repair="make the report again: python -m eval.evaluate …")
        return [found[a.id] for a in gold]

    return Scorable(gold=gold, predicted=read(PREDICTIONS), on_gold=read(ON_GOLD), candidates=read(CANDIDATES),
                    baselines={n: read(BASELINE.format(n)) for n in baselines})


def read_record(folder: Path) -> dict[str, Any]:
    """``metrics.json`` of a report folder.

    Raises:
        DataError: there is none, or it is broken or of an older version.
    """
    path = folder / METRICS
    if not path.is_file():
        raise DataError("no metrics.json here", place=str(folder),
                        repair=f"python -m eval.evaluate --model RUN --data GOLD --report {folder}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as fault:
        raise DataError(f"no valid JSON: {fault}", place=str(path), repair="make the report again") from fault
    if not isinstance(record, dict) or "not_recomputed" not in record:
        raise DataError("written by an older version", place=str(path),
                        repair="make the report again with this version: python -m eval.evaluate …")
    return record


def write_record(folder: Path, record: Mapping[str, Any]) -> str:
    """Write ``metrics.json``; its text."""
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    write_text(folder / METRICS, text)
    return text


def data_hash(articles: Sequence[Article]) -> str:
    """Changes with any text, annotation or order."""
    lines = "\n".join(json.dumps(article_to_dict(a), ensure_ascii=False, sort_keys=True) for a in articles)
    return text_hash(lines)
