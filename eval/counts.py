"""Hits, wrong predictions and misses, and the score they make with its bootstrap interval over articles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.bootstrap import SEED, Statistic, f1_of_counts, interval


@dataclass(frozen=True)
class Counts:
    """Hits, wrong predictions and misses; adds up over articles."""

    hits: int = 0
    spurious: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.spurious + other.spurious, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of the predictions that are right; 0 without predictions."""
        return self.hits / (self.hits + self.spurious) if self.hits else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold that is found; 0 without gold."""
        return self.hits / (self.hits + self.missed) if self.hits else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is neither gold nor prediction."""
        total = 2 * self.hits + self.spurious + self.missed
        return 2 * self.hits / total if total else 1.0


def count_sets(gold: Iterable[Any], predicted: Iterable[Any]) -> Counts:
    """Counts of two collections of hashable items; an item predicted twice is spurious once."""
    gold_items, predicted_items = Counter(gold), Counter(predicted)
    hits = sum((gold_items & predicted_items).values())
    return Counts(hits, sum(predicted_items.values()) - hits, sum(gold_items.values()) - hits)


def bootstrap_interval(
    counts: Sequence[Counts], *, statistic: Statistic = f1_of_counts, seed: int = SEED
) -> tuple[float, float]:
    """Percentile 95 % interval of a pooled statistic over articles drawn with replacement."""
    low, high = interval(table_of(counts), statistic, seed=seed)
    return low, high


def table_of(counts: Sequence[Counts]) -> NDArray[np.float64]:
    """``(articles, 3)`` hits, spurious, missed."""
    return np.array([(c.hits, c.spurious, c.missed) for c in counts], dtype=np.float64).reshape(len(counts), 3)


def scores_of(per_article: Sequence[Counts]) -> dict[str, Any]:
    """Pooled precision, recall and F1 with interval and support, as they stand in ``metrics.json``."""
    total = sum(per_article, Counts())
    low, high = bootstrap_interval(per_article)
    return {"precision": total.precision, "recall": total.recall, "f1": total.f1, "interval": [low, high],
            "support": total.hits + total.missed, "predicted": total.hits + total.spurious,
            "mean_over_articles": float(np.mean([c.f1 for c in per_article])) if per_article else 0.0}
