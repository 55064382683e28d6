"""Names against a register: exact, alias and close; what fits two is told, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Event, Link
from data.errors import DataError
from data.validate import validate_articles
from models.register import Register, link_article, link_event, read_register
from models.register_file import Entry, normalise, normalise_all

ENTRIES = [
    Entry(id="W1", name="威海市中心医院", aliases=("威海二院",), region="山东省威海市"), Entry(id="W2", name="威海市中医院", region="山东省威海市"),
    Entry(id="D1", name="德州市中心医院", region="山东省德州市"), Entry(id="C1", name="沧州市中心医院", region="河北省沧州市"),
    Entry(id="Q1", name="秦皇岛市中心医院", region="河北省秦皇岛市"),
    Entry(id="S1", name="邵东市第一人民医院", aliases=("市一医院",)), Entry(id="S2", name="邵东市第二人民医院"),
    Entry(id="U1", name="浙江大学医学院附属邵逸夫医院"), Entry(id="R1", name="仁和医院", region="山东省济南市"),
    Entry(id="R2", name="仁和医院", region="河北省石家庄市"), Entry(id="K1", name="沂南县康泽骨科医院"),
    Entry(id="X1", name="朝阳县医院"), Entry(id="X2", name="朝阳市中西医结合医院")]


@pytest.fixture(scope="module")
def register() -> Register:
    return Register(entries=ENTRIES)


@pytest.mark.parametrize(("name", "kind", "entry"), [
    ("威海市中心医院", "exact", "W1"), ("威海市中心醫(yī)院", "exact", "W1"), ("威海市 中心医院", "exact", "W1"), ("仁和医院", "ambiguous", None),
    ("威海二院", "alias", "W1"), ("威海中心医院", "close", "W1"), ("邵东市第一医院", "close", "S1"), ("邵逸夫医院", "close", "U1"),
    ("沂南县康择骨科医院", "close", "K1"),  # a slip of the pen
    ("邵东市第三人民医院", "none", None),  # one character off, and another house
    ("威海市中医医院", "close", "W2"), ("威海市中西医结合医院", "none", None), ("朝阳区医院", "none", None), ("朝阳市医院", "none", None),
    ("烟台市中心医院", "none", None), ("某某公司", "none", None), ("", "none", None)])
def test_names(register: Register, name: str, kind: str, entry: str | None) -> None:
    link = register.link(name)
    assert (link.name, link.kind, link.id) == (name, kind, entry)
    if entry:
        assert link.best is not None and link.best.id == entry
        assert link.best.score == {"exact": 1.0, "alias": 0.99}.get(kind, link.best.score) and link.best.score >= 0.85


def test_a_city_short_name_without_a_city_stays_open_and_names_both(register: Register) -> None:
    link = register.link("市中心医院")
    assert (link.kind, link.id) == ("ambiguous", None)
    assert link.best and link.runner_up and link.best.score == link.runner_up.score
    assert {link.best.name, link.runner_up.name} <= {e.name for e in ENTRIES if e.name.endswith("市中心医院")}


@pytest.mark.parametrize(("context", "entry"), [
    ("威海市卫生健康委员会消息", "W1"), ("德州新闻网讯", "D1"), ("秦皇島市衛健委", "Q1"), ("威海与德州两地", None), ("山东省消息", None),
    ("德州大学附近", None), ("", None)])
def test_the_places_of_the_article_narrow(register: Register, context: str, entry: str | None) -> None:
    link = register.link("市中心医院", context)
    assert link.id == entry and link.kind == ("close" if entry else "ambiguous")
    assert link.runner_up is not None


def test_two_houses_of_one_name_need_their_region(register: Register) -> None:
    assert register.link("仁和医院", "济南时报讯").id == "R1" and register.link("仁和医院", "河北日报讯").id == "R2"
    assert register.link("仁和医院", "济南时报、石家庄日报讯").kind == "ambiguous"
    link = register.link("仁和医院", "山东省消息")
    assert link.id == "R1" and link.kind == "exact" and link.runner_up and link.runner_up.id == "R2"


def test_a_lone_generic_short_form_is_no_proof() -> None:
    lone = Register(entries=[Entry(id="W1", name="威海市中心医院")])
    assert lone.link("市中心医院").kind == "ambiguous" and lone.link("市中心医院").runner_up is None
    assert lone.link("市中心医院", "威海晚报").id == "W1"


def test_a_generic_alias_does_not_outrank_the_same_usage_elsewhere() -> None:
    register = Register(entries=[Entry(id="W1", name="威海市中心医院", aliases=("市中心医院",), region="山东省威海市"),
                                 Entry(id="D1", name="德州市中心医院", region="山东省德州市")])
    assert register.link("市中心医院").kind == "ambiguous" and register.link("市中心医院", "德州日报").id == "D1"
    assert Register(entries=ENTRIES).link("市一医院").id == "S1"  # written down once, and nobody else is called so


def test_an_alias_of_two_is_told() -> None:
    register = Register(entries=[Entry(id="A", name="甲大学附属医院", aliases=("附属协康医院",)),
                                 Entry(id="B", name="乙大学附属医院", aliases=("附属协康医院",))])
    link = register.link("附属协康医院")
    assert link.kind == "ambiguous" and link.best and link.runner_up and {link.best.id, link.runner_up.id} == {"A", "B"}


def test_the_order_of_the_register_changes_nothing() -> None:
    forward, backward = Register(entries=ENTRIES), Register(entries=ENTRIES[::-1])
    for entry in ENTRIES:
        for name in (entry.name, entry.name[1:], entry.name.replace("市", ""), *entry.aliases):
            assert forward.link(name) == backward.link(name)


@given(st.lists(st.text(alphabet="威海市中心醫院(yī)？ ·\u200b﻿A（）", max_size=8), max_size=6))
def test_many_names_normalise_as_each_alone(names: list[str]) -> None:
    assert normalise_all(names) == [normalise(n) for n in names]


@given(st.text(alphabet="威海市县中心人民第一二医院附属(·ab醫", max_size=10), st.text(alphabet="威海德州市山东省", max_size=8))
def test_any_name_gets_an_answer(name: str, context: str) -> None:
    register = Register(entries=ENTRIES)
    link = register.link(name, context)
    assert (link.id is not None) == (link.kind in ("exact", "alias", "close")) and (link.best is None) == (link.kind == "none")
    assert link == register.link(name, context)
    if link.best and link.runner_up:
        assert link.best.id != link.runner_up.id


HEADER = "id,name,aliases,region\n"


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "hospitals.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_bad_rows_are_told_by_line_and_cost_only_themselves(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "1,甲医院,甲院|甲,\n,乙医院,,\n1,丙医院,,\n\n2,甲醫院,,\n3,,,\n4,丁医院,,,多,\n5,戊医院\n6,甲医院,,山东省\n")
    register = read_register(path)
    assert [(e.id, e.name, e.aliases) for e in register.entries] == [
        ("1", "甲医院", ("甲院", "甲")), ("5", "戊医院", ()), ("6", "甲医院", ())]
    faults = list(register.faults)
    assert [f.removeprefix(f"{path}: line ").partition(":")[0] for f in faults] == ["3", "4", "6", "7", "8"]
    for fault, reason in zip(faults, ["no id", "the id 1 stands in line 2", "stands in line 2 for the same region", "no name", "found 6"], strict=True):
        assert reason in fault


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_what_a_spreadsheet_writes_is_read(tmp_path: Path, encoding: str) -> None:
    text = '区,Region,Name,ID,aliases\r\nx,山东省威海市,"威海市中心医院",007,市中心医院｜威海二院\r\ny,山东省,山东省立医院,008,\r\n'
    entry = read_register(write(tmp_path, text, encoding)).entries[0]
    assert entry == Entry(id="007", name="威海市中心医院", aliases=("市中心医院", "威海二院"), region="山东省威海市")


@pytest.mark.parametrize(("text", "reason"), [
    ("编号,名称\n1,甲医院\n", "id and name is missing"), ("id\n1\n", "name is missing"), (HEADER, "no usable row"), (HEADER + ",甲,,\n", "line 2: no id")])
def test_a_useless_register_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_register(write(tmp_path, text))


def test_a_missing_register_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_register(tmp_path / "none.csv")


def test_events_of_an_article_are_linked_with_its_text(register: Register) -> None:
    article = Article(id="a", text="威海市卫生健康委：市中心医院与邵逸夫医院签约。",
                      events=(Event(parties=("市中心医院", "邵逸夫医院"), other_parties=("某大学",)),))
    found = link_article(article, register)
    assert [(k.name, k.id, k.kind) for k in found.events[0].links] == [
        ("市中心医院", "W1", "close"), ("邵逸夫医院", "U1", "close"), ("某大学", None, "none")]
    assert validate_articles([found]) == []
    assert found.events[0].parties == article.events[0].parties
    assert link_event(article.events[0], register, "").links[0].kind == "ambiguous"
    assert link_article(Article(id="b", text="无"), register) == Article(id="b", text="无")
    assert Link(name="某大学", kind="none") in found.events[0].links


@pytest.mark.parametrize("name", ["常市老年病医院", "某某大学第附属医院", "某某大学附属苏州市中医院"])
def test_what_is_missing_from_a_place_or_a_number_is_no_slip(name: str) -> None:
    """Each is one character from an entry, and means another house."""
    register = Register(entries=[Entry(id="1", name="常德市老年病医院"), Entry(id="2", name="某某大学附属医院"),
                                 Entry(id="3", name="某某大学附属衢州市中医院")])
    assert register.link(name).kind == "none"


def test_an_exact_name_yields_where_the_article_names_the_place_of_another_that_is_called_so() -> None:
    register = Register(entries=[Entry(id="1", name="解放镇卫生院", region="吉林省白城市"),
                                 Entry(id="2", name="平阴县解放镇卫生院", region="山东省济南市平阴县")])
    assert register.link("解放镇卫生院").id == "1" and register.link("解放镇卫生院", "白城日报").id == "1"
    link = register.link("解放镇卫生院", "平阴县融媒体中心讯")
    assert link.kind == "ambiguous" and link.best and link.runner_up and {link.best.id, link.runner_up.id} == {"1", "2"}
    assert register.link("解放镇卫生院", "平阴、白城两地").id == "1"


@pytest.mark.parametrize(("context", "entry"), [("中山大学、中山医院、中山路", None), ("中山大学与中山晚报", "1"), ("中山", "1")])
def test_a_place_inside_the_name_of_something_else_is_not_named(context: str, entry: str | None) -> None:
    assert Register(entries=[Entry(id="1", name="中山市中心医院", region="广东省中山市")]).link("市中心医院", context).id == entry
