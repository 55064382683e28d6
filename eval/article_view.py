"""One article as the report shows it: text cut into marked pieces, relations and events with their verdicts."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from data.article import Article, Entity, Event
from data.clean import surface
from data.schema import Schema
from eval.errors_of import KINDS, EventPair, RelationError, SpanError, event_pairs, relation_errors, span_errors

TITLE_LENGTH = 46  # characters of the first line shown as a headline


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A run of text in which gold and prediction do not change."""

    text: str
    sides: str  # "", "g" gold only, "p" predicted only, "gp" both


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Plain text (no kind), or a group of overlapping spans with one verdict."""

    pieces: Sequence[Piece]
    kind: str = ""
    labels: Sequence[str] = ()
    tag: str = ""
    title: str = ""
    events: Sequence[int] = ()  # numbers, from 1, of the events whose evidence stands here


@dataclass(frozen=True, kw_only=True)
class ArticleView:
    """What the template needs of one article."""

    id: str
    title: str
    published: str | None
    publisher: str | None
    seen: bool
    chunks: Sequence[Chunk]
    relations: Sequence[RelationError]
    events: Sequence[EventPair]
    counts: Mapping[str, int]
    relation_counts: Mapping[str, int]
    event_errors: int
    errors: int
    keys: str  # "kind:LABEL" of every error, for the filters


def letters(labels: Sequence[str]) -> dict[str, str]:
    """The shortest prefix of each label that no other label shares."""
    def prefix(label: str) -> str:
        lengths = range(1, len(label) + 1)
        return next((label[:n] for n in lengths if sum(x.startswith(label[:n]) for x in labels) == 1), label)

    return {label: prefix(label) for label in labels}


def view_article(gold: Article, predicted: Article, schema: Schema, *, seen: bool) -> ArticleView:
    """Judge one article and lay it out."""
    spans = span_errors(gold.entities, predicted.entities)
    relations = relation_errors(gold, predicted, schema)
    counts = Counter(e.kind for e in spans)
    relation_counts = Counter(e.kind for e in relations)
    pairs = event_pairs(gold.events, predicted.events)
    event_errors = sum(p.gold is None or p.predicted is None or bool(p.differing) for p in pairs)
    keys = {f"{e.kind}:{label}" for e in spans for label in _labels(e)}
    keys |= {f"{e.kind}:{e.type}" for e in relations}
    first_line = next((line.strip() for line in gold.text.splitlines() if line.strip()), "")
    title = surface(first_line)
    return ArticleView(
        id=gold.id, title=title[:TITLE_LENGTH] + ("…" if len(title) > TITLE_LENGTH else ""),
        published=gold.published, publisher=gold.publisher, seen=seen,
        chunks=chunk_text(gold.text, spans, letters(schema.labels), evidence_of(pairs)), relations=relations, events=pairs,
        counts={k: counts[k] for k in KINDS}, relation_counts={k: relation_counts[k] for k in KINDS},
        event_errors=event_errors,
        errors=sum(counts[k] + relation_counts[k] for k in KINDS if k != "correct") + event_errors,
        keys=" ".join(sorted(keys)))


def _labels(error: SpanError) -> tuple[str, ...]:
    return tuple(dict.fromkeys(e.label for e in (error.gold, error.predicted) if e is not None))


Evidence = Mapping[tuple[str, str], Sequence[int]]  # ("g" gold or "p" predicted, entity id) -> event numbers


def evidence_of(pairs: Sequence[EventPair]) -> Evidence:
    """Which mentions the events rest on, gold and predicted."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs, start=1):
        for side, event in (("g", pair.gold), ("p", pair.predicted)):
            for entity_id in event.evidence if event else ():
                found[side, entity_id].append(number)
    return found


def chunk_text(
    text: str, errors: Sequence[SpanError], letter_of: Mapping[str, str], evidence: Evidence = MappingProxyType({})
) -> list[Chunk]:
    """Cut a text so that joined pieces are the text again and overlapping spans share one chunk."""
    chunks: list[Chunk] = []
    reached = 0
    for group in _groups(errors):
        spans = [e for error in group for e in (error.gold, error.predicted) if e is not None]
        start, end = min(e.char_start for e in spans), max(e.char_end for e in spans)
        if start > reached:
            chunks.append(Chunk(pieces=[Piece(text=text[reached:start], sides="")]))
        chunks.append(_marked(text, group, letter_of, evidence))
        reached = end
    if reached < len(text):
        chunks.append(Chunk(pieces=[Piece(text=text[reached:], sides="")]))
    return chunks


def _groups(errors: Sequence[SpanError]) -> list[list[SpanError]]:
    """Judgements whose spans overlap, directly or through others."""
    groups: list[list[SpanError]] = []
    reached = -1
    for error in errors:
        spans = [e for e in (error.gold, error.predicted) if e is not None]
        if groups and min(e.char_start for e in spans) < reached:
            groups[-1].append(error)
        else:
            groups.append([error])
        reached = max(reached, *(e.char_end for e in spans))
    return groups


def _marked(text: str, group: Sequence[SpanError], letter_of: Mapping[str, str], evidence: Evidence) -> Chunk:
    gold = _unique(e.gold for e in group)
    predicted = _unique(e.predicted for e in group)
    cuts = sorted({cut for e in (*gold, *predicted) for cut in (e.char_start, e.char_end)})
    pieces = []
    for start, end in itertools.pairwise(cuts):
        sides = "".join(side for side, found in (("g", gold), ("p", predicted))
                        if any(e.char_start <= start and end <= e.char_end for e in found))
        pieces.append(Piece(text=text[start:end], sides=sides))
    # The worst judgement of a group names it; groups of several are rare and all wrong.
    kind = max((e.kind for e in group), key=KINDS.index)
    names = [letter_of.get(e.label, e.label) for e in gold], [letter_of.get(e.label, e.label) for e in predicted]
    left, right = ("·".join(dict.fromkeys(side)) for side in names)
    tag = {"correct": left, "boundary": f"≠{left}", "label": f"{left}→{right}", "missed": f"−{left}",
           "spurious": f"+{right}"}[kind]
    said = [f"gold {e.label} {e.text}" for e in gold] + [f"predicted {e.label} {e.text}" for e in predicted]
    labels = tuple(dict.fromkeys(e.label for e in (*gold, *predicted)))
    title = labels[0] if kind == "correct" else f"{kind}: " + "; ".join(said)
    keys = [("g", e.id) for e in gold] + [("p", e.id) for e in predicted]
    events = sorted({number for key in keys for number in evidence.get(key, ())})
    return Chunk(pieces=pieces, kind=kind, labels=labels, tag=tag, title=title, events=events)


def _unique(entities: Iterable[Entity | None]) -> list[Entity]:
    found: dict[str, Entity] = {}
    for entity in entities:
        if entity is not None:
            found.setdefault(entity.id, entity)
    return sorted(found.values(), key=lambda e: e.char_start)


def event_rows(pair: EventPair) -> list[tuple[str, str, str, bool]]:
    """``(field, gold, predicted, differs)`` of a pair of events, as text; nothing stated reads –."""
    rows = []
    for name, title in (("parties", "parties"), ("other_parties", "other parties"), ("signatories", "signatories"),
                        ("date", "date"), ("agreement", "agreement"), ("kind", "kind"), ("status", "status")):
        sides = [_field_text(event, name) for event in (pair.gold, pair.predicted)]
        differs = name in pair.differing or pair.gold is None or pair.predicted is None
        if sides != ["–", "–"]:
            rows.append((title, sides[0], sides[1], differs and sides[0] != sides[1]))
    return rows


def _field_text(event: Event | None, name: str) -> str:
    if event is None:
        return "–"
    if name == "signatories":
        people = [s.person + (f"({'、'.join(s.roles)})" if s.roles else "") + (f" @ {s.hospital}" if s.hospital else "")
                  for s in event.signatories]
        return ";".join(people) or "–"
    value = getattr(event, name)
    return ("、".join(value) if isinstance(value, tuple) else value) or "–"
