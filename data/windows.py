"""Sentences, and windows of whole sentences over the tokens of an article.

Every character lies in exactly one sentence and every token in at least one window; nothing is cut off at the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Clean text knows half-width marks only, so "." and "," stand in numbers and names too: they end nothing.
# Closing marks stay with their sentence, and so does the newline behind it.
_SENTENCE = re.compile(r"[^。！？!?；;\n]*+(?:[。！？!?；;]++[”’）)】\]》〉」』}]*+)?+")
_NEWLINES = re.compile(r"\n*")
# A long sentence is cut into so many parts of an overlap, that windows can be filled and still overlap by whole parts.
_PARTS_OF_OVERLAP = 4


@dataclass(frozen=True, kw_only=True)
class Window:
    """A half-open stretch of an article, in tokens of the article."""

    token_start: int
    token_end: int


def split_sentences(text: str) -> list[tuple[int, int]]:
    """``(char_start, char_end)`` of each sentence of a clean text, in order, covering each character once."""
    sentences: list[tuple[int, int]] = []
    char_start = 0
    while char_start < len(text):
        match = _SENTENCE.match(text, char_start)
        char_end = match.end() if match else char_start
        # A straight quote does not say which way it faces: it closes where one is open in this sentence.
        if text.startswith('"', char_end) and text.count('"', char_start, char_end) % 2:
            char_end += 1
        newlines = _NEWLINES.match(text, char_end)
        char_end = newlines.end() if newlines else char_end
        sentences.append((char_start, char_end))
        char_start = char_end
    return sentences


def pack_windows(sentence_lengths: Sequence[int], *, max_tokens: int, overlap_tokens: int) -> list[Window]:
    """Pack whole sentences into windows of at most ``max_tokens``; lengths count tokens.

    Consecutive windows share the whole sentences at their border that fit into ``overlap_tokens`` and still leave
    room for a new one. A sentence longer than ``max_tokens`` is cut into parts, which are then packed like sentences.

    Raises:
        ValueError: a length is negative, or not 0 <= overlap_tokens < max_tokens.
    """
    if not 0 <= overlap_tokens < max_tokens:
        raise ValueError(f"expected 0 <= overlap_tokens < max_tokens, found {overlap_tokens} and {max_tokens}")
    bounds = _part_bounds(np.asarray(sentence_lengths, dtype=np.int64), max_tokens, overlap_tokens)
    windows: list[Window] = []
    start, last = 0, len(bounds) - 1
    while start < last:
        end = int(np.searchsorted(bounds, bounds[start] + max_tokens, side="right")) - 1
        windows.append(Window(token_start=int(bounds[start]), token_end=int(bounds[end])))
        if end == last:
            break
        # The earliest sentence that keeps the overlap small enough, and the next new sentence inside the window.
        # It lies behind `start`, because that one and the next new sentence did not fit together.
        reach = max(bounds[end] - overlap_tokens, bounds[end + 1] - max_tokens)
        start = int(np.searchsorted(bounds, reach, side="left"))
    return windows


def _part_bounds(lengths: NDArray[np.int64], max_tokens: int, overlap_tokens: int) -> NDArray[np.int64]:
    """Token offsets of all borders between parts, from 0 to the number of tokens, each once."""
    if (lengths < 0).any():
        raise ValueError(f"expected token counts, found {int(lengths.min())}")
    bounds = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))
    part = max_tokens
    if overlap_tokens:
        part = max(1, min(overlap_tokens, max_tokens - overlap_tokens) // _PARTS_OF_OVERLAP)
    cuts = [np.arange(bounds[i], bounds[i + 1], part) for i in np.flatnonzero(lengths > max_tokens)]
    bounds = np.sort(np.concatenate([bounds, *cuts]), kind="stable")
    return bounds[np.concatenate(([True], bounds[1:] > bounds[:-1]))]


def best_window(windows: Sequence[Window], token_count: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each token the index of the window to read it from, and its position in that window.

    Of several windows the one wins in which the token is farthest from the nearer edge, the earlier one if equal;
    the start and the end of the article are no edges.

    Raises:
        ValueError: a token lies in no window, or a window reaches outside the article.
    """
    index = np.full(token_count, -1, dtype=np.int32)
    position = np.zeros(token_count, dtype=np.int32)
    distance = np.full(token_count, -1, dtype=np.int64)
    for i, window in enumerate(windows):
        start, end = window.token_start, window.token_end
        if not 0 <= start < end <= token_count:
            raise ValueError(f"expected windows inside 0..{token_count}, found {start}..{end}")
        here = np.arange(end - start, dtype=np.int64)
        left = here if start else np.full_like(here, token_count)
        right = here[::-1] if end < token_count else np.full_like(here, token_count)
        edge = np.minimum(left, right)
        better = edge > distance[start:end]
        distance[start:end][better] = edge[better]
        index[start:end][better] = i
        position[start:end][better] = here[better]
    if (index < 0).any():
        raise ValueError(f"token {int(np.argmax(index < 0))} lies in no window")
    return index, position
