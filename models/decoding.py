"""The one decoder from tag scores to spans: Viterbi over legal BIO sequences only, all sentences at once.

Token arrays are flat, N tokens in all; ``borders`` ``(S + 1,)`` are the first token of each of S sentences and N. C tags.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.schema import Schema
from data.tags import OUTSIDE, TokenSpan, legal_transitions, tags_to_spans

ILLEGAL = -1e9
NO_DOUBT = 6.0  # a span that is e to this less likely than none is not worth its probability
LEAST_LOG = -200.0  # a probability below e to this is as good as none, and sums of such ones stay above 0


def viterbi(scores: np.ndarray, transitions: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """The best tag sequence of each sentence.

    Args:
        scores: ``(N, C)`` log-probabilities.
        transitions: ``(C, C)`` scores of tag j after tag i, those of a CRF (models/crf.py) or 0, ``ILLEGAL`` where it may
            not follow; row O also starts a sentence.
        borders: ``(S + 1,)``; no sentence is empty.

    Returns:
        Tag indices ``(N,)``. Of equally good sequences the one with the lower tag index wins.
    """
    steps = _lockstep(borders)
    best = np.empty((len(borders) - 1, scores.shape[1]))
    back = np.zeros(scores.shape, dtype=np.int8 if scores.shape[1] < 128 else np.int64)
    for t, tokens in enumerate(steps):
        if t == 0:
            best[:] = scores[tokens] + transitions[OUTSIDE]
            continue
        reached = best[: len(tokens), :, None] + transitions
        before = reached.argmax(axis=1)
        back[tokens] = before
        best[: len(tokens)] = np.take_along_axis(reached, before[:, None], axis=1)[:, 0] + scores[tokens]
    path = np.empty(len(scores), dtype=np.int64)
    tags = best.argmax(axis=1)
    for tokens in reversed(steps):
        path[tokens] = tags[: len(tokens)]
        tags[: len(tokens)] = back[tokens, tags[: len(tokens)]]
    return path


def marginals(scores: np.ndarray, transitions: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Probability ``(N, C)`` of each tag under a CRF, by the forward-backward algorithm; arguments as of :func:`viterbi`.

    In probabilities, scaled at every token so that none vanishes (Rabiner 1989, section V.A).
    """
    follow, emitted = np.exp(transitions), np.exp(np.maximum(scores, LEAST_LOG))
    steps = _lockstep(borders)
    ahead, behind = np.empty_like(emitted), np.ones_like(emitted)
    for t, tokens in enumerate(steps):
        reached = follow[OUTSIDE] if t == 0 else ahead[tokens - 1] @ follow
        ahead[tokens] = _scaled(reached * emitted[tokens])
    for tokens in reversed(steps[1:]):
        behind[tokens - 1] = _scaled((behind[tokens] * emitted[tokens]) @ follow.T)
    return _scaled(ahead * behind)


def decode_spans(logits: np.ndarray, schema: Schema, cuts: np.ndarray, transitions: np.ndarray | None = None,
                 bonus: np.ndarray | None = None, joined: np.ndarray | None = None) -> list[TokenSpan]:
    """Scored spans of a text.

    Args:
        logits: ``(N, C)`` unnormalised tag scores of merged windows.
        schema: gives the tags and what may follow what.
        cuts: ``(N,)`` sentence index of each token; no span crosses from one sentence into the next.
        transitions: ``(C, C)`` scores of a CRF, where there is one.
        bonus: ``(N, C)`` added to the log probabilities in the search, not to the scores of the spans found; where it is
            ``ILLEGAL``, no span is, for a CRF's scores either.
        joined: ``(N,)`` whether a token goes on with a word that the one before it begins; a span that cuts a word is none.

    Returns:
        Spans in order, each with the mean (with a CRF: marginal) probability of its tags as ``score``.
    """
    if len(logits) == 0:
        return []
    log_probs, legal = _log_softmax(logits), legal_transitions(schema)
    steps = np.where(legal, 0.0 if transitions is None else transitions, ILLEGAL)
    searched = log_probs if bonus is None else log_probs + bonus
    borders = _borders(cuts)
    if transitions is None:
        path = searched.argmax(axis=1)
        search = _illegal(path, legal, borders)
    else:
        path = np.full(len(logits), OUTSIDE)
        search = _doubtful(searched, steps, legal, borders)
    tokens, parts = _gathered(borders, search)
    path[tokens] = viterbi(searched[tokens], steps, parts)
    probabilities = np.exp(log_probs)
    if transitions is not None:
        tokens, parts = _gathered(borders, np.logical_or.reduceat(path != OUTSIDE, borders[:-1]))
        possible = log_probs[tokens] if bonus is None else np.where(bonus[tokens] <= ILLEGAL, ILLEGAL, log_probs[tokens])
        probabilities[tokens] = marginals(possible, steps, parts)
    # No sentence begins with I-, so that no span runs on into the next one.
    cut = np.zeros(len(path) + 1, dtype=bool) if joined is None else np.append(joined, False)
    chosen = probabilities[np.arange(len(path)), path]
    return [replace(span, score=float(chosen[span.token_start : span.token_end].mean())) for span in tags_to_spans(path)
            if not cut[[span.token_start, span.token_end]].any()]


def tag_probabilities(logits: np.ndarray, schema: Schema, cuts: np.ndarray, transitions: np.ndarray | None = None) -> np.ndarray:
    """Probability ``(N, C)`` of each tag of each token; arguments as of :func:`decode_spans`.

    With a CRF its marginals, and O for certain in a sentence far from holding a span: what its scores say of a token
    alone, before the tags beside it, was not trained to be a probability.
    """
    if len(logits) == 0:
        return np.zeros(logits.shape)
    log_probs, legal = _log_softmax(logits), legal_transitions(schema)
    if transitions is None:
        return np.exp(log_probs)
    steps, borders = np.where(legal, transitions, ILLEGAL), _borders(cuts)
    tokens, parts = _gathered(borders, _doubtful(log_probs, steps, legal, borders, NO_DOUBT))
    probabilities = np.zeros(logits.shape)
    probabilities[:, OUTSIDE] = 1.0
    probabilities[tokens] = marginals(log_probs[tokens], steps, parts)
    return probabilities


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _borders(cuts: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.flatnonzero(np.diff(cuts)) + 1, [len(cuts)]))


def _illegal(path: np.ndarray, legal: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Sentences ``(S,)`` whose best tags are no legal sequence: where every tag may follow the one before, they are the
    best one, and few sentences need the search."""
    before = np.concatenate(([OUTSIDE], path[:-1]))
    before[borders[:-1]] = OUTSIDE
    return np.logical_or.reduceat(~legal[before, path], borders[:-1])


def _doubtful(
    scores: np.ndarray, transitions: np.ndarray, legal: np.ndarray, borders: np.ndarray, margin: float = 0.0
) -> np.ndarray:
    """Sentences ``(S,)`` that may hold a span under a CRF, or come within ``margin`` of it. A tag other than O changes two
    transitions at most; where none can gain by it what it loses at its token, all O is the best sequence."""
    most = max(0.0, float(transitions[legal].max() - transitions[OUTSIDE, OUTSIDE]))
    lead = scores[:, OUTSIDE] - scores[:, OUTSIDE + 1 :].max(axis=1)
    return np.logical_or.reduceat(lead <= 2 * most + margin, borders[:-1])


def _gathered(borders: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of the chosen sentences, and these sentences' borders among them."""
    lengths = np.diff(borders)
    return np.flatnonzero(np.repeat(chosen, lengths)), np.concatenate(([0], np.cumsum(lengths[chosen])))


def _lockstep(borders: np.ndarray) -> list[np.ndarray]:
    """For each step t the token t of every sentence that has one, the longest sentence first."""
    lengths = np.diff(borders)
    order = np.argsort(-lengths, kind="stable")
    counts = np.searchsorted(-lengths[order], -np.arange(lengths.max(initial=0)), side="left")
    return [borders[:-1][order[:count]] + t for t, count in enumerate(counts.tolist())]


def _scaled(rows: np.ndarray) -> np.ndarray:
    return rows / rows.sum(axis=1, keepdims=True)
