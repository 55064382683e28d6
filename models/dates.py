"""DATE mentions to EDTF level 1 (https://www.loc.gov/standards/datetime/), as precise as text and page allow."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable

_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "O": 0, "两": 2}
_NUMERAL = "[〇零○一二三四五六七八九十廿]"
_CHINESE_NUMBER = re.compile(rf"{_NUMERAL}+(?=[年月日号])")
_SEPARATED = re.compile(r"(\d{4})\s*[-/.]\s*(\d{1,2})(?:\s*[-/.]\s*(\d{1,2}))?")
_SHORT_SEPARATED = re.compile(r"(\d{1,2})[./](\d{1,2})")
_WRITTEN = re.compile(
    r"(?:(?P<year>(?:19|20)\d{2}(?![\d日号月])|\d{2}(?=年(?!代)))年?|(?P<relative_year>今年|本年|去年|上年|明年|前年|当年))?"
    r"(?:(?P<month>\d{1,2})月(?:份)?|(?P<relative_month>本月|当月|上月|上个月|下月|下个月))?"
    r"(?:(?P<day>\d{1,2})[日号]?)?"
)
_RELATIVE_DAYS = {"今天": 0, "今日": 0, "今晨": 0, "昨天": -1, "昨日": -1, "昨": -1, "前天": -2, "前日": -2,
                  "明天": 1, "明日": 1, "后天": 2, "后日": 2}
_RELATIVE_YEARS = {"今年": 0, "本年": 0, "当年": 0, "去年": -1, "上年": -1, "明年": 1, "前年": -2}
_RELATIVE_MONTHS = {"本月": 0, "当月": 0, "上月": -1, "上个月": -1, "下月": 1, "下个月": 1}
# A page tells of what was or soon will be: a month and day this long after publication belong to the year before.
FORESIGHT = dt.timedelta(days=120)
SOON_DAYS = 15  # a bare day this far ahead of publication is an announcement, one further ahead lies in the past
TWO_DIGIT_PIVOT = 49


def resolve(mention: str, *, published: str | None = None, year_hint: int | None = None) -> str | None:
    """EDTF of one DATE mention (cleaned text), or None where it is no date we can read.

    Args:
        mention: such as ``11月8日``, ``二〇二四年十一月八日``, ``昨日``.
        published: ISO date of publication, against which relative words and missing years are read.
        year_hint: the year of the article's own full dates, used when ``published`` is unknown.
    """
    text = re.sub("元月|正月", "1月", mention)
    text = _CHINESE_NUMBER.sub(lambda m: str(_number(m[0])), re.sub(r"\s+", "", text))
    page = _iso_date(published)
    if match := _SEPARATED.match(text):
        return _edtf(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
    if text in _RELATIVE_DAYS:
        return (page + dt.timedelta(days=_RELATIVE_DAYS[text])).isoformat() if page else None
    if match := _SHORT_SEPARATED.fullmatch(text):
        return _without_year(int(match[1]), int(match[2]), page, year_hint)
    match = _WRITTEN.match(text)
    if match is None or not match[0]:
        return None
    return _from_parts(match, page, year_hint)


def _from_parts(match: re.Match[str], page: dt.date | None, year_hint: int | None) -> str | None:
    month = int(match["month"]) if match["month"] else None
    day = int(match["day"]) if match["day"] else None
    if match["relative_month"]:
        if page is None:
            return None
        months = page.year * 12 + page.month - 1 + _RELATIVE_MONTHS[match["relative_month"]]
        return _edtf(months // 12, months % 12 + 1, day)
    if match["year"]:
        year = int(match["year"])
        # Two digits: 98年 is 1998, 24年 is 2024.
        return _edtf(year + (0 if year > 99 else 1900 if year > TWO_DIGIT_PIVOT else 2000), month, day)
    if match["relative_year"]:
        base = page.year if page else year_hint
        return _edtf(base + _RELATIVE_YEARS[match["relative_year"]] if base else None, month, day)
    if month is None and day is not None:
        if page is None:
            return None
        # A bare day lies in the month of publication; one still far off there, or that this month lacks, in the last
        # month that has it.
        for back in range(3):
            year, month = page.year - (page.month - back < 1), (page.month - 1 - back) % 12 + 1
            if day <= calendar.monthrange(year, month)[1] and (back or day - page.day <= SOON_DAYS):
                return _edtf(year, month, day)
        return None
    return _without_year(month, day, page, year_hint) if month else None


def _without_year(month: int, day: int | None, page: dt.date | None, year_hint: int | None) -> str | None:
    if page is None or not 1 <= month <= 12:
        return _edtf(year_hint, month, day)
    guess = dt.date(page.year, month, min(day or 1, calendar.monthrange(page.year, month)[1]))
    return _edtf(page.year - 1 if guess - page > FORESIGHT else page.year, month, day)


def _edtf(year: int | None, month: int | None, day: int | None) -> str | None:
    if month is not None and not 1 <= month <= 12:
        return None
    if day is not None and (month is None or not 1 <= day <= calendar.monthrange(year or 2024, month)[1]):
        return None
    head = f"{year:04d}" if year else "XXXX"
    if year is None and month is None:
        return None
    return head + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")


def year_hint(mentions: Iterable[str]) -> int | None:
    """The year of the first full date; a bare year (a copyright line) or a month (a plan) is no hint."""
    for mention in mentions:
        resolved = resolve(mention)
        if resolved and not resolved.startswith("XXXX") and len(resolved) == len("2024-11-08"):
            return int(resolved[:4])
    return None


def _iso_date(published: str | None) -> dt.date | None:
    if not published:
        return None
    try:
        return dt.date.fromisoformat(published[:10])
    except ValueError:
        return None  # a publication date that is no full date cannot anchor anything


def _number(numeral: str) -> int:
    """``二〇二四`` -> 2024 digit by digit, ``二十一`` -> 21 by tens."""
    numeral = numeral.replace("廿", "二十")
    if "十" not in numeral:
        return int("".join(str(_DIGITS[c]) for c in numeral))
    tens, _, ones = numeral.partition("十")
    return (_DIGITS[tens[-1]] if tens else 1) * 10 + (_DIGITS[ones[0]] if ones else 0)
