"""The heads of a model and what inference does with them, apart from the encoder: spans of tag scores, scores of pairs.

Shared by the model that is trained (:mod:`models.signing`) and by the light one of the commands (:mod:`models.light`),
so that there is one decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from data.schema import Schema, schema_from_dict
from data.tags import TokenSpan
from models.crf import LinearChainCrf
from models.decoding import decode_spans
from models.hints import continuation_bonus
from models.inputs import Batch
from models.pairs import PairBatch, build_pairs
from models.relations import RelationHead
from models.span_scorer import SpanScorer, greedy_spans

# Key of our own settings in config.json: schema, window sizes, thresholds. Stock transformers carries it along.
SETTINGS = "qianyue"
TAGGERS = ("softmax", "crf", "biaffine")


class ReadingHeads:
    """Mixed into a module: a relation head, and a CRF or a span scorer beside the tag classifier, as the settings say.

    Shapes: N article tokens, H width, P candidate pairs, R relation types, M longest span.
    """

    schema: Schema
    relation_head: RelationHead | None
    crf: LinearChainCrf | None
    span_scorer: SpanScorer | None

    def make_heads(self, settings: Mapping[str, Any], *, hidden_size: int) -> None:
        """Add the heads to the module, which is set up already.

        Raises:
            ValueError: there is no such tagger.
        """
        self.schema = schema_from_dict(settings["schema"], place="config.json")
        self.relation_head = (
            RelationHead(hidden_size=hidden_size, label_count=len(self.schema.labels),
                         relation_count=len(self.schema.relations), form=settings.get("relation_head", "full"))
            if self.schema.relations else None
        )
        tagger = settings.get("tagger", "softmax")
        if tagger not in TAGGERS:
            raise ValueError(f"tagger: expected one of {', '.join(TAGGERS)}, found {tagger!r}")
        self.crf = LinearChainCrf(self.schema) if tagger == "crf" else None
        self.span_scorer = (
            SpanScorer(hidden_size=hidden_size, label_count=len(self.schema.labels),
                       max_span_tokens=settings["max_span_tokens"]) if tagger == "biaffine" else None
        )

    def decode(self, batch: Batch, logits: torch.Tensor) -> list[list[TokenSpan]]:
        """Scored spans of each article of a batch, from its tag logits ``(N, tags)``, or ``(N, M, labels + 1)`` of the
        span scorer."""
        scores = logits.detach().float().cpu().numpy()
        transitions = None if self.crf is None else self.crf.transitions.detach().float().cpu().numpy()
        spans, start = [], 0
        for article, count in zip(batch.articles, batch.token_counts, strict=True):
            part = scores[start : start + count]
            spans.append(greedy_spans(part) if self.span_scorer is not None
                         else decode_spans(part, self.schema, article.sentence_of_token, transitions,
                                           continuation_bonus(article.token_types, self.schema.tags)))
            start += count
        return spans

    @torch.no_grad()
    def score_pairs(self, batch: Batch, states: torch.Tensor, spans: Sequence[Sequence[TokenSpan]], *,
                    temperature: float = 1.0) -> tuple[PairBatch, torch.Tensor]:
        """Candidate pairs of the given spans and their probabilities ``(P, R)``; 0 where a type is not allowed.

        ``temperature`` divides the logits, so that probabilities are what dev showed them to be (Guo et al. 2017,
        https://arxiv.org/abs/1706.04599).
        """
        pairs = build_pairs(batch.articles, spans, self.schema)
        if self.relation_head is None or len(pairs.head) == 0:
            return pairs, torch.zeros(len(pairs.head), len(self.schema.relations))
        logits = self.relation_head(states, pairs.to(states.device)).float().cpu()
        return pairs, torch.sigmoid(logits / temperature) * pairs.allowed
