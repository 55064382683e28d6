"""Signing events from relations: hubs, three-way agreements, single parties, dates, signatories."""

from __future__ import annotations

import pytest

from data.article import Article, Event, Relation
from data.schema import Schema, restrict
from models.document import assemble
from models.events import spokes


def events(article: Article, *, published: str | None = None, publisher: str | None = None) -> list[Event]:
    bare = Article(id=article.id, text=article.text, published=published, publisher=publisher)
    return list(assemble(bare, article.entities, article.relations, model="m").events)


DUMMY = "@event {} | kind other | status signed"


def header(*parties: str) -> str:
    return DUMMY.format(" + ".join(parties))


@pytest.mark.parametrize("name", ["hospital", "parties"])
def test_gold_relations_of_the_seeds_give_the_gold_events(seeds: list[Article], request: pytest.FixtureRequest, name: str) -> None:
    """What the document step can reach: the ceiling of every model."""
    schema: Schema = request.getfixturevalue(name)
    for article in seeds:
        gold = restrict(article, schema)
        found = assemble(gold.without_annotation(), gold.entities, gold.relations, model="m")

        def record(event: Event) -> tuple:
            return ({*event.parties}, {*event.other_parties}, event.date,
                    {(s.person, s.roles, s.hospital) for s in event.signatories})

        assert [record(e) for e in found.events] == [record(e) for e in gold.events]
        for want, have in zip(gold.events, found.events, strict=True):
            assert have.agreement in (want.agreement, None)


def test_a_hub_that_signs_with_two_makes_two_events(marked) -> None:
    article = marked("{H1:甲医院}先后与{H2:乙医院}、{H3:丙医院}签署协议。\n> H1 + H2; H1 + H3",
                     header("甲医院", "乙医院"), header("甲医院", "丙医院"))
    assert [e.parties for e in events(article)] == [("甲医院", "乙医院"), ("甲医院", "丙医院")]


def test_three_that_all_sign_with_one_another_make_one(marked) -> None:
    article = marked("{H1:甲医院}、{H2:乙医院}与{H3:丙医院}签署三方协议。\n> H1 + H2 + H3", header("甲医院", "乙医院", "丙医院"))
    assert [e.parties for e in events(article)] == [("甲医院", "乙医院", "丙医院")]


def test_a_three_way_agreement_beside_a_pair(marked) -> None:
    article = marked("{H1:甲医院}、{H2:乙医院}与{H3:丙医院}签约。\n> H1 + H2 + H3\n{H1:丙医院}与{H2:丁医院}签约。\n> H1 + H2",
                     header("甲医院", "乙医院", "丙医院"), header("丙医院", "丁医院"))
    assert [e.parties for e in events(article)] == [("甲医院", "乙医院", "丙医院"), ("丙医院", "丁医院")]


def test_the_same_pair_in_many_sentences_is_one_event(marked) -> None:
    article = marked("{H1:甲市中心医院}与{H2:乙县医院}签约。\n> H1 + H2\n根据协议，{H1:乙县医院}和{H2:中心医院}共建。\n> H1 + H2",
                     "@alias 甲市中心医院 = 中心医院", header("甲市中心医院", "乙县医院"))
    event, = events(article)
    assert event.parties == ("甲市中心医院", "乙县医院")
    assert set(event.evidence) == {e.id for e in article.entities}


def test_two_mentions_of_one_institution_are_no_agreement(marked) -> None:
    article = marked("{H1:甲市中心医院}与{H2:中心医院}签约。")
    assert events(Article(id="a", text=article.text, entities=article.entities,
                          relations=(Relation(type="SIGNED_WITH", head="T1", tail="T2"),))) == []


def test_a_single_party_is_an_event_of_its_own(marked) -> None:
    """The other half, a company, is not of the default schema."""
    article = marked("{D1:11月8日}，{H1:甲医院}与某公司签约，{R1:院长}{P1:张三}签字。\n> H1 on D1; P1 for H1; P1 = R1")
    event, = events(article, published="2024-11-10")
    assert event.parties == ("甲医院",) and event.date == "2024-11-08"
    assert [(s.person, s.roles, s.hospital) for s in event.signatories] == [("张三", ("院长",), "甲医院")]


def test_no_signing_no_event(marked) -> None:
    article = marked("{H1:甲医院}{R1:院长}{P1:张三}来到{H2:乙医院}参观。\n> P1 = R1; P1 @ H1")
    assert events(article) == []


def test_org_parties_stand_apart(marked) -> None:
    article = marked("{O1:甲大学}与{H1:乙医院}签约。\n> O1 + H1", "@event 乙医院 | other 甲大学 | kind other | status signed")
    event, = events(article)
    assert event.parties == ("乙医院",) and event.other_parties == ("甲大学",)


def test_of_the_dates_of_one_sentence_the_most_precise_wins(marked) -> None:
    article = marked("{D1:11月}，{D2:2024年11月8日}，{H1:甲医院}与{H2:乙医院}签约。\n> H1 + H2; H1 on D1; H2 on D2", header("甲医院", "乙医院"))
    assert [e.date for e in events(article)] == ["2024-11-08"]


def test_a_date_of_the_stating_sentence_comes_before_a_more_precise_one_elsewhere(marked) -> None:
    article = marked("{D1:2024年11月9日}{H1:甲医院}另签一份。\n> H1 on D1\n{D1:2024年10月}，{H1:甲医院}与{H2:乙医院}签约。\n> H1 + H2; H1 on D1",
                     header("甲医院", "乙医院"))
    assert [e.date for e in events(article)] == ["2024-10"]


def test_of_equally_precise_dates_the_better_scored_wins(marked) -> None:
    article = marked("{D1:11月8日}{D2:11月9日}，{H1:甲医院}与{H2:乙医院}签约。")
    day, other, one, two = (e.id for e in article.entities)
    for scores, date in (((0.9, 0.6), "2024-11-08"), ((0.6, 0.9), "2024-11-09")):
        relations = (Relation(type="SIGNED_WITH", head=one, tail=two, score=0.8),
                     Relation(type="SIGNED_ON", head=one, tail=day, score=scores[0]),
                     Relation(type="SIGNED_ON", head=one, tail=other, score=scores[1]))
        event, = events(Article(id="a", text=article.text, entities=article.entities, relations=relations), published="2024-12-01")
        assert event.date == date and event.score == 0.8


def test_the_day_of_another_agreement_is_not_taken(marked) -> None:
    article = marked("{H1:甲医院}与{H2:乙医院}签约。{D2:11月9日}{H3:丙医院}签约。\n> H1 + H2; H3 on D2", header("甲医院", "乙医院"))
    first, second = events(article)
    assert (first.parties, first.date) == (("甲医院", "乙医院"), None)
    assert (second.parties, second.date) == (("丙医院",), "XXXX-11-09")


@pytest.mark.parametrize(("sentence", "parties"), [
    ("{D1:11月9日}，{H1:甲医院}、{H2:乙医院}签约。", [("甲医院", "乙医院")]),
    ("{D1:11月9日}，{H1:甲医院}、{H2:乙医院}分别与某大学签约。", [("甲医院",), ("乙医院",)])])  # each with a third
def test_two_that_sign_on_one_day_of_a_sentence_sign_with_each_other(marked, sentence: str, parties: list[tuple[str, ...]]) -> None:
    found = events(marked(sentence + "\n> H1 on D1; H2 on D1", *(header(*p) for p in parties if len(p) > 1)))
    assert [e.parties for e in found] == parties


def test_one_who_signs_on_a_day_with_another_stays_apart_from_a_third(marked) -> None:
    body = "{D1:11月9日}，{H1:甲医院}与{H2:乙医院}签约，{H3:丙医院}签约。\n> H1 + H2; H1 H2 H3 on D1"
    assert [e.parties for e in events(marked(body, header("甲医院", "乙医院")))] == [("甲医院", "乙医院"), ("丙医院",)]


def test_of_several_dates_of_others_none_is_taken(marked) -> None:
    article = marked("{H1:甲医院}与{H2:乙医院}签约。{D2:11月9日}{H3:丙医院}签约，{D3:11月10日}{H4:丁医院}签约。\n> H1 + H2; H3 on D2; H4 on D3",
                     header("甲医院", "乙医院"))
    assert [e.date for e in events(article)] == [None, "XXXX-11-09", "XXXX-11-10"]


def test_a_date_that_is_tied_to_nobody_is_not_taken(marked) -> None:
    article = marked("{D1:11月8日}{H1:甲医院}与{H2:乙医院}签约。\n> H1 + H2", header("甲医院", "乙医院"))
    assert [e.date for e in events(article)] == [None]


def test_the_date_of_both_parties_comes_before_that_of_one(marked) -> None:
    article = marked("{D1:3月27日}{H1:甲医院}与{H2:乙医院}签约，与{H3:丙医院}定于{D2:4月15日}补签。\n> H1 + H2; H1 H2 on D1; H1 + H3; H1 H3 on D2",
                     header("甲医院", "乙医院"), header("甲医院", "丙医院"))
    assert [e.date for e in events(article)] == ["XXXX-03-27", "XXXX-04-15"]


def test_a_date_above_is_taken_where_no_party_is_tied_to_one(marked) -> None:
    body = ("发布时间：{D1:2024-11-10}\n{D1:11月7日}，专家座谈。{D2:去年}已有合作。\n"
            "会上，{H1:甲医院}与{H2:乙医院}签约，{D1:11月20日}挂牌。\n> H1 + H2\n{D1:12月1日}起坐诊。")
    event, = events(marked(body, header("甲医院", "乙医院")), published="2024-11-10")
    assert event.date == "2024-11-07"


def test_a_tied_date_that_cannot_be_read_is_none(marked) -> None:
    article = marked("{D1:11月7日}，专家座谈。\n{D1:昨日}，{H1:甲医院}与{H2:乙医院}签约。\n> H1 + H2; H1 H2 on D1", header("甲医院", "乙医院"))
    assert [e.date for e in events(article)] == [None]


def test_dates_of_an_article_are_read_together(marked) -> None:
    article = marked("某报{D1:10月12日}讯。{D2:昨天}，{H1:甲医院}与{H2:乙医院}签约。\n> H1 + H2; H1 on D2", header("甲医院", "乙医院"))
    assert [e.date for e in events(article)] == ["XXXX-10-11"]


def test_posts_of_the_signing_sentence_before_those_of_the_article(marked) -> None:
    body = ("{H1:甲医院}{R1:院长}{P1:张三}致辞。\n> P1 = R1; P1 @ H1\n"
            "{H1:甲医院}与{H2:乙医院}签约，{R1:党委书记}{P1:张三}与{P2:李四}签字。\n> H1 + H2; P1 for H1; P1 = R1; P2 for H2\n"
            "{R1:副院长}{P1:李四}讲话。\n> P1 = R1")
    event, = events(marked(body, header("甲医院", "乙医院")))
    assert [(s.person, s.roles, s.hospital) for s in event.signatories] == [
        ("张三", ("党委书记",), "甲医院"), ("李四", ("副院长",), "乙医院")]


def test_a_signatory_of_another_agreement_is_not_ours(marked) -> None:
    body = "{H1:甲医院}与{H2:乙医院}签约，{P1:张三}签字。{H3:丙医院}与{H4:丁医院}签约，{P2:李四}签字。\n> H1 + H2; H3 + H4; P1 for H1; P2 for H3"
    first, second = events(marked(body, header("甲医院", "乙医院"), header("丙医院", "丁医院")))
    assert [s.person for s in first.signatories] == ["张三"] and [s.person for s in second.signatories] == ["李四"]


def test_who_signs_for_a_hub_signs_the_agreement_of_that_sentence(marked) -> None:
    body = ("{H1:甲医院}与{H2:乙医院}、{H3:丙医院}签约。\n> H1 + H2; H1 + H3\n"
            "{P1:张三}代表{H1:甲医院}与{H2:乙医院}签字，{P2:李四}代表{H3:甲医院}与{H4:丁医院}签字。\n> H1 + H2; P1 for H1; P2 for H3; H3 + H4")
    assert {(e.parties, tuple(s.person for s in e.signatories)) for e in events(
        marked(body, header("甲医院", "乙医院"), header("甲医院", "丙医院"), header("甲医院", "丁医院")))} == {
            (("甲医院", "乙医院"), ("张三", "李四")), (("甲医院", "丙医院"), ()), (("甲医院", "丁医院"), ("张三", "李四"))}


def test_who_signs_for_a_hub_in_a_sentence_of_its_own_signs_all_its_agreements(marked) -> None:
    body = "{H1:甲医院}与{H2:乙医院}、{H3:丙医院}签约。\n> H1 + H2; H1 + H3\n{P1:张三}代表{H1:甲医院}签字。\n> P1 for H1"
    assert [[s.person for s in e.signatories] for e in events(
        marked(body, header("甲医院", "乙医院"), header("甲医院", "丙医院")))] == [["张三"], ["张三"]]


@pytest.mark.parametrize(("sentence", "name"), [
    ("{H1:甲医院}与{H2:乙医院}签署战略合作协议。", "战略合作协议"), ("{H1:甲医院}与{H2:乙医院}签署《医联体合作协议书》。", "医联体合作协议书"),
    ("{H1:甲医院}与{H2:乙医院}签订了合作备忘录。", "合作备忘录"), ("{H1:甲医院}与{H2:乙医院}签署指导共建(框架)协议。", "指导共建(框架)协议"),
    ("{H1:甲医院}与{H2:乙医院}签约。", None)])
def test_the_agreement_by_its_words(marked, sentence: str, name: str | None) -> None:
    event, = events(marked(f"{sentence}\n> H1 + H2", header("甲医院", "乙医院")))
    assert event.agreement == name


def test_names_are_simplified_and_without_glosses(marked) -> None:
    article = marked("{H1:威海市中醫(yī)院}與{H2:市中心醫(yī)院}簽署戰(zhàn)略合作協(xié)議。\n> H1 + H2",
                     header("威海市中医院", "市中心医院"))
    event, = events(article)
    assert event.parties == ("威海市中医院", "市中心医院") and event.agreement == "战略合作协议"


def test_we_becomes_the_publisher(marked) -> None:
    article = marked("{H1:我院}与{H2:乙县人民医院}签约。\n> H1 + H2", header("我院", "乙县人民医院"))
    assert [e.parties for e in events(article, publisher="甲市中心医院")] == [("甲市中心医院", "乙县人民医院")]


def test_events_come_in_the_order_of_the_text_and_evidence_is_their_sentence(marked) -> None:
    article = marked("{H1:甲医院}与{H2:乙医院}签约。{H3:丁医院}祝贺。\n> H1 + H2\n{P1:张三}说，{H1:丙医院}与{H2:戊医院}签约。\n> H1 + H2",
                     header("甲医院", "乙医院"), header("丙医院", "戊医院"))
    first, second = events(article)
    texts = {e.id: e.text for e in article.entities}
    assert [texts[i] for i in first.evidence] == ["甲医院", "乙医院"]
    assert [texts[i] for i in second.evidence] == ["张三", "丙医院", "戊医院"]


@pytest.mark.parametrize(("strength", "expected"), [
    ({(1, 2): 0.9, (1, 3): 0.8, (2, 3): 0.5}, {(2, 3)}),  # a hub and two spokes
    ({(1, 2): 0.9, (1, 3): 0.8, (2, 3): 0.7}, set()),  # three that signed together
    ({(1, 2): 1.0, (1, 3): 1.0, (2, 3): 1.0}, set()),  # gold
    ({(1, 2): 0.9, (2, 3): 0.2}, set()),  # no third party ties both ends of the weak pair
    ({}, set()),
])
def test_pairs_between_the_spokes_of_a_hub_go(strength: dict[tuple[int, int], float], expected: set[tuple[int, int]]) -> None:
    assert spokes({frozenset(k): v for k, v in strength.items()}) == {frozenset(k) for k in expected}


def test_who_unveils_a_plaque_beside_those_who_sign_is_no_signatory(marked) -> None:
    sign = "{H1:甲医院}院长{P1:张三}与{H2:乙医院}院长{P2:李四}共同签署协议。\n> H1 + H2; P1 for H1; P2 for H2\n"
    unveil = "{H1:甲医院}副院长{P1:王五}与{H2:乙医院}副院长{P2:赵六}为协作基地揭牌。\n> P1 for H1; P2 for H2"
    [event] = events(marked(sign + unveil, header("甲医院", "乙医院")))
    assert [s.person for s in event.signatories] == ["张三", "李四"]
    # What is unveiled can end the sentence, as where a page has lost a character.
    [event] = events(marked(sign + unveil.replace("协作基地揭牌", "“某某专科？？联盟”揭牌"), header("甲医院", "乙医院")))
    assert [s.person for s in event.signatories] == ["张三", "李四"]
    # Where nobody is said to sign, those who unveil stand for their institutions.
    [event] = events(marked("{H1:甲医院}与{H2:乙医院}结为联盟。\n> H1 + H2\n" + unveil, header("甲医院", "乙医院")))
    assert [s.person for s in event.signatories] == ["王五", "赵六"]


def test_an_article_without_a_word_of_agreement_has_no_event(marked) -> None:
    told = "{P1:罗介}代表{H1:涉县医院}%s。\n> P1 for H1"
    assert len(events(marked(told % "签字"))) == 1
    assert events(marked(told % "发言")) == []


def test_a_partner_that_was_not_joined_names_kind_and_agreement(marked) -> None:
    """The pair of the first sentence was missed; that its university is a party elsewhere takes nothing from it."""
    article = marked("{D1:11月8日}，{H1:甲医院}与{O1:江东医科大学}签署人才培养协议。\n> H1 on D1\n"
                     "{H1:丙医院}与{O1:江东医科大学}、{O2:江城科技有限公司}签署数据合作协议。\n> H1 + O1; H1 + O2; O1 + O2",
                     header("丙医院", "江东医科大学", "江城科技有限公司"))
    one, other = events(article)
    assert (one.parties, one.agreement, one.kind) == (("甲医院",), "人才培养协议", "院校合作")
    assert (other.parties, other.agreement) == (("丙医院",), "数据合作协议") and len(other.other_parties) == 2
