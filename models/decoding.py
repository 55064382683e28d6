"""The one decoder from tag scores to spans: Viterbi over legal BIO sequences only."""

from __future__ import annotations

import itertools

import numpy as np

from data.schema import Schema
from data.tags import TokenSpan, legal_transitions, tags_to_spans


def viterbi(log_probs: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """The best legal tag sequence.

    Args:
        log_probs: ``(tokens, tags)`` log-probabilities.
        legal: ``(tags, tags)`` from :func:`data.tags.legal_transitions`.

    Returns:
        Tag indices ``(tokens,)``. Of equally good sequences the one with the lower tag index wins.
    """
    token_count, tag_count = log_probs.shape
    if token_count == 0:
        return np.zeros(0, dtype=np.int64)
    penalty = np.where(legal, 0.0, -1e9)
    best = log_probs[0] + penalty[0]
    back = np.zeros((token_count, tag_count), dtype=np.int64)
    columns = np.arange(tag_count)
    for t in range(1, token_count):
        step = best[:, None] + penalty
        back[t] = step.argmax(axis=0)
        best = step[back[t], columns] + log_probs[t]
    path = np.empty(token_count, dtype=np.int64)
    path[-1] = best.argmax()
    for t in range(token_count - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


def decode_spans(logits: np.ndarray, schema: Schema, cuts: np.ndarray) -> list[TokenSpan]:
    """Scored spans of one article.

    Args:
        logits: ``(tokens, tags)`` unnormalised tag scores of the merged article.
        schema: gives the tags and what may follow what.
        cuts: ``(tokens,)`` sentence index of each token; no span crosses from one sentence into the next.

    Returns:
        Spans in order, each with the mean probability of its tags as ``score``.
    """
    if len(logits) == 0:
        return []
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    legal = legal_transitions(schema)
    borders = [0, *(np.flatnonzero(np.diff(cuts)) + 1).tolist(), len(logits)]
    path = np.zeros(len(logits), dtype=np.int64)
    outside = log_probs.argmax(axis=1) == 0
    for start, end in itertools.pairwise(borders):
        # A sentence whose every best tag is O is already the best legal sequence.
        if not outside[start:end].all():
            path[start:end] = viterbi(log_probs[start:end], legal)
    spans = []
    for start, end in itertools.pairwise(borders):
        for span in tags_to_spans(path[start:end]):
            first, last = span.token_start + start, span.token_end + start
            probability = float(np.exp(log_probs[np.arange(first, last), path[first:last]]).mean())
            spans.append(TokenSpan(token_start=first, token_end=last, label=span.label, score=probability))
    return spans
