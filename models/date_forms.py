"""The normal form of a date expression: Arabic digits, one kind of dash, lost characters put back where only one fits."""

from __future__ import annotations

import re

MAX_CHARS = 64  # no date is longer
_DIGITS = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | dict.fromkeys("零○0OＯ", "0")
_MARKS = str.maketrans({**dict.fromkeys("—–－‑", "-"), **dict.fromkeys("·•・", "."), "～": "~", "�": "?"}
                       | dict(zip("壹贰叁肆伍陆柒捌玖拾", "一二三四五六七八九十", strict=True)))
_UNIT = "年代|月|日|号|季度|世纪|至|到|-|、"
_TENS = "(?:[一二三四五六七八九]?十|廿|卅)[一二三四五六七八九]?"
# By tens no year is written: 十年 is a duration, 三十八年 of another era. 周五 and 星期五 keep their number.
_NUMERAL = re.compile(rf"{_TENS}(?={_UNIT})|(?<![周期拜上下])[{''.join(_DIGITS)}]+(?=年|{_UNIT})"
                      rf"|(?<=月)(?:{_TENS}|[一二三四五六七八九])$")
_LEAD = re.compile("^(?:公元|农历|阴历|截至|截止|自|从|约|于)+")
_SAME = ((re.compile("元月"), "1月"), (re.compile("年的"), "年"), (re.compile("首个?季度?"), "第一季度"),
         (re.compile("Q([1-4])"), r"第\1季度"), (re.compile(r"(?<=[前昨今明])\(\d{1,2}日?\)日?"), "日"))
_LUNAR, _NEXT_LUNAR_YEAR = re.compile("农历|阴历|正月|初[一二三四五六七八九十]"), re.compile("腊月|冬月")
_NO_DATE = re.compile(r"^[今本去][年月周]以来$|^\d+[日号][内间后]")
_HOLIDAYS = {"元旦": "1月1日", "妇女节": "3月8日", "劳动节": "5月1日", "青年节": "5月4日", "护士节": "5月12日", "儿童节": "6月1日",
             "建党节": "7月1日", "建军节": "8月1日", "医师节": "8月19日", "教师节": "9月10日", "国庆节": "10月1日"}
_HOLIDAY = re.compile(rf"(?:三八|五一|五四|六一|七一|八一|十一|第.{{1,3}}个|国际|中国)*({'|'.join(_HOLIDAYS)})$")
_LOST_MONTH_SIGN = re.compile(r"(?<!\d)(\d{3,4})日")
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_STRONG_JOIN, _WEAK_JOIN, _AND = re.compile("至|到|~"), re.compile("-"), re.compile("、|和")
_LAST_UNIT = re.compile(r"\d([年月日号])[^年月日号]*$")


def normal_form(mention: str) -> str:
    """One way to write what can be written in many: ``二〇二四年 十一月`` and ``2024 年 11 月`` are ``2024年11月``.

    Nothing is left of what is no date of the calendar, or is longer than any. Of a lunar date its year is left, which is
    right but for the last two months: they reach into the next year.
    """
    text = re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", mention[: MAX_CHARS + 1].strip())  # a space between digits parts a day from a clock
    if len(mention) > MAX_CHARS or _NEXT_LUNAR_YEAR.search(text):
        return ""
    lunar = _LUNAR.search(text)
    text = re.sub("-+", "-", _LEAD.sub("", text.translate(_MARKS)))
    for pattern, same in _SAME:
        text = pattern.sub(same, text)
    text = _NUMERAL.sub(lambda m: _number(m[0]), text)
    if lunar:
        return text[: text.find("年") + 1]
    if _NO_DATE.search(text):
        return ""
    return _HOLIDAY.sub(lambda m: _HOLIDAYS[m[1]], _mended(text))


def _number(numeral: str) -> str:
    """``二〇二四`` is 2024 digit by digit, ``二十一`` is 21 by tens."""
    numeral = numeral.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = numeral.partition("十")
    if ten:
        return _DIGITS.get(tens, "1") + _DIGITS.get(ones, "0")
    return "".join(_DIGITS[c] for c in numeral)


def _mended(text: str) -> str:
    """A ``?`` stands for a lost sign or digit: a sign is put back, a number that lost a digit goes with all behind it."""
    text = re.sub(r"(?<=\d{4})\?+(?=\d)", "年", text)
    text = re.sub(r"(?<=\d)\?+(?=\d{1,2}(?:[日号]|$))", "月", text)
    text = re.sub(r"^\d{0,3}\?+\d{0,3}年", "", text)
    text = re.sub(r"\d*\?+[月日号].*$", "", text)
    return _LOST_MONTH_SIGN.sub(lambda m: _month_and_day(m[1]) or m[0], text)


def _month_and_day(digits: str) -> str | None:
    """``714`` can only be 7月14日; ``112`` can be two days, and is none."""
    ways = [(digits[:cut], digits[cut:]) for cut in (1, 2)]
    days = [f"{month}月{day}日" for month, day in ways
            if "0" not in (month[0], day[0]) and int(month) <= 12 and int(day) <= _DAYS_IN_MONTH[int(month) - 1]]
    return days[0] if len(days) == 1 else None


def split_interval(text: str) -> tuple[str, str] | None:
    """Both ends of ``11月8日至10日``; the first gets the unit it shares with the second (``1至9月``: 1月, 9月)."""
    return _split(text, _STRONG_JOIN) or _split(text, _WEAK_JOIN)


def split_pair(text: str) -> tuple[str, str] | None:
    """Both days of ``11月8、9日``."""
    return _split(text, _AND)


def _split(text: str, join: re.Pattern[str]) -> tuple[str, str] | None:
    parts = join.split(text)
    if len(parts) != 2 or not all(parts):
        return None
    first, second = parts[0].rstrip("起"), parts[1].rstrip("止")
    unit = _LAST_UNIT.search(second)
    return (first + unit[1] if unit and first[-1:].isdigit() else first), second
