"""DATE mentions as the guidelines describe them, to EDTF as precise as text and page allow.

The large set of expressions is data/gold/dates.tsv (test_eval_dates.py); here stands what must never move.
"""

from __future__ import annotations

import datetime as dt
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.markup import EDTF_LEVEL_1
from models.date_forms import normal_form, split_interval
from models.date_values import Day
from models.dates import resolve, resolve_all

FULL = [  # nothing but the mention is needed
    ("2024年11月8日", "2024-11-08"), ("2024-11-08", "2024-11-08"), ("2024.11.8", "2024-11-08"), ("2024/11/8", "2024-11-08"),
    ("2024年11月08日", "2024-11-08"), ("2024年11月8号", "2024-11-08"), ("2024 年 11 月 8 日", "2024-11-08"),
    ("二〇二四年十一月八日", "2024-11-08"), ("二零二四年十二月三十一日", "2024-12-31"), ("二○二四年二月二十九日", "2024-02-29"),
    ("一九四九年十月一日", "1949-10-01"), ("二〇二四年十一月", "2024-11"), ("1941年", "1941"), ("2024", "2024"), ("2001", "2001"),
    ("2024年", "2024"), ("2024年9月", "2024-09"), ("2024-09", "2024-09"), ("2024年9月底", "2024-09"), ("2023年底", "2023"),
    ("24年3月", "2024-03"), ("1998年12月", "1998-12"), ("2024 - 11 - 08", "2024-11-08"), ("2024年10月份", "2024-10"),
]
NO_YEAR = [  # no publication date, no other date in the article
    ("1月15日", "XXXX-01-15"), ("11月8日", "XXXX-11-08"), ("9月23日", "XXXX-09-23"), ("十月一日", "XXXX-10-01"),
    ("2月29日", "XXXX-02-29"), ("10月", "XXXX-10"), ("十二月三十一号", "XXXX-12-31"), ("6月底", "XXXX-06"), ("11.8", "XXXX-11-08"),
]
ON_PAGE = [  # page published 2024-11-10
    ("11月8日", "2024-11-08"), ("6月21日", "2024-06-21"), ("11月15日", "2024-11-15"), ("12月", "2024-12"), ("今天", "2024-11-10"),
    ("今日", "2024-11-10"), ("昨日", "2024-11-09"), ("昨天", "2024-11-09"), ("前天", "2024-11-08"), ("明日", "2024-11-11"),
    ("今年", "2024"), ("去年", "2023"), ("前年", "2022"), ("明年", "2025"), ("今年6月底", "2024-06"), ("去年12月", "2023-12"),
    ("今年10月2日", "2024-10-02"), ("明年1月5日", "2025-01-05"), ("本月8日", "2024-11-08"), ("上月30日", "2024-10-30"),
    ("上个月", "2024-10"), ("下月", "2024-12"), ("8日", "2024-11-08"), ("十日", "2024-11-10"), ("廿三日", "2024-11-23"),
    ("2023年6月21日", "2023-06-21"), ("1941年", "1941"), ("昨", "2024-11-09"),
]
NONE = ["近日", "日前", "当天", "春节", "十二·五", "未来三年", "2月30日", "13月1日", "2023年2月29日", "2024-13-01",
        "2024-11-31", "今天", "昨日", "去年", "上月", "8日", "", "二十", "0月1日"]


@pytest.mark.parametrize(("mention", "edtf"), FULL)
def test_full_dates_need_no_page_and_ignore_it(mention: str, edtf: str) -> None:
    assert resolve(mention) == edtf
    assert resolve(mention, published="2020-03-03") == edtf


@pytest.mark.parametrize(("mention", "edtf"), NO_YEAR)
def test_a_missing_year_is_left_open(mention: str, edtf: str) -> None:
    assert resolve(mention) == edtf
    assert resolve(mention, published="no date") == resolve(mention, published="2024") == edtf


@pytest.mark.parametrize(("mention", "edtf"), ON_PAGE)
def test_dates_read_against_the_page(mention: str, edtf: str) -> None:
    assert resolve(mention, published="2024-11-10") == edtf
    assert resolve(mention, published="2024-11-10 08:28:12") == edtf


@pytest.mark.parametrize("mention", NONE)
def test_what_cannot_be_read_is_none(mention: str) -> None:
    assert resolve(mention) is None


@pytest.mark.parametrize(("mention", "published", "edtf"), [
    ("12月28日", "2024-01-03", "2023-12-28"),  # over the turn of the year
    ("昨日", "2024-01-01", "2023-12-31"), ("昨天", "2024-03-01", "2024-02-29"),
    ("上月", "2024-01-15", "2023-12"), ("下个月", "2024-12-02", "2025-01"),
    ("28日", "2024-12-02", "2024-11-28"), ("30日", "2024-01-02", "2023-12-30"),  # still to come this month: the last one
    ("11日", "2024-10-12", "2024-10-11"),
    ("10月2日", "2024-10-04", "2024-10-02"),
])
def test_the_turn_of_months_and_years(mention: str, published: str, edtf: str) -> None:
    assert resolve(mention, published=published) == edtf


def test_the_page_outweighs_the_dates_of_the_article() -> None:
    mentions = ["2019年10月1日", "11月8日"]
    assert resolve_all(mentions, published="2024-11-10") == ["2019-10-01", "2024-11-08"]
    assert resolve_all(mentions) == resolve_all(mentions, published="no date") == ["2019-10-01", "2019-11-08"]


@pytest.mark.parametrize(("mentions", "last"), [
    (["2023年6月21日", "7月1日"], "2023-07-01"), (["2024", "7月1日"], "XXXX-07-01"), (["2022年5月", "7月1日"], "XXXX-07-01"),
    (["7月1日", "2023年6月21日"], "2023-06-21"), (["2023年6月21日", "2019年1月1日", "昨日"], "2023-06-20"), (["7月1日", "去年"], None)])
def test_the_first_full_date_stands_in_for_the_page(mentions: list[str], last: str | None) -> None:
    assert resolve_all(mentions)[-1] == last


def test_a_full_date_below_gives_its_year_to_near_dates_only() -> None:
    assert resolve_all(["11月8日", "2024年11月9日"]) == ["2024-11-08", "2024-11-09"]
    assert resolve_all(["11月8日", "2024年3月9日"]) == ["XXXX-11-08", "2024-03-09"]


def test_a_by_line_outweighs_the_page_and_a_telephone_is_none() -> None:
    def today(sentence: str) -> str | None:
        return resolve_all(["9月24日", "今天"], published="2024-09-26", sentences=[sentence, "今天签约。"])[1]

    assert today("某报9月24日讯 记者张三。") == today("某社某市9月24日电。") == "2024-09-24"
    assert resolve_all(["3月23日", "4日", "昨天", "2024/3/22"], sentences=["某报3月23日讯。", "4日讯息。", "", ""])[2] == "2024-03-22"
    assert resolve_all(["4日", "9月24日", "今天"], published="2024-09-26", sentences=["9月24日讯，4日签约。"] * 3)[2] == "2024-09-24"
    with pytest.raises(ValueError, match="zip"):
        resolve_all(["9月24日", "今天"], sentences=["9月24日，"])
    assert today("9月24日电话联系。") == today("9月24日，两院签约。") == "2024-09-26"


def test_a_range_of_two_mentions_shares_month_and_year() -> None:
    def ends(first: str, second: str, sentence: str) -> list[str | None]:
        return resolve_all([first, second], published="2024-12-20", sentences=[sentence, sentence])

    assert ends("10月29日", "31日", "10月29日至31日，论坛举行。") == ["2024-10-29", "2024-10-31"]
    assert ends("2026年7月", "9月", "2026年7月至9月轮训。") == ["2026-07", "2026-09"]
    assert ends("2026年7月", "9月", "2026年7月签约，自9月起轮训。") == ["2026-07", "2024-09"]
    # 昨日 is no written month: the bare day is read against the page.
    assert ends("昨日", "23日", "昨日签约，23日揭牌。") == ["2024-12-19", "2024-12-23"]


def test_words_that_lean_need_a_day_before_them() -> None:
    assert resolve_all(["11月8日", "当日", "次日", "第二天"], published="2024-11-10") == [
        "2024-11-08", "2024-11-08", "2024-11-09", "2024-11-10"]
    assert resolve_all(["11月", "当日"], published="2024-11-10") == ["2024-11", None]
    assert resolve_all(["当日"], published="2024-11-10") == [None]


_NUMERALS = "〇一二三四五六七八九"


def _tens(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else _NUMERALS[tens]) + ("十" if tens else "") + (_NUMERALS[ones] if ones else "")


DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31))


@given(DAYS)
def test_every_day_in_every_writing(day: dt.date) -> None:
    chinese = f"{''.join(_NUMERALS[int(c)] for c in str(day.year))}年{_tens(day.month)}月{_tens(day.day)}日"
    for text in (chinese, f"{day.year}年{day.month}月{day.day}日", f"{day:%Y-%m-%d}", f"{day:%Y.%m.%d}", f"{day.year}/{day.month}/{day.day}",
                 f"{day.year} 年 {day.month:02d} 月 {day.day:02d} 号", f"{day:%Y%m%d}", f"{day:%Y-%m-%d %H:%M:%S}"):
        assert resolve(text) == day.isoformat(), text


@given(DAYS, st.integers(-244, 64))
def test_a_day_near_the_page_needs_no_year(page: dt.date, ahead: int) -> None:
    day = page + dt.timedelta(days=ahead)
    assert resolve(f"{day.month}月{day.day}日", published=page.isoformat()) == day.isoformat()


@given(DAYS, st.integers(0, 300))
def test_both_ends_of_an_interval(first: dt.date, length: int) -> None:
    last = first + dt.timedelta(days=length)
    assert resolve(f"{first.year}年{first.month}月{first.day}日至{last.month}月{last.day}日") == f"{first}/{last}"
    assert resolve(f"{first:%Y.%m.%d}-{last:%Y.%m.%d}") == f"{first}/{last}"


@given(DAYS, st.integers(-40, 40))
def test_days_move_there_and_back(date: dt.date, days: int) -> None:
    day = Day(date.year, date.month, date.day)
    moved = day.moved(days)
    assert moved is not None and moved.edtf() == (date + dt.timedelta(days=days)).isoformat() and moved.moved(-days) == day


def test_without_a_year_only_the_end_of_february_cannot_move() -> None:
    assert Day(None, 12, 31).moved(1) == Day(None, 1, 1)
    assert Day(None, 2, 28).moved(1) is None and Day(None, 3, 1).moved(-1) is None and Day(None, 2, 29).moved(1) is None


@pytest.mark.parametrize(("mention", "form"), [
    ("二〇二四年 十一月 八日", "2024年11月8日"), ("2024-11-08 09:30", "2024-11-08 09:30"), ("今年正月", "今年"), ("腊月二十三", ""),
    ("2024？11？8", "2024年11月8"), ("十年", "十年"), ("星期五", "星期五"), ("昨(9)日", "昨日"), ("2024年——2025年", "2024年-2025年")])
def test_the_normal_form(mention: str, form: str) -> None:
    assert normal_form(mention.replace("？", "?")) == form


def test_the_ends_of_an_interval_share_their_unit() -> None:
    assert split_interval("1至9月") == ("1月", "9月") and split_interval("自2024年起至2027年止") == ("自2024年", "2027年")
    assert split_interval("2024年冬至") is None and split_interval("11月8日") is None


def test_long_noise_takes_no_time() -> None:
    noise = ["1" * 20000 + "年", "?" * 20000, " " * 20000 + "x", "第" * 5000, "1至" * 5000, "2024年" + "1" * 100]
    crowd = ["11月8日", "昨日", "16日"] * 1000
    start = time.process_time()
    assert resolve_all(noise) == [None] * len(noise)
    assert resolve_all(crowd, sentences=["，".join(crowd)] * len(crowd))[:3] == ["XXXX-11-08", None, "XXXX-11-16"]
    assert time.process_time() - start < 2


_PIECES = st.sampled_from([*"0123456789年月日号-/.今去昨前天上下本底一二十廿〇卅周五末至?、 初", "季度", "半年", "当日", "次日", "世纪", "年代", "元旦", "当月"])


@settings(max_examples=300)
@given(st.lists(st.lists(_PIECES, max_size=7).map("".join), max_size=4), st.none() | st.dates().map(lambda d: d.isoformat()),
       st.booleans())
def test_whatever_comes_out_is_edtf(mentions: list[str], published: str | None, together: bool) -> None:
    sentences = ["至".join(mentions) + "讯"] * len(mentions) if together else []
    resolved = resolve_all(mentions, published=published, sentences=sentences)
    assert len(resolved) == len(mentions)
    assert all(edtf is None or EDTF_LEVEL_1.fullmatch(edtf) for edtf in resolved)


@pytest.mark.parametrize(("mention", "published", "right"), [
    ("80年代", None, ("198X",)), ("98年", None, ("1998",)), ("7148日", None, (None,)), ("714日", None, ("XXXX-07-14",)),
    ("112日", None, (None,)), ("今年正月", "2024-03-22", ("2024",)), ("24小时", "2024-11-10", (None,)), ("十年", None, (None,)),
    ("元月15日", None, ("XXXX-01-15",)), ("2024年元月15日", None, ("2024-01-15",)), ("25日", "2024-12-05", ("2024-11-25",)),
    ("31日", "2024-05-01", ("2024-03-31", "2024-05-31")),
])
def test_dates_that_are_read_wrongly(mention: str, published: str | None, right: tuple[str | None, ...]) -> None:
    assert resolve(mention, published=published) in right
