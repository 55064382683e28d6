"""Several annotators, one gold: which annotation of a task counts, and how far the annotators agree."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.agreement import Agreement, compare
from data.article import Article, Entity, Relation
from data.schema import Schema, restrict

RULES = ("latest", "annotator", "ground-truth", "majority")


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What one annotator submitted for one task; ``annotator`` is an address, or a number where the server tells none."""

    annotator: str
    updated_at: str
    ground_truth: bool
    article: Article
    says_no_signing: bool = False


def annotator_of(annotation: dict[str, Any]) -> str:
    """Who completed an annotation: the address where the export holds it, else the number."""
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        return str(who.get("email") or who.get("id") or "unknown")
    return "unknown" if who is None else str(who)


def latest_of_each(annotations: Sequence[Annotation]) -> dict[str, Annotation]:
    """The last annotation of every annotator of a task."""
    return {a.annotator: a for a in sorted(annotations, key=lambda a: a.updated_at)}


def choose(annotations: Sequence[Annotation], rule: str, *, annotator: str | None = None) -> Annotation | None:
    """The annotation that counts, by one of :data:`RULES`; None where the rule finds none.

    ``majority`` makes one of all: what more than half of the annotators marked alike.
    """
    if rule == "annotator":
        return latest_of_each(annotations).get(annotator or "")
    if rule == "ground-truth":
        annotations = [a for a in annotations if a.ground_truth]
    if not annotations:
        return None
    if rule == "majority":
        return majority(list(latest_of_each(annotations).values()))
    return max(annotations, key=lambda a: a.updated_at)


def majority(annotations: Sequence[Annotation]) -> Annotation:
    """Spans and relations that more than half of the annotators marked: same place and label, same type and ends."""
    if len(annotations) == 1:
        return annotations[0]
    half = len(annotations) / 2
    votes = Counter(_span(e) for a in annotations for e in a.article.entities)
    entities = {span: Entity(id=f"T{number}", char_start=span[0], char_end=span[1], label=span[2],
                             text=annotations[0].article.text[span[0] : span[1]])
                for number, span in enumerate((s for s in sorted(votes) if votes[s] > half), start=1)}
    links: Counter[tuple[str, Any, Any]] = Counter()
    for a in annotations:
        by_id = {e.id: _span(e) for e in a.article.entities}
        links.update({(r.type, by_id[r.head], by_id[r.tail]) for r in a.article.relations})
    relations = tuple(Relation(type=kind, head=entities[head].id, tail=entities[tail].id)
                      for (kind, head, tail), count in sorted(links.items())
                      if count > half and head in entities and tail in entities)
    last = max(annotations, key=lambda a: a.updated_at)
    merged = replace(last.article, entities=tuple(entities.values()), relations=relations, events=(), clusters=())
    return replace(last, annotator="majority", article=merged,
                   says_no_signing=sum(a.says_no_signing for a in annotations) > half)


def _span(entity: Entity) -> tuple[int, int, str]:
    return entity.char_start, entity.char_end, entity.label


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Agreement of two annotators over the tasks that both annotated."""

    annotators: tuple[str, str]
    tasks: int
    rows: tuple[Agreement, ...]


def agreement(tasks: Sequence[Sequence[Annotation]], schema: Schema) -> list[PairAgreement]:
    """Per pair of annotators: agreement on each label, each relation type and altogether (``data.agreement``)."""
    shared: dict[tuple[str, str], list[tuple[Article, Article]]] = defaultdict(list)
    for of_task in tasks:
        latest = latest_of_each(of_task)
        for a, b in itertools.combinations(sorted(latest), 2):
            shared[a, b].append((restrict(latest[a].article, schema), restrict(latest[b].article, schema)))
    return [PairAgreement(annotators=pair, tasks=len(both), rows=tuple(
        r for r in compare([a for a, _ in both], [b for _, b in both], schema) if r.name != "events"))
        for pair, both in sorted(shared.items())]
