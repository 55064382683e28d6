"""The rule baseline: what it finds in plain sentences, and that offsets hold on noisy raw text."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.article import Article, Entity, Relation
from data.schema import Schema, load_schema
from models.gazetteer import CleanSpan, Gazetteer
from models.rules import RulePredictor

SCHEMAS = Path(__file__).parents[1] / "configs" / "schema"
PLAIN = ("11月8日上午,滨河市中医院与青山县人民医院签署医联体协议。"
         "滨河市中医院党委副书记、副院长李刚,青山县人民医院院长欧阳文代表双方签字,滨河市卫健委主任王敏主持仪式。\n"
         "(通讯员 吕增光、王格)")


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema(SCHEMAS / "hospital.yaml")


def predict(text: str, schema: Schema, train: tuple[Article, ...] = (),
            published: str | None = None) -> Article:
    article = Article(id="a", text=text, published=published)
    return next(RulePredictor.from_articles(train, schema).predict([article]))


def mentions(article: Article, label: str) -> list[str]:
    return [e.text for e in article.entities if e.label == label]


def relations(article: Article, kind: str) -> list[tuple[str, str]]:
    text = {e.id: e.text for e in article.entities}
    return [(text[r.head], text[r.tail]) for r in article.relations if r.type == kind]


def test_plain_article_without_training(schema: Schema) -> None:
    found = predict(PLAIN, schema, published="2024-11-09")
    assert mentions(found, "HOSPITAL") == ["滨河市中医院", "青山县人民医院"] * 2
    assert mentions(found, "PERSON") == ["李刚", "欧阳文", "王敏", "吕增光", "王格"]
    assert mentions(found, "ROLE") == ["党委副书记", "副院长", "院长", "主任", "通讯员"]
    assert mentions(found, "DATE") == ["11月8日"]
    assert found.model == "rules"
    assert relations(found, "HOLDS_ROLE") == [
        ("李刚", "党委副书记"), ("李刚", "副院长"), ("欧阳文", "院长"), ("王敏", "主任"),
        ("吕增光", "通讯员"), ("王格", "通讯员")]
    # 王敏 works for a commission, which this schema lacks: not at the hospital before it.
    assert relations(found, "WORKS_AT") == [("李刚", "滨河市中医院"), ("欧阳文", "青山县人民医院")]
    assert set(relations(found, "SIGNED_FOR")) == {("李刚", "滨河市中医院"), ("欧阳文", "青山县人民医院")}
    assert ("滨河市中医院", "11月8日") in relations(found, "SIGNED_ON")


def test_event_of_the_plain_article(schema: Schema) -> None:
    (event,) = predict(PLAIN, schema, published="2024-11-09").events
    assert event.parties == ("滨河市中医院", "青山县人民医院")
    assert event.date == "2024-11-08"
    assert {(s.person, s.hospital) for s in event.signatories} == {("李刚", "滨河市中医院"), ("欧阳文", "青山县人民医院")}


def test_organisations_only_where_the_schema_has_them(schema: Schema) -> None:
    parties = load_schema(SCHEMAS / "parties.yaml")
    assert mentions(predict(PLAIN, parties), "ORG") == ["滨河市卫健委"]
    assert ("王敏", "滨河市卫健委") in relations(predict(PLAIN, parties), "WORKS_AT")
    assert not mentions(predict(PLAIN, schema), "ORG")


@pytest.mark.parametrize(("raw", "expected"), [
    ("濱河市中醫(yī)院與青山縣人民醫(yī)院簽署協(xié)議", ["濱河市中醫(yī)院", "青山縣人民醫(yī)院"]),
    ("滨河市\u200b中医院　与 青山县人民医院签署协议", ["滨河市\u200b中医院", "青山县人民医院"]),
    ("![](x.png)\n  滨河市中医院(集团)和协和医院签约", ["滨河市中医院(集团)", "协和医院"]),
    ("该院区与我院、滨河市中医院东湖院区签约", ["我院", "滨河市中医院东湖院区"]),
    ("公立医院和三甲医院都要签约,到医院看病", []),
])
def test_hospitals_on_raw_offsets(schema: Schema, raw: str, expected: list[str]) -> None:
    found = predict(raw, schema)
    assert mentions(found, "HOSPITAL") == expected
    assert all(found.text[e.char_start : e.char_end] == e.text for e in found.entities)
    assert found.text == raw


@pytest.mark.parametrize(("text", "dates"), [
    ("2024年11月8日至2025年,今年6月底和去年", ["2024年11月8日", "2025年", "今年6月底", "去年"]),
    ("发布:2024-10-04 20:03:20", ["2024-10-04"]),
    ("二〇二四年十一月八日签约", ["二〇二四年十一月八日"]),
    ("今年以来,未来三年,近一年来每月5日前报送,新华路16号", []),
    ("Copyright © 2001-2025 某网", ["2001", "2025"]),
])
def test_dates(schema: Schema, text: str, dates: list[str]) -> None:
    assert mentions(predict(text, schema), "DATE") == dates


@pytest.mark.parametrize(("text", "persons", "roles"), [
    ("方明书记说,张院长很忙。", ["方明", "张"], ["书记", "院长"]),
    ("产科主任医师扎西多杰出席", ["扎西多杰"], ["产科主任医师"]),
    ("副院长阿不都·依明分别致辞", ["阿不都·依明"], ["副院长"]),
    ("领导班子成员和相关科室主任参加", [], []),
    ("市委书记康彦民会见,对外合作部部长苟延龄", ["康彦民", "苟延龄"], ["市委书记", "对外合作部部长"]),
])
def test_persons_and_posts(schema: Schema, text: str, persons: list[str], roles: list[str]) -> None:
    found = predict(text, schema)
    assert mentions(found, "PERSON") == persons
    assert mentions(found, "ROLE") == roles


def test_offices_and_commissions_are_no_posts_of_a_hospital(schema: Schema) -> None:
    found = predict("期间协和医院与滨河市中医院签约,副市长王晓玲,市卫健委主任张智勇参加。", schema)
    assert mentions(found, "PERSON") == ["王晓玲", "张智勇"]
    assert relations(found, "WORKS_AT") == []


def test_hub_signs_with_each_of_a_list(schema: Schema) -> None:
    found = predict("滨州市医院与乙河县医院、丙山县医院签约。", schema)
    assert relations(found, "SIGNED_WITH") == [("滨州市医院", "乙河县医院"), ("滨州市医院", "丙山县医院")]


@pytest.mark.parametrize("text", ["滨州市医院与乙河县医院尚未签约。", "滨州市医院与乙河县医院开展义诊。"])
def test_no_signing_is_no_relation(schema: Schema, text: str) -> None:
    found = predict(text, schema)
    assert not found.relations
    assert not found.events


def annotated(text: str, *marks: tuple[str, str]) -> Article:
    entities = tuple(Entity(id=f"T{i}", char_start=text.index(s), char_end=text.index(s) + len(s), label=label, text=s)
                     for i, (s, label) in enumerate(marks))
    return Article(id="t", text=text, entities=entities, relations=(Relation(type="HOLDS_ROLE", head="T0", tail="T1"),)
                   if len(marks) > 1 else ())


def test_dictionary_learns_names_the_rules_cannot_know(schema: Schema) -> None:
    train = (annotated("专家来自华西。", ("华西", "HOSPITAL")),)
    assert mentions(predict("我们去华西进修", schema), "HOSPITAL") == []
    assert mentions(predict("我们去华西进修", schema, train), "HOSPITAL") == ["华西"]


def test_dictionary_drops_surfaces_that_are_mostly_no_mention(schema: Schema) -> None:
    train = (annotated("华西医生,华西风光,华西路。", ("华西", "HOSPITAL")),)
    assert RulePredictor.from_articles(train, schema).gazetteer.label_of == {}


def test_gazetteer_matches_longest_and_keeps_numbers_whole() -> None:
    known = Gazetteer.from_labels({"中医院": "HOSPITAL", "市中医院": "HOSPITAL", "2024": "DATE"})
    assert list(known.matches("市中医院20240")) == [CleanSpan(char_start=0, char_end=4, label="HOSPITAL")]
    assert not list(known.matches("市中"))


@pytest.mark.parametrize("text", ["", "\n", "医院", "(", "院长", "·", "\ud800医院", "三级" * 40 + "医院"])
def test_odd_texts(schema: Schema, text: str) -> None:
    assert predict(text, schema).text == text


def test_a_schema_of_other_labels_is_answered_by_the_dictionary() -> None:
    schema = Schema(name="drugs", labels=("DRUG",))
    train = (annotated("服用阿司匹林。", ("阿司匹林", "DRUG")),)
    found = predict("阿司匹林有效,院长张三说。", schema, train)
    assert [(e.text, e.label) for e in found.entities] == [("阿司匹林", "DRUG")]
    assert found.relations == ()
