"""Which mentions are one institution or person, and which stay apart."""

from __future__ import annotations

import pytest

from data.article import Article, Entity
from data.clean import surface
from data.schema import Schema, restrict
from models.aliases import Clusters, cluster_mentions


def cluster(*names: str, publisher: str | None = None, label: str = "HOSPITAL") -> Clusters:
    entities = []
    for i, name in enumerate(names):
        kind, _, text = name.rpartition(":")
        entities.append(Entity(id=f"T{i}", char_start=10 * i, char_end=10 * i + len(text), label=kind or label, text=text))
    return cluster_mentions(entities, {e.id: e.text for e in entities}, publisher)


def canonical(*names: str, publisher: str | None = None, label: str = "HOSPITAL") -> list[str]:
    found = cluster(*names, publisher=publisher, label=label)
    return [found.name(f"T{i}") for i in range(len(names))]


def same(*names: str, publisher: str | None = None) -> bool:
    return len(set(canonical(*names, publisher=publisher))) == 1


@pytest.mark.parametrize(("short", "full"), [
    ("市中心医院", "沧州市中心医院"), ("中心医院", "沧州市中心医院"), ("协和医院", "北京协和医院"), ("协和", "北京协和医院"),
    ("山大二院", "山东大学第二医院"), ("同济医院", "华中科技大学同济医学院附属同济医院"), ("市妇幼保健院", "德州市妇幼保健院"),
])
def test_a_short_name_joins_the_one_full_name_it_fits(short: str, full: str) -> None:
    assert canonical(full, short) == [full, full]
    assert canonical(short, full) == [full, full]


def test_a_short_name_of_two_full_ones_stays_apart() -> None:
    names = ("威海市中心医院", "沧州市中心医院", "中心医院")
    assert canonical(*names) == list(names)


def test_a_campus_belongs_to_its_institution() -> None:
    assert same("黄石市中心医院", "黄石市中心医院黄金山院区", "黄金山院区")
    assert not same("黄石市中心医院黄金山院区", "北京协和医院")


def test_a_group_is_a_unit_of_its_own() -> None:
    assert not same("沧州市中心医院", "沧州市中心医院医疗集团")


def test_different_hospitals_stay_apart() -> None:
    for names in (("泰安市中医二院", "泰山区人民医院"), ("威海市中医院", "威海市中心医院"), ("甲县人民医院", "乙县人民医院")):
        assert canonical(*names) == list(names)


def test_we_is_the_publishing_hospital() -> None:
    assert canonical("我院", "山东大学第二医院", publisher="德州市妇幼保健院") == ["德州市妇幼保健院", "山东大学第二医院"]
    assert same("我院", "德州市妇幼保健院", "市妇幼保健院", publisher="德州市妇幼保健院")
    assert canonical("市妇幼保健院", "德州市妇幼保健院", "本院", publisher="德州市妇幼保健院")[2] == "德州市妇幼保健院"


def test_we_of_a_news_site_is_not_the_news_site() -> None:
    assert canonical("我院", publisher="荆楚网") == ["我院"]
    assert canonical("我院") == ["我院"]


def test_that_hospital_is_the_one_just_named() -> None:
    assert canonical("黄石市中心医院", "该院", "北京协和医院", "该院") == [
        "黄石市中心医院", "黄石市中心医院", "北京协和医院", "北京协和医院"]


def test_labels_are_kept_apart() -> None:
    found = cluster("HOSPITAL:山东大学", "ORG:山东大学")
    assert found.of["T0"] != found.of["T1"]


def test_a_bare_surname_joins_the_one_full_name() -> None:
    assert canonical("张三丰", "张", label="PERSON") == ["张三丰", "张三丰"]
    assert canonical("张三丰", "张四", "张", label="PERSON") == ["张三丰", "张四", "张"]


def test_posts_and_dates_are_not_clustered() -> None:
    found = cluster("ROLE:院长", "DATE:今天", "PERSON:张三")
    assert set(found.of) == {"T2"} and found.groups() == (("T2",),)


def test_groups_come_in_the_order_of_the_text() -> None:
    assert cluster("沧州市中心医院", "PERSON:张三", "中心医院", "PERSON:张三").groups() == (("T0", "T2"), ("T1", "T3"))


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_seed_mentions_of_a_party_are_called_by_its_name(seeds: list[Article], hospital: Schema, number: int) -> None:
    article = restrict(seeds[number], hospital)
    surfaces = {e.id: surface(e.text) for e in article.entities}
    found = cluster_mentions(article.entities, surfaces, surface(article.publisher) if article.publisher else None)
    wrong = []
    for group in article.clusters:
        names = {surfaces[i] for i in group}
        for party in {p for v in article.events for p in v.parties} & names:
            wrong += [(surfaces[i], found.name(i)) for i in group if found.name(i) != party]
    assert wrong == []
