"""From scores to articles: spans and pairs of a batch become entities, relations and signing events on raw text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from data.article import Article, Entity, Event, Relation
from data.clean import surface
from data.schema import Schema
from data.tags import TokenSpan
from data.windows import split_sentences
from models.aliases import cluster_mentions
from models.engines import Engine, ModelEngine
from models.events import SIGNING_RELATIONS, TextView, build_events
from models.inputs import EncodedArticle, TextEncoder
from models.pairs import PairBatch
from models.signing import SigningModel

BATCH_TOKENS = 8192
READ_AHEAD = 32
EVENT, LONE_EVENT = "event", "lone event"  # keys of the events' floors among the thresholds
# Sentences with one of these characters may speak of a signing; the fields of an event are read off them too.
_SIGNING_WORDS = re.compile("[签簽约約協协联聯託托揭]")
SECTION_TOKENS = 32768  # longer documents are read in parts, so that memory stays bounded


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A model with what belongs to it: how text is encoded, and from which score a mention or a relation holds.

    ``thresholds`` is keyed by relation type (0.5 where it lacks one), by label (0 where it lacks one), and by
    ``event`` and ``lone event`` for the lowest score of an event with several parties and with one (0 where it lacks
    them). ``temperature`` divides the logits of pairs. ``engine`` computes the scores (:mod:`models.engines`).
    """

    model: SigningModel
    encoder: TextEncoder
    thresholds: dict[str, float]
    name: str
    temperature: float = 1.0
    engine: Engine | None = None  # None: the model itself, as training has it

    def predict(self, articles: Iterable[Article]) -> Iterator[Article]:
        """Predicted articles, in order; any annotation of the given ones is ignored."""
        for group in self._batches(articles):
            if len(group) == 1 and len(group[0].token_ids) > SECTION_TOKENS:
                yield self._predict_long(group[0])
            else:
                for encoded, reading in zip(group, self._read(group), strict=True):
                    yield self._assemble(encoded, reading)

    def relate(self, articles: Iterable[Article]) -> Iterator[Article]:
        """Relations and events over the *given* entities: the diagnostic that leaves the tagger out."""
        schema = self.encoder.schema
        for article in articles:
            encoded = self.encoder.encode(article)
            engine = self._engine()
            with torch.inference_mode():
                batch = self.encoder.batch([encoded])
                _, states = engine.read(batch)
                pairs, scores = engine.score_pairs(batch, states, [list(encoded.spans)], temperature=self.temperature)
            entities = _entities(encoded, encoded.spans, schema)
            relations = _relations(entities, pairs, scores, schema, self.thresholds, 0)
            yield self._assemble(encoded, _Reading(entities, relations, _signing_score(pairs, scores, schema)))

    def _engine(self) -> Engine:
        return self.engine or ModelEngine(self.model)

    def _batches(self, articles: Iterable[Article]) -> Iterator[list[EncodedArticle]]:
        """Encoded articles in groups of at most ``BATCH_TOKENS`` tokens (one alone where it is longer)."""
        group: list[EncodedArticle] = []
        size = 0
        for article in articles:
            encoded = self.encoder.encode(article.without_annotation())
            if group and (size + len(encoded.token_ids) > BATCH_TOKENS or len(group) >= READ_AHEAD):
                yield group
                group, size = [], 0
            group.append(encoded)
            size += len(encoded.token_ids)
        if group:
            yield group

    def _predict_long(self, encoded: EncodedArticle) -> Article:
        """A document too long to hold at once: its parts are read one after the other, its events made of the whole."""
        entities: list[Entity] = []
        relations: list[Relation] = []
        signing_score = 0.0
        for section in self.encoder.sections(encoded, max_tokens=SECTION_TOKENS):
            [reading] = self._read([section])
            new_id = {e.id: f"T{len(entities) + i + 1}" for i, e in enumerate(reading.entities)}
            entities += [replace(e, id=new_id[e.id]) for e in reading.entities]
            relations += [replace(r, head=new_id[r.head], tail=new_id[r.tail]) for r in reading.relations]
            signing_score = max(signing_score, reading.signing_score)
        return self._assemble(encoded, _Reading(entities, relations, signing_score))

    def _read(self, encoded: Sequence[EncodedArticle]) -> list[_Reading]:
        """What each article of a batch holds."""
        schema = self.encoder.schema
        engine = self._engine()
        with torch.inference_mode():
            batch = self.encoder.batch(encoded)
            tag_logits, states = engine.read(batch)
            spans = [[s for s in found if s.score >= self.thresholds.get(schema.labels[s.label], 0.0)]
                     for found in self.model.decode(batch, tag_logits)]
            pairs, scores = engine.score_pairs(batch, states, spans, temperature=self.temperature)
        results = []
        pair_base = span_base = 0
        for article, found, count in zip(encoded, spans, pairs.pair_counts, strict=True):
            entities = _entities(article, found, schema)
            part, part_scores = _slice(pairs, pair_base, count), scores[pair_base : pair_base + count]
            relations = _relations(entities, part, part_scores, schema, self.thresholds, span_base)
            results.append(_Reading(entities, relations, _signing_score(part, part_scores, schema)))
            pair_base += count
            span_base += len(found)
        return results

    def _assemble(self, encoded: EncodedArticle, reading: _Reading) -> Article:
        article = assemble(encoded.article, reading.entities, reading.relations, model=self.name,
                           signing_score=reading.signing_score)
        return replace(article, events=tuple(
            v for v in article.events if v.score is None or v.score >= self.thresholds.get(event_kind_of(v), 0.0)))


@dataclass(frozen=True)
class _Reading:
    """What the model finds in one article, before the document step."""

    entities: list[Entity]
    relations: list[Relation]
    signing_score: float


def assemble(
    article: Article, entities: Sequence[Entity], relations: Sequence[Relation], *, model: str,
    signing_score: float | None = None,
) -> Article:
    """Add clusters and events to mentions and relations: the document step that every predictor shares."""
    view = text_view(article.text, entities)
    publisher = surface(article.publisher) if article.publisher else None
    clusters = cluster_mentions(entities, view.surfaces, publisher, article.text)
    events = build_events(entities, relations, clusters, view, article.published)
    return replace(article, entities=tuple(entities), relations=tuple(relations), events=events,
                   clusters=clusters.groups(), undecided=clusters.undecided, model=model, signing_score=signing_score)


def event_kind_of(event: Event) -> str:
    """Which floor an event must reach: one party alone is easily found where nothing was signed."""
    return EVENT if len(event.parties) + len(event.other_parties) > 1 else LONE_EVENT


def text_view(text: str, entities: Sequence[Entity]) -> TextView:
    """Clean surfaces of the mentions, and the clean sentences they stand in."""
    bounds = split_sentences(text)
    sentence_of: dict[str, int] = {}
    number = 0
    for entity in sorted(entities, key=lambda e: e.char_start):
        while number + 1 < len(bounds) and bounds[number][1] <= entity.char_start:
            number += 1
        sentence_of[entity.id] = number
    needed = set(sentence_of.values()) | {i for i, (s, e) in enumerate(bounds) if _SIGNING_WORDS.search(text, s, e)}
    return TextView(
        surfaces={e.id: surface(e.text) for e in entities}, sentence_of=sentence_of,
        sentences=[surface(text[s:e]) if i in needed else "" for i, (s, e) in enumerate(bounds)], bounds=bounds,
    )


def _slice(pairs: PairBatch, start: int, count: int) -> PairBatch:
    rows = slice(start, start + count)
    return replace(pairs, head=pairs.head[rows], tail=pairs.tail[rows], allowed=pairs.allowed[rows],
                   features=pairs.features[rows], pair_counts=[count])


def _entities(article: EncodedArticle, spans: Sequence[TokenSpan], schema: Schema) -> list[Entity]:
    entities = []
    for i, span in enumerate(spans):
        start, end = article.raw_span(span)
        entities.append(Entity(id=f"T{i + 1}", char_start=start, char_end=end, label=schema.labels[span.label],
                               text=article.article.text[start:end], score=round(span.score, 4)))
    return entities


def _signing_score(pairs: PairBatch, scores: torch.Tensor, schema: Schema) -> float:
    """The probability of the likeliest signing of an article: its best pair of any relation that makes an event."""
    kinds = [i for i, r in enumerate(schema.relations) if r.name in SIGNING_RELATIONS]
    likely = scores[:, kinds][pairs.allowed[:, kinds]]
    return round(float(likely.max()), 4) if likely.numel() else 0.0


def _relations(
    entities: Sequence[Entity], pairs: PairBatch, scores: torch.Tensor, schema: Schema,
    thresholds: dict[str, float], span_base: int,
) -> list[Relation]:
    """Pairs whose probability reaches the threshold of their type, in text order."""
    limits = torch.tensor([thresholds.get(r.name, 0.5) for r in schema.relations])
    rows, kinds = torch.nonzero((scores >= limits) & pairs.allowed, as_tuple=True)
    relations = []
    for row, kind in zip(rows.tolist(), kinds.tolist(), strict=True):
        head = entities[int(pairs.head[row]) - span_base]
        tail = entities[int(pairs.tail[row]) - span_base]
        relations.append(Relation(type=schema.relations[kind].name, head=head.id, tail=tail.id,
                                  score=round(float(scores[row, kind]), 4)))
    return relations
