"""Gold labels that a model contradicts: each span and relation of an article with the model's probability that it is wrong.

The model must not have been trained on the article. A label is judged by self-confidence, the probability that the model
gives to what stands there, and a span by its weakest token, as in cleanlab's token classification (Wang and Mueller 2022,
https://arxiv.org/abs/2210.03920). cleanlab itself ranks tokens: it has no word for a relation, nor for a span that is
missing as a whole, which is why the ranking is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from data.article import Article, Entity, Relation
from data.clean import surface
from data.schema import Schema
from data.tags import TokenSpan, begin_tag, inside_tag
from models.document import Predictor
from models.inputs import EncodedArticle

SPAN, MISSING_SPAN, RELATION, MISSING_RELATION = "span", "missing span", "relation", "missing relation"
LEAST = 0.05  # a missing relation less probable than this is no suspicion


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One label that is there, or that the model misses.

    ``doubt`` is the model's probability (0..1) that gold is wrong here. ``char_start`` and ``char_end`` are where to look, in
    the raw text: the span, or from the first end of the relation to the last. ``proposal`` is what the model would write.
    """

    article_id: str
    kind: str
    label: str
    char_start: int
    char_end: int
    doubt: float
    said: str
    proposal: str
    ends: tuple[tuple[int, int], ...] = ()  # of a relation, head first


def article_doubts(predictor: Predictor, article: Article) -> list[Doubt]:
    """Every span and relation of a gold article (restricted to the schema) with its doubt, and what gold seems to miss.

    Relations are judged over the gold spans, so that one wrong span is not told once for each of its relations.
    """
    encoded = predictor.encoder.encode(article)
    if not len(encoded.token_ids):
        return []
    with torch.inference_mode():
        batch = predictor.encoder.batch([encoded])
        output = predictor.model.joint(batch)
        probs = predictor.model.tag_probabilities(batch, output.tag_logits)  # (N, tags)
        [found] = predictor.model.decode(batch, output.tag_logits)
        pairs, scores = predictor.model.score_pairs(batch, output.states, [list(encoded.spans)], temperature=predictor.temperature)
    schema = predictor.encoder.schema
    doubts = span_doubts(encoded, probs, found, schema)
    related = {(p.head, p.tail, p.type) for p in encoded.pairs}
    for head, tail, row, allowed in zip(pairs.head.tolist(), pairs.tail.tolist(), scores.tolist(), pairs.allowed.tolist(),
                                        strict=True):
        for kind, (probability, fits) in enumerate(zip(row, allowed, strict=True)):
            stands = (head, tail, kind) in related or (schema.relations[kind].symmetric and (tail, head, kind) in related)
            if fits and (stands or probability >= LEAST):
                doubts.append(_relation_doubt(encoded, head, tail, schema.relations[kind].name, probability, stands))
    return doubts


def span_doubts(encoded: EncodedArticle, probs: np.ndarray, found: list[TokenSpan], schema: Schema) -> list[Doubt]:
    """Doubts of the gold spans, and of predicted spans where gold has nothing.

    Args:
        probs: ``(tokens, tags)`` tag probabilities.
        found: the spans that the model decodes.
    """
    doubts = []
    for span in encoded.spans:
        over = [f for f in found if f.token_start < span.token_end and span.token_start < f.token_end]
        same = any(f.key == span.key for f in over)
        proposal = "as it stands" if same else " ".join(_named(encoded, f, schema) for f in over) or "no span here"
        doubts.append(_span_doubt(encoded, span, schema, SPAN, 1.0 - span_confidence(probs, span), proposal))
    for f in found:
        if not any(f.token_start < s.token_end and s.token_start < f.token_end for s in encoded.spans):
            doubts.append(_span_doubt(encoded, f, schema, MISSING_SPAN, span_confidence(probs, f), _named(encoded, f, schema)))
    return doubts


def span_confidence(probs: np.ndarray, span: TokenSpan) -> float:
    """The probability of the weakest decision that makes a span: each of its tags, and that it does not go on."""
    inside = probs[span.token_start + 1 : span.token_end, inside_tag(span.label)]
    stops = 1.0 - probs[span.token_end, inside_tag(span.label)] if span.token_end < len(probs) else 1.0
    return float(min(probs[span.token_start, begin_tag(span.label)], stops, *inside))


def _named(encoded: EncodedArticle, span: TokenSpan, schema: Schema) -> str:
    start, end = encoded.raw_span(span)
    return f"{schema.labels[span.label]} {surface(encoded.article.text[start:end])}"


def _span_doubt(encoded: EncodedArticle, span: TokenSpan, schema: Schema, kind: str, doubt: float, proposal: str) -> Doubt:
    start, end = encoded.raw_span(span)
    said = _named(encoded, span, schema) if kind == SPAN else "nothing marked"
    return Doubt(article_id=encoded.article.id, kind=kind, label=schema.labels[span.label], char_start=start, char_end=end,
                 doubt=doubt, said=said, proposal=proposal)


def _relation_doubt(encoded: EncodedArticle, head: int, tail: int, name: str, probability: float, stands: bool) -> Doubt:
    ends = tuple(encoded.raw_span(encoded.spans[i]) for i in (head, tail))
    arrow = " → ".join(surface(encoded.article.text[s:e]) for s, e in ends)
    return Doubt(article_id=encoded.article.id, kind=RELATION if stands else MISSING_RELATION, label=name,
                 char_start=min(s for s, _ in ends), char_end=max(e for _, e in ends), ends=ends,
                 doubt=1.0 - probability if stands else probability,
                 said=f"{name} {arrow}" if stands else "not related", proposal="not related" if stands else f"{name} {arrow}")


def with_proposals(article: Article, doubts: list[Doubt], *, model: str) -> Article:
    """The gold article as a prediction that holds the doubted labels alone, each with its doubt as score: a task whose
    pre-annotation shows an annotator where to look."""
    places: dict[tuple[int, int, str], Entity] = {}
    relations: list[Relation] = []
    by_place = {(e.char_start, e.char_end): e.label for e in article.entities}

    def entity(start: int, end: int, label: str, score: float | None) -> str:
        key = start, end, label
        if key not in places or (score is not None and places[key].score is None):
            name = places[key].id if key in places else f"S{len(places) + 1}"
            places[key] = Entity(id=name, char_start=start, char_end=end, label=label, text=article.text[start:end], score=score)
        return places[key].id

    for d in doubts:
        score = round(d.doubt, 4)
        if not d.ends:
            entity(d.char_start, d.char_end, d.label, score)
        elif all(end in by_place for end in d.ends):
            head, tail = (entity(*end, by_place[end], None) for end in d.ends)
            relations.append(Relation(type=d.label, head=head, tail=tail, score=score))
    return Article(id=article.id, text=article.text, published=article.published, publisher=article.publisher, model=model,
                   entities=tuple(sorted(places.values(), key=lambda e: e.char_start)), relations=tuple(relations))
