"""From scores to articles: spans and pairs of a batch become entities, relations and signing events on raw text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from data.article import Article, Entity, Event, Relation
from data.clean import surface
from data.schema import Schema, restrict
from data.tags import TokenSpan, begin_tag, inside_tag
from data.uncertainty import Uncertainty
from data.windows import split_sentences
from models.aliases import cluster_mentions
from models.consistency import repeated_names, shared_scores, trimmed_names
from models.engines import Engine, ModelEngine
from models.events import SIGNING_RELATIONS, TextView, build_events
from models.inputs import EncodedArticle, TextEncoder
from models.pairs import PairBatch

if TYPE_CHECKING:
    from models.signing import SigningModel

BATCH_TOKENS = 4096  # with twice as many, the rare full batch sets the peak memory of a long run
READ_AHEAD = 32
LEAST_SCORE = 0.01  # pairs below this say nothing about how far probabilities can be trusted
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
    ``answers`` is the schema of what is handed out, where the model tells more apart than is asked for.
    """

    model: SigningModel
    encoder: TextEncoder
    thresholds: dict[str, float]
    name: str
    temperature: float = 1.0
    engine: Engine | None = None  # None: the model itself, as training has it
    answers: Schema | None = None  # None: all that the model reads

    @property
    def schema(self) -> Schema:
        """What predictions hold, and gold is restricted to before it is compared with them."""
        return self.answers or self.encoder.schema

    def predict(self, articles: Iterable[Article | EncodedArticle]) -> Iterator[Article]:
        """Predicted articles, in order; any annotation of the given ones is ignored."""
        for prediction, _ in self.predict_scored(articles, least_score=None):
            yield prediction

    def predict_scored(
        self, articles: Iterable[Article | EncodedArticle], *, least_score: float | None = LEAST_SCORE,
    ) -> Iterator[tuple[Article, Article]]:
        """Each prediction beside its candidates: what was decoded and scored, kept or not, for calibration and curves.

        The candidates are an article too: every decoded mention (ids of kept ones are those of the prediction), every
        pair of kept mentions whose probability reaches ``least_score``, every event before its floor. Without
        ``least_score`` no candidates are collected and both are the same article but for the events.
        """
        for group in self._batches(articles):
            if len(group) == 1 and len(group[0].token_ids) > SECTION_TOKENS:
                yield self._assemble(group[0], self._read_long(group[0], least_score))
            else:
                for encoded, reading in zip(group, self._read(group, least_score), strict=True):
                    yield self._assemble(encoded, reading)

    def relate(self, articles: Iterable[Article | EncodedArticle]) -> Iterator[Article]:
        """Relations and events over the *given* entities: the diagnostic that leaves the tagger out."""
        schema = self.encoder.schema
        for article in articles:
            encoded = article if isinstance(article, EncodedArticle) else self.encoder.encode(article)
            engine = self._engine()
            with torch.inference_mode():
                batch = self.encoder.batch([encoded])
                _, states = engine.read(batch)
                pairs, scores = engine.score_pairs(batch, states, [list(encoded.spans)], temperature=self.temperature)
            entities = _entities(encoded, encoded.spans, schema)
            relations = _relations(entities, pairs, scores, schema, self.thresholds, 0)
            yield self._assemble(encoded, _Reading(entities, relations, _signing_score(pairs, scores, schema)))[0]

    def _engine(self) -> Engine:
        return self.engine or ModelEngine(self.model)

    def _batches(self, articles: Iterable[Article | EncodedArticle]) -> Iterator[list[EncodedArticle]]:
        """Encoded articles in groups of at most ``BATCH_TOKENS`` tokens (one alone where it is longer)."""
        group: list[EncodedArticle] = []
        size = 0
        for article in articles:
            encoded = (article if isinstance(article, EncodedArticle)
                       else self.encoder.encode(article.without_annotation()))
            if group and (size + len(encoded.token_ids) > BATCH_TOKENS or len(group) >= READ_AHEAD):
                yield group
                group, size = [], 0
            group.append(encoded)
            size += len(encoded.token_ids)
        if group:
            yield group

    def _read_long(self, encoded: EncodedArticle, least_score: float | None) -> _Reading:
        """A document too long to hold at once: its parts are read one after the other, its events made of the whole."""
        whole = _Reading([], [], 0.0)
        for section in self.encoder.sections(encoded, max_tokens=SECTION_TOKENS):
            [reading] = self._read([section], least_score)
            new_id = {e.id: f"T{len(whole.entities) + i + 1}" for i, e in enumerate(reading.entities)}
            whole.entities.extend(replace(e, id=new_id[e.id]) for e in reading.entities)
            for kept, found in ((whole.relations, reading.relations), (whole.unlikely, reading.unlikely)):
                kept.extend(replace(r, head=new_id[r.head], tail=new_id[r.tail]) for r in found)
            rejected_before = len(whole.rejected)
            whole.rejected.extend(replace(e, id=f"D{rejected_before + i + 1}") for i, e in enumerate(reading.rejected))
            whole = replace(whole, signing_score=max(whole.signing_score, reading.signing_score),
                            uncertainty=(whole.uncertainty or Uncertainty()) + (reading.uncertainty or Uncertainty()))
        return whole

    def _read(self, encoded: Sequence[EncodedArticle], least_score: float | None) -> list[_Reading]:
        """What each article of a batch holds."""
        schema = self.encoder.schema
        engine = self._engine()
        with torch.inference_mode():
            batch = self.encoder.batch(encoded)
            tag_logits, states = engine.read(batch)
            decoded = self.model.decode(batch, tag_logits)
            held = [self._held(article, found) for article, found in zip(encoded, decoded, strict=True)]
            spans = [[s for s, holds in zip(found, of_one, strict=True) if holds]
                     for found, of_one in zip(decoded, held, strict=True)]
            probabilities = self.model.tag_probabilities(batch, tag_logits)
            spans = self._repeated(encoded, spans, probabilities)
            pairs, scores = engine.score_pairs(batch, states, spans, temperature=self.temperature)
            doubts = 1.0 - probabilities.max(axis=1, initial=0.0)  # (N,)
        results = []
        pair_base = span_base = token_base = 0
        for i, (article, found, count) in enumerate(zip(encoded, spans, pairs.pair_counts, strict=True)):
            entities = _entities(article, found, schema)
            part, part_scores = _slice(pairs, pair_base, count), scores[pair_base : pair_base + count]
            relations = _relations(entities, part, part_scores, schema, self.thresholds, span_base)
            tokens = slice(token_base, token_base + len(article.token_ids))
            doubt = Uncertainty(spans=round(float(doubts[tokens].sum()), 3),
                                pairs=round(float(torch.minimum(part_scores, 1 - part_scores).sum()), 3))
            reading = _Reading(entities, relations, _signing_score(part, part_scores, schema), doubt)
            if least_score is not None:
                limits = dict.fromkeys((r.name for r in schema.relations), least_score)
                likely = {(r.type, r.head, r.tail) for r in relations}
                reading.unlikely.extend(r for r in _relations(entities, part, part_scores, schema, limits, span_base)
                                        if (r.type, r.head, r.tail) not in likely)
                doubted = [s for s, holds in zip(decoded[i], held[i], strict=True) if not holds]
                reading.rejected.extend(replace(e, id=f"D{n + 1}")
                                        for n, e in enumerate(_entities(article, doubted, schema)))
            results.append(reading)
            token_base = tokens.stop
            pair_base += count
            span_base += len(found)
        return results

    def _held(self, article: EncodedArticle, spans: Sequence[TokenSpan]) -> list[bool]:
        """Which spans reach the floor of their label, by themselves or by a mention that vouches for them."""
        labels = [self.encoder.schema.labels[s.label] for s in spans]
        scores = shared_scores(labels, [article.clean_name(s) for s in spans], [s.score for s in spans])
        return [score >= self.thresholds.get(label, 0.0) for label, score in zip(labels, scores, strict=True)]

    def _repeated(
        self, encoded: Sequence[EncodedArticle], spans: Sequence[Sequence[TokenSpan]], probabilities: np.ndarray
    ) -> list[list[TokenSpan]]:
        """The spans of each article, names cut to what they are elsewhere, and the further places of their names."""
        labels = self.encoder.schema.labels
        support = np.stack([probabilities[:, [begin_tag(i), inside_tag(i)]].sum(axis=1) for i in range(len(labels))], axis=1)
        parts = np.split(support, np.cumsum([len(a.token_ids) for a in encoded])[:-1])
        return [repeated_names(article, trimmed_names(article, found, labels), labels, part)
                for article, found, part in zip(encoded, spans, parts, strict=True)]

    def _assemble(self, encoded: EncodedArticle, reading: _Reading) -> tuple[Article, Article]:
        """The prediction and its candidates; ``assemble`` leaves nothing of a given annotation."""
        article = assemble(encoded.article, reading.entities, reading.relations, model=self.name,
                           signing_score=reading.signing_score)
        candidates = replace(article, entities=(*article.entities, *reading.rejected),
                             relations=(*article.relations, *reading.unlikely))
        if self.answers is not None:
            # Before the floors: an agreement with a company has, in the answers of a schema without ORG, one party alone.
            nothing_more = not (reading.rejected or reading.unlikely)
            article = restrict(article, self.answers)
            candidates = article if nothing_more else restrict(candidates, self.answers)
        return replace(article, uncertainty=reading.uncertainty, events=tuple(
            v for v in article.events if v.score is None or v.score >= self.thresholds.get(event_kind_of(v), 0.0)
        )), candidates


@dataclass(frozen=True)
class _Reading:
    """What the model finds in one article, before the document step; what it scored and did not keep stands apart."""

    entities: list[Entity]
    relations: list[Relation]
    signing_score: float
    uncertainty: Uncertainty | None = None
    rejected: list[Entity] = field(default_factory=list)
    unlikely: list[Relation] = field(default_factory=list)


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
