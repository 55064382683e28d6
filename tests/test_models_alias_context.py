"""What the text says of its names: definitions, and who 我院, 该院, 贵院 and a campus are. The texts are written for the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from data.article import Article
from models.alias_context import definitions, is_reference
from models.aliases import Clusters, cluster_article

Marked = Callable[..., Article]
HOSPITAL_PAGE = "@publisher 青山市中心医院"


def named(marked: Marked, body: str, *header: str) -> dict[str, list[str]]:
    """The canonical names of every surface of a text, in order; ``?`` behind one that is undecided."""
    article = marked(body, *header)
    found: Clusters = cluster_article(article)
    names: dict[str, list[str]] = {}
    for e in article.entities:
        if e.id in found.of:
            names.setdefault(e.text, []).append(found.name(e.id) + "?" * (e.id in found.undecided))
    return names


@pytest.mark.parametrize("between", [
    "（以下简称“{H:海慈}”）", "(下称{H:海慈})", "，简称“{H:海慈}”，", "（以下称：{H:海慈}）", "（{H:海慈}）", "（又名{H:海慈}）", "（原{H:海慈}）",
])
def test_a_name_the_text_defines_joins_whatever_it_looks_like(marked: Marked, between: str) -> None:
    found = named(marked, f"{{H:青山市第五医院}}{between}与{{H:丰县人民医院}}签约。{{H:海慈}}派专家。")
    assert found["海慈"] == ["青山市第五医院"] * 2


@pytest.mark.parametrize("between", ["称{H:海慈}", "与{H:海慈}", "、{H:海慈}", "（{H:海慈}院长到场）", "\n简称不详 {H:海慈}", "原{H:海慈}"])
def test_what_defines_nothing(marked: Marked, between: str) -> None:
    article = marked(f"{{H:青山市第五医院}}{between}到场。")
    assert list(definitions(article.text, article.entities)) == []


def test_two_short_names_of_one_definition(marked: Marked) -> None:
    found = named(marked, "{H:青山市第五医院}（以下简称“{H:海慈}”、“{H:五院}”）。")
    assert found["海慈"] == found["五院"] == ["青山市第五医院"]


def test_glosses_and_traditional_characters_do_not_hide_a_definition(marked: Marked) -> None:
    found = named(marked, "{O:荊南網}(wǎng)({O:楚天日報網}(wǎng))訊")
    assert found["楚天日報網"] == ["楚天日报网"] and found["荊南網"] == ["楚天日报网"]


def test_a_definition_outweighs_a_likeness(marked: Marked) -> None:
    found = named(marked, "{H:丰县人民医院}、{H:安县人民医院}（以下简称{H:县医院}）签约，{H:县医院}派人。")
    assert found["县医院"] == ["安县人民医院"] * 2


@pytest.mark.parametrize(("word", "kind"), [("我院", "own"), ("本院", "own"), ("咱们中医院", "own"), ("该院", "back"), ("贵院", "addressed")])
def test_words_that_name_nobody(word: str, kind: str) -> None:
    assert is_reference(word) and is_reference(word, kind)
    assert [k for k in ("own", "back", "addressed") if is_reference(word, k)] == [kind]


@pytest.mark.parametrize("word", ["双方", "两院", "本溪市中心医院", "贵州省人民医院", "我"])
def test_words_that_are_no_reference(word: str) -> None:
    assert not is_reference(word)


def test_both_sides_are_no_mention_and_break_no_cluster(marked: Marked) -> None:
    found = named(marked, "{H:我院}与{H:丰县人民医院}签约，双方互派专家。两院将共建。{H:我院}感谢{H:县医院}。", HOSPITAL_PAGE)
    assert found == {"我院": ["青山市中心医院"] * 2, "丰县人民医院": ["丰县人民医院"], "县医院": ["丰县人民医院"]}


def test_we_in_a_paper_is_the_institution_whose_people_speak(marked: Marked) -> None:
    found = named(marked, "{H:青山市中心医院}与{H:丰县人民医院}签约。\n{H:丰县人民医院}院长{P:王一民}说：“{H:我院}盼了很久。”",
                  "@publisher 青山晚报")
    assert found["我院"] == ["丰县人民医院"]


def test_we_without_a_publisher_is_who_signs_the_page(marked: Marked) -> None:
    body = "{H:我院}与{H:丰县人民医院}签约\n{H:安县人民医院}派人祝贺。\n版权所有：{H:青山市中心医院}"
    assert named(marked, body)["我院"] == ["青山市中心医院"]


def test_we_without_a_publisher_is_not_its_partner(marked: Marked) -> None:
    assert named(marked, "{H:我院}与{H:丰县人民医院}签约。\n{H:青山市中心医院}成立于去年。")["我院"] == ["青山市中心医院"]


def test_we_of_nobody_stands_apart_and_is_flagged(marked: Marked) -> None:
    found = named(marked, "{H:我院}迎来检查。\n{H:丰县人民医院}派人。\n{H:青山市中心医院}也派人。")
    assert found["我院"] == ["我院?"]


def test_that_hospital_is_the_one_named_last_but_not_the_partner(marked: Marked) -> None:
    assert named(marked, "{H:丰县人民医院}、{H:安县人民医院}到场。{H:该院}发言。")["该院"] == ["安县人民医院"]
    assert named(marked, "{H:丰县人民医院}来访。据悉，{H:安县人民医院}与{H:该院}将共用转诊单。")["该院"] == ["丰县人民医院"]


def test_your_hospital_is_the_other_side_of_the_speaker(marked: Marked) -> None:
    body = "{H:丰县人民医院}院长{P:王一民}来访，{H:我院}院长{P:李大成}陪同。\n{P:SPEAKER}说，愿与{H:贵院}常来往。"
    assert named(marked, body.replace("SPEAKER", "王一民"), HOSPITAL_PAGE)["贵院"] == ["青山市中心医院"]
    assert named(marked, body.replace("SPEAKER", "李大成"), HOSPITAL_PAGE)["贵院"] == ["丰县人民医院"]
    assert named(marked, body.replace("SPEAKER", "李大成"), "@publisher 青山晚报")["贵院"] == ["贵院?"]


def test_a_commission_speaks_of_itself(marked: Marked) -> None:
    header = "@publisher 青山市卫生健康委员会"
    assert named(marked, "{O:市卫健委}发布通知，{O:我委}将检查。", header) == {
        "市卫健委": ["青山市卫生健康委员会"], "我委": ["青山市卫生健康委员会"]}
    assert named(marked, "{O:我委}将检查。", "@publisher 青山晚报") == {"我委": ["我委?"]}


def test_a_bare_campus_belongs_to_the_publisher_else_to_the_hospital_before_it(marked: Marked) -> None:
    body = "{H:丰县人民医院}一行来到{H:北院区}。\n{H:安县人民医院}祝贺，{H:北院区}启用。"
    assert named(marked, body, HOSPITAL_PAGE)["北院区"] == ["青山市中心医院"] * 2
    assert named(marked, body, "@publisher 青山晚报")["北院区"] == ["丰县人民医院"] * 2
    assert named(marked, "{H:北院区}启用。", "@publisher 青山晚报")["北院区"] == ["北院区?"]


def test_a_campus_is_never_the_name_of_its_institution(marked: Marked) -> None:
    found = named(marked, "{H:青山市中心医院黄金院区}启用，{H:黄金院区}有床位。{H:青山市中心医院}办。", "@publisher 青山晚报")
    assert {n for names in found.values() for n in names} == {"青山市中心医院"}
    alone = named(marked, "{H:青山市中心医院黄金院区}与{H:丰县人民医院}签约，{H:黄金院区}揭牌。", HOSPITAL_PAGE)
    assert alone["黄金院区"] == ["青山市中心医院黄金院区"]
