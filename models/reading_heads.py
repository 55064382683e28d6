"""The heads of a model and what inference does with them, apart from the encoder: spans of tag scores, scores of pairs.

Shared by the model that is trained (:mod:`models.signing`) and by the light one of the commands (:mod:`models.light`),
so that there is one decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from data.schema import HOSPITAL, Schema, schema_from_dict
from data.tags import OUTSIDE, TokenSpan
from models.crf import LinearChainCrf
from models.decoding import ILLEGAL, decode_spans, tag_probabilities
from models.hints import continuation_bonus
from models.inputs import Batch
from models.pairs import PairBatch, build_pairs
from models.relations import RelationHead

# Key of our own settings in config.json: schema, window sizes, thresholds. Stock transformers carries it along.
SETTINGS = "qianyue"
TAGGERS = ("softmax", "crf")


class ReadingHeads:
    """Mixed into a module: a relation head, and a CRF beside the tag classifier, as the settings say.

    Shapes: N article tokens, H width, P candidate pairs, R relation types.
    """

    schema: Schema
    answers: Schema | None  # what predictions are restricted to; None: they hold all that is read
    relation_head: RelationHead | None
    crf: LinearChainCrf | None

    def make_heads(self, settings: Mapping[str, Any], *, hidden_size: int) -> None:
        """Add the heads to the module, which is set up already.

        Raises:
            ValueError: there is no such tagger.
        """
        self.schema = schema_from_dict(settings["schema"], place="config.json")
        answers = settings.get("answers")
        self.answers = schema_from_dict(answers, place="config.json") if answers else None
        self.relation_head = (
            RelationHead(hidden_size=hidden_size, label_count=len(self.schema.labels),
                         relation_count=len(self.schema.relations), form=settings.get("relation_head", "full"))
            if self.schema.relations else None
        )
        tagger = settings.get("tagger", "softmax")
        if tagger not in TAGGERS:
            raise ValueError(f"tagger: expected one of {', '.join(TAGGERS)}, found {tagger!r}")
        self.crf = LinearChainCrf(self.schema) if tagger == "crf" else None

    def decode(self, batch: Batch, logits: torch.Tensor) -> list[list[TokenSpan]]:
        """Scored spans of each article of a batch, from its tag logits ``(N, tags)``."""
        scores = logits.detach().float().cpu().numpy()
        base = np.cumsum([0, *batch.token_counts])
        if len(scores) == 0:
            return [[] for _ in batch.articles]
        # Sentences of all articles in one go: one after the other, the search of a CRF would cost more than the encoder.
        cuts = _sentences(batch)
        token_types = np.concatenate([a.token_types for a in batch.articles])
        bonus = continuation_bonus(token_types, self.schema.tags)
        bonus[np.concatenate([a.symbols() for a in batch.articles]), OUTSIDE + 1 :] = ILLEGAL
        if HOSPITAL in self.schema.labels:  # titles of books and films, in other data, do hold such marks
            bonus[np.concatenate([a.parting_marks() for a in batch.articles]), OUTSIDE + 1 :] = ILLEGAL
        joined = np.concatenate([a.inside_word() for a in batch.articles])
        found = decode_spans(scores, self.schema, cuts, self._transitions(), bonus, joined)
        spans: list[list[TokenSpan]] = [[] for _ in batch.articles]
        article_of = np.searchsorted(base, [s.token_start for s in found], side="right") - 1
        for span, i in zip(found, article_of.tolist(), strict=True):
            start = int(base[i])
            spans[i].append(replace(span, token_start=span.token_start - start, token_end=span.token_end - start))
        return spans

    def tag_probabilities(self, batch: Batch, logits: torch.Tensor) -> np.ndarray:
        """Probability ``(N, tags)`` of each tag of each token, from the tag logits of a batch."""
        return tag_probabilities(logits.detach().float().cpu().numpy(), self.schema, _sentences(batch), self._transitions())

    def _transitions(self) -> np.ndarray | None:
        return None if self.crf is None else self.crf.transitions.detach().float().cpu().numpy()

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


def _sentences(batch: Batch) -> np.ndarray:
    """``(N,)`` a number for each token that changes where a sentence or an article ends."""
    first = np.cumsum([0, *(int(a.sentence_of_token.max(initial=-1)) + 1 for a in batch.articles)])
    return np.concatenate([np.zeros(0, dtype=np.int64), *(
        a.sentence_of_token + base for a, base in zip(batch.articles, first[:-1], strict=True))])
