"""The rule baseline: dictionaries of the training gold, expressions for what they lack, nearest-pair relations.

It is what a careful engineer writes without a model. A trained model that does not beat it has learned nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.article import Article, Entity
from data.clean import CleanText, clean_text
from data.schema import HOSPITAL, ORG, Schema
from models import rule_patterns as patterns
from models.document import assemble
from models.gazetteer import CleanSpan, Gazetteer, clean_mentions
from models.rule_relations import relate
from models.rule_tagger import DATE, PERSON, RuleTagger

NAME = "rules"
LEAST_SHARE = 0.7  # of the training occurrences of a surface that must be mentions for the dictionary to speak


@dataclass(frozen=True)
class RulePredictor:
    """Tags clean text, answers on raw offsets. Stateless once built; an empty training set leaves the rules alone."""

    schema: Schema
    gazetteer: Gazetteer
    surnames: frozenset[str]

    @classmethod
    def from_articles(cls, train: Sequence[Article], schema: Schema) -> RulePredictor:
        """Learn dictionaries of surfaces, and the surnames beyond the common ones, from annotated articles."""
        known = Gazetteer.from_articles(train)
        names = (s for a in train for span, s in clean_mentions(a, clean_text(a.text)) if span.label == PERSON)
        surnames = patterns.SURNAMES | {name[0] for name in names if 2 <= len(name) <= 3}
        # Rules read dates whole: a bare year of the dictionary would only cut longer ones.
        labels = {*schema.labels, HOSPITAL, ORG} - {DATE}
        return cls(schema, known.reliable(train, least_share=LEAST_SHARE, labels=labels), frozenset(surnames))

    def predict(self, articles: Iterable[Article]) -> Iterator[Article]:
        """Predicted articles, in order; any annotation of the given ones is ignored."""
        for article in articles:
            clean = clean_text(article.text)
            spans = RuleTagger(clean.text, self.gazetteer, self.surnames).tag()
            entities = raw_entities(spans, clean)
            relations = relate(entities, clean, self.schema)
            kept = [e for e in entities if e.label in self.schema.labels]
            yield assemble(article.without_annotation(), kept, relations, model=NAME)


def raw_entities(spans: Iterable[CleanSpan], clean: CleanText) -> list[Entity]:
    """Entities on raw offsets, in text order and without overlap."""
    entities: list[Entity] = []
    reached = 0
    for span in sorted(spans):
        start, end = clean.to_raw(span.char_start, span.char_end)
        # Two clean characters may stand for one raw character; the raw spans must not share it.
        if start >= reached:
            entities.append(Entity(id=f"T{len(entities) + 1}", char_start=start, char_end=end, label=span.label,
                                   text=clean.raw[start:end]))
            reached = end
    return entities
