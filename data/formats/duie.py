"""DuIE 1.0 and 2.0 (Li et al. 2019, https://doi.org/10.1007/978-3-030-32236-6_72): triples of strings, one sentence a line.

``{"text", "spo_list": [{"subject", "subject_type", "predicate", "object", "object_type"}]}``. In 2.0 the object is a
mapping: ``@value`` is the object proper, every other slot becomes a relation of its own, ``predicate_slot``.

The set gives no offsets. Every occurrence of a subject or object becomes an entity, so that a tagger is not told that
half of them are none; of overlapping ones the longest stays. The relation joins the two occurrences nearest to each
other. Triples that cannot be placed are counted as :data:`LOST`: scores against all gold must count them as missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data.article import Article, Entity, Relation
from data.formats.base import Format, Ledger, json_lines, span, stem, string

LOST = "triples whose strings are no mentions of the text"
_MAIN = "@value"


class _Triple(NamedTuple):
    subject: str
    subject_type: str
    predicate: str
    object: str
    object_type: str


def read(path: Path, ledger: Ledger) -> Iterator[tuple[str, Article]]:
    """The sentences of a file, as articles that are numbered by their lines."""
    def build(line_number: int, record: dict[str, Any]) -> Article:
        text = string(record, "text")
        triples = list(dict.fromkeys(t for spo in record["spo_list"] for t in _triples(spo)))
        entities = _mentions(text, triples)
        relations: dict[tuple[str, str, str], Relation] = {}
        for t in triples:
            pair = _nearest(entities, t)
            if pair is None:
                ledger.count(LOST)
            else:
                key = (t.predicate, pair[0].id, pair[1].id)
                relations[key] = Relation(type=key[0], head=key[1], tail=key[2])
        return Article(id=f"{stem(path)}-{line_number}", text=text, entities=tuple(entities),
                       relations=tuple(relations.values()))

    return json_lines(path, ledger, build)


def _triples(spo: dict[str, Any]) -> Iterator[_Triple]:
    slots, types = spo["object"], spo["object_type"]
    if not isinstance(slots, dict):
        slots, types = {_MAIN: slots}, {_MAIN: types}
    for slot in slots:
        predicate = string(spo, "predicate") + ("" if slot == _MAIN else f"_{slot}")
        if string(slots, slot):
            yield _Triple(string(spo, "subject"), string(spo, "subject_type"), predicate, slots[slot], string(types, slot))


def _mentions(text: str, triples: list[_Triple]) -> list[Entity]:
    """Every occurrence of every end, flat: the longest first, then the first; a string keeps its first type."""
    label_of: dict[str, str] = {}
    for t in triples:
        label_of.setdefault(t.subject, t.subject_type)
        label_of.setdefault(t.object, t.object_type)
    taken = bytearray(len(text))
    found: list[tuple[int, int, str]] = []
    for mention in sorted(label_of, key=len, reverse=True):
        start = text.find(mention) if mention else -1
        while start >= 0:
            end = start + len(mention)
            if not any(taken[start:end]):
                taken[start:end] = b"\x01" * len(mention)
                found.append((start, end, label_of[mention]))
            start = text.find(mention, start + 1)
    return [span(i, text, start, end, label) for i, (start, end, label) in enumerate(sorted(found), start=1)]


def _nearest(entities: list[Entity], triple: _Triple) -> tuple[Entity, Entity] | None:
    pairs = [(abs(h.char_start - t.char_start), h.char_start, h, t) for h in entities if h.text == triple.subject
             for t in entities if t.text == triple.object and t is not h]
    return min(pairs, key=lambda p: p[:2])[2:] if pairs else None


FORMAT = Format(name="duie", about="DuIE 1.0 and 2.0 JSON lines: triples, placed in the text", read=read)
