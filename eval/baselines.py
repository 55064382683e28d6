"""The floors under every score: hand-written rules, and the majority of the training data."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.article import Article, Entity, Relation
from data.clean import clean_text
from data.schema import Schema
from data.windows import split_sentences
from models.document import assemble
from models.gazetteer import Gazetteer
from models.rules import RulePredictor, raw_entities

MAJORITY = "majority"


def baseline_predictions(
    gold: Sequence[Article], train: Sequence[Article], schema: Schema
) -> dict[str, list[Article]]:
    """What the baselines say about articles whose annotation they do not read.

    Args:
        gold: articles to predict; their order and ids are kept.
        train: annotated articles the baselines learn from; none leaves the rules without dictionaries and the
            majority without any prediction.
        schema: labels and relation types of the predictions.
    """
    bare = [a.without_annotation() for a in gold]
    return {
        "rules": list(RulePredictor.from_articles(train, schema).predict(bare)),
        MAJORITY: list(MajorityPredictor.from_articles(train, schema).predict(bare)),
    }


@dataclass(frozen=True)
class MajorityPredictor:
    """Each known surface gets its most frequent label, each pair of labels the relation most such pairs have."""

    schema: Schema
    gazetteer: Gazetteer
    habitual: frozenset[tuple[str, str, str]]  # relation type, label of the head, label of the tail

    @classmethod
    def from_articles(cls, train: Sequence[Article], schema: Schema) -> MajorityPredictor:
        """Count surfaces and same-sentence pairs of annotated articles."""
        admitted: Counter[tuple[str, str, str]] = Counter()
        related: Counter[tuple[str, str, str]] = Counter()
        for article in train:
            stated = {(r.type, r.head, r.tail) for r in article.relations}
            for kind, head, tail in _pairs(article.text, article.entities, schema):
                key = kind, head.label, tail.label
                admitted[key] += 1
                related[key] += (kind, head.id, tail.id) in stated
        habitual = frozenset(k for k, n in admitted.items() if 2 * related[k] > n)
        known = Gazetteer.from_articles(train)
        in_schema = {s: label for s, label in known.label_of.items() if label in schema.labels}
        return cls(schema, Gazetteer.from_labels(in_schema), habitual)

    def predict(self, articles: Iterable[Article]) -> Iterator[Article]:
        """Predicted articles, in order."""
        for article in articles:
            clean = clean_text(article.text)
            entities = raw_entities(self.gazetteer.matches(clean.text), clean)
            relations = [Relation(type=kind, head=head.id, tail=tail.id)
                         for kind, head, tail in _pairs(article.text, entities, self.schema)
                         if (kind, head.label, tail.label) in self.habitual]
            yield assemble(article, entities, relations, model=MAJORITY)


def _pairs(text: str, entities: Sequence[Entity], schema: Schema) -> Iterator[tuple[str, Entity, Entity]]:
    """Every admissible (type, head, tail) within a sentence of raw text; symmetric types head first in the text."""
    ends = [end for _, end in split_sentences(text)]
    sentences: dict[int, list[Entity]] = {}
    for entity in sorted(entities, key=lambda e: e.char_start):
        sentences.setdefault(bisect.bisect_right(ends, entity.char_start), []).append(entity)
    for mentions in sentences.values():
        for i, head in enumerate(mentions):
            for j, tail in enumerate(mentions):
                for number in schema.admissible(head.label, tail.label) if i != j else ():
                    kind = schema.relations[number]
                    if i < j or not kind.symmetric:
                        yield kind.name, head, tail
