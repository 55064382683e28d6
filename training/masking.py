"""Which tokens a masked language model must guess: single tokens, spans, or whole words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPAN_STOP = 0.33  # a span ends after each token with this chance: mean length about 2.7
MAX_SPAN_TOKENS = 6
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1  # of the chosen tokens; the rest stay as they are


@dataclass(frozen=True, kw_only=True)
class Masked:
    """Sequences with hidden tokens: ``input_ids (B, T)``, flat ``positions (M,)`` to guess, their ``targets (M,)``."""

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    targets: NDArray[np.int64]


def choose_tokens(ids: NDArray[np.int64], rng: np.random.Generator, rate: float) -> NDArray[np.bool_]:
    """Each token by itself with probability ``rate`` (Devlin et al. 2019, https://aclanthology.org/N19-1423)."""
    return rng.random(ids.shape) < rate


def choose_spans(ids: NDArray[np.int64], rng: np.random.Generator, rate: float) -> NDArray[np.bool_]:
    """Runs of tokens of geometric length (Joshi et al. 2020, SpanBERT, https://aclanthology.org/2020.tacl-1.5)."""
    lengths = np.minimum(rng.geometric(SPAN_STOP, ids.shape), MAX_SPAN_TOKENS)
    mean = (1 - (1 - SPAN_STOP) ** MAX_SPAN_TOKENS) / SPAN_STOP
    # Spans overlap; this start rate leaves ``rate`` of the tokens covered.
    starts = rng.random(ids.shape) < -np.log1p(-rate) / mean
    chosen = np.zeros(ids.shape, dtype=bool)
    for reach in range(MAX_SPAN_TOKENS):
        chosen[:, reach:] |= (starts & (lengths > reach))[:, : ids.shape[1] - reach]
    return chosen


def choose_words(word_starts: NDArray[np.bool_], rng: np.random.Generator, rate: float) -> NDArray[np.bool_]:
    """Whole words with probability ``rate`` (Cui et al. 2021, https://arxiv.org/abs/1906.08101)."""
    word_of_token = np.cumsum(word_starts, axis=1, dtype=np.int64)
    return np.take_along_axis(rng.random((len(word_starts), int(word_of_token.max()) + 1)) < rate, word_of_token, axis=1)


def mask(
    ids: NDArray[np.int64], word_starts: NDArray[np.bool_], rng: np.random.Generator, *, kind: str, rate: float,
    mask_id: int, special_below: int, vocab_size: int,
) -> Masked:
    """Hide tokens of ``ids (B, T)``; ids below ``special_below`` are never hidden.

    Raises:
        ValueError: ``kind`` is none of token, span, word.
    """
    if kind == "word":
        chosen = choose_words(word_starts, rng, rate)
    elif kind in ("span", "token"):
        chosen = (choose_spans if kind == "span" else choose_tokens)(ids, rng, rate)
    else:
        raise ValueError(f"expected token, span or word, found {kind!r}")
    chosen &= ids >= special_below
    if not chosen.any():
        chosen[np.unravel_index(np.argmax(ids >= special_below), ids.shape)] = True
    dice = rng.random(ids.shape)
    hidden = ids.copy()
    hidden[chosen & (dice < MASK_SHARE)] = mask_id
    strange = chosen & (dice >= MASK_SHARE) & (dice < MASK_SHARE + RANDOM_SHARE)
    hidden[strange] = rng.integers(special_below, vocab_size, int(strange.sum()))
    positions = np.flatnonzero(chosen)
    return Masked(input_ids=hidden, positions=positions, targets=ids.reshape(-1)[positions])
