"""The relation head: one score for every admissible pair of mentions and relation type.

Spans are represented by their ends and an attention pool of their inside (SpERT, Eberts and Ulges 2020,
https://arxiv.org/abs/1909.07755); to these come the text between the two, the sentences around them, and
embedded distances and counts (models/pairs.py). Poorer forms are kept for comparison: what the full one brings is in
``configs/sweeps/relation-head.yaml``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from models.pairs import FEATURE_SIZES, PairBatch
from models.prior import PriorLinear

PRIOR_LOGIT = -4.0
FORMS = ("ends", "biaffine", "between", "full")
PIECE_PAIRS = 2048  # scored at once in inference: 1 MiB a step of the sum, which a core keeps in its cache
PLACES = ("after_left", "before_right", "after_right", "left_sentence", "right_sentence")


class _View(NamedTuple):
    heads: torch.Tensor  # (S, D) each span as a head
    tails: torch.Tensor  # (S, D)
    start: torch.Tensor  # (S,)
    last: torch.Tensor  # (S,)
    between: torch.Tensor | None  # (N + 1, D + 1) prefix sums of the text between
    around: tuple[torch.Tensor, torch.Tensor] | None  # (S, D) each span as the left end, and as the right


class RelationHead(nn.Module):
    """Scores pairs. Shapes: N tokens, H encoder width, S spans, P pairs, D width here, R relation types.

    Args:
        form: what a pair is judged by. ``ends``: its spans and the features of :mod:`models.pairs`; ``biaffine``: these
            and a product of both spans (Dozat and Manning 2017, https://arxiv.org/abs/1611.01734); ``between``: ends
            and the pooled text between the spans, as in SpERT; ``full``: that, the tokens around both, and their
            sentences.
    """

    def __init__(
        self, *, hidden_size: int, label_count: int, relation_count: int, width: int = 128, dropout: float = 0.2,
        form: str = "full",
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"expected one of {', '.join(FORMS)}, found {form!r}")
        self.form = form
        self.project = nn.Sequential(nn.Linear(hidden_size, width), nn.GELU(), nn.Dropout(dropout))
        self.salience = nn.Linear(width, 1)
        self.label = nn.Embedding(label_count, width)
        self.head = nn.Linear(4 * width, width)
        self.tail = nn.Linear(4 * width, width)
        # One projection for each place of the context; they are applied before the pairs are formed, so that nothing
        # wider than D is ever held for a pair.
        if form in ("between", "full"):
            self.between = nn.Linear(width, width)
        if form == "full":
            self.places = nn.ModuleDict({name: nn.Linear(width, width, bias=False) for name in PLACES})
        if form == "biaffine":
            self.product = nn.Linear(width, width)
        self.features = nn.ModuleList(nn.Embedding(size, width) for size in FEATURE_SIZES)
        self.combine = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width), nn.GELU())
        # Few of the admissible pairs hold, and a head that first had to learn that would drown the tagger's gradient.
        self.score = PriorLinear(width, relation_count, prior_logit=PRIOR_LOGIT)

    def forward(self, states: torch.Tensor, pairs: PairBatch) -> torch.Tensor:
        """Logits ``(P, R)`` for the pairs, given the merged token states ``(N, H)``."""
        view = self._view(states, pairs)
        if torch.is_grad_enabled() or torch.jit.is_tracing() or len(pairs.head) <= PIECE_PAIRS:
            return self._logits(view, pairs.head, pairs.tail, pairs.features)
        # A page of hundreds of names has pairs by the hundred thousand: held piece by piece, memory stays flat.
        pieces = zip(*(t.split(PIECE_PAIRS) for t in (pairs.head, pairs.tail, pairs.features)), strict=True)
        return torch.cat([self._logits(view, head, tail, features) for head, tail, features in pieces])

    def _view(self, states: torch.Tensor, pairs: PairBatch) -> _View:
        """What is computed once of all tokens and spans."""
        tokens = self.project(states)  # (N, D)
        weight = torch.exp(4 * torch.tanh(self.salience(tokens)))  # (N, 1), bounded, so sums stay finite
        # Prefix sums turn the attention pool of any stretch of text into two look-ups.
        sums = _prefix_sums(torch.cat([tokens * weight, weight], dim=1))  # (N + 1, D + 1)
        inside = _pool(sums, pairs.span_start, pairs.span_last + 1)  # (S, D)
        span = torch.cat(
            [tokens[pairs.span_start], tokens[pairs.span_last], inside, self.label(pairs.span_label)], dim=1
        )  # (S, 4D)
        between = around = None
        if self.form in ("between", "full"):
            between = _prefix_sums(torch.cat([self.between(tokens) * weight, weight], dim=1))
        if self.form == "full":
            around = self._around(tokens, sums, pairs)
        return _View(self.head(span), self.tail(span), pairs.span_start, pairs.span_last, between, around)

    def _logits(self, view: _View, head: torch.Tensor, tail: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """``(P, R)`` of some of the pairs."""
        heads, tails = view.heads[head], view.tails[tail]  # (P, D)
        hidden = heads + tails
        if self.form == "biaffine":
            hidden = hidden + self.product(heads) * tails
        left, right = torch.minimum(head, tail), torch.maximum(head, tail)
        if view.between is not None:
            hidden = hidden + _pool(view.between, view.last[left] + 1, view.start[right])
        if view.around is not None:
            hidden = hidden + (view.around[0][left] + view.around[1][right])
        for column, embedding in enumerate(self.features):
            hidden = hidden + embedding(features[:, column])
        return self.score(self.combine(hidden))

    def _around(self, tokens: torch.Tensor, sums: torch.Tensor, pairs: PairBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """``(S, D)`` of each span as the left end, and as the right: the first and last token between the ends, the token
        after the right end, both sentences.

        Args:
            sums: ``(N + 1, D + 1)`` prefix sums of the weighted tokens.
        """
        last = tokens.shape[0] - 1  # len() would be frozen by the ONNX export
        after = (pairs.span_last + 1).clamp(max=last)  # (S,)
        before = (pairs.span_start - 1).clamp(min=0)  # (S,)
        summary = _pool(sums, *pairs.sentence_bounds)  # (S, D)
        of_left = self.places["after_left"](tokens[after]) + self.places["left_sentence"](summary)
        of_right = (self.places["before_right"](tokens[before]) + self.places["after_right"](tokens[after])
                    + self.places["right_sentence"](summary))
        return of_left, of_right


def _prefix_sums(values: torch.Tensor) -> torch.Tensor:
    """``(N + 1, D)`` running sums; row i is the sum of the first i rows. In float32 even under autocast."""
    start = values.new_zeros((1, values.shape[1]), dtype=torch.float32)
    return torch.cat([start, values.float().cumsum(dim=0)])


def _pool(sums: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Weighted means ``(K, D)`` over the half-open stretches; zero where a stretch is empty."""
    total = sums[torch.maximum(end, start)] - sums[start]
    return total[:, :-1] / total[:, -1:].clamp(min=1e-3)
