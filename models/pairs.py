"""Which pairs of mentions the schema lets the relation head score, and what is known of each pair.

Pairs are taken over the merged article, so that ends in different windows still meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from data.schema import Schema
from data.tags import TokenSpan
from models.inputs import EncodedArticle

# Pairs further apart than this are not scored: it bounds the cost of a document of many megabytes. No relation of
# the guidelines leaves its paragraph; a gold pair beyond the reach counts as missed, not as unseen.
MAX_PAIR_TOKENS = 2000
DISTANCE_BUCKETS, SENTENCE_BUCKETS, LINE_BUCKETS, COUNT_BUCKETS = 12, 5, 3, 4
FEATURE_SIZES = (2 * DISTANCE_BUCKETS, SENTENCE_BUCKETS, LINE_BUCKETS, COUNT_BUCKETS, COUNT_BUCKETS, COUNT_BUCKETS)


@dataclass(frozen=True, kw_only=True)
class PairBatch:
    """Spans and candidate pairs of several articles; token indices count the N tokens of the batch.

    Shapes: S spans, P pairs, R relation types, F features.
    """

    span_start: torch.Tensor  # (S,)
    span_last: torch.Tensor  # (S,) last token, inclusive
    span_label: torch.Tensor  # (S,)
    head: torch.Tensor  # (P,) index of a span
    tail: torch.Tensor  # (P,)
    allowed: torch.Tensor  # (P, R) bool, the types the schema admits for this pair
    features: torch.Tensor  # (P, F) bucketed distances and counts
    sentence_of_token: torch.Tensor  # (N,) sentence index over the batch
    pair_counts: list[int]  # pairs of each article

    @property
    def sentence_bounds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """First token and end ``(S,)`` of the sentence that each span begins in."""
        of_span = self.sentence_of_token[self.span_start]
        return (torch.searchsorted(self.sentence_of_token, of_span),
                torch.searchsorted(self.sentence_of_token, of_span, right=True))

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on another device."""
        moved = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, torch.Tensor)}
        return PairBatch(**moved, pair_counts=self.pair_counts)


def build_pairs(
    articles: Sequence[EncodedArticle], spans: Sequence[Sequence[TokenSpan]], schema: Schema
) -> PairBatch:
    """Every admissible pair among the given spans of each article (``spans[i]`` in text order)."""
    table = _admissible_table(schema)
    symmetric = np.array([r.symmetric for r in schema.relations], dtype=bool)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in
                                          ("start", "last", "label", "head", "tail", "allowed", "features", "sentence")}
    pair_counts: list[int] = []
    token_base = span_base = sentence_base = 0
    for article, found in zip(articles, spans, strict=True):
        start = np.array([s.token_start for s in found], dtype=np.int64)
        last = np.array([s.token_end - 1 for s in found], dtype=np.int64)
        label = np.array([s.label for s in found], dtype=np.int64)
        head, tail, allowed = _candidates(start, last, label, table, symmetric)
        parts["features"].append(_features(article, start, last, label, head, tail))
        for name, values in (("start", start + token_base), ("last", last + token_base), ("label", label),
                             ("head", head + span_base), ("tail", tail + span_base), ("allowed", allowed),
                             ("sentence", article.sentence_of_token + sentence_base)):
            parts[name].append(values)
        pair_counts.append(len(head))
        token_base += len(article.token_ids)
        span_base += len(found)
        sentence_base += int(article.sentence_of_token[-1]) + 1 if len(article.sentence_of_token) else 0
    tensors = {name: torch.from_numpy(np.concatenate(arrays)) for name, arrays in parts.items()}
    return PairBatch(
        span_start=tensors["start"], span_last=tensors["last"], span_label=tensors["label"], head=tensors["head"],
        tail=tensors["tail"], allowed=tensors["allowed"], features=tensors["features"],
        sentence_of_token=tensors["sentence"], pair_counts=pair_counts,
    )


def _admissible_table(schema: Schema) -> np.ndarray:
    """Boolean ``(labels, labels, types)``."""
    table = np.zeros((len(schema.labels), len(schema.labels), len(schema.relations)), dtype=bool)
    for i, head in enumerate(schema.labels):
        for j, tail in enumerate(schema.labels):
            table[i, j, list(schema.admissible(head, tail))] = True
    return table


def _candidates(
    start: np.ndarray, last: np.ndarray, label: np.ndarray, table: np.ndarray, symmetric: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Head and tail indices ``(P,)`` and allowed types ``(P, R)``; a symmetric type takes the earlier span as head."""
    heads, tails, allowed = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [
        np.zeros((0, table.shape[2]), dtype=bool)]
    order = np.arange(len(start))
    for i in order:
        types = table[label[i], label]  # (S, R)
        types = types & ~(symmetric[None, :] & (order <= i)[:, None])
        near = np.abs(start - start[i]) <= MAX_PAIR_TOKENS
        chosen = np.flatnonzero(types.any(axis=1) & near & (order != i))
        heads.append(np.full(len(chosen), i, dtype=np.int64))
        tails.append(chosen)
        allowed.append(types[chosen])
    return np.concatenate(heads), np.concatenate(tails), np.concatenate(allowed)


def _features(
    article: EncodedArticle, start: np.ndarray, last: np.ndarray, label: np.ndarray, head: np.ndarray, tail: np.ndarray
) -> np.ndarray:
    """Bucketed ``(P, F)``: signed distance, sentences and lines between, and how many mentions of the head's label,
    of the tail's label and of any label stand between the two: nearness in the list is what ties a post to a name."""
    if len(head) == 0:
        return np.zeros((0, len(FEATURE_SIZES)), dtype=np.int64)
    left, right = np.minimum(head, tail), np.maximum(head, tail)
    gap = np.maximum(start[right] - last[left] - 1, 0)
    distance = np.minimum(np.ceil(np.log2(gap + 1)).astype(np.int64), DISTANCE_BUCKETS - 1)
    signed = distance + DISTANCE_BUCKETS * (head < tail)
    sentences = article.sentence_of_token[start[right]] - article.sentence_of_token[start[left]]
    lines = article.line_of_token[start[right]] - article.line_of_token[start[left]]
    onehot = label[:, None] == np.arange(label.max() + 1)[None]
    before = np.concatenate([np.zeros((1, onehot.shape[1]), dtype=np.int64), onehot.cumsum(axis=0)])
    same_head = before[right, label[head]] - before[left + 1, label[head]]
    same_tail = before[right, label[tail]] - before[left + 1, label[tail]]
    between = right - left - 1
    return np.stack([
        signed, np.minimum(sentences, SENTENCE_BUCKETS - 1), np.minimum(lines, LINE_BUCKETS - 1),
        np.minimum(same_head, COUNT_BUCKETS - 1), np.minimum(same_tail, COUNT_BUCKETS - 1),
        np.minimum(between, COUNT_BUCKETS - 1),
    ], axis=1)


def pair_targets(
    articles: Sequence[EncodedArticle], spans: Sequence[Sequence[TokenSpan]], pairs: PairBatch, schema: Schema
) -> torch.Tensor:
    """Gold ``(P, R)`` of candidate pairs: 1 where both spans are gold spans and gold relates them."""
    targets = torch.zeros(len(pairs.head), len(schema.relations))
    pair_base = span_base = 0
    for article, found, count in zip(articles, spans, pairs.pair_counts, strict=True):
        index_of = {s.key: i for i, s in enumerate(found)}
        gold: dict[tuple[int, int], list[int]] = {}
        for pair in article.pairs:
            head, tail = index_of.get(article.spans[pair.head].key), index_of.get(article.spans[pair.tail].key)
            if head is None or tail is None:
                continue
            if schema.relations[pair.type].symmetric and head > tail:
                head, tail = tail, head
            gold.setdefault((head, tail), []).append(pair.type)
        rows = slice(pair_base, pair_base + count)
        for row, (h, t) in enumerate(zip((pairs.head[rows] - span_base).tolist(),
                                         (pairs.tail[rows] - span_base).tolist(), strict=True)):
            for kind in gold.get((h, t), ()):
                targets[pair_base + row, kind] = 1.0
        pair_base += count
        span_base += len(found)
    return targets
