"""Bootstrap over articles (Efron 1979): articles, not mentions, are what a test set draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
SEED = 0
Table = NDArray[Any]  # (articles, K): what each article adds to K sums
Statistic = Callable[[Table], NDArray[np.float64]]  # sums (draws, K) -> values (draws,)


@lru_cache(maxsize=64)
def draw_weights(count: int, seed: int = SEED) -> NDArray[np.float64]:
    """How often ``(DRAWS, count)`` each draw holds each article: the same for every figure of a data set, so that
    figures can be compared draw by draw."""
    draws = np.random.default_rng(seed).integers(0, count, size=(DRAWS, count))
    weights = np.zeros((DRAWS, count))
    np.add.at(weights, (np.arange(DRAWS)[:, None], draws), 1.0)
    return weights


def resampled(table: Table, statistic: Statistic, *, seed: int = SEED) -> NDArray[np.float64]:
    """The statistic ``(DRAWS,)`` of the summed table ``(articles, K)`` of each draw."""
    return statistic(draw_weights(len(table), seed) @ table)


def interval(table: Table, statistic: Statistic, *, seed: int = SEED) -> list[float]:
    """``[low, high]``, the percentile 95 % interval of a statistic of summed counts; zeros without articles."""
    if not len(table):
        return [0.0, 0.0]
    low, high = np.percentile(resampled(table, statistic, seed=seed), [2.5, 97.5])
    return [float(low), float(high)]


def f1_of_counts(sums: Table) -> NDArray[np.float64]:
    """F1 of ``(draws, 3)`` hits, spurious, missed; 1 where there is neither gold nor prediction."""
    total = 2 * sums[:, 0] + sums[:, 1] + sums[:, 2]
    return np.where(total > 0, 2 * sums[:, 0] / np.maximum(total, 1e-12), 1.0)


def ratio_of_sums(sums: Table) -> NDArray[np.float64]:
    """First sum over second of ``(draws, 2)``; 0 over nothing."""
    return np.where(sums[:, 1] > 0, sums[:, 0] / np.maximum(sums[:, 1], 1e-12), 0.0)
