"""Spans to BIO tags and back, over tokens. The one place where the tag scheme is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data.schema import Schema

OUTSIDE = 0


@dataclass(frozen=True, kw_only=True, order=True)
class TokenSpan:
    """A labelled span in article tokens, half-open; ``label`` indexes ``Schema.labels``."""

    token_start: int
    token_end: int
    label: int
    score: float = 1.0

    @property
    def key(self) -> tuple[int, int, int]:
        """What makes two spans the same: both ends and the label."""
        return self.token_start, self.token_end, self.label


def begin_tag(label: int) -> int:
    """Index of B- of a label in ``Schema.tags``."""
    return 1 + 2 * label


def inside_tag(label: int) -> int:
    """Index of I- of a label in ``Schema.tags``."""
    return 2 + 2 * label


def spans_to_tags(spans: Iterable[TokenSpan], token_count: int) -> np.ndarray:
    """Tag indices of shape ``(token_count,)``. Spans must not overlap; later ones would win."""
    tags = np.zeros(token_count, dtype=np.int64)
    for span in spans:
        tags[span.token_start : span.token_end] = inside_tag(span.label)
        tags[span.token_start] = begin_tag(span.label)
    return tags


def tags_to_spans(tags: Sequence[int] | np.ndarray) -> list[TokenSpan]:
    """Spans of a legal tag sequence: a span runs from its B- over the I- of the same label.

    An I- with no span before it (never the output of the decoder) opens none: strict IOB2.
    """
    array = np.asarray(tags)
    spans = []
    for start in np.flatnonzero((array > OUTSIDE) & (array % 2 == 1)):
        inside = array[start] + 1
        end = start + 1
        while end < len(array) and array[end] == inside:
            end += 1
        spans.append(TokenSpan(token_start=int(start), token_end=int(end), label=int(array[start] - 1) // 2))
    return spans


def legal_transitions(schema: Schema) -> np.ndarray:
    """Boolean ``(tags, tags)``: ``[i, j]`` is True where tag j may follow tag i; row 0 (O) also starts a text."""
    count = len(schema.tags)
    legal = np.ones((count, count), dtype=bool)
    for label in range(len(schema.labels)):
        legal[:, inside_tag(label)] = False
        legal[[begin_tag(label), inside_tag(label)], inside_tag(label)] = True
    return legal
