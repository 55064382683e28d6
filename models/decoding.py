"""The one decoder from tag scores to spans: Viterbi over legal BIO sequences only."""

from __future__ import annotations

from dataclasses import replace

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
    path = log_probs.argmax(axis=1)
    starts = np.concatenate(([True], np.diff(cuts) != 0))
    # Where every best tag may follow the one before, they are the best legal sequence: few sentences need the search.
    allowed = legal[np.where(starts, 0, np.concatenate(([0], path[:-1]))), path]
    borders = np.append(np.flatnonzero(starts), len(path))
    for i in np.unique(np.searchsorted(borders, np.flatnonzero(~allowed), side="right")).tolist():
        start, end = borders[i - 1], borders[i]
        path[start:end] = viterbi(log_probs[start:end], legal)
    # No sentence begins with I-, so that no span runs on into the next one.
    chosen = np.exp(log_probs[np.arange(len(path)), path])
    return [replace(span, score=float(chosen[span.token_start : span.token_end].mean())) for span in tags_to_spans(path)]
