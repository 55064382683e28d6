"""The one decoder from tag scores to spans: Viterbi over legal BIO sequences only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.schema import Schema
from data.tags import TokenSpan, legal_transitions, tags_to_spans

ILLEGAL = -1e9


def viterbi(log_probs: np.ndarray, legal: np.ndarray, transitions: np.ndarray | None = None) -> np.ndarray:
    """The best legal tag sequence.

    Args:
        log_probs: ``(tokens, tags)`` log-probabilities.
        legal: ``(tags, tags)`` from :func:`data.tags.legal_transitions`.
        transitions: ``(tags, tags)`` scores of a CRF (models/crf.py); None is 0 for all.

    Returns:
        Tag indices ``(tokens,)``. Of equally good sequences the one with the lower tag index wins.
    """
    token_count, tag_count = log_probs.shape
    if token_count == 0:
        return np.zeros(0, dtype=np.int64)
    penalty = np.where(legal, 0.0 if transitions is None else transitions, ILLEGAL)
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


def marginals(log_probs: np.ndarray, legal: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """Probability ``(tokens, tags)`` of each tag under a CRF, by the forward-backward algorithm; see :func:`viterbi`."""
    penalty = np.where(legal, transitions, ILLEGAL)
    ahead, back = np.empty_like(log_probs), np.zeros_like(log_probs)
    ahead[0] = log_probs[0] + penalty[0]
    for t in range(1, len(log_probs)):
        ahead[t] = np.logaddexp.reduce(ahead[t - 1][:, None] + penalty, axis=0) + log_probs[t]
        back[-t - 1] = np.logaddexp.reduce(penalty + log_probs[-t] + back[-t], axis=1)
    scores = ahead + back
    return np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))


def decode_spans(logits: np.ndarray, schema: Schema, cuts: np.ndarray, transitions: np.ndarray | None = None,
                 bonus: np.ndarray | None = None) -> list[TokenSpan]:
    """Scored spans of one article.

    Args:
        logits: ``(tokens, tags)`` unnormalised tag scores of the merged article.
        schema: gives the tags and what may follow what.
        cuts: ``(tokens,)`` sentence index of each token; no span crosses from one sentence into the next.
        transitions: ``(tags, tags)`` scores of a CRF, where there is one.
        bonus: ``(tokens, tags)`` added to the log probabilities in the search, not to the scores of the spans found.

    Returns:
        Spans in order, each with the mean (with a CRF: marginal) probability of its tags as ``score``.
    """
    if len(logits) == 0:
        return []
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    legal = legal_transitions(schema)
    searched = log_probs if bonus is None else log_probs + bonus
    path = searched.argmax(axis=1)
    starts = np.concatenate(([True], np.diff(cuts) != 0))
    borders = np.append(np.flatnonzero(starts), len(path))
    # Where every best tag may follow the one before, they are the best legal sequence: few sentences need the search.
    allowed = legal[np.where(starts, 0, np.concatenate(([0], path[:-1]))), path] & (transitions is None)
    for i in np.unique(np.searchsorted(borders, np.flatnonzero(~allowed), side="right")).tolist():
        start, end = borders[i - 1], borders[i]
        path[start:end] = viterbi(searched[start:end], legal, transitions)
        if transitions is not None and path[start:end].any():
            with np.errstate(divide="ignore"):  # an impossible tag has probability 0
                log_probs[start:end] = np.log(marginals(log_probs[start:end], legal, transitions))
    # No sentence begins with I-, so that no span runs on into the next one.
    chosen = np.exp(log_probs[np.arange(len(path)), path])
    return [replace(span, score=float(chosen[span.token_start : span.token_end].mean())) for span in tags_to_spans(path)]
