"""What a page says plainly about itself: the day it was published and who publishes it.

The rules are few on purpose. Only short lines near the top or the bottom count: a date in the body of the news is
the date of an event, and a wrong publisher is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from data.clean import clean_text
from data.pinyin import HAN

_EDGE_CHARS = 3000
_EDGE_LINES = 10
_SHORT_LINE_CHARS = 80
_DATE = r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)日?"
_PUBLISHED = (
    re.compile(rf"(?:发布|发表|发稿|刊发|刊登|上传)(?:(?:时间|日期) ?:?|于| ?:) ?{_DATE}"),
    re.compile(rf"^(?:时间|日期) ?: ?{_DATE}"),
    # A line that begins with a moment, such as "2024-10-04 20:03:20 74人浏览", or is nothing but a date.
    re.compile(rf"^{_DATE}(?:[ T]\d{{1,2}}:\d{{2}}|$)"),
    re.compile(rf"更新(?:(?:时间|日期) ?:?|于| ?:) ?{_DATE}"),
)
_BODY = rf"([{HAN}]{{1,28}}(?:院|网|报|社|台|局|委|会|中心|公司|集团|政府|大学|学校|厅))(?![{HAN}])"
_PUBLISHER_ON_TOP = (
    re.compile(rf"欢迎访问 ?{_BODY} ?(?:官方)?(?:网站|官网)"),
    re.compile(rf"(?:来源|稿源|发布单位|发布机构) ?: ?{_BODY}"),
    re.compile(rf"(?:发布|发表)(?:时间|日期) ?: ?{_DATE}[\d: ]* {_BODY}【"),
)
# "荆楚网(湖北日报网)讯", "新华社北京10月2日电"; 本报 and 本网 name nobody.
_DATELINE = re.compile(rf"^(?!本)([{HAN}]{{1,10}}?(?:网|报|社|台|客户端))(?:\([^()\n]{{2,20}}\))?"
                       rf"(?:[{HAN}]{{0,6}}\d{{1,2}}月\d{{1,2}}日)?(?:讯|电)(?=[( :,记通]|$)")
_PUBLISHER_BELOW = (
    re.compile(rf"主办单位 ?[│┃|:] ?{_BODY}"),
    re.compile(rf"版权(?:所有|为) ?[:©]? ?{_BODY}"),
)


@dataclass(frozen=True, kw_only=True)
class Masthead:
    """``published`` is an ISO date; each is None where the page does not say it."""

    published: str | None = None
    publisher: str | None = None


def read_masthead(text: str) -> Masthead:
    """Read the masthead of a raw text, traditional or simplified; names come out simplified."""
    top = clean_text(text[:_EDGE_CHARS]).text.split("\n")[:_EDGE_LINES]
    below = clean_text(text[-_EDGE_CHARS:]).text.split("\n")[-_EDGE_LINES:]
    return Masthead(published=_published(_short(top)), publisher=_publisher(top, _short(below)))


def _short(lines: list[str]) -> list[str]:
    return [line for line in lines if len(line) <= _SHORT_LINE_CHARS]


def _published(lines: list[str]) -> str | None:
    for pattern in _PUBLISHED:
        for line in lines:
            if (match := pattern.search(line)) and (day := iso_date(*match.groups())):
                return day
    return None


def iso_date(year: str, month: str, day: str) -> str | None:
    """The ISO form of a date in digits; None for a day that no calendar has."""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _publisher(top: list[str], below: list[str]) -> str | None:
    for patterns, lines in ((_PUBLISHER_ON_TOP, _short(top)), ((_DATELINE,), top), (_PUBLISHER_BELOW, below)):
        for pattern in patterns:
            for line in lines:
                if match := pattern.search(line):
                    return match.groups()[-1]
    return None
