"""Labels made wrong on purpose, in the ways annotators get them wrong, to see which of them are found again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.article import Article, Entity, Relation
from data.schema import Schema

SWAPPED, SHIFTED, DROPPED = "label swapped", "boundary shifted", "span dropped"
REWIRED, UNRELATED = "relation rewired", "relation dropped"
KINDS = (SWAPPED, SHIFTED, DROPPED, REWIRED, UNRELATED)


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One label made wrong. ``char_start`` and ``char_end`` are where gold stood; ``ends`` the ends of the true relation and,
    where it was rewired, then those of the wrong one."""

    article_id: str
    kind: str
    char_start: int
    char_end: int
    ends: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()
    relation: str = ""


def corrupt(articles: Sequence[Article], schema: Schema, *, share: float, seed: int) -> tuple[list[Article], list[Corruption]]:
    """Make ``share`` of all spans and relations wrong, the kinds by turns; the articles keep the contract.

    Relations whose span is dropped, or whose span's new label does not admit them, go with it and are not counted. Events
    and clusters, which would give the true labels away, are left out.
    """
    chance = random.Random(seed)
    wanted = round(share * sum(len(a.entities) + len(a.relations) for a in articles))
    current = {a.id: replace(a, events=(), clusters=()) for a in articles}
    spoilt: dict[str, set[str]] = {a.id: set() for a in articles}  # ids of entities that no second corruption may touch
    done: list[Corruption] = []
    spans = [(a.id, e.id) for a in articles for e in a.entities]
    pairs = [(a.id, r) for a in articles for r in a.relations]
    chance.shuffle(spans)
    chance.shuffle(pairs)
    span_share = len(spans) / max(1, len(spans) + len(pairs))
    tried = 0
    while len(done) < wanted and (spans or pairs):
        tried += 1
        if spans and (not pairs or chance.random() < span_share):
            key, entity_id = spans.pop()
            kinds = (SWAPPED, SHIFTED, DROPPED)
            made = _spoil_span(current[key], entity_id, kinds[tried % 3], schema, chance) if entity_id not in spoilt[key] else None
            touched = {entity_id}
        else:
            key, relation = pairs.pop()
            kind = (REWIRED, UNRELATED)[tried % 2]
            free = relation in current[key].relations and not {relation.head, relation.tail} & spoilt[key]
            made = _spoil_relation(current[key], relation, kind, schema, chance) if free else None
            touched = {relation.head, relation.tail}
        if made:
            current[key], corruption = made
            spoilt[key] |= touched
            done.append(corruption)
    return [current[a.id] for a in articles], done


def _spoil_span(
    article: Article, entity_id: str, kind: str, schema: Schema, chance: random.Random
) -> tuple[Article, Corruption] | None:
    old = next(e for e in article.entities if e.id == entity_id)
    if kind == DROPPED:
        entities = tuple(e for e in article.entities if e is not old)
    else:
        new = _swapped(old, schema, chance) if kind == SWAPPED else _shifted(old, article, chance)
        if new is None:
            return None
        entities = tuple(new if e is old else e for e in article.entities)
    corruption = Corruption(article_id=article.id, kind=kind, char_start=old.char_start, char_end=old.char_end)
    return replace(article, entities=entities, relations=_admissible(article.relations, entities, schema)), corruption


def _swapped(old: Entity, schema: Schema, chance: random.Random) -> Entity:
    return replace(old, label=chance.choice([label for label in schema.labels if label != old.label]))


def _shifted(old: Entity, article: Article, chance: random.Random) -> Entity | None:
    """One end moved by one or two characters, in or out; None where nothing sound comes of it."""
    others = [e for e in article.entities if e is not old]
    moves = [(a, b) for step in (-2, -1, 1, 2) for a, b in ((step, 0), (0, step))]
    chance.shuffle(moves)
    for a, b in moves:
        start, end = old.char_start + a, old.char_end + b
        text = article.text[start:end] if start >= 0 else ""
        if start < end <= len(article.text) and text and text == text.strip() and "\n" not in text and text.isalnum() and not any(
                e.char_start < end and start < e.char_end for e in others):
            return replace(old, char_start=start, char_end=end, text=text)
    return None


def _spoil_relation(
    article: Article, relation: Relation, kind: str, schema: Schema, chance: random.Random
) -> tuple[Article, Corruption] | None:
    by_id = {e.id: e for e in article.entities}
    head, tail = by_id[relation.head], by_id[relation.tail]
    true = ((head.char_start, head.char_end), (tail.char_start, tail.char_end))
    ends = [true]
    relations = [r for r in article.relations if r is not relation]
    if kind == REWIRED:
        taken = {(r.type, r.head, r.tail) for r in article.relations} | {(r.type, r.tail, r.head) for r in article.relations}
        near = sorted((e for e in article.entities if e.label == tail.label and e.id not in (head.id, tail.id)
                       and (relation.type, head.id, e.id) not in taken), key=lambda e: abs(e.char_start - tail.char_start))[:3]
        if not near:
            return None
        other = chance.choice(near)
        turned = _symmetric(schema, relation.type) and other.char_start < head.char_start
        first, second = (other, head) if turned else (head, other)
        relations.append(Relation(type=relation.type, head=first.id, tail=second.id))
        ends.append(((first.char_start, first.char_end), (second.char_start, second.char_end)))
    places = [place for pair in ends for place in pair]
    return replace(article, relations=tuple(relations)), Corruption(
        article_id=article.id, kind=kind, char_start=min(s for s, _ in places), char_end=max(e for _, e in places),
        ends=tuple(ends), relation=relation.type)


def _symmetric(schema: Schema, name: str) -> bool:
    relation = schema.relation(name)
    return bool(relation and relation.symmetric)


def _admissible(relations: Sequence[Relation], entities: Sequence[Entity], schema: Schema) -> tuple[Relation, ...]:
    label = {e.id: e.label for e in entities}
    names = [r.name for r in schema.relations]
    return tuple(r for r in relations if r.head in label and r.tail in label
                 and names.index(r.type) in schema.admissible(label[r.head], label[r.tail]))
