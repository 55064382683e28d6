"""In which order unlabelled articles teach a model most: what it doubts, where checkpoints disagree, names it never saw.

Each part is divided by its mean over the pool, so that weights compare; articles are then taken greedily, and a hospital
that one of them brings is no longer new in the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from data.article import Article
from data.clean import surface
from data.near_duplicates import SeenTexts
from data.uncertainty import Uncertainty

WEIGHTS: Mapping[str, float] = {"spans": 1.0, "pairs": 1.0, "disagreement": 1.0, "novelty": 0.5}
Per = Literal["article", "character"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One article of the queue. ``parts`` are the raw measures: expected wrong tags, expected wrong relations, marks that
    not all checkpoints make, names of hospitals that stand in no labelled article and none before it."""

    article: Article
    rank: int
    score: float
    parts: Mapping[str, float]
    new_names: tuple[str, ...]

    def explain(self) -> str:
        """Why it stands here, in one line."""
        said = [f"{self.parts['spans']:.1f} tags and {self.parts['pairs']:.1f} relations expected wrong"]
        if self.parts["disagreement"]:
            said.append(f"checkpoints disagree on {self.parts['disagreement']:.0f} marks")
        if self.new_names:
            rest = f" and {len(self.new_names) - 3} more" if len(self.new_names) > 3 else ""
            said.append("new: " + "、".join(self.new_names[:3]) + rest)
        return f"{self.rank}. {self.article.id} ({self.score:.2f}, {len(self.article.text)} characters): " + "; ".join(said)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Articles in order, and those left out: id -> id of the article they nearly repeat."""

    places: tuple[Place, ...]
    duplicates: Mapping[str, str]


def order_articles(checkpoints: Sequence[Sequence[Article]], labelled: Sequence[Article] = (), *,
                   weights: Mapping[str, float] = WEIGHTS, per: Per = "article") -> Queue:
    """The queue of the articles that every checkpoint read.

    Args:
        checkpoints: predictions of each checkpoint for the same articles.
        labelled: gold articles; their hospitals are known, and what nearly repeats them is left out.
        per: what annotating costs: ``article`` where each costs the same (long ones then come first), ``character`` where a
            long one costs more.

    Raises:
        ValueError: no checkpoint, or a weight for a part that there is not.
    """
    if not checkpoints or set(weights) - set(WEIGHTS):
        raise ValueError(f"expected at least one checkpoint, and weights among {', '.join(WEIGHTS)}")
    others = [{a.id: a for a in articles} for articles in checkpoints[1:]]
    pool = [a for a in checkpoints[0] if all(a.id in other for other in others)]
    parts = {a.id: _parts([a, *(other[a.id] for other in others)]) for a in pool}
    cost = {a.id: max(1.0, len(a.text)) if per == "character" else 1.0 for a in pool}
    means = {n: sum(parts[a.id][n] / cost[a.id] for a in pool) / max(1, len(pool)) for n in ("spans", "pairs", "disagreement")}
    steady = {a.id: sum(weights.get(n, 0.0) * parts[a.id][n] / cost[a.id] / means[n] for n in means if means[n]) for a in pool}
    names = {a.id: hospital_names(a) for a in pool}
    known = {name for a in labelled for name in hospital_names(a)}
    new = {a.id: [n for n in names[a.id] if n not in known] for a in pool}
    mean_new = sum(len(new[a.id]) / cost[a.id] for a in pool) / max(1, len(pool)) or 1.0
    holders: dict[str, list[str]] = {}
    for key, found in new.items():
        for name in found:
            holders.setdefault(name, []).append(key)

    def value(article: Article) -> float:
        return steady[article.id] + weights.get("novelty", 0.0) * len(new[article.id]) / cost[article.id] / mean_new

    return _take(pool, value, parts, new, holders, SeenTexts((a.id, a.text) for a in labelled))


def _take(pool: Sequence[Article], value: Any, parts: Mapping[str, dict[str, float]], new: dict[str, list[str]],
          holders: Mapping[str, Sequence[str]], seen: SeenTexts) -> Queue:
    """Greedy order by ``value``, which shrinks as names are used up: a heap whose stale tops are put back."""
    import heapq

    by_id = {a.id: a for a in pool}
    heap = [(-value(a), i, a.id) for i, a in enumerate(pool)]
    heapq.heapify(heap)
    places: list[Place] = []
    duplicates: dict[str, str] = {}
    while heap:
        worth, index, key = heapq.heappop(heap)
        article = by_id[key]
        current = value(article)
        if current < -worth - 1e-12:
            heapq.heappush(heap, (-current, index, key))
            continue
        if (like := seen.like(article.text)) is not None:
            duplicates[key] = like
            continue
        seen.add(key, article.text)
        fresh = tuple(new[key])
        places.append(Place(article=article, rank=len(places) + 1, score=round(current, 4), new_names=fresh,
                            parts={**parts[key], "novelty": float(len(fresh))}))
        for name in fresh:
            for holder in holders[name]:
                new[holder].remove(name)
    return Queue(places=tuple(places), duplicates=duplicates)


def hospital_names(article: Article) -> list[str]:
    """Clean names of the hospitals that the article marks, each once, without self-references."""
    names = dict.fromkeys(surface(e.text) for e in article.entities if e.label == "HOSPITAL")
    return [n for n in names if n and not (len(n) <= 3 and n.startswith(("我", "本", "该", "贵")))]


def _parts(read: Sequence[Article]) -> dict[str, float]:
    """The measures of one article as each checkpoint reads it; uncertainty is their mean."""
    doubts = [a.uncertainty or doubt_of_scores(a) for a in read]
    apart = [len(_marks(a) ^ _marks(b)) for a, b in itertools.combinations(read, 2)]
    return {"spans": sum(d.spans for d in doubts) / len(doubts), "pairs": sum(d.pairs for d in doubts) / len(doubts),
            "disagreement": sum(apart) / len(apart) if apart else 0.0}


def doubt_of_scores(article: Article) -> Uncertainty:
    """Where a prediction carries no uncertainty (an older run): from the scores of what it marks; misses go unseen."""
    return Uncertainty(spans=round(sum(1 - e.score for e in article.entities if e.score is not None), 3),
                       pairs=round(sum(1 - r.score for r in article.relations if r.score is not None), 3))


def _marks(article: Article) -> set[tuple[Any, ...]]:
    place = {e.id: (e.char_start, e.char_end, e.label) for e in article.entities}
    related = ((r.type, place[r.head], place[r.tail]) for r in article.relations if r.head in place and r.tail in place)
    return {*place.values(), *related}
