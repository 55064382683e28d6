"""The causes an error can have: what each means, and what annotation would help against it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One cause in both languages of the report; no advice where annotation would not help."""

    en: str
    zh: str
    advice_en: str = ""
    advice_zh: str = ""


CAUSES = {
    "noise": Cause(
        en="a gloss, a lost byte or an invisible character stands inside the mention",
        zh="片段内夹有注音、丢失字节或不可见字符",
        advice_en="pages with pinyin glosses and damaged characters", advice_zh="带拼音注音、乱码的网页"),
    "boundary: department": Cause(
        en="right place, but a department is in or out", zh="位置对，科室的取舍不对",
        advice_en="posts and institutions written together with a department", advice_zh="职务、机构与科室连写的句子"),
    "boundary: campus": Cause(
        en="right place, but a campus, branch or group is in or out", zh="位置对，院区、分院、集团的取舍不对",
        advice_en="hospitals named with a campus, a branch or a group", advice_zh="带院区、分院、集团的医院名"),
    "boundary: title": Cause(
        en="right place, but a title or part of a post is in or out", zh="位置对，职称、职务的取舍不对",
        advice_en="long and coordinated posts before and after names", advice_zh="姓名前后较长或并列的职务"),
    "boundary: other": Cause(
        en="right place and label, other ends", zh="位置与标签对，起止不对",
        advice_en="long names of institutions, and dates in ranges", advice_zh="较长的机构名、日期区间"),
    "label": Cause(
        en="a mention is there, under another label", zh="有此片段，标签不同",
        advice_en="sentences where one name can be a person, a post or an institution",
        advice_zh="同一名称可作人名、职务或机构的句子"),
    "alias": Cause(
        en="a short name or a self-reference (我院)", zh="简称或自称（我院）",
        advice_en="articles that use short names of hospitals and 我院", advice_zh="多用医院简称和“我院”的文章"),
    "list": Cause(
        en="the mention, or an end, stands in a list of names", zh="处在并列名单中",
        advice_en="lists of attendees with posts and institutions", advice_zh="带职务、单位的参会名单"),
    "schema doubt": Cause(
        en="the same words are marked elsewhere in the article and not here, or the same fact at another mention: "
           "look at the guidelines and the gold first",
        zh="同样的文字在文中别处已标而此处未标，或同一事实标在另一处：先核对标注规范与金标",
        advice_en="nothing new: let two annotators judge these places again", advice_zh="不必新标：请两人复核这些位置"),
    "unseen name form": Cause(
        en="training had no mention written like this", zh="训练集中没有这种写法",
        advice_en="articles from regions and kinds of institutions that training lacks",
        advice_zh="训练集缺少的地区、机构类型的文章"),
    "known form": Cause(
        en="training had this very mention, here the context misled", zh="训练集中有此写法，此处上下文误导",
        advice_en="known names in new contexts, negatives too", advice_zh="已知名称出现在新语境（含反例）"),
    "lost with a mention": Cause(
        en="a mention at one end is missing or wrong; no error of its own", zh="一端的实体缺失或有误，随之而错"),
    "cross-sentence": Cause(
        en="the ends stand in different sentences", zh="两端不在同一句",
        advice_en="articles whose facts run over several sentences", advice_zh="事实跨句表述的文章"),
    "bystander": Cause(
        en="attending, hosting or witnessing was taken for signing, or the other way round", zh="出席、主办、见证与签约混淆",
        advice_en="articles without a signing: visits, lectures, awards; and witnesses at signings",
        advice_zh="无签约的文章（来访、讲座、评奖），以及签约的见证人"),
    "other link": Cause(
        en="both ends are right, the link between them is not", zh="两端都对，关系不对",
        advice_en="the relations of this type in longer sentences", advice_zh="长句中的此类关系"),
    "event: parties": Cause(
        en="the event is there with other parties or under another name", zh="有此事件，签约方或其名称不同",
        advice_en="agreements of three and more parties, and hospitals under several names",
        advice_zh="三方以上协议、一院多名"),
    "event: date": Cause(
        en="the parties are right, the date is not", zh="签约方对，日期不对",
        advice_en="relative dates and pages without a date of publication", advice_zh="相对日期、缺发布日期的网页"),
    "event: signatory": Cause(
        en="the parties are right, who signed is not", zh="签约方对，签字人不对",
        advice_en="sentences that name who signed for whom", advice_zh="写明何人代表何方签字的句子"),
    "event: agreement": Cause(
        en="the parties are right; the words, kind or status of the agreement are not", zh="签约方对，协议名称、类型或状态不对",
        advice_en="how agreements are named and announced", advice_zh="协议的名称与公布方式"),
}
