"""Which mentions are one institution or person, and which stay apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, article_from_dict, article_to_dict
from data.clean import surface
from data.schema import Schema, restrict
from data.validate import validate_articles
from models.aliases import Clusters, cluster_article, cluster_mentions
from models.document import assemble


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
    names = ("中心医院", "威海市中心医院", "沧州市中心医院")
    assert canonical(*names) == list(names)
    assert cluster(*names).undecided == ("T0",)


def test_a_city_short_name_is_read_against_the_city_of_the_article(marked: Callable[..., Article]) -> None:
    names = ("市中心医院", "威海市中心医院", "沧州市中心医院")
    assert canonical(*names, publisher="沧州市卫生健康委员会")[0] == "沧州市中心医院"
    article = marked("{H:市中心医院}签约。{H:威海市中心医院}与{H:沧州市中心医院}在沧州见面，沧州人高兴。")
    assert cluster_article(article).name("T1") == "沧州市中心医院"


def test_a_city_short_name_is_not_of_another_city(marked: Callable[..., Article]) -> None:
    assert canonical("市中心医院", "威海市中心医院", publisher="沧州市妇幼保健院") == ["市中心医院", "威海市中心医院"]
    assert canonical("省人民医院", "江西省人民医院", publisher="沧州市妇幼保健院")[0] == "省人民医院"
    assert canonical("省人民医院", "江西省人民医院", publisher="赣州市妇幼保健院")[0] == "江西省人民医院"


def test_of_two_candidates_the_one_already_introduced() -> None:
    assert canonical("丰县人民医院", "县人民医院", "安县人民医院")[1] == "丰县人民医院"


def test_a_publisher_that_the_text_only_shortens_gives_the_name() -> None:
    assert canonical("市三院", "丰县人民医院", publisher="商丘市第三人民医院")[0] == "商丘市第三人民医院"
    assert canonical("ORG:州卫健委", publisher="甘南州卫生健康委员会") == ["甘南州卫生健康委员会"]


def test_a_chain_of_short_names_is_one_institution() -> None:
    names = ("天坛医院", "北京天坛医院", "首都医科大学附属北京天坛医院")
    for order in (names, names[::-1]):
        assert set(canonical(*order)) == {names[2]}


def test_a_branch_is_a_unit_of_its_own() -> None:
    found = cluster("上海市第六人民医院", "上海市第六人民医院金山分院", "金山分院", "市六医院")
    assert found.groups() == (("T0", "T3"), ("T1", "T2"))


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
    assert cluster("张三丰", "张四", "张", label="PERSON").undecided == ("T2",)
    assert cluster("张三丰", "张", "李", label="PERSON").undecided == ()


@pytest.mark.parametrize(("short", "full"), [("欧阳", "欧阳晓晨"), ("小满", "石小满"), ("阿依古丽", "阿依古丽·买买提"), ("科莫", "安德鲁·科莫"), ("布和", "布和巴雅尔"), ("张三丰", "张三丰")])
def test_parts_of_a_name_that_stand_for_a_person(short: str, full: str) -> None:
    assert canonical(full, short, label="PERSON") == [full, full]


def test_two_characters_that_merely_start_alike_are_two_persons() -> None:
    assert canonical("张晓", "张晓明", "李文山", "文山", label="PERSON") == ["张晓", "张晓明", "李文山", "文山"]


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


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_seed_clusters(seeds: list[Article], number: int) -> None:
    article = seeds[number]
    found = {frozenset(c) for c in cluster_article(article).groups()}
    texts = {e.id: surface(e.text) for e in article.entities}
    missed = [sorted({texts[i] for i in c}) for c in article.clusters if frozenset(c) not in found]
    # That 网易号 calls itself NetEase Hao in English is nowhere in the article.
    assert missed == ([["NetEase Hao", "网易号"]] if number == 2 else [])


NAMES = ("德州市妇幼保健院", "市妇幼保健院", "山东大学第二医院", "山大二院", "我院", "该院", "贵院", "东院区", "山东大学第二医院东院区", "县医院",
         "丰县人民医院", "PERSON:张三丰", "PERSON:张", "PERSON:张四", "ORG:德州市卫生健康委员会", "ORG:市卫健委", "ORG:我委", "ROLE:院长")
mentions = st.lists(st.sampled_from(NAMES), min_size=1, max_size=12)


def laid_out(names: list[str]) -> tuple[list[Entity], str]:
    """Mentions with text between them that defines, coordinates or ends a paragraph."""
    entities, text = [], ""
    for i, name in enumerate(names):
        label, _, word = name.rpartition(":")
        entities.append(Entity(id=f"T{i}", char_start=len(text), char_end=len(text) + len(word), label=label or "HOSPITAL",
                               text=word))
        text += word + ("（以下简称", "）与", "。\n", "说：“")[i % 4]
    return entities, text


@given(mentions, st.randoms(use_true_random=False), st.sampled_from([None, "德州市妇幼保健院", "德州市卫生健康委员会", "青山晚报"]))
def test_order_and_repetition_change_nothing_and_each_mention_has_one_cluster(names: list[str], rng, publisher: str | None) -> None:
    entities, text = laid_out(names)
    surfaces = {e.id: e.text for e in entities}
    found = cluster_mentions(entities, surfaces, publisher, text)
    shuffled = [*entities, *rng.sample(entities, len(entities) // 2)]
    rng.shuffle(shuffled)
    assert cluster_mentions(shuffled, surfaces, publisher, text) == found
    placed = [i for group in found.groups() for i in group]
    assert sorted(placed) == sorted(e.id for e in entities if e.label != "ROLE")
    assert len(found.names) == len(found.groups()) and all(found.names)
    assert set(found.undecided) <= set(placed)


@given(mentions)
def test_mentions_of_one_name_are_never_torn_apart(names: list[str]) -> None:
    entities, text = laid_out(names)
    found = cluster_mentions(entities, {e.id: e.text for e in entities}, None, text)
    for e in entities:
        for other in entities:
            if (e.label, e.text) == (other.label, other.text) and e.id in found.of and not e.text.endswith(("院区", "该院", "我院", "贵院", "我委")):
                assert found.of[e.id] == found.of[other.id]


def test_the_flag_travels_with_the_article(marked: Callable[..., Article]) -> None:
    article = marked("{P:张三丰}、{P:张四}到场。{P:张}{R:院长}讲话。")
    predicted = assemble(article.without_annotation(), article.entities, (), model="test")
    assert predicted.undecided == ("T3",)
    assert article_from_dict(article_to_dict(predicted)) == predicted
    assert "undecided" not in article_to_dict(article)
    assert validate_articles([predicted]) == []
    assert predicted.without_annotation().undecided == ()
