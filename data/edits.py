"""Edits of annotated text that keep every offset exact."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from data.article import Article, Entity, Relation

# Stored head first in the text, whichever way round the annotation names the ends.
SYMMETRIC = frozenset({"SIGNED_WITH"})


@dataclass(frozen=True, kw_only=True)
class Edit:
    """``text[char_start:char_end]`` becomes ``new``; an empty interval inserts."""

    char_start: int
    char_end: int
    new: str


def apply_edits(article: Article, edits: Sequence[Edit], *, dropped: Collection[str] = ()) -> Article:
    """Apply edits that do not overlap, moving every entity with its text; ``dropped`` entities go with their relations.

    What is inserted at the edge of an entity stays outside it. An entity may be replaced whole or changed inside;
    an edit that crosses its edge is a fault of the caller.
    """
    if not edits and not dropped:
        return article
    ordered = sorted(edits, key=lambda e: (e.char_start, e.char_end))
    pieces, shifts, done = list[str](), [0], 0
    for edit in ordered:
        pieces += (article.text[done:edit.char_start], edit.new)
        shifts.append(shifts[-1] + len(edit.new) - (edit.char_end - edit.char_start))
        done = edit.char_end
    text = "".join([*pieces, article.text[done:]])
    starts, ends = [edit.char_start for edit in ordered], [edit.char_end for edit in ordered]
    entities = []
    for e in article.entities:
        if e.id not in dropped:
            start = e.char_start + shifts[bisect_right(ends, e.char_start)]
            # Edits before the end: those that begin inside; an insertion just behind begins at the end.
            end = e.char_end + shifts[bisect_right(starts, e.char_end - 1)]
            entities.append(Entity(id=e.id, char_start=start, char_end=end, label=e.label, text=text[start:end]))
    return rebuilt(article, text, entities)


def rebuilt(article: Article, text: str, entities: Sequence[Entity]) -> Article:
    """The article with other text and entities: sorted, relations and clusters of those that are left, no events."""
    ordered = sorted(entities, key=lambda e: e.char_start)
    place = {e.id: i for i, e in enumerate(ordered)}
    relations: dict[Relation, None] = {}
    for r in article.relations:
        if r.head in place and r.tail in place:
            turned = r.type in SYMMETRIC and place[r.tail] < place[r.head]
            relations[replace(r, head=r.tail, tail=r.head) if turned else r] = None
    clusters = (tuple(i for i in cluster if i in place) for cluster in article.clusters)
    return replace(article, text=text, entities=tuple(ordered), relations=tuple(relations),
                   clusters=tuple(c for c in clusters if c), events=())


def outside(article: Article) -> list[bool]:
    """For each character whether no entity covers it."""
    free = [True] * len(article.text)
    for e in article.entities:
        free[e.char_start:e.char_end] = [False] * (e.char_end - e.char_start)
    return free
