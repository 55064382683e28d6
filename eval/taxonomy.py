"""One cause for every error, by rule: on mentions, relations and events.

The rules run in a fixed order and the first that can say decides; the order is that of the functions below.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from data.article import Article, Entity, Event
from data.clean import clean_text, surface
from data.schema import HOSPITAL, ORG, Schema
from data.windows import split_sentences
from eval.causes import CAUSES
from eval.errors_of import EventPair, RelationError, SpanError, event_pairs, relation_errors, span_errors
from eval.slices import SELF_REFERENCES
from models.document import assemble
from models.events import SIGNING_RELATIONS

NOISE = ("damage repaired", "invisible dropped", "glosses dropped", "images dropped")
CAMPUS = re.compile("院区|分院|本部|总院|分部|集团|医联体|联盟|校区")
TITLE = re.compile("书记|院长|主任|局长|处长|科长|部长|会长|理事|教授|医师|博士|硕士|院士|护士"
                   "|记者|通讯员|同志|先生|女士|委员|成员|兼|副")
DEPARTMENT = re.compile("科|部|中心|办公室|室|处|门诊|病区|病房|研究所|学院|系|组")
LIST_MARKS = "、,，;；"
ENOUGH_IN_LIST = 3


@dataclass(frozen=True)
class Case:
    """One article's gold and prediction, with what the rules look up."""

    gold: Article
    predicted: Article
    known: Mapping[str, Collection[str]]  # label -> clean surfaces that training had
    ends: Sequence[int] = field(default=())  # char_end of each sentence

    @cached_property
    def parties_made_of_gold(self) -> frozenset[frozenset[str]]:
        """The parties of the events that the document step makes of the gold mentions and relations."""
        built = assemble(self.gold, self.gold.entities, self.gold.relations, model="gold").events
        return frozenset(frozenset(v.parties) for v in built)

    def sentence(self, entity: Entity) -> int:
        """Number of the sentence a mention begins in."""
        return bisect.bisect_right(self.ends, entity.char_start)


def error_items(
    pairs: Sequence[tuple[Article, Article]], schema: Schema, known: Mapping[str, Collection[str]]
) -> list[dict[str, Any]]:
    """Every error with its cause, as ``metrics.json`` holds it; articles in order, mentions before relations before events.

    Args:
        known: from :func:`eval.slices.known_names`.
    """
    items: list[dict[str, Any]] = []
    for gold, predicted in pairs:
        case = Case(gold, predicted, known, tuple(end for _, end in split_sentences(gold.text)))
        mentions = list(_mention_items(case))
        items += mentions
        items += _relation_items(case, schema, _causes_by_span(mentions))
        items += _event_items(case)
    return items


def error_section(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Causes with counts and meaning, the most frequent first, and the errors themselves."""
    counts = Counter(item["cause"] for item in items)
    parts = {cause: Counter(i["part"] for i in items if i["cause"] == cause) for cause in counts}
    causes = [{"cause": cause, "count": n, "share": n / len(items), "by_part": dict(sorted(parts[cause].items())),
               "meaning": {"en": CAUSES[cause].en, "zh": CAUSES[cause].zh}}
              for cause, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))]
    return {"causes": causes, "items": list(items)}


def _item(case: Case, part: str, kind: str, name: str, cause: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"article": case.gold.id, "part": part, "kind": kind, "name": name, "cause": cause, "char_start": start,
            "char_end": end, "text": case.gold.text[start:end], "other": None, **more}


def _as_other(entity: Entity) -> dict[str, Any]:
    return {"char_start": entity.char_start, "char_end": entity.char_end, "label": entity.label, "text": entity.text}


# Mentions


def _mention_items(case: Case) -> Iterator[dict[str, Any]]:
    for error in span_errors(case.gold.entities, case.predicted.entities):
        if error.kind == "correct":
            continue
        entity = error.gold or error.predicted
        assert entity is not None
        other = error.predicted if error.gold is not None else None
        yield _item(case, "entities", error.kind, entity.label, mention_cause(error, case), entity.char_start,
                    entity.char_end, other=_as_other(other) if other else None)


def mention_cause(error: SpanError, case: Case) -> str:
    """Noise, the kind of boundary, another label, alias, list, schema doubt, and last whether training knew the form."""
    sides = [e for e in (error.gold, error.predicted) if e is not None]
    start, end = min(e.char_start for e in sides), max(e.char_end for e in sides)
    stats = clean_text(case.gold.text[start:end]).stats
    if any(stats.get(kind) for kind in NOISE):
        return "noise"
    if error.kind == "boundary":
        return _boundary_cause(error)
    if error.kind == "label":
        return "label"
    entity = sides[0]
    if is_short_name(entity, case.gold if error.gold else case.predicted):
        return "alias"
    if stands_in_list(entity, case):
        return "list"
    if _judged_otherwise(entity, case, missed=error.kind == "missed"):
        return "schema doubt"
    return "known form" if surface(entity.text) in case.known.get(entity.label, ()) else "unseen name form"


def _boundary_cause(error: SpanError) -> str:
    """By the words that one span has and the other lacks."""
    assert error.gold is not None and error.predicted is not None
    text, base = error.gold.text, error.gold.char_start
    if error.predicted.char_end - error.predicted.char_start > len(text):
        text, base = error.predicted.text, error.predicted.char_start
    inner_start = max(error.gold.char_start, error.predicted.char_start) - base
    inner_end = min(error.gold.char_end, error.predicted.char_end) - base
    odd = surface(text[: max(0, inner_start)]) + " " + surface(text[max(0, inner_end) :])
    for name, pattern in (("campus", CAMPUS), ("title", TITLE), ("department", DEPARTMENT)):
        if pattern.search(odd):
            return f"boundary: {name}"
    return "boundary: other"


def is_short_name(entity: Entity, article: Article) -> bool:
    """Whether an institution is written as 我院, or shorter than another mention of its cluster; or a bare surname."""
    text = surface(entity.text)
    if entity.label not in (HOSPITAL, ORG):
        return entity.label == "PERSON" and len(text) == 1
    if text in SELF_REFERENCES:
        return True
    by_id = {e.id: e for e in article.entities}
    cluster = next((c for c in article.clusters if entity.id in c), ())
    return any(len(surface(by_id[i].text)) > len(text) for i in cluster if i in by_id)


def stands_in_list(entity: Entity, case: Case) -> bool:
    """Whether the mention stands next to an enumeration mark in a sentence with several mentions of its label."""
    text = case.gold.text
    beside = text[max(0, entity.char_start - 1) : entity.char_start] + text[entity.char_end : entity.char_end + 1]
    if not any(mark in beside for mark in LIST_MARKS):
        return False
    alike = {(e.char_start, e.char_end) for e in (*case.gold.entities, *case.predicted.entities)
             if e.label == entity.label and case.sentence(e) == case.sentence(entity)}
    return len(alike) >= ENOUGH_IN_LIST


def _judged_otherwise(entity: Entity, case: Case, *, missed: bool) -> bool:
    """A surface that gold marks here and leaves unmarked elsewhere in the article, or the other way round."""
    places = [m.start() for m in re.finditer(re.escape(entity.text), case.gold.text)]
    marked = {e.char_start for e in case.gold.entities if e.text == entity.text}
    inside = [(e.char_start, e.char_end) for e in case.gold.entities]
    unmarked = [p for p in places if not any(s < p + len(entity.text) and p < e for s, e in inside)]
    return bool(unmarked) if missed else bool(marked)


# Relations


def _relation_items(case: Case, schema: Schema, causes: Mapping[tuple[int, int, str], str]) -> Iterator[dict[str, Any]]:
    errors = [e for e in relation_errors(case.gold, case.predicted, schema) if e.kind != "correct"]
    for error in errors:
        cause = relation_cause(error, errors, case)
        item = _item(case, "relations", error.kind, error.type, cause, error.head.char_start, error.head.char_end,
                     other=_as_other(error.tail))
        if cause == "lost with a mention":
            item["via"] = next((causes[key] for e in (error.head, error.tail)
                                if (key := (e.char_start, e.char_end, e.label)) in causes), None)
        yield item


def _causes_by_span(items: Sequence[Mapping[str, Any]]) -> dict[tuple[int, int, str], str]:
    """Why each mention of an error is wrong, on either side."""
    causes: dict[tuple[int, int, str], str] = {}
    for item in items:
        causes[item["char_start"], item["char_end"], item["name"]] = item["cause"]
        if other := item["other"]:
            causes[other["char_start"], other["char_end"], other["label"]] = item["cause"]
    return causes


def relation_cause(error: RelationError, errors: Sequence[RelationError], case: Case) -> str:
    """A lost mention, the same fact at another mention, sentences, signing or not, alias, list, and what is left."""
    opposite = case.predicted if error.kind == "missed" else case.gold
    there = {(e.char_start, e.char_end, e.label) for e in opposite.entities}
    ends = error.head, error.tail
    if any((e.char_start, e.char_end, e.label) not in there for e in ends):
        return "lost with a mention"
    if any(e.kind != error.kind and e.type == error.type and _same_fact(e, error) for e in errors):
        return "schema doubt"
    if case.sentence(error.head) != case.sentence(error.tail):
        return "cross-sentence"
    if error.type in SIGNING_RELATIONS and not case.gold.events:
        return "bystander"
    if any(is_short_name(e, opposite) for e in ends):
        return "alias"
    if any(stands_in_list(e, case) for e in ends):
        return "list"
    return "bystander" if error.type in SIGNING_RELATIONS else "other link"


def _same_fact(one: RelationError, other: RelationError) -> bool:
    """Whether two relations tie the same words at other places."""
    def words(error: RelationError) -> list[str]:
        return sorted(surface(e.text) for e in (error.head, error.tail))

    return words(one) == words(other)


# Events


def _event_items(case: Case) -> Iterator[dict[str, Any]]:
    for pair in event_pairs(case.gold.events, case.predicted.events):
        if pair.gold is not None and pair.predicted is not None and not pair.differing:
            continue
        event = pair.gold or pair.predicted
        assert event is not None
        start, end = _place(event, case.gold if pair.gold else case.predicted)
        kind = "fields" if pair.gold and pair.predicted else "missed" if pair.gold else "spurious"
        names = " + ".join((*event.parties, *event.other_parties))
        yield _item(case, "events", kind, "event", event_cause(pair, case), start, end) | {
            "text": names, "fields": sorted(pair.differing)}


def _place(event: Event, article: Article) -> tuple[int, int]:
    """Where an event is stated: from its first to its last evidence; nowhere is (0, 0)."""
    spans = [(e.char_start, e.char_end) for e in article.entities if e.id in set(event.evidence)]
    return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else (0, 0)


def event_cause(pair: EventPair, case: Case) -> str:
    """For an event that is there, the first field that differs; else whether anything was signed, and what was lost."""
    if pair.gold is not None and pair.predicted is not None:
        if pair.differing & {"parties", "other_parties"}:
            return "event: parties"
        for name, fields in (("date", {"date"}), ("signatory", {"signatories"})):
            if pair.differing & fields:
                return f"event: {name}"
        return "event: agreement"
    if not case.gold.events:
        return "bystander"
    # Where the document step makes this event of the gold mentions and relations too, no mention is to blame.
    from_gold = pair.predicted is not None and frozenset(pair.predicted.parties) in case.parties_made_of_gold
    return "event: parties" if from_gold else "lost with a mention"
