"""Two systems on the same articles: is the difference of their scores more than the luck of the draw?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import DRAWS, Statistic, draw_weights, f1_of_counts
from eval.counts import Counts, table_of

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Second less first, with its 95 % interval and two-sided p-value."""

    first: float
    second: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """Above 0 where the second system is better."""
        return self.second - self.first

    @property
    def is_significant(self) -> bool:
        """At the 5 % level, for this one comparison: among many rows some will be by luck."""
        return self.p_value < LEVEL


def paired_difference(first: Sequence[Counts], second: Sequence[Counts], statistic: Statistic = f1_of_counts) -> Difference:
    """Paired bootstrap over articles (Koehn 2004, https://aclanthology.org/W04-3250): both systems meet the same draws.

    The p-value is twice the share of draws whose difference lies on the other side of 0 or on it, at most 1; one draw is
    added to each count, so that it is never 0.

    Args:
        first: counts of each article under the first system.
        second: of the same articles, in the same order, under the second.

    Raises:
        ValueError: the two hold different numbers of articles, or none.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"expected the same articles, found {len(first)} and {len(second)}")
    tables = table_of(first), table_of(second)
    weights = draw_weights(len(first))
    drawn = statistic(weights @ tables[1]) - statistic(weights @ tables[0])
    low, high = np.percentile(drawn, [2.5, 97.5])
    # Draws of the same sums in another order may differ in the last digit; that is no difference.
    other_side = min(int((drawn <= 1e-12).sum()), int((drawn >= -1e-12).sum()))
    whole = [float(statistic(table.sum(axis=0)[None])[0]) for table in tables]
    return Difference(first=whole[0], second=whole[1], low=float(low), high=float(high),
                      p_value=min(1.0, 2 * (other_side + 1) / (DRAWS + 1)))
