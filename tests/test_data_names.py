"""Made-up names: variety, short forms that follow from full names, dates that keep their form."""

from __future__ import annotations

import random
import re

import pytest

from data.names import (
    LEVELS,
    NameMaker,
    hospital_level,
    kind_of,
    places,
    read_lines,
    short_forms,
    split_place,
    surname_of,
)


@pytest.mark.parametrize(("full", "form"), [
    ("威海市中心医院", "市中心医院"), ("威海市中心医院", "中心医院"), ("山东大学第二医院", "山大二院"), ("临沂市第一人民医院", "临沂一院"),
    ("临沂市第一人民医院", "市一院"), ("沂南县人民医院", "县医院"), ("德州市妇幼保健院", "市妇幼"), ("徐州医科大学附属医院", "徐医附院"),
    ("石城县小松镇中心卫生院", "小松镇中心卫生院"), ("联勤保障部队第九二〇医院", "九二〇医院"), ("甘孜藏族自治州人民医院", "甘孜州医院"),
    ("首都医科大学附属北京天坛医院", "天坛医院"), ("江苏省肿瘤医院", "省肿瘤医院"),
])
def test_short_forms_follow_the_full_name(full: str, form: str) -> None:
    assert form in [short for _, short in short_forms(full)]


@pytest.mark.parametrize(("name", "level"), [
    ("岭背镇卫生院", "town"), ("方松街道社区卫生服务中心", "town"), ("山东大学第二医院", "university"), ("解放军第九〇一医院", "army"),
    ("沂南县人民医院", "county"), ("县医院", "county"), ("瑞丽市人民医院", "county"), ("上海市青浦区中医医院", "county"),
    ("威海市中心医院", "city"), ("市妇幼", "city"), ("阿里地区人民医院", "city"), ("江苏省中医院", "province"),
    ("广西壮族自治区人民医院", "province"), ("协和", "short"),
])
def test_level_of_a_name(name: str, level: str) -> None:
    assert hospital_level(name) == level


def test_places_are_cut_off_names() -> None:
    parts = split_place("北京市房山区长沟镇社区卫生服务中心")
    assert (parts.province, parts.county, parts.town, parts.rest) == ("北京市", "房山区", "长沟镇", "社区卫生服务中心")
    assert split_place("苏州市立医院").local == ""


def test_lists_are_long_enough() -> None:
    assert len({p.city for p in places()}) >= 280
    assert len({p.county for p in places() if p.county}) >= 250
    assert len({p.province for p in places()}) == 31


def test_hospital_names_vary() -> None:
    maker = NameMaker(random.Random(5))
    assert len({maker.hospital().full for _ in range(6000)}) >= 5000


@pytest.mark.parametrize("level", LEVELS)
def test_hospitals_are_of_the_level_asked_for(level: str) -> None:
    maker = NameMaker(random.Random(level))
    for _ in range(50):
        name = maker.hospital(level)
        assert name.level == level
        assert not re.search(r"[{}\s=]", name.full)
        assert all(form != name.full and len(form) > 1 for _, form in name.forms)
        if level in ("town", "university", "army"):
            assert hospital_level(name.full) == level


def test_people_are_varied_and_clean() -> None:
    maker = NameMaker(random.Random(7))
    people = [maker.person() for _ in range(3000)]
    assert len(set(people)) > 2800
    assert all(re.fullmatch(r"[\u4e00-\u9fff]{2,}(?:·[\u4e00-\u9fff]+)?", p) for p in people)
    assert any(len(surname_of(p)) == 2 for p in people)
    assert any("·" in p for p in people)


@pytest.mark.parametrize("kind", sorted({x.split()[1] for x in read_lines("kinds.txt") if x.startswith("org ")}))
def test_organisations_show_their_kind(kind: str) -> None:
    maker = NameMaker(random.Random(kind))
    assert all(kind_of("org", maker.org(kind).full) == kind for _ in range(40))


@pytest.mark.parametrize("kind", ["lead", "gov", "department", "degree", "company", "school", "byline", "other"])
def test_roles_of_every_kind(kind: str) -> None:
    maker = NameMaker(random.Random(kind))
    assert all(maker.role(kind) and not maker.role(kind).isspace() for _ in range(20))


@pytest.mark.parametrize(("like", "shape"), [
    ("2024-11-08", r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?"),
    ("1941年", r"19\d\d年"), ("2024", r"20\d\d"), ("11日", r"\d{1,2}日"),
    ("二〇二四年十一月八日", r"二〇[〇一二]\w年\w{1,3}月\w{1,3}日"), ("本月18日", r"[本上下]月\d{1,2}日"), ("昨日", "[昨今前][日天]"),
    ("今年6月底", r"[今去明前]年\d{1,2}月底"), ("11.8", r"\d{1,2}\.\d{1,2}"), ("714日", "714日"),
])
def test_dates_keep_their_form(like: str, shape: str) -> None:
    maker = NameMaker(random.Random(like))
    drawn = [maker.date(like) for _ in range(200)]
    assert all(re.fullmatch(shape, d) for d in drawn), drawn
    assert len(set(drawn)) > 1 or like == "714日"


def test_dates_sometimes_take_another_form() -> None:
    maker = NameMaker(random.Random(1))
    drawn = {re.sub(r"\d+", "0", maker.date("2024年11月8日")) for _ in range(300)}
    assert {"0年0月0日", "0月0日", "昨日"} <= drawn


def test_names_depend_on_the_generator_alone() -> None:
    def draw(seed: int) -> list[str]:
        maker = NameMaker(random.Random(seed))
        return [maker.hospital().full, maker.person(), maker.org("health").full, maker.role(), maker.date("11月8日")]

    assert draw(3) == draw(3) != draw(4)
