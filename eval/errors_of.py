"""What is right and wrong about one predicted article, span by span, relation by relation, event by event.

Pure functions over gold and predicted articles: pages and analyses read these and never judge for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from data.article import Article, Entity, Event
from data.schema import Schema

Kind = Literal["correct", "boundary", "label", "missed", "spurious"]
KINDS: tuple[Kind, ...] = ("correct", "boundary", "label", "missed", "spurious")
EVENT_FIELDS = ("parties", "other_parties", "signatories", "date", "agreement", "kind", "status")


@dataclass(frozen=True, kw_only=True)
class SpanError:
    """One judgement on a span; ``correct`` is a kind too. Missed spans have no prediction, spurious ones no gold."""

    kind: Kind
    gold: Entity | None
    predicted: Entity | None


@dataclass(frozen=True, kw_only=True)
class RelationError:
    """One judgement on a relation: ``correct``, ``missed`` or ``spurious``, with the mentions at both ends."""

    kind: Kind
    type: str
    head: Entity
    tail: Entity


@dataclass(frozen=True, kw_only=True)
class EventPair:
    """A gold event beside the predicted one that is most like it; either may be None. ``differing`` names fields."""

    gold: Event | None
    predicted: Event | None
    differing: frozenset[str]


def span_errors(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[SpanError]:
    """Judge every predicted span once, and every gold span that no judgement has named, in text order.

    A predicted span is ``correct`` where offsets and label equal a gold span; ``label`` where the offsets are right
    and the label is not; ``boundary`` where it overlaps a gold span of its label; ``label`` again where it overlaps
    only others; else ``spurious``. A gold span left over is judged the same way from its side, or ``missed``.
    """
    errors: list[SpanError] = []
    named: set[str] = set()
    for entity in predicted:
        kind, other = _counterpart(entity, gold)
        errors.append(SpanError(kind=kind or "spurious", gold=other, predicted=entity))
        if other is not None:
            named.add(other.id)
    for entity in gold:
        if entity.id not in named:
            kind, other = _counterpart(entity, predicted)
            errors.append(SpanError(kind=kind or "missed", gold=entity, predicted=other))
    return sorted(errors, key=lambda e: min(x.char_start for x in (e.gold, e.predicted) if x is not None))


def _counterpart(entity: Entity, others: Iterable[Entity]) -> tuple[Kind | None, Entity | None]:
    """The span of the other side that an entity answers to, and how well; the larger overlap wins within a kind."""
    best: tuple[int, int, Kind, Entity] | None = None
    for other in others:
        # Most spans lie elsewhere; this line runs for every pair.
        if other.char_end <= entity.char_start or other.char_start >= entity.char_end:
            continue
        overlap = min(entity.char_end, other.char_end) - max(entity.char_start, other.char_start)
        same_offsets = (entity.char_start, entity.char_end) == (other.char_start, other.char_end)
        kind: Kind
        if entity.label == other.label:
            rank, kind = (3, "correct") if same_offsets else (1, "boundary")
        else:
            rank, kind = (2, "label") if same_offsets else (0, "label")
        if best is None or (rank, overlap) > best[:2]:
            best = rank, overlap, kind, other
    return (best[2], best[3]) if best else (None, None)


def relation_errors(gold: Article, predicted: Article, schema: Schema) -> list[RelationError]:
    """Judge every relation strictly: type, and offsets and labels of both ends; in text order."""
    gold_items, predicted_items = _relations(gold, schema), _relations(predicted, schema)
    errors = []
    for key, (kind, head, tail) in (gold_items | predicted_items).items():
        verdict: Kind = "correct" if key in gold_items and key in predicted_items else (
            "missed" if key in gold_items else "spurious")
        errors.append(RelationError(kind=verdict, type=kind, head=head, tail=tail))
    return sorted(errors, key=lambda e: (e.head.char_start, e.tail.char_start, e.type))


def _relations(article: Article, schema: Schema) -> dict[Any, tuple[str, Entity, Entity]]:
    by_id = {e.id: e for e in article.entities}
    items: dict[Any, tuple[str, Entity, Entity]] = {}
    for relation in article.relations:
        head, tail = by_id[relation.head], by_id[relation.tail]
        known = schema.relation(relation.type)
        if known is not None and known.symmetric and head.char_start > tail.char_start:
            head, tail = tail, head
        ends = tuple((e.char_start, e.char_end, e.label) for e in (head, tail))
        items[relation.type, ends] = relation.type, head, tail
    return items


def event_pairs(gold: Sequence[Event], predicted: Sequence[Event]) -> list[EventPair]:
    """Pair events by the share of common parties, the best pair first; what shares none stands alone."""
    scored = sorted(
        ((_common(g, p), -i, -j) for i, g in enumerate(gold) for j, p in enumerate(predicted)), reverse=True)
    partner: dict[int, int] = {}
    for share, i, j in scored:
        if share > 0 and -i not in partner and -j not in partner.values():
            partner[-i] = -j
    pairs = []
    for i, event in enumerate(gold):
        found = predicted[partner[i]] if i in partner else None
        differing = frozenset(f for f in EVENT_FIELDS if found is not None and _value(event, f) != _value(found, f))
        pairs.append(EventPair(gold=event, predicted=found, differing=differing))
    alone = (p for j, p in enumerate(predicted) if j not in partner.values())
    return pairs + [EventPair(gold=None, predicted=p, differing=frozenset()) for p in alone]


def _common(gold: Event, predicted: Event) -> float:
    """Jaccard share of the parties."""
    left, right = ({*e.parties, *e.other_parties} for e in (gold, predicted))
    return len(left & right) / max(1, len(left | right))


def _value(event: Event, field: str) -> object:
    """A field as strict scoring compares it: order tells nothing."""
    if field == "signatories":
        return {(s.person, frozenset(s.roles), s.hospital) for s in event.signatories}
    value = getattr(event, field)
    return frozenset(value) if isinstance(value, tuple) else value
