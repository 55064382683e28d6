"""Entities as scored spans: a biaffine classifier over pairs of boundary tokens (Yu et al. 2020,
https://arxiv.org/abs/2005.07150), cut to spans of a maximal length inside one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data.tags import TokenSpan
from models.prior import PriorLinear

NO_ENTITY = 0  # class 0; label i of the schema is class i + 1
PRIOR_LOGIT = -7.0
IMPOSSIBLE = -1e4


class SpanScorer(nn.Module):
    """Scores every span. Shapes: N tokens, H encoder width, D width here, M longest span, C labels and one.

    Args:
        hidden_size: H.
        label_count: C - 1.
        max_span_tokens: M; a longer entity is never found.
    """

    def __init__(self, *, hidden_size: int, label_count: int, max_span_tokens: int, width: int = 64, dropout: float = 0.2
                 ) -> None:
        super().__init__()
        self.max_span_tokens, self.label_count = max_span_tokens, label_count
        self.start = nn.Sequential(nn.Linear(hidden_size, width), nn.GELU(), nn.Dropout(dropout))
        self.end = nn.Sequential(nn.Linear(hidden_size, width), nn.GELU(), nn.Dropout(dropout))
        self.product = nn.Linear(width, label_count * width, bias=False)
        # Few of the spans are entities.
        self.start_alone = PriorLinear(width, label_count, prior_logit=PRIOR_LOGIT)
        self.end_alone = nn.Linear(width, label_count, bias=False)

    def forward(self, states: torch.Tensor, sentence_lengths: Sequence[int]) -> torch.Tensor:
        """Logits ``(N, M, C)``; ``[i, d]`` is the span from token i to token i + d, both included. That of no entity is
        always 0, and a span that leaves its sentence is certainly none.

        Args:
            states: ``(N, H)``.
            sentence_lengths: tokens of each sentence, in order; they sum to N.
        """
        count, longest = len(states), self.max_span_tokens
        if count == 0:
            return states.new_zeros((0, longest, self.label_count + 1)) + 0.0 * sum(p.sum() for p in self.parameters())
        starts, ends = self.start(states), self.end(states)  # (N, D)
        # Windows of M following tokens, a view without a copy.
        following = functional.pad(ends, (0, 0, 0, longest - 1)).unfold(0, longest, 1)  # (N, D, M)
        alone = functional.pad(self.end_alone(ends), (0, 0, 0, longest - 1)).unfold(0, longest, 1)  # (N, C - 1, M)
        logits = self.product(starts).view(count, self.label_count, -1) @ following  # (N, C - 1, M)
        logits = (logits + alone + self.start_alone(starts)[:, :, None]).transpose(1, 2)  # (N, M, C - 1)
        lengths = torch.tensor(sentence_lengths, device=states.device)
        sentence_end = torch.repeat_interleave(lengths.cumsum(0), lengths)  # (N,)
        last = torch.arange(count, device=states.device)[:, None] + torch.arange(longest, device=states.device)
        logits = logits.masked_fill((last >= sentence_end[:, None])[:, :, None], IMPOSSIBLE)
        return functional.pad(logits, (1, 0))


def span_targets(spans_of_article: Sequence[Sequence[TokenSpan]], token_counts: Sequence[int], max_span_tokens: int
                 ) -> torch.Tensor:
    """Gold classes ``(N, M)`` of the spans of a batch; spans of more than M tokens have no cell."""
    targets = torch.full((sum(token_counts), max_span_tokens), NO_ENTITY)
    base = 0
    for spans, count in zip(spans_of_article, token_counts, strict=True):
        for span in spans:
            if span.token_end - span.token_start <= max_span_tokens:
                targets[base + span.token_start, span.token_end - span.token_start - 1] = span.label + 1
        base += count
    return targets


def span_loss(logits: torch.Tensor, targets: torch.Tensor, *, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy of all spans, per token; spans that leave their sentence have none.

    Args:
        logits: ``(N, M, C)`` from :class:`SpanScorer`.
        targets: ``(N, M)`` from :func:`span_targets`.
    """
    possible = (logits[..., NO_ENTITY + 1] > IMPOSSIBLE).flatten()
    losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none",
                                      label_smoothing=label_smoothing)
    return losses.masked_fill(~possible, 0.0).sum() / max(1, len(logits))


def greedy_spans(logits: np.ndarray) -> list[TokenSpan]:
    """Spans of one article, in order: the likeliest first, then the likeliest that overlaps none taken yet.

    Args:
        logits: ``(tokens, M, C)`` from :class:`SpanScorer`.

    Returns:
        Spans with the probability of their label as ``score``. Of equally likely ones the earlier and shorter wins.
    """
    if len(logits) == 0:
        return []
    shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
    probabilities = shifted / shifted.sum(axis=2, keepdims=True)
    best = logits.argmax(axis=2)
    starts, distances = np.nonzero(best != NO_ENTITY)
    classes = best[starts, distances]
    scores = probabilities[starts, distances, classes]
    taken = np.zeros(len(logits), dtype=bool)
    spans = []
    for i in np.lexsort((distances, starts, -scores)):
        start, end = int(starts[i]), int(starts[i] + distances[i]) + 1
        if not taken[start:end].any():
            taken[start:end] = True
            spans.append(TokenSpan(token_start=start, token_end=end, label=int(classes[i]) - 1, score=float(scores[i])))
    return sorted(spans, key=lambda s: s.token_start)
