"""How much of an article a model doubts: what active learning orders articles by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """How many decisions of a prediction its model expects to be wrong: tags of tokens, and relations of pairs of mentions.

    Sums over the article of 1 - P(best choice), the least confidence of Settles and Craven 2008
    (https://aclanthology.org/D08-1112); not means, because a long article has more to correct.
    """

    spans: float = 0.0
    pairs: float = 0.0

    def __add__(self, other: Uncertainty) -> Uncertainty:
        return Uncertainty(spans=round(self.spans + other.spans, 3), pairs=round(self.pairs + other.pairs, 3))

    @classmethod
    def from_dict(cls, record: dict[str, Any] | None) -> Uncertainty | None:
        """Of its JSON form; raises KeyError, TypeError and ValueError where that is wrong."""
        return None if record is None else cls(spans=float(record["spans"]), pairs=float(record["pairs"]))
