"""One date expression in normal form to EDTF, given what it may lean on: the page, and the date mentioned before."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from models.date_forms import normal_form, split_interval, split_pair
from models.date_values import YEARS, Day

# Days from the page to a date that names no year lie between these: a page tells of what was or soon will be.
LOOKBACK_DAYS, FORESIGHT_DAYS = 300, 120
PLAN_DAYS = 300  # a month without a day is mostly a plan, and lies in the year of the page
SOON_DAYS = 15  # a bare day this far ahead of the page is an announcement, one further ahead lies in the past
NEAR_DAYS = 60  # a full date further down gives its year only to dates this near
TWO_DIGIT_PIVOT = 49

_DAY_WORDS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "大后": 3, "后": 2}
_LEANING_DAYS = {"当": 0, "同": 0, "前一": -1, "头一": -1, "次": 1, "翌": 1, "第二": 1, "隔": 1}
_MONTH_WORDS = {"本月": 0, "这个月": 0, "上月": -1, "上个月": -1, "下月": 1, "下个月": 1,
                "月底": 0, "月末": 0, "月初": 0, "月中": 0, "上旬": 0, "中旬": 0, "下旬": 0}
_LEANING_MONTHS = {"当月": 0, "同月": 0, "次月": 1}
_YEAR_WORDS = {"今年": 0, "本年": 0, "去年": -1, "上年": -1, "大前年": -3, "前年": -2, "明年": 1, "后年": 2,
               "上一年": -1, "下一年": 1,
               "年底": 0, "年末": 0, "年初": 0, "年中": 0, "年内": 0, "岁末": 0}
_LEANING_YEARS = {"当年": 0, "同年": 0, "次年": 1, "翌年": 1}
_QUARTER_WORDS = {"本": 0, "上": -1, "上个": -1, "下": 1, "下个": 1}
_SEASONS = {"春": 21, "夏": 22, "秋": 23, "冬": 24}
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Anchors:
    """What a mention may lean on.

    ``today`` is what 今天 means; ``guessed`` says that it was taken from a date further down. ``last`` is the date
    mentioned before: ``beside`` says that it is written in digits in the same sentence, ``joined`` that only 至 stands
    between the two.
    """

    today: Day | None = None
    guessed: bool = False
    last: Day | None = None
    beside: bool = False
    joined: bool = False


def read_mention(mention: str, anchors: Anchors) -> str | None:
    """EDTF of the clean text of a DATE mention, None where it is no date we can read."""
    return _read(normal_form(mention), anchors)


def _read(text: str, anchors: Anchors) -> str | None:
    """Digits with separators come before intervals, which a dash may join; among words the first that fits decides."""
    for pattern, reader in _SEPARATED_READERS:
        if match := pattern.match(text):
            return reader(match, anchors)
    if ends := split_interval(text):
        return _interval(*ends, anchors)
    if (days := split_pair(text)) and (interval := _interval(*days, anchors)) and _consecutive(interval):
        return interval
    for pattern, reader in _WORD_READERS:
        if match := pattern.match(text):
            return reader(match, anchors)
    return None


def _interval(first: str, second: str, anchors: Anchors) -> str | None:
    start = _read(first, anchors)
    if start is None or "/" in start:
        return None
    end = _read(second, replace(anchors, last=Day.of(start), beside=True, joined=True))
    if end is None or "/" in end:
        return None
    # Without a year, December comes before January.
    comparable = not start.startswith("XXXX") or start[:7] == end[:7]
    return None if comparable and end < start else f"{start}/{end}"


def _consecutive(interval: str) -> bool:
    start, end = (Day.of(edtf) for edtf in interval.split("/"))
    return start is not None and start.day is not None and start.moved(1) == end


def _full(match: re.Match[str], anchors: Anchors) -> str | None:
    return Day(_full_year(match["year"]), int(match["month"]), int(match["day"]) if match["day"] else None).edtf()


def _full_year(digits: str) -> int:
    """98 is 1998, 24 is 2024."""
    if len(digits) > 2:
        return int(digits)
    return int(digits) + (1900 if int(digits) > TWO_DIGIT_PIVOT else 2000)


def _month_and_day(match: re.Match[str], anchors: Anchors) -> str | None:
    return _without_year(int(match["month"]), int(match["day"]), anchors)


def _without_year(month: int, day: int | None, anchors: Anchors) -> str | None:
    """The year is that of the range a date ends, else the one that brings it into the reach of the page."""
    today, last = anchors.today, anchors.last
    if anchors.joined and last and last.month:
        return Day(last.year + (month < last.month) if last.year else None, month, day).edtf()
    if today is None or today.year is None or today.ordinal is None:
        return Day(None, month, day).edtf()
    for year in (today.year, today.year - 1, today.year + 1):
        ordinal = Day(year, month, day or 1).ordinal
        if ordinal and -LOOKBACK_DAYS <= ordinal - today.ordinal <= (FORESIGHT_DAYS if day else PLAN_DAYS):
            known = not anchors.guessed or abs(ordinal - today.ordinal) <= NEAR_DAYS
            return Day(year if known else None, month, day).edtf()
    return None


def _bare_day(day: int, anchors: Anchors) -> str | None:
    """``16日``: in the month written before it in its sentence, else in the last month that has it."""
    today, last = anchors.today, anchors.last
    if last and last.month and (anchors.beside or today is None):
        return replace(last, day=day).edtf()
    if today is None or today.day is None:
        return None
    months = [today.months_later(-back) for back in range(3)]
    if day - today.day > SOON_DAYS:
        del months[0]
    return next((edtf for month in months if month and (edtf := replace(month, day=day).edtf())), None)


def _decade(match: re.Match[str], anchors: Anchors) -> str | None:
    if match["century"]:
        hundreds = int(match["century"]) - 1
    else:
        hundreds = int(match["hundreds"] or (19 if int(match["tens"]) >= 3 else 20))
    return f"{hundreds}{match['tens']}X" if 100 * hundreds in YEARS else None


def _day_word(match: re.Match[str], anchors: Anchors) -> str | None:
    moved = anchors.today.moved(_DAY_WORDS[match[1]]) if anchors.today else None
    return moved.edtf() if moved else None


def _leaning_day(match: re.Match[str], anchors: Anchors) -> str | None:
    moved = anchors.last.moved(_LEANING_DAYS[match[1]]) if anchors.last and anchors.last.day else None
    return moved.edtf() if moved else None


def _week(match: re.Match[str], anchors: Anchors) -> str | None:
    """Weeks begin on Monday; 周五 alone is that of this week."""
    today = anchors.today.ordinal if anchors.today else None
    which, weekday = match["which"] or "", match["weekday"]
    if today is None or not (which or weekday):
        return None
    monday = today - (today - 1) % 7 + 7 * (which.count("下") - which.count("上"))
    if weekday is None or weekday == "末":
        return _between(Day.at(monday + (5 if weekday else 0)), Day.at(monday + 6))
    return Day.at(monday + _WEEKDAYS.index(weekday.replace("天", "日"))).edtf()


def _quarter_word(match: re.Match[str], anchors: Anchors) -> str | None:
    today = anchors.today
    if today is None or today.month is None:
        return None
    first = today.months_later(3 * _QUARTER_WORDS[match[1]] - (today.month - 1) % 3)
    last = first.months_later(2) if first else None
    return _between(first, last)


def _between(first: Day | None, last: Day | None) -> str | None:
    """An interval; of an unknown year it says too little."""
    if first is None or last is None or first.year is None:
        return None
    start, end = first.edtf(), last.edtf()
    return f"{start}/{end}" if start and end else None


def _written(match: re.Match[str], anchors: Anchors) -> str | None:
    """Year, month and day, each in digits or as a word."""
    day = int(match["day"]) if match["day"] else None
    names_year = bool(match["year"] or match["year_word"])
    year = _year(match, anchors) if names_year else anchors.today.year if anchors.today else None
    if match["half"]:
        first = 1 if match["half"] == "上" else 7
        return _between(Day(year, first), Day(year, first + 5))
    if match["quarter"]:
        last = 3 * int(match["quarter"])
        return _between(Day(year, 1 if match["up_to"] else last - 2), Day(year, last))
    if match["season"]:
        return f"{year}-{_SEASONS[match['season']]}" if year else None
    if match["month_word"] and not names_year:
        leans = match["month_word"] in _LEANING_MONTHS
        base = anchors.last if leans and anchors.last and anchors.last.month else anchors.today
        month = base.months_later((_MONTH_WORDS | _LEANING_MONTHS)[match["month_word"]]) if base else None
        return replace(month, day=day).edtf() if month else None
    if match["month"]:
        month_number = int(match["month"])
        return Day(year, month_number, day).edtf() if names_year else _without_year(month_number, day, anchors)
    if names_year:
        return Day(year, None, day).edtf()
    return _bare_day(day, anchors) if day is not None and match["day_sign"] else None


def _year(match: re.Match[str], anchors: Anchors) -> int | None:
    if match["year"]:
        return _full_year(match["year"])
    word = match["year_word"]
    base = anchors.last if word in _LEANING_YEARS and anchors.last and anchors.last.year else anchors.today
    # 今 of 今春 stands for 今年.
    shift = (_YEAR_WORDS | _LEANING_YEARS)[word if word.endswith(("年", "底", "末", "初", "中", "内")) else word + "年"]
    return base.year + shift if base and base.year else None


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_END = r"(?![-/.~至到\d])"
_Reader = Callable[[re.Match[str], Anchors], str | None]
_SEPARATED_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (re.compile(rf"(?P<year>\d{{4}})(?P<by>[-/.])(?P<month>\d{{1,2}})(?:(?P=by)(?P<day>\d{{1,2}}))?{_END}"), _full),
    (re.compile(rf"(?P<year>\d{{2}})(?P<by>[-/.])(?P<month>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}}){_END}"), _full),
    (re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})(?!\d)"), _full),
    (re.compile(r"(?P<year>\d{4})年(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?=$| )"), _full),
    (re.compile(r"(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?=$| )"), _month_and_day),
)
_WORD_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (re.compile(r"(?:(?P<century>\d{2})世纪|上世纪|(?P<hundreds>1[89]|20))?(?P<tens>\d)0年代"), _decade),
    (re.compile(rf"({_any(_DAY_WORDS)})(?:[天日晚早晨夜儿]|(?<=昨)$)"), _day_word),
    (re.compile(rf"({_any(_LEANING_DAYS)})[天日晚夜]"), _leaning_day),
    (re.compile(r"(?P<which>上+|下+|本|这)?个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末])?(?!年)"), _week),
    (re.compile(rf"({_any(_QUARTER_WORDS)})季度"), _quarter_word),
    (re.compile(
        r"(?:(?P<year>(?:1[89]|20)\d{2}(?![\d月日号])|\d{2}(?=年))年?度?"
        rf"|(?P<year_word>{_any(_YEAR_WORDS | _LEANING_YEARS)}|[今去明](?=[春夏秋冬]))度?)?"
        r"(?:(?P<half>[上下])半年|第?(?P<up_to>前)?(?P<quarter>[1-4])季度"
        r"|[初早仲盛金深隆暮晚寒]?(?P<season>春(?![节运分])|夏(?!至)|秋(?!分)|冬(?!至))"
        rf"|(?P<month>\d{{1,2}})月份?|(?P<month_word>{_any(_MONTH_WORDS | _LEANING_MONTHS)}))?"
        r"(?:(?P<day>\d{1,2})(?P<day_sign>[日号])?(?!\d))?"), _written),
)
