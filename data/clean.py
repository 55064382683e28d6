"""Cleaning of article text with an exact way back: every clean character knows its raw interval.

Stages run in a circle until a whole round changes nothing, because removing one thing can make another (a gloss
cut in two by a zero-width space). Noise and forms come before the script: OpenCC decides by phrases, and a
zero-width space inside 乾隆 must not make it 干隆. After cleaning, a traditional text with glosses, half-width
marks and noise reads the same as its simplified original.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import opencc
from numpy.typing import NDArray

from data.pinyin import GLOSS_LETTERS, HAN, is_gloss
from data.repair import find_edits

Offsets = NDArray[np.int32]
Codes = NDArray[np.uint32]

_GLOSS_RUN = re.compile(rf"(?<=[{HAN}])(?:\([{GLOSS_LETTERS}]{{1,12}}\))+")
# An alt text holds no "[" and a URL at most one level of brackets: this keeps the search linear.
_IMAGE_RUN = re.compile(r"(?<!!)(!++)((?:\[[^\[\]\n]*+\]\((?:[^()\n]++|\([^()\n]*+\))*+\))+)")
_IMAGE_TARGET = re.compile(r"\[[^\[\]\n]*+\]\((?:[^()\n]++|\([^()\n]*+\))*+\)")
# Text that only the change of script can touch: no mark of damage, gloss, image, full-width form or white space.
_PLAIN = re.compile(rf"(?:[\u4e00-\u9fffA-Za-z0-9、。“”《》,.:;·—-]|[()](?![{GLOSS_LETTERS}]))*+")
_NON_HAN = re.compile(rf"([^{HAN}]+)")
STAGES_COUNTED = ("damage repaired", "invisible dropped", "forms folded", "glosses dropped", "images dropped",
                  "characters simplified", "white space dropped")
_DROP = 0xFFFFFFFF
_SPACE, _NEWLINE = 0x20, 0x0A
# Images nested deeper than this, one inside the other, stay; only a text made for it gets there.
_MAX_ROUNDS = 24

@dataclass(frozen=True, kw_only=True, eq=False)
class CleanText:
    """Clean text and its way back; offsets count code points, end-exclusive.

    ``raw_start[i]`` and ``raw_end[i]`` bound the raw characters that clean character ``i`` stands for: never empty,
    neither ever decreasing along the text. Raw characters of no interval were dropped. ``stats`` counts by stage
    what was repaired, dropped or changed.
    """

    raw: str
    text: str
    raw_start: Offsets
    raw_end: Offsets
    stats: Mapping[str, int] = field(default_factory=dict)

    def to_raw(self, clean_start: int, clean_end: int) -> tuple[int, int]:
        """The raw span from the first to the last character of a clean span; dropped glosses behind it stay out.

        Raises:
            ValueError: the clean span is empty or lies outside the text.
        """
        if not 0 <= clean_start < clean_end <= len(self.text):
            raise ValueError(f"expected a span inside 0..{len(self.text)}, found {clean_start}..{clean_end}")
        return int(self.raw_start[clean_start]), int(self.raw_end[clean_end - 1])

    def to_clean(self, raw_start: int, raw_end: int) -> tuple[int, int] | None:
        """The clean span of all characters that touch a raw span; None when nothing of it survives.

        Raises:
            ValueError: the raw span is empty or lies outside the raw text.
        """
        if not 0 <= raw_start < raw_end <= len(self.raw):
            raise ValueError(f"expected a span inside 0..{len(self.raw)}, found {raw_start}..{raw_end}")
        clean_start = int(np.searchsorted(self.raw_end, raw_start, side="right"))
        clean_end = int(np.searchsorted(self.raw_start, raw_end, side="left"))
        return (clean_start, clean_end) if clean_start < clean_end else None


@dataclass(frozen=True, kw_only=True)
class _Tracked:
    """Text on its way through the stages, with the raw interval of each character."""

    text: str
    raw_start: Offsets
    raw_end: Offsets


_Stage = Callable[[_Tracked, Counter[str]], _Tracked]


def clean_text(raw: str) -> CleanText:
    """Clean one article; cleaning the result again changes nothing. Empty text is allowed."""
    tracked = _Tracked(text=raw, raw_start=np.arange(len(raw), dtype=np.int32),
                       raw_end=np.arange(1, len(raw) + 1, dtype=np.int32))
    stats: Counter[str] = Counter(dict.fromkeys(STAGES_COUNTED, 0))
    stages: tuple[_Stage, ...] = (_repair, _normalise, _drop_glosses, _drop_images, _simplify, _collapse_space)
    idle = 0
    for turn in range(_MAX_ROUNDS * len(stages)):
        before = tracked.text
        tracked = stages[turn % len(stages)](tracked, stats)
        idle = idle + 1 if tracked.text == before else 0
        if idle == len(stages):
            break
    for offsets in (tracked.raw_start, tracked.raw_end):
        offsets.flags.writeable = False
    return CleanText(raw=raw, text=tracked.text, raw_start=tracked.raw_start, raw_end=tracked.raw_end,
                     stats=MappingProxyType(dict(stats)))


def surface(text: str) -> str:
    """The clean form of a short string, such as the text of an entity, without white space at its ends."""
    plain = text.strip(" \n")
    # Most short strings need no stage at all, and the stages cost a hundred times this.
    if _PLAIN.fullmatch(plain) and _converter().convert(plain) == plain:
        return plain
    return clean_text(text).text.strip()


def _repair(tracked: _Tracked, stats: Counter[str]) -> _Tracked:
    edits = find_edits(tracked.text)
    stats["damage repaired"] += len(edits)
    return _replace(tracked, [(e.raw_start, e.raw_end, e.replacement, e.spans) for e in edits])


def _normalise(tracked: _Tracked, stats: Counter[str]) -> _Tracked:
    """One form for each character, white space as space or newline, invisible characters gone."""
    codes = _codes(tracked.text)
    mapped = _form_table()[codes]
    dropped = mapped == _DROP
    changed = mapped != codes
    if not changed.any():
        return tracked
    stats["invisible dropped"] += int(dropped.sum())
    stats["forms folded"] += int((changed & ~dropped).sum())
    return _keep(_Tracked(text=_text(np.where(dropped, _SPACE, mapped)), raw_start=tracked.raw_start,
                          raw_end=tracked.raw_end), ~dropped)


def _drop_glosses(tracked: _Tracked, stats: Counter[str]) -> _Tracked:
    spans: list[tuple[int, int]] = []
    for run in _GLOSS_RUN.finditer(tracked.text):
        start = run.start()
        for gloss in run[0][1:-1].split(")("):
            if not is_gloss(gloss):
                break
            spans.append((start, start + len(gloss) + 2))
            start += len(gloss) + 2
    stats["glosses dropped"] += len(spans)
    return _without(tracked, spans)


def _drop_images(tracked: _Tracked, stats: Counter[str]) -> _Tracked:
    """Drop ``![alt](url)``; in ``!![a](b)[c](d)`` the second image appears when the first goes, so both go."""
    spans: list[tuple[int, int]] = []
    for run in _IMAGE_RUN.finditer(tracked.text):
        targets = [target.end() for target in _IMAGE_TARGET.finditer(run[2])][:len(run[1])]
        spans.append((run.end(1) - len(targets), run.start(2) + targets[-1]))
        stats["images dropped"] += len(targets)
    return _without(tracked, spans)


def _simplify(tracked: _Tracked, stats: Counter[str]) -> _Tracked:
    converted = _converter().convert(tracked.text)
    if converted == tracked.text:
        return tracked
    if len(converted) == len(tracked.text):
        stats["characters simplified"] += int((_codes(converted) != _codes(tracked.text)).sum())
        return _Tracked(text=converted, raw_start=tracked.raw_start, raw_end=tracked.raw_end)
    return _simplify_pieces(tracked, stats, _converter().convert)


def _simplify_pieces(tracked: _Tracked, stats: Counter[str], convert: Callable[[str], str]) -> _Tracked:
    """Where a phrase changes length: convert each stretch of Han alone and align it by its equal ends."""
    edits: list[tuple[int, int, str, None]] = []
    start = 0
    for piece in _NON_HAN.split(tracked.text):
        converted = convert(piece)
        if converted != piece:
            edits.extend(_aligned(start, piece, converted))
        start += len(piece)
    stats["characters simplified"] += sum(len(edit[2]) for edit in edits)
    return _replace(tracked, edits)


def _aligned(start: int, piece: str, converted: str) -> Iterable[tuple[int, int, str, None]]:
    """One edit, without the characters that both ends share; a piece that vanishes leaves nothing."""
    room = min(len(piece), len(converted))
    head = next((i for i in range(room) if piece[i] != converted[i]), room)
    tail = next((i for i in range(room - head) if piece[-1 - i] != converted[-1 - i]), room - head)
    if head + tail == len(piece):
        # A pure insertion needs a raw character to stand on: its neighbour.
        head, tail = (head - 1, tail) if head else (head, tail - 1)
    yield start + head, start + len(piece) - tail, converted[head:len(converted) - tail], None


def _collapse_space(tracked: _Tracked, stats: Counter[str]) -> _Tracked:
    """Of each run of white space keep its first newline, or else its first space; none at the ends of the text."""
    codes = _codes(tracked.text)
    newline = codes == _NEWLINE
    white = newline | (codes == _SPACE)
    first = white & ~np.concatenate(([False], white[:-1]))
    if not white.any():
        return tracked
    run = np.cumsum(first, dtype=np.int32)
    keep = ~white | first
    newlines_at = np.flatnonzero(newline)
    runs_with_newline, where = np.unique(run[newlines_at], return_index=True)
    keep[np.flatnonzero(first)[runs_with_newline - 1]] = False
    keep[newlines_at[where]] = True
    text_at = np.flatnonzero(~white)
    keep[:text_at[0] if len(text_at) else len(codes)] = False
    keep[text_at[-1] + 1 if len(text_at) else 0:] = False
    stats["white space dropped"] += int((~keep).sum())
    return _keep(tracked, keep)


def _without(tracked: _Tracked, spans: Sequence[tuple[int, int]]) -> _Tracked:
    if not spans:
        return tracked
    edges = np.zeros(len(tracked.text) + 1, dtype=np.int32)
    np.add.at(edges, [start for start, _ in spans], 1)
    np.add.at(edges, [end for _, end in spans], -1)
    return _keep(tracked, np.cumsum(edges[:-1]) == 0)


def _keep(tracked: _Tracked, mask: NDArray[np.bool_]) -> _Tracked:
    if mask.all():
        return tracked
    return _Tracked(text=_text(_codes(tracked.text)[mask]), raw_start=tracked.raw_start[mask],
                    raw_end=tracked.raw_end[mask])


def _replace(tracked: _Tracked, edits: Sequence[tuple[int, int, str, Sequence[tuple[int, int]] | None]]) -> _Tracked:
    """Apply edits in order; without spans, the replacement is spread evenly over what it replaces."""
    if not edits:
        return tracked
    texts: list[str] = []
    starts: list[NDArray[np.int64]] = []
    ends: list[NDArray[np.int64]] = []
    done = 0
    for start, end, replacement, spans in edits:
        old, new = end - start, len(replacement)
        spans = spans or [(start + i * old // new, max(start + i * old // new + 1, start + (i + 1) * old // new))
                          for i in range(new)]
        texts += [tracked.text[done:start], replacement]
        starts += [np.arange(done, start), np.array([a for a, _ in spans], dtype=np.int64)]
        ends += [np.arange(done, start), np.array([b - 1 for _, b in spans], dtype=np.int64)]
        done = end
    texts.append(tracked.text[done:])
    rest = np.arange(done, len(tracked.text))
    return _Tracked(text="".join(texts), raw_start=tracked.raw_start[np.concatenate([*starts, rest])],
                    raw_end=tracked.raw_end[np.concatenate([*ends, rest])])


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _text(codes: NDArray[np.unsignedinteger]) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=1)
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@lru_cache(maxsize=1)
def _form_table() -> Codes:
    """The form of every code point, ``_DROP`` where it goes."""
    table = np.arange(0x110000, dtype=np.uint32)
    for code in (*range(0x3400), *range(0xD800, 0xE000), *range(0xF900, 0x10000), *range(0x1BCA0, 0x1D180),
                 *range(0xE0000, 0xE0200)):
        category = unicodedata.category(chr(code))
        if category in ("Cc", "Cf", "Cs"):
            table[code] = _DROP
        elif category == "Zs":
            table[code] = _SPACE
        elif 0x2E80 <= code < 0x2FE0 or 0xF900 <= code < 0xFB00:
            # Radicals and compatibility forms, as copied out of PDF files: ⼀ is 一.
            plain = unicodedata.normalize("NFKC", chr(code))
            table[code] = ord(plain) if len(plain) == 1 else code
    table[[*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x180F), 0x034F]] = _DROP
    table[0xFF01:0xFF5F] = np.arange(0x21, 0x7F)
    table[ord("\t")] = _SPACE
    for code in (0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029):
        table[code] = _NEWLINE
    for quote, plain in zip("「」『』", "“”‘’", strict=True):
        table[ord(quote)] = ord(plain)
    return table
