"""Agreement, kind and status of an event, read off the text around it."""

from __future__ import annotations

import pytest

from data.article import Article, Event
from data.schema import Schema
from eval.document_step import score_document_step
from models.document import assemble
from models.event_fields import EventText, agreement_name, event_kind, event_status, is_denied

A, B, C = "甲市中心医院", "乙县人民医院", "丙市第一医院"


def text(*stated: str, **more: object) -> EventText:
    return EventText(**{"stated": stated, "own": {A, B}, "names": {A, B, C}, "hospitals": (A, B), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(("sentence", "name"), [
    (f"{A}与{B}签署战略合作协议。", "战略合作协议"),
    (f"{A}和{B}儿科医联体合作协议签约仪式举行。", "儿科医联体合作协议"),  # a name in front is no part of it
    (f"双方代表在《双向转诊与急会诊协议》上签字,{A}、{B}出席。", "双向转诊与急会诊协议"),  # 与 inside a name stays
    (f"{A}与{B}签订对口支援责任状。", "对口支援责任状"),
    (f"{A}同{B}签署医疗卫生共同体建设协议。", "医疗卫生共同体建设协议"),
    (f"{A}与{B}签署“组团帮扶”对口支援协议。", "“组团帮扶”对口支援协议"),
    (f"双方就胸痛中心共建协议达成一致,{A}牵头。", "胸痛中心共建协议"),
    (f"{A}代表甲乙双方在航空救援合作协议上签了字。", "航空救援合作协议"),
    (f"{A}与{B}签署5G远程会诊协议。", "5G远程会诊协议"),
    (f"{A}与{B}举行托管经营合同签订仪式。", "托管经营合同"),
    (f"{A}与{B}签署《{A}专科联盟成员单位合作协议(第二期)》。", f"{A}专科联盟成员单位合作协议(第二期)"),  # a title is whole
    (f"{A}与{B}签署《协议书》。", None),
    (f"{A}与{B}签的是名医工作站建站协议。", "名医工作站建站协议"),
    (f"{A}与{B}签订2024年度医共体目标管理责任书。", "2024年度医共体目标管理责任书"),
    (f"{A}与{B}交换两份托管合同。", "托管合同"),
    (f"{A}与{B}签署的同样是三年期协议。", None),
    (f"{A}拟与{B}签署同类协议。", None),
    (f"{A}与{B}签约,双方在协议上签字。", None),  # a bare 协议 names nothing
    (f"{A}与{B}签约。", None)])
def test_the_name_of_the_agreement(sentence: str, name: str | None) -> None:
    assert agreement_name(text(sentence)) == name


def test_of_two_agreements_the_one_beside_the_own_party() -> None:
    sentence = f"丁医院先与{B}签下学科共建协议,再与{C}签下远程影像会诊合作协议。"
    assert agreement_name(text(sentence, own={B}, neighbours={C})) == "学科共建协议"
    assert agreement_name(text(sentence, own={C}, neighbours={B})) == "远程影像会诊合作协议"


def test_a_name_elsewhere_serves_where_the_stating_sentence_has_none() -> None:
    stated, other = f"{A}与{B}今日签约。", "两家的学科共建协议正式签订。"
    assert agreement_name(text(stated, rest=[other])) == "学科共建协议"
    assert agreement_name(text(stated, rest=["学科共建协议还在起草。"])) is None
    assert agreement_name(text(stated, rest=["这份学科共建协议说了三件事。"])) == "学科共建协议"  # the article's only agreement
    assert agreement_name(text(stated, rest=["这份学科共建协议说了三件事。"], neighbours={C})) is None
    assert agreement_name(text(stated, rest=[f"{C}另行签署学科共建协议。"], neighbours={C})) is None  # a neighbour's
    assert agreement_name(text(stated, rest=["双方没有签署托管协议。"])) is None


@pytest.mark.parametrize(("agreement", "kind"), [
    ("战略合作框架协议", "战略合作"), ("紧密型医联体合作协议", "医联体"), ("眼科专科联盟协议", "专科联盟"), ("整体托管协议", "托管"), ("委托管理合同", "托管"),
    ("卒中中心共建协议", "共建"), ("组团式对口支援协议", "对口支援"), ("远程影像会诊协议", "远程会诊"), ("双向转诊与会诊协议", "转诊会诊"), ("县域医共体建设责任书", "医共体"),
    ("院士工作站共建协议", "工作站"), ("医联体帮扶共建协议", "医联体")])
def test_the_kind_by_the_name(agreement: str, kind: str) -> None:
    assert event_kind(text(f"{A}与{B}签署{agreement}。"), agreement) == kind


def test_the_kind_by_the_sentence_then_by_the_headline() -> None:
    assert event_kind(text(f"{A}托管{B}签约仪式举行。"), None) == "托管"
    assert event_kind(text(f"{A}与{B}签约。", headline="肿瘤专科联盟添新成员"), "合作协议") == "专科联盟"
    assert event_kind(text(f"{A}与{B}签约。"), None) == "other"


@pytest.mark.parametrize(("partner", "agreement", "kind"), [
    ("某某医科大学", "教学基地协议", "院校合作"), ("某某医学院", None, "院校合作"), ("某某保险股份有限公司", "急救联动共建协议", "非医院伙伴"),
    ("某某科技有限公司", None, "非医院伙伴"), ("某某银行", "战略合作协议", "战略合作"), ("某区人民政府", "托管协议", "托管")])
def test_the_kind_where_the_partner_is_no_hospital(partner: str, agreement: str | None, kind: str) -> None:
    assert event_kind(text(f"{A}与{partner}签约。", hospitals=(A,), others=(partner,)), agreement) == kind


def test_without_organisations_the_sentence_tells_the_school() -> None:
    assert event_kind(text(f"{A}与某某医科大学签约。", hospitals=(A,)), None) == "院校合作"
    own = "某某医科大学附属医院"  # a school in the hospital's own name is no partner
    assert event_kind(text(f"{own}与某某保险公司签约。", own={own}, hospitals=(own,)), None) == "非医院伙伴"
    assert event_kind(text(f"{A}与某某科技公司签约。", hospitals=(A,)), None) == "非医院伙伴"


@pytest.mark.parametrize(("sentence", "status"), [
    (f"11月8日,{A}与{B}签署协议。", "signed"), (f"{A}定于11月8日与{B}签署协议。", "planned"), (f"{A}将在滨河院区与{B}签约。", "planned"),
    (f"{A}与{B}计划11月签订托管协议。", "planned"), (f"根据签署的协议,{A}将向{B}派驻专家。", "signed"), (f"{A}与{B}续签医联体协议。", "renewed"),
    (f"{A}与{B}医联体揭牌。", "unveiled"), (f"{A}与{B}签约揭牌仪式举行。", "signed"), ("在平定县与安定医院签署协议。", "signed")])
def test_the_status(sentence: str, status: str) -> None:
    assert event_status(text(sentence)) == status


def test_a_date_after_the_page_is_a_plan_and_one_before_it_is_none() -> None:
    sentence = f"11月8日,{A}与{B}签约。"
    assert event_status(text(sentence, date="2024-11-08", published="2024-11-01")) == "planned"
    assert event_status(text(sentence, date="2024-11-08", published="2024-11-10")) == "signed"
    assert event_status(text(f"{A}拟与{B}签约。", date="2024-11-08", published="2024-11-10")) == "signed"
    assert event_status(text(f"{A}拟与{B}签约。", date="2024-11", published="2024-11-10")) == "planned"
    assert event_status(text(sentence, date="XXXX-11-08", published="昨天")) == "signed"


def test_a_neighbours_renewal_is_not_ours() -> None:
    sentence = f"丁医院与{C}续签协议,又与{B}首次签约。"
    assert event_status(text(sentence, own={B}, neighbours={C})) == "signed"
    assert event_status(text(sentence, own={C}, neighbours={B})) == "renewed"


@pytest.mark.parametrize(("sentence", "denied"), [
    ("双方没有签署任何协议。", True), ("两家医院从未与该公司签约。", True), ("网传签约消息不实。", True), ("该院明确否认签约。", True), ("双方的合作协议已于去年终止。", True),
    (f"{A}与{B}签约。", False), ("推迟的签约定于8月12日举行。", False)])
def test_denials(sentence: str, denied: bool) -> None:
    assert is_denied([sentence]) is denied
    assert not is_denied([sentence, f"{A}与{B}签署协议。"]) and not is_denied([])


def test_a_denied_signing_is_no_event(marked) -> None:
    header = "@event 甲医院 + 乙医院 | kind other | status signed"
    for sentence, count in (("{H1:甲医院}没有与{H2:乙医院}签署协议。", 0), ("{H1:甲医院}与{H2:乙医院}签署协议。", 1)):
        article = marked(f"{sentence}\n> H1 + H2", header)
        bare = Article(id="a", text=article.text)
        assert len(assemble(bare, article.entities, article.relations, model="m").events) == count


def test_events_tell_their_fields_and_the_sentences_on_raw_text(marked) -> None:
    article = marked("喜讯\n{D1:11月8日}，{H1:甲醫院}與{H2:乙醫院}續簽醫聯體協議。今天天氣很好。\n> H1 + H2; H1 on D1",
                     "@event 甲医院 + 乙医院 | date XXXX-11-08 | kind 医联体 | status renewed")
    event: Event = assemble(Article(id="a", text=article.text), article.entities, article.relations, model="m").events[0]
    assert (event.agreement, event.kind, event.status) == ("医联体协议", "医联体", "renewed")
    assert [article.text[start:end] for start, end in event.sentences] == ["11月8日，甲醫院與乙醫院續簽醫聯體協議。"]


def test_on_gold_relations_the_rules_hold_what_was_measured(seeds: list[Article], parties: Schema, hospital: Schema) -> None:
    for schema in (parties, hospital):
        scores = score_document_step(seeds, schema)
        assert scores["record"] == (1.0, 6) and scores["kind"] == (1.0, 6) and scores["status"] == (1.0, 6)
        assert scores["agreement"][0] >= 5 / 6
