"""Alias-aware relation scores: facts between institutions, persons, posts and dates, whichever mentions state them.

Strict scores ask for the very pair of mentions that gold relates. A reader of the table asks less: 县医院 + 市二院 in the
headline and the full names in the lead state one fact. Here the ends of a relation are the gold clusters of their
mentions (for posts and dates, which have none, their clean surfaces), and each fact counts once an article.
"""

from __future__ import annotations

from collections.abc import Hashable

from data.article import Article, Entity
from data.clean import surface
from data.schema import Schema
from eval.counts import Counts, count_sets

Fact = tuple[str, Hashable, Hashable]


def fact_counts(facts: tuple[set[Fact], set[Fact]], kind: str | None = None) -> Counts:
    """Counts of one article's facts (:func:`facts_of`), of one relation type or of all."""
    return count_sets(*({fact for fact in side if kind in (None, fact[0])} for side in facts))


def facts_of(gold: Article, predicted: Article, schema: Schema) -> tuple[set[Fact], set[Fact]]:
    """One article's facts in gold and in the prediction.

    A predicted mention belongs to the gold cluster that holds a mention of its offsets and label or, where the tagger
    saw one that gold lacks, the only gold cluster with its surface; otherwise it is an end that gold does not have.
    """
    by_span, by_surface = _gold_ends(gold)

    def end_of(entity: Entity) -> Hashable:
        name = surface(entity.text)
        found = by_span.get((entity.char_start, entity.char_end, entity.label))
        if found is None:
            candidates = by_surface.get((entity.label, name), set())
            found = next(iter(candidates)) if len(candidates) == 1 else (entity.label, name)
        return found

    def facts(article: Article) -> set[Fact]:
        made: set[Fact] = set()
        by_id = {e.id: e for e in article.entities}
        for relation in article.relations:
            ends = end_of(by_id[relation.head]), end_of(by_id[relation.tail])
            spec = schema.relation(relation.type)
            made.add((relation.type, *(sorted(ends, key=repr) if spec and spec.symmetric else ends)))
        return made

    return facts(gold), facts(predicted)


def _gold_ends(gold: Article) -> tuple[dict[tuple[int, int, str], Hashable], dict[tuple[str, str], set[Hashable]]]:
    """The end that each gold mention stands for, by offsets and label, and by label and surface."""
    cluster_of = {member: number for number, group in enumerate(gold.clusters or ()) for member in group}
    by_span: dict[tuple[int, int, str], Hashable] = {}
    by_surface: dict[tuple[str, str], set[Hashable]] = {}
    for entity in gold.entities:
        name = surface(entity.text)
        end: Hashable = cluster_of.get(entity.id, (entity.label, name))
        by_span[entity.char_start, entity.char_end, entity.label] = end
        by_surface.setdefault((entity.label, name), set()).add(end)
    return by_span, by_surface
