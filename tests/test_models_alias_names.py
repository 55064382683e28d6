"""Whether one name can be a short form of another, and which never are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alias_names import (
    ABBREVIATION,
    CAMPUS,
    PROPER_PART,
    SAME,
    SUFFIX,
    fit,
    home_of,
    is_bare_campus,
    normal,
    places,
)


@pytest.mark.parametrize(("short", "full", "rank"), [
    # spellings of one name
    ("丰县中医院", "丰县中医医院", SAME),
    ("青山市卫健委", "青山市卫生健康委员会", SAME),
    ("青山市卫生健康委", "青山市卫生健康委员会", SAME),
    ("云岭县人民医院", "云岭土家族苗族自治县人民医院", SAME),
    ("云岭县人民医院", "云岭塔吉克自治县人民医院", SAME),
    ("第903医院", "九零三医院", SAME),
    # the end of a name
    ("中心医院", "青山市中心医院", SUFFIX),
    ("市卫健委", "青山市卫生健康委员会", SUFFIX),
    ("市政府", "青山市人民政府", SUFFIX),
    ("州人民医院", "白河藏族自治州人民医院", SUFFIX),
    # abbreviations
    ("山大二院", "山东大学第二医院", ABBREVIATION),
    ("同济", "华中科技大学同济医学院附属同济医院", ABBREVIATION),
    ("青医大一附院", "青山医科大学第一附属医院", ABBREVIATION),
    ("青山一院", "青山市第一人民医院", ABBREVIATION),
    ("市三院", "青山市第三人民医院", ABBREVIATION),
    ("县医院", "丰县人民医院", ABBREVIATION),
    ("省四院", "河北医科大学第四医院", ABBREVIATION),
    ("市妇幼", "青山市妇幼保健院", ABBREVIATION),
    ("柳林卫生院", "丰县柳林镇中心卫生院", ABBREVIATION),
    ("柳林社区", "青山市柳林街道社区卫生服务中心", ABBREVIATION),
    ("青中医大", "青山中医药大学", ABBREVIATION),
    ("云帆科技", "青山云帆科技股份有限公司", ABBREVIATION),
    ("云帆汽零", "青山云帆汽车零部件股份有限公司", ABBREVIATION),
    ("县医保局", "丰县医疗保障局", ABBREVIATION),
    ("区人民医院", "青山自治区人民医院", ABBREVIATION),
    ("仁德", "青山仁德整形医院", PROPER_PART),
])
def test_short_forms(short: str, full: str, rank: int) -> None:
    assert fit(short, full) == rank


@pytest.mark.parametrize(("short", "full"), [
    ("青山市中医院", "青山市中心医院"),
    ("青山市中医院", "青山市中医二院"),
    ("青山市人民医院", "青山市第二人民医院"),
    ("中心医院", "青山市第二中心医院"),
    ("青山医院", "青山协和医院"),
    ("县医院", "丰县中医院"),
    ("县医院", "丰县妇幼保健院"),
    ("厦南仁爱医院", "厦南仁爱妇产医院"),
    ("青山省人民医院", "青山省丰县人民医院"),
    ("黔南州人民医院", "黔东南州人民医院"),
    ("区委", "柳林区卫生健康委员会"),
    ("海南大学", "海南大学热带医学院"),
    ("青山市中心医院", "青山市中心医院医疗集团"),
    ("荆南网", "青山荆南网络科技股份有限公司"),
    ("院", "青山市医院"),
    ("医院", "青山市医院"),
    ("医院", "副市长"),
    ("华南", "青山大学华南第二医院"),
    ("青山大学", "青山大学口腔医院"),
    ("青山市医院", "市医院"),
])
def test_what_is_no_short_form(short: str, full: str) -> None:
    assert fit(short, full) is None


def test_a_suffix_beats_an_abbreviation() -> None:
    assert SAME < SUFFIX < ABBREVIATION < PROPER_PART


@pytest.mark.parametrize(("name", "institution", "campus"), [
    ("青山市中心医院黄金院区", "青山市中心医院", "黄金院区"), ("北院区", None, "北院区"), ("医教研院区", None, "医教研院区"),
    ("青山市中心医院东区", "青山市中心医院", "东区"), ("仁爱医院清水分院区", "仁爱医院", "清水分院区"),
])
def test_campuses(name: str, institution: str | None, campus: str) -> None:
    match = CAMPUS.fullmatch(name)
    assert match and match["institution"] == institution and match["campus"] == campus
    assert is_bare_campus(name) == (institution is None)


@pytest.mark.parametrize("name", ["青山市中心医院", "青山市第六人民医院金山分院", "青山市中心医院医疗集团", "省四院", ""])
def test_branches_and_groups_are_no_campuses(name: str) -> None:
    assert CAMPUS.fullmatch(name) is None


def test_places_by_the_word_they_have_at_home() -> None:
    assert places("德州市妇幼保健院") == {"市": "德州市"}
    assert places("湖北省秭归县人民医院") == {"省": "湖北省", "县": "秭归县"}
    assert places("市中心医院") == {}
    assert places("民和回族土族自治县人民医院") == {"县": "民和县"}


def test_home_is_where_an_institution_publishes_and_no_place_for_a_paper() -> None:
    assert home_of("德州市妇幼保健院") == {"市": "德州市", "省": "山东省"}
    assert home_of("德州城市报") == {}


@given(st.text("东西一二中医院心人民县市省第大学附属", max_size=70), st.text("东西一二中医院心人民县市省第大学附属", max_size=70))
def test_any_two_names_can_be_compared(short: str, full: str) -> None:
    rank = fit(short, full)
    assert rank in (None, SAME, SUFFIX, ABBREVIATION, PROPER_PART)
    assert (rank == SAME) == (normal(short) == normal(full))
    assert normal(normal(full)) == normal(full)


def test_a_span_longer_than_any_name_fits_nothing() -> None:
    assert fit("中心" * 600, "中心东" * 1000) is None
