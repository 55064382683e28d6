"""One article as the report shows it: spans grouped into marks, relations and events with their verdicts, as page data.

Pages carry articles as data, not as markup: :func:`page_record` is what ``templates/articles.js`` reads.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from data.article import Article, Entity, Event
from data.clean import surface
from data.schema import Schema
from eval.errors_of import (
    EVENT_FIELDS,
    KINDS,
    EventPair,
    RelationError,
    SpanError,
    event_pairs,
    relation_errors,
    span_errors,
)

TITLE_LENGTH = 46  # characters of the first line shown as a headline
EVENT_STATES = ("right", "differs", "missed", "spurious")
NOTHING = -1  # stands for a span, label or cause that is not there


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A group of overlapping spans with one verdict.

    ``cuts`` are the offsets at which gold or prediction changes, ``sides`` says of each piece between two cuts who
    holds it: ``""``, ``g`` gold only, ``p`` predicted only, ``gp`` both.
    """

    kind: str
    labels: Sequence[str]
    cuts: Sequence[int]
    sides: Sequence[str]
    errors: Sequence[int]  # positions in the list of judgements
    events: Sequence[int] = ()  # numbers, from 0, of the events whose evidence stands here

    @property
    def char_start(self) -> int:
        return self.cuts[0]

    @property
    def char_end(self) -> int:
        return self.cuts[-1]


@dataclass(frozen=True, kw_only=True)
class ArticleView:
    """One article, judged."""

    gold: Article
    title: str
    seen: bool
    judgements: Sequence[SpanError]
    marks: Sequence[Mark]
    relations: Sequence[RelationError]
    events: Sequence[EventPair]
    counts: Mapping[str, int]
    relation_counts: Mapping[str, int]
    event_errors: int

    @property
    def errors(self) -> int:
        """Wrong spans, relations and events together."""
        wrong = (k for k in KINDS if k != "correct")
        return sum(self.counts[k] + self.relation_counts[k] for k in wrong) + self.event_errors


def view_article(gold: Article, predicted: Article, schema: Schema, *, seen: bool) -> ArticleView:
    """Judge one article and lay it out."""
    spans = span_errors(gold.entities, predicted.entities)
    relations = relation_errors(gold, predicted, schema)
    counts = Counter(e.kind for e in spans)
    relation_counts = Counter(e.kind for e in relations)
    pairs = event_pairs(gold.events, predicted.events)
    first_line = next((line.strip() for line in gold.text.splitlines() if line.strip()), "")
    title = surface(first_line)
    return ArticleView(
        gold=gold, title=title[:TITLE_LENGTH] + ("…" if len(title) > TITLE_LENGTH else ""), seen=seen, judgements=spans,
        marks=mark_spans(spans, evidence_of(pairs)), relations=relations, events=pairs,
        counts={k: counts[k] for k in KINDS}, relation_counts={k: relation_counts[k] for k in KINDS},
        event_errors=sum(event_state(p) != "right" for p in pairs))


def event_state(pair: EventPair) -> str:
    """One of ``EVENT_STATES``."""
    if pair.gold is None:
        return "spurious"
    if pair.predicted is None:
        return "missed"
    return "differs" if pair.differing else "right"


Evidence = Mapping[tuple[str, str], Sequence[int]]  # ("g" gold or "p" predicted, entity id) -> event numbers


def evidence_of(pairs: Sequence[EventPair]) -> Evidence:
    """Which mentions the events rest on, gold and predicted."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        for side, event in (("g", pair.gold), ("p", pair.predicted)):
            for entity_id in event.evidence if event else ():
                found[side, entity_id].append(number)
    return found


def mark_spans(errors: Sequence[SpanError], evidence: Evidence = MappingProxyType({})) -> list[Mark]:
    """Marks in text order that do not overlap and together cover every span; overlapping spans share one."""
    marks: list[Mark] = []
    group: list[int] = []
    reached = 0
    for position, error in enumerate(errors):
        spans = [e for e in (error.gold, error.predicted) if e is not None]
        if group and min(e.char_start for e in spans) >= reached:
            marks.append(_mark(errors, group, evidence))
            group = []
        group.append(position)
        reached = max(reached, *(e.char_end for e in spans))
    return [*marks, _mark(errors, group, evidence)] if group else marks


def _mark(errors: Sequence[SpanError], group: Sequence[int], evidence: Evidence) -> Mark:
    gold = _unique(errors[i].gold for i in group)
    predicted = _unique(errors[i].predicted for i in group)
    cuts = sorted({cut for e in (*gold, *predicted) for cut in (e.char_start, e.char_end)})
    sides = ["".join(side for side, found in (("g", gold), ("p", predicted))
                     if any(e.char_start <= start and end <= e.char_end for e in found))
             for start, end in itertools.pairwise(cuts)]
    keys = [("g", e.id) for e in gold] + [("p", e.id) for e in predicted]
    return Mark(
        # The worst judgement of a group names it; groups of several are rare and all wrong.
        kind=max((errors[i].kind for i in group), key=KINDS.index),
        labels=tuple(dict.fromkeys(e.label for e in (*gold, *predicted))), cuts=cuts, sides=sides, errors=tuple(group),
        events=sorted({number for key in keys for number in evidence.get(key, ())}))


def _unique(entities: Iterable[Entity | None]) -> list[Entity]:
    found: dict[str, Entity] = {}
    for entity in entities:
        if entity is not None:
            found.setdefault(entity.id, entity)
    return sorted(found.values(), key=lambda e: e.char_start)


# (article, part, kind, name, char_start), or (article, "events", number of the wrong event) -> position of the cause
CauseOf = Mapping[tuple[Any, ...], int]


def page_record(view: ArticleView, names: Sequence[str], *, slices: Sequence[int] = (), task: str | None = None,
                cause_of: CauseOf = MappingProxyType({})) -> dict[str, Any]:
    """An article as the page's script reads it; keys are short because there may be thousands of articles.

    Args:
        names: labels and relation types; lists below hold positions in it.
        slices: positions of the slices the article is in.
        task: address of its Label Studio task.
        cause_of: causes of errors.

    Returns:
        ``j`` wrong judgements ``[kind, gold label, start, end, predicted label, start, end, cause]``; ``m`` marks, correct
        ones ``[start, end, label, events]``, others ``[cuts, sides, judgements, events]``; ``r`` relations ``[kind, type,
        head start, end, tail start, end, cause]``; ``v`` events. Offsets are code points.
    """
    place = {name: i for i, name in enumerate(names)}
    wrong = [i for i, error in enumerate(view.judgements) if error.kind != "correct"]
    article = view.gold

    def cause(part: str, *rest: str | int) -> int:
        return cause_of.get((article.id, part, *rest), NOTHING)

    judgements = []
    for error in (view.judgements[i] for i in wrong):
        shown = error.gold or error.predicted
        assert shown is not None
        sides = [x for e in (error.gold, error.predicted)
                 for x in ((place[e.label], e.char_start, e.char_end) if e else (NOTHING, NOTHING, NOTHING))]
        judgements.append([KINDS.index(error.kind), *sides, cause("entities", error.kind, shown.label, shown.char_start)])
    relations = [[KINDS.index(r.kind), place[r.type], r.head.char_start, r.head.char_end, r.tail.char_start,
                  r.tail.char_end, cause("relations", r.kind, r.type, r.head.char_start)] for r in view.relations]
    marks = [[m.char_start, m.char_end, place[m.labels[0]], m.events] if m.kind == "correct" else
             [m.cuts, m.sides, [wrong.index(i) for i in m.errors if i in wrong], m.events] for m in view.marks]
    events: list[dict[str, Any]] = []
    for pair in view.events:
        number = sum(e["state"] != "right" for e in events)
        state = event_state(pair)
        events.append({"state": state, "rows": event_rows(pair),
                       "cause": cause("events", number) if state != "right" else NOTHING})
    record = {"id": article.id, "title": view.title, "published": article.published, "publisher": article.publisher,
              "seen": view.seen, "task": task, "slices": list(slices), "t": article.text, "n": list(view.counts.values()),
              "j": judgements, "m": marks, "r": relations, "v": events}
    return {key: value for key, value in record.items() if value not in (None, [], False)}


def event_rows(pair: EventPair) -> list[tuple[str, str, str, bool]]:
    """``(field, gold, predicted, differs)`` of a pair of events, as text; nothing stated reads –."""
    rows = []
    for name in EVENT_FIELDS:
        sides = [_field_text(event, name) for event in (pair.gold, pair.predicted)]
        differs = name in pair.differing or pair.gold is None or pair.predicted is None
        if sides != ["–", "–"]:
            rows.append((name, sides[0], sides[1], differs and sides[0] != sides[1]))
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
