"""Where the regions of an annotation stand in the raw text, when the tool that wrote them counted otherwise.

Offsets of a ``Text`` tag count code points. Exports that went through a browser's own counting, through Windows line ends
or through an HTML page differ: characters outside the basic plane count as two (UTF-16), ``\\r\\n`` as one or ``\\n`` as
two, and a no-break space comes back as a space. A region also says its text, and that is the proof: no offset is moved without it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# What a page shows alike: line ends, and the spaces that editors turn into plain ones.
_ALIKE = re.compile("\r\n|\r|\\\\r\\\\n|\\\\n|\u2028|\u2029|\x85")
_SPACES = str.maketrans(dict.fromkeys("\xa0\u2007\u202f\t", " "))
BY_ITS_TEXT = "by its text, which stands once in the article"
AS_IT_STANDS = ""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A region's place in code points, end-exclusive, and ``how`` it was found: empty where the offsets were right."""

    char_start: int
    char_end: int
    how: str


def fold(text: str) -> str:
    """The text as a page may have shown it: one kind of line end, one kind of space."""
    return _ALIKE.sub("\n", text).translate(_SPACES)


def widths(text: str, *, utf16: bool, line_end: int) -> list[int]:
    """How far each code point moves the other tool's count, one number a code point.

    ``line_end`` is what the tool counts for a line end: 1 where ``\\r\\n`` is one, 2 where ``\\n`` is two, 0 as they stand.
    """
    counted = [2 if utf16 and ord(c) > 0xFFFF else 1 for c in text]
    for i, c in enumerate(text):
        if line_end == 1 and c == "\r" and text[i + 1 : i + 2] == "\n":
            counted[i] = 0
        elif line_end == 2 and c == "\n" and text[i - 1 : i] != "\r":
            counted[i] = 2
    return counted


def _schemes(text: str) -> dict[str, dict[int, int]]:
    """Ways of counting that differ on this text: the way's name, and its offsets as code point offsets."""
    astral = any(ord(c) > 0xFFFF for c in text)
    ends = [(0, "")]
    if "\r\n" in text:
        ends.append((1, "line ends counted as one character"))
    if re.search("(?<!\r)\n", text):
        ends.append((2, "line ends counted as two characters"))
    found: dict[str, dict[int, int]] = {}
    for line_end, of_lines in ends:
        for utf16 in (False, True) if astral else (False,):
            places: dict[int, int] = {}
            reached = 0
            for char, width in enumerate([*widths(text, utf16=utf16, line_end=line_end), 0]):
                places.setdefault(reached, char)
                reached += width
            name = " and ".join(part for part in ("UTF-16 units" if utf16 else "", of_lines) if part)
            found[f"from {name}" if name else AS_IT_STANDS] = places
    return found


def place_regions(text: str, regions: Sequence[tuple[int, int, str | None]]) -> list[Placed | None]:
    """The place of each region ``(start, end, said)`` of one annotation, or None where nothing proves one.

    The way of counting under which most regions stand on their own text goes first for all of them, so that a repeated
    character does not hide a shift; code points win a tie. A region that no way of counting explains is found by its text,
    if that stands only once. A region that does not say its text stays where it is, if that lies in the text.
    """
    schemes = _schemes(text)
    folded = [None if said is None else fold(said) for _, _, said in regions]

    def try_way(way: str, number: int) -> Placed | None:
        start, end = schemes[way].get(regions[number][0]), schemes[way].get(regions[number][1])
        if start is None or end is None or not start < end:
            return None
        if folded[number] is not None and fold(text[start:end]) != folded[number]:
            return None
        return Placed(char_start=start, char_end=end, how=way)

    proven = [i for i, said in enumerate(folded) if said is not None]
    order = sorted(schemes, key=lambda way: -sum(try_way(way, i) is not None for i in proven))
    placed: list[Placed | None] = []
    for number, said in enumerate(folded):
        if said is None:
            placed.append(try_way(AS_IT_STANDS, number))
        else:
            found = next((p for p in (try_way(way, number) for way in order) if p), None)
            placed.append(found or _by_text(text, said))
    return placed


def _by_text(text: str, said: str) -> Placed | None:
    """The only place where the folded text stands."""
    if not said:
        return None
    starts: list[int] = []
    shown = ""
    for match in re.finditer(f"{_ALIKE.pattern}|.", text, re.DOTALL):
        shown += "\n" if _ALIKE.fullmatch(match.group()) else match.group().translate(_SPACES)
        starts.append(match.start())
    starts.append(len(text))
    first = shown.find(said)
    if first < 0 or shown.find(said, first + 1) >= 0:
        return None
    return Placed(char_start=starts[first], char_end=starts[first + len(said)], how=BY_ITS_TEXT)
