"""DATE mentions as the guidelines describe them, to EDTF as precise as text and page allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.markup import EDTF_LEVEL_1
from models.dates import resolve, year_hint

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
NONE = ["近日", "日前", "当天", "春节", "十二·五", "未来三年", "714日", "2月30日", "13月1日", "2023年2月29日", "2024-13-01",
        "2024-11-31", "今天", "昨日", "去年", "上月", "8日", "", "二十", "0月1日"]


@pytest.mark.parametrize(("mention", "edtf"), FULL)
def test_full_dates_need_no_page_and_ignore_it(mention: str, edtf: str) -> None:
    assert resolve(mention) == edtf
    assert resolve(mention, published="2020-03-03", year_hint=2019) == edtf


@pytest.mark.parametrize(("mention", "edtf"), NO_YEAR)
def test_a_missing_year_is_left_open(mention: str, edtf: str) -> None:
    assert resolve(mention) == edtf
    assert resolve(mention, year_hint=2024) == edtf.replace("XXXX", "2024")


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


def test_the_page_outweighs_the_hint() -> None:
    assert resolve("11月8日", published="2024-11-10", year_hint=2019) == "2024-11-08"
    assert resolve("11月8日", published="no date", year_hint=2019) == "2019-11-08"


@pytest.mark.parametrize(("mentions", "year"), [
    (["2024", "2023年6月21日"], 2023), (["2001", "2025"], None), (["6月21日", "昨日"], None), ([], None), (["2022年5月", "2023年6月8日"], 2023)])
def test_the_hint_is_the_first_full_date(mentions: list[str], year: int | None) -> None:
    assert year_hint(mentions) == year


@given(st.text(alphabet="0123456789年月日号-/.今去昨前天上下本底一二十廿〇 ", max_size=12),
       st.none() | st.dates().map(lambda d: d.isoformat()), st.none() | st.integers(1900, 2100))
def test_whatever_comes_out_is_edtf(mention: str, published: str | None, hint: int | None) -> None:
    resolved = resolve(mention, published=published, year_hint=hint)
    assert resolved is None or EDTF_LEVEL_1.fullmatch(resolved)


@pytest.mark.parametrize(("mention", "published", "right"), [
    ("80年代", None, (None, "198X")), ("98年", None, (None, "1998")), ("7148日", None, (None,)),
    ("元月15日", None, ("XXXX-01-15",)), ("2024年元月15日", None, ("2024-01-15",)), ("25日", "2024-12-05", ("2024-11-25",)),
    ("31日", "2024-05-01", ("2024-03-31", "2024-05-31")),
])
def test_dates_that_are_read_wrongly(mention: str, published: str | None, right: tuple[str | None, ...]) -> None:
    assert resolve(mention, published=published) in right
