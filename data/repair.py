"""Repair of one kind of byte damage: full-width punctuation replaced in GBK bytes across character borders.

Some program looked for the bytes A3 BF (``？``) or A3 BB (``；``) anywhere in GBK text and wrote ``?`` or ``;`` in
their place. In ``專科`` (8C A3 · BF C6) that hits the middle of two characters: the lead byte 8C is orphaned and
shown as ``?``, and from C6 on the stream is read one byte late, until a byte cannot be a lead byte::

    專科聯(   8C A3 BF C6 C2 93 28  ->  8C | A3 BF | C6 C2 | 93 28  ->  ? ? 坡 ?

So the characters after the two marks, encoded again, give the lost bytes back. What is not in them is the orphaned
lead byte, the trail byte beside a swallowed ``(``, and pairs from the user-defined area, which vanished altogether.
A place is repaired only when one single reading fits every byte that is known and every unknown byte is covered by
a word of a closed list; anything else stays exactly as it is.

``python -m data.repair FILE …`` prints what it finds, what it reads there, and what it leaves alone.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from data.errors import EXIT_OK, DataError, run_command
from data.pinyin import BRACKETED, GLOSS_LETTERS, glossed_characters

# The two marks, and behind them the first character of the shifted stream. A third mark before them is a person
# asking loudly, not damage.
_TRIGGER = re.compile(r"(?<![?？\ufffd])[?？\ufffd]([?？;；])(?=[^\x00-\x7f？；\ufffd])")
# A lost © is no shifted stream. It is reported as seen, never repaired: the line is no news.
_LOST_SIGN = re.compile(r"(?i:copyright)\s*([?？])")
_LOW_BYTE = {"?": 0xBF, "？": 0xBF, ";": 0xBB, "；": 0xBB}
_LOST = frozenset("?？\ufffd")
_MAX_STREAM_CHARS = 24
_MAX_GAPS = 2

# Which lead byte was orphaned. In GBK few characters have the trail byte A3; before 科 only 專 makes a word and
# only the full stop can stand there otherwise. 專科 is believed before the words below, none of which begins
# a sentence with 科 in front (科技, 科研, 科普, 科室 do, so of these only 技術 is listed: "。科技術" cannot be).
_AFTER_SPECIALIST = ["聯盟", "聯合", "聯體", "學校", "學院", "醫院", "醫療", "醫生", "醫師", "醫聯", "建設", "技術", "合作", "協作", "共建", "幫扶", "對接", "門診", "護士", "護理", "人才", "中心", "服務", "診療", "疾病", "病房", "病種", "專病", "專家", "特色", "水平", "能力", "領域", "優勢", "項目", "團隊", "帶頭", "發展", "集群", "肝病", "腦病", "腎病", "肺病", "眼科", "骨科", "腫瘤", "針灸", "康復", "兒科", "婦科", "婦產", "內科", "外科", "急診", "重症", "影像", "檢驗", "（", "、", "，", "”"]
_AFTER_STOP = ("活動", "回顧", "可以", "看到")
_ORPHAN_LEADS = (0x8C, 0xA1)
_PLAUSIBLE = re.compile(f"專科(?:{'|'.join(_AFTER_SPECIALIST)})|。(?:{'|'.join(_AFTER_STOP)})")

# Words that may cover characters of which a byte is unknown. Each unknown byte must lie in one of them, and the
# reading must be the only one the list allows: a gap between 〈…E1〉〈C9…〉 is 提升, nothing else in the list.
_LEXICON = ["，", "提升", "提高", "解決", "加強", "推動", "促進", "心血管科", "心血管病科", "腦血管科", "腦病科", "肝病科", "腎病科", "肺病科", "腫瘤科", "針灸科", "康復科", "兒科", "婦科", "骨科", "眼科", "聯盟", "學校", "醫院", "醫療", "醫生", "醫師", "建設", "技術", "合作", "協作", "共建", "幫扶", "服務", "診療", "發展", "門診", "中心", "能力", "水平", "領域"]
# Characters whose trail byte went with a swallowed "(", known by lead byte and by the gloss that follows. The same
# character with the same gloss elsewhere in the text counts too; two different ones leave the place alone.
_GLOSSED = {"lián": "聯", "dòng": "動", "yī": "醫", "xué": "學", "wù": "務", "shù": "術", "huì": "會",
            "yè": "業", "wǎng": "網", "jìn": "進", "fā": "發", "zhì": "質", "qū": "區", "xié": "協", "wèi": "衛"}
_GLOSS_TAIL = re.compile(rf"([{GLOSS_LETTERS}]{{1,12}})[)）]")
_READABLE = re.compile(r"[\u4e00-\u9fa5“”‘’、，。；：（）《》【】·—]")

_ANY_TRAIL = frozenset(range(0x40, 0xFF))
# GBK's user-defined areas 1 and 2: pairs there have no character, and the program dropped them.
_DROPPED_LEADS = frozenset((*range(0xAA, 0xB0), *range(0xF8, 0xFF)))
_DROPPED_TRAILS = frozenset(range(0xA1, 0xFF))
# The first slot is the orphaned character, the second stands between the mark and the stream: neither was split.
_FIRST_SPLIT = 2


@dataclass(frozen=True, kw_only=True)
class Edit:
    """``text[raw_start:raw_end]`` becomes ``replacement``; ``spans[i]`` is the raw part its i-th character stands for.

    Both ends of the spans never decrease and no span is empty; neighbours share one where bytes were lost.
    """

    raw_start: int
    raw_end: int
    replacement: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place that looks damaged; ``edit`` is None where no reading is certain."""

    raw_start: int
    raw_end: int
    edit: Edit | None


@dataclass(frozen=True, kw_only=True)
class _Byte:
    """What a byte may be, and the raw index behind the character that shows it."""

    allowed: frozenset[int]
    raw_end: int


@dataclass(frozen=True, kw_only=True)
class _Stream:
    """The shifted characters as bytes in reading order, with the lone byte that ends the shift."""

    line: tuple[_Byte, ...]
    raw_end: int
    swallowed: str = ""


def find_places(text: str) -> list[Place]:
    """Every place that looks like this damage, in order and without overlap."""
    places: list[Place] = []
    glossary = glossed_characters(text) if _TRIGGER.search(text) else {}
    seen_until = 0
    for match in _TRIGGER.finditer(text):
        if match.start() < seen_until:
            continue
        edit = _repair_at(text, match.start(), glossary)
        seen_until = edit.raw_end if edit else match.end() + 1
        places.append(Place(raw_start=match.start(), raw_end=seen_until, edit=edit))
    places += [Place(raw_start=m.start(1), raw_end=m.end(1), edit=None) for m in _LOST_SIGN.finditer(text)]
    return sorted(places, key=lambda place: place.raw_start)


def find_edits(text: str) -> list[Edit]:
    """The repairs that are certain, in order and without overlap; offsets count characters of ``text``."""
    return [place.edit for place in find_places(text) if place.edit]


def _repair_at(text: str, raw_start: int, glossary: dict[str, set[str]]) -> Edit | None:
    stream = _read_stream(text, raw_start + 2, glossary)
    if stream is None:
        return None
    tail = BRACKETED.sub("", stream.swallowed + text[stream.raw_end:stream.raw_end + 16])
    low = _LOW_BYTE[text[raw_start + 1]]
    for gaps in range(_MAX_GAPS + 1):
        found: dict[str, tuple[int, ...]] = {}
        for lead in _ORPHAN_LEADS:
            line = (_known(lead, raw_start + 1), _known(0xA3, raw_start + 2), _known(low, raw_start + 2), *stream.line)
            readings = _Readings(list(zip(line[::2], line[1::2], strict=True))).of(0, False, gaps)
            found |= {reading: ends for reading, ends in readings.items() if _PLAUSIBLE.match(reading + tail)}
        if found:
            return _edit(raw_start, stream, *found.popitem()) if len(found) == 1 else None
    return None


def _read_stream(text: str, raw_start: int, glossary: dict[str, set[str]]) -> _Stream | None:
    """Encode the shifted characters again, up to the byte where the reading fell back into step."""
    line: list[_Byte] = []
    for i in range(raw_start, min(raw_start + _MAX_STREAM_CHARS, len(text))):
        char = text[i]
        if char in _LOST:
            return _lost_end(text, i, line, glossary)
        if "@" <= char <= "~":
            return _Stream(line=(*line, _known(ord(char), i + 1)), raw_end=i + 1)
        pair = _gbk_pair(char)
        if pair is None:
            return None
        line += [_known(pair[0], i + 1), _known(pair[1], i + 1)]
    return None


def _lost_end(text: str, i: int, line: list[_Byte], glossary: dict[str, set[str]]) -> _Stream | None:
    """The shift ends in a ``?``: a lead byte and the "(" of a gloss, or a trail byte that is simply lost."""
    gloss = _GLOSS_TAIL.match(text, i + 1)
    if gloss is None:
        return _Stream(line=(*line, _Byte(allowed=_ANY_TRAIL, raw_end=i + 1)), raw_end=i + 1)
    known = {_GLOSSED.get(gloss[1], ""), *glossary.get(gloss[1], ())}
    trails = {pair[1] for char in known if (pair := _gbk_pair(char)) and pair[0] in line[-1].allowed}
    if len(trails) != 1:
        return None
    return _Stream(line=(*line, _known(trails.pop(), i + 1)), raw_end=i + 1, swallowed="(")


class _Readings:
    """All texts that fit a row of slots (lead byte, trail byte), with the raw end of each character.

    A slot of two known bytes decodes. A slot may also be split by a vanished pair: (lead, ?)(?, trail). Characters
    with an unknown byte must lie in a word of the lexicon.
    """

    def __init__(self, slots: list[tuple[_Byte, _Byte]]) -> None:
        self._slots = slots
        self._memo: dict[tuple[int, bool, int], dict[str, tuple[int, ...]]] = {}

    def of(self, slot: int, half: bool, gaps: int) -> dict[str, tuple[int, ...]]:
        """Readings from a slot on (from its second half), with at most so many vanished pairs."""
        if slot == len(self._slots):
            return {"": ()}
        key = slot, half, gaps
        if key not in self._memo:
            self._memo[key] = {}
            lead, trail = self._slots[slot]
            if not half and (char := _decode(lead, trail)):
                self._memo[key] |= {char + rest: (trail.raw_end, *ends)
                                    for rest, ends in self.of(slot + 1, False, gaps).items()}
            for word in _BY_TRAIL[min(trail.allowed)] if half else _BY_LEAD[min(lead.allowed)]:
                self._memo[key] |= self._with_word(word, "", (slot, half, gaps), (), sure=True)
        return self._memo[key]

    def _with_word(self, rest_of_word: str, read: str, at: tuple[int, bool, int], ends: tuple[int, ...], *, sure: bool
                   ) -> dict[str, tuple[int, ...]]:
        if not rest_of_word:
            return {} if sure else {read + rest: ends + more for rest, more in self.of(*at).items()}
        slot, half, gaps = at
        if slot == len(self._slots):
            return {}
        lead, trail = self._slots[slot]
        gone = _Byte(allowed=_DROPPED_LEADS, raw_end=lead.raw_end)
        steps = [(replace(gone, allowed=_DROPPED_TRAILS) if half else lead, trail, (slot + 1, False, gaps))]
        if not half and gaps and slot >= _FIRST_SPLIT:
            steps.append((lead, gone, (slot, True, gaps - 1)))
        found: dict[str, tuple[int, ...]] = {}
        pair = _gbk_pair(rest_of_word[0])
        for one, two, following in steps:
            if pair and pair[0] in one.allowed and pair[1] in two.allowed:
                known = len(one.allowed) == len(two.allowed) == 1
                found |= self._with_word(rest_of_word[1:], read + rest_of_word[0], following, (*ends, two.raw_end),
                                         sure=sure and known)
        return found


def _decode(lead: _Byte, trail: _Byte) -> str:
    """The character of two known bytes; "" where one is unknown or they make none that news prints."""
    if len(lead.allowed) > 1 or len(trail.allowed) > 1:
        return ""
    try:
        char = bytes((*lead.allowed, *trail.allowed)).decode("gbk")
    except UnicodeDecodeError:
        return ""
    return char if _READABLE.fullmatch(char) else ""


def _edit(raw_start: int, stream: _Stream, reading: str, ends: tuple[int, ...]) -> Edit:
    """A character ends where its last byte is shown, and begins where the one before it ends."""
    spans: list[tuple[int, int]] = []
    begin = raw_start
    for end in (*ends, *(stream.raw_end for _ in stream.swallowed)):
        spans.append((min(begin, end - 1), end))
        begin = end
    whole = reading + stream.swallowed
    return Edit(raw_start=raw_start, raw_end=stream.raw_end, replacement=whole, spans=tuple(spans))


def _known(byte: int, raw_end: int) -> _Byte:
    return _Byte(allowed=frozenset((byte,)), raw_end=raw_end)


@lru_cache(maxsize=65536)
def _gbk_pair(char: str) -> tuple[int, int] | None:
    """The two bytes of a character (private-use characters have them too); None for all that has no pair."""
    try:
        encoded = char.encode("gb18030")
    except UnicodeEncodeError:
        return None
    return (encoded[0], encoded[1]) if len(encoded) == 2 else None


_BY_LEAD, _BY_TRAIL = ({byte: [word for word in _LEXICON if (pair := _gbk_pair(word[0])) and pair[i] == byte]
                       for byte in range(0x40, 0xFF)} for i in (0, 1))


def _report(name: str, text: str) -> Iterator[str]:
    places = find_places(text)
    yield f"{name}: {len(places)} found, {sum(p.edit is not None for p in places)} recovered"
    for place in places:
        before = text[max(0, place.raw_start - 6):place.raw_end + 6].replace("\n", "⏎")
        if place.edit is None:
            yield f"  {place.raw_start}: left alone: {before}"
        else:
            after = f"{text[max(0, place.raw_start - 6):place.raw_start]}{place.edit.replacement}"
            yield f"  {place.raw_start}: {before} -> {after}{text[place.raw_end:place.raw_end + 6]}".replace("\n", "⏎")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the damage of each UTF-8 file and its repair.

    Raises:
        DataError: a file is missing or no UTF-8.
    """
    parser = argparse.ArgumentParser(prog="python -m data.repair", description="Show damaged bytes and their repair.")
    parser.add_argument("files", nargs="+", type=Path)
    for path in parser.parse_args(argv).files:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as fault:
            raise DataError("no such file", place=str(path), repair="check the path") from fault
        except UnicodeDecodeError as fault:
            raise DataError(f"expected UTF-8, found byte {fault.object[fault.start]:#04x} at {fault.start}",
                            place=str(path), repair="iconv -f GB18030 -t UTF-8 IN > OUT") from fault
        print("\n".join(_report(path.name, text)))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
