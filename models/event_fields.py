"""What kind of agreement an event is, whether it is signed, and what its document is called, read off the text by rules."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from data.markup import KINDS

_DOCUMENT = ("(?:协议书|协议|合同书|合同|备忘录|意向书|责任书|责任状|共建书|合作书|协作书|约定书|三方书|议定书|"
             "(?:联盟|医联体|共同体)章程|合约|框架意向|入盟书)")
# What stands for the names of the event's own parties, for those of other events' parties, and for all other names.
_OWN, _NEIGHBOUR, _OTHER = "\ue000", "\ue001", "\ue002"
_TITLE = "\ue003"  # stands for a whole title
_TITLED = re.compile("《([^《》]{0,60}" + _DOCUMENT + r"(?:\([^()]{1,16}\))?)》")
_NAME = re.compile(_TITLE + r"|(?:“[^“”]{1,12}”|[\u4e00-\u9fffA-Za-z0-9+]|\([\u4e00-\u9fff]{1,6}\)){0,30}?" + _DOCUMENT + "(?!书)")
# What stands in front of a name and is no part of it. Inside quotes nothing is cut.
_BEFORE_NAME = re.compile(
    r"“[^“”]*”|(?P<cut>签署|签订|签定|签下|签妥|签完|签约|续签|补签|签字|签|是|交换|缔结|达成|订立|结成|根据|按照|依据|依照|按|以|就(?!医(?!共体|联体|疗)|诊|业)|"
    r"在(?!职|线)|于|为期.{1,2}年|为(?!民)|的|了|着|过|该|此次|本次|这份|一纸|[一二三四五六七八九十两]+份|新的|上述|相关|有关|关于|代表|举行|"
    r"(?:甲乙|上下)?(?:双方|两级)|各方|各自|单位(?=在|共同)|共同(?!体)|正式|先后|分别|将(?!军)|把|以及|推进|落实|启动|"
    r"公司|委员会|卫健委|卫健局|健康局|保障局|人民政府|红十字会|支队|大学(?!生|城)|专科学校|银行(?=与|和|的|签))")
_LEADING = re.compile(r"^(?:(?:与|和|及|同(?!济|位)|、|由|其|据|方|为|到|等|对(?!口)|第?\d+[年月日至号份批]+(?!度)|一家|首份)+)"
                      "(?=.{2})")
_GENERIC = frozenset(("协议", "协议书", "合同", "合同书", "备忘录", "意向书", "责任书", "责任状", "合约", "两协议", "新协议",
                      "类协议", "一协议", "劳动合同", "服务合同"))
_NO_NAME = re.compile("[一二三四五六七八九十两\\d]+年期(?:协议|合同)")
_SIGNED_BEFORE = re.compile(r"(?:签[署订定下妥约了]?|缔结|达成|订立|名称为)(?:了|的|一份|是|文件为|为期.{1,2}年的)*[《“\"]?$")
_SIGNED_BEHIND = re.compile(r"^[》”\"]?(?:[上里]?(?:签|落款|署名|落笔)|正式(?:签|落)|(?:的)?(?:签约|签署|签订|续签)|续签)")
_DRAFT = re.compile("起草|草案|草拟|磋商|洽谈")
_CLAUSE = re.compile("[,，。;；!！?？]|同时|[又另还再]与")

_PLANNED = re.compile(
    r"(?:将|拟|定于|定在|计划|预计|即将|准备|有望|商定|双方约定|筹备(?!会)|预告)[^。;；]{0,60}?(?:补?签(?!约后)(?![署订约]的)|落笔|揭牌|托管|联姻|联合培养)"
    r"|(?:签约|签订|签署)[^。;；]{0,12}(?:预告|筹备|准备|倒计时|改期)|届时|待.{0,12}(?:签|揭牌)")
_RENEWED = re.compile(r"续签|续约|再续|续订|再签|再度(?:签|携手)|续上|第[二三四五]轮|第二周期|再写三年|又续了")
_SIGNED = re.compile(r"签(?:署|订|定|下|约|字|名|妥)|落款|落笔|换文|协议|合同|备忘录|责任[书状]")
_UNVEILED = re.compile(r"揭牌|挂牌|授牌|揭幕|揭开|挂上|亮相")
_DENIED = re.compile(
    r"(?:没有|并未|从未|未曾|不曾|尚未|未能|未)(?:与|同|和|再)?[^,，。;；]{0,24}?(?:签署|签订|签过|签约|达成)|没有签|没有任何签约"
    r"|(?:消息|内容|传言|报道|说法)[^,，。;；]{0,6}不实|否认|谣言|(?:协议|合同|合作)[^,，。;；]{0,8}(?:终止|解除|作废)"
    r"|(?:签约|签署)[^,，。;；]{0,8}(?:取消|告吹|中止)")

# In the order in which they are asked: the first that an agreement's own name shows is its kind.
_KIND_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple((kind, re.compile(signs)) for kind, signs in (
    ("托管", "托管|委托(?:经营)?管理"),
    ("工作站", "工作站|分站|建站|院士(?!团队)"),
    ("医共体", "医共体|卫生共同体|医疗集团整合"),
    ("专科联盟", "专科联盟|联盟协议|入盟"),
    ("医联体", "医联体|医疗联合体|城市医疗集团"),
    ("对口支援", "对口|支援|帮扶|帮建|组团式"),
    ("远程会诊", "远程"),
    ("转诊会诊", "转诊|会诊|急转急会"),
    ("战略合作", "战略"),
    ("院校合作", "教学|校院|院校|附属(?:医院|院)(?:共建|合作)|共建.{0,4}附属医院|研究生|订单班?|培养|实习|合作办学|学院共建"),
    ("共建", "共建"),
))
_SCHOOL = re.compile("大学|学院|学校|医专|医学部|高专|职校")
_NAME_WEIGHT, _STATED_WEIGHT, _HEADLINE_WEIGHT, _REST_WEIGHT = 8.0, 2.0, 1.5, 0.25


@dataclass(frozen=True, kw_only=True)
class EventText:
    """The clean text around one event.

    ``stated`` are the sentences that state it, ``headline`` opens the article, ``rest`` are the other sentences that
    speak of signing. ``own`` are the surfaces of the parties that no other event of the article shares, ``neighbours``
    those of the parties of other events alone, ``names`` those of all institutions and persons; ``partners`` are those of
    them that may be what a party alone signed with; ``hospitals`` and ``others`` are the canonical parties.
    """

    stated: Sequence[str]
    headline: str = ""
    rest: Sequence[str] = ()
    own: Collection[str] = ()
    neighbours: Collection[str] = ()
    names: Collection[str] = ()
    partners: Collection[str] = ()
    hospitals: Sequence[str] = ()
    others: Sequence[str] = ()
    date: str | None = None
    published: str | None = None


def agreement_name(text: EventText) -> str | None:
    """The words that name the agreement as written, else None.

    A name that is said to be signed comes before one that is merely mentioned, the one that stands with the event's own
    parties before that of a neighbour; sentences that do not state the event serve where those that do have none.
    """
    found = [c for sentence in text.stated for c in _candidates(sentence, text)]
    if not found:
        elsewhere = [c for s in text.rest if not _DENIED.search(s) for c in _candidates(s, text)]
        found = [c for c in elsewhere if c.is_signed and (c.is_own or not c.is_neighbours)]
        if not found and not text.neighbours:  # the article's one agreement: the name is its own whatever is said of it
            found = [c for c in elsewhere if not c.is_draft]
    if not found:
        return None
    return max(found, key=lambda c: (c.is_own, not c.is_neighbours, c.is_signed, len(c.name))).name


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    name: str
    is_own: bool  # a party of this event stands between the agreement named before and this one
    is_neighbours: bool  # a party of another event does
    is_signed: bool
    is_draft: bool


def _candidates(sentence: str, text: EventText) -> list[_Candidate]:
    """Every agreement that a sentence names."""
    titles: list[str] = []

    def set_aside(match: re.Match[str]) -> str:
        titles.append(match[1])
        return f"《{_TITLE}》"

    masked = _masked(_TITLED.sub(set_aside, sentence), text)
    found = []
    done = 0
    for match in _NAME.finditer(masked):
        if match[0] == _TITLE:
            start, name = match.start(), titles.pop(0)
            parties = _masked(name, text)
        else:
            start, name = _without_lead(masked, match)
            parties = ""  # names end it
        if name in _GENERIC or len(name) < 3 or _NO_NAME.fullmatch(name):
            continue
        near = masked[done:start] + parties
        signed = _SIGNED_BEFORE.search(masked[max(0, start - 12):start]) or _SIGNED_BEHIND.match(masked[match.end():])
        found.append(_Candidate(name=name, is_own=_OWN in near, is_neighbours=_NEIGHBOUR in near, is_signed=bool(signed),
                                is_draft=bool(_DRAFT.search(masked))))
        done = match.end()
    return found


def _without_lead(masked: str, match: re.Match[str]) -> tuple[int, str]:
    """Where the name of an agreement begins inside what :data:`_NAME` found, and the name."""
    cuts = [m.end() for m in _BEFORE_NAME.finditer(match[0]) if m["cut"] and m.end() < len(match[0]) - 1]
    start = match.start() + (cuts[-1] if cuts else 0)
    if lead := _LEADING.match(masked[start:match.end()]):
        start += lead.end()
    return start, masked[start:match.end()]


def _masked(sentence: str, text: EventText) -> str:
    """The sentence with names of institutions and persons out of the way: they end the name of an agreement."""
    mark_of = dict.fromkeys(text.names, _OTHER) | dict.fromkeys(text.neighbours, _NEIGHBOUR) | dict.fromkeys(text.own, _OWN)
    for name in sorted(mark_of, key=lambda n: (-len(n), n)):
        if len(name) > 1:
            sentence = sentence.replace(name, mark_of[name])
    return sentence


def event_kind(text: EventText, agreement: str | None) -> str:
    """One of :data:`data.markup.KINDS`: what the agreement's name says, else what its sentences speak of most."""
    shown_by_name = _shown(agreement or "")
    weights = dict.fromkeys(KINDS, 0.0)
    for weight, sentences in ((_NAME_WEIGHT, [agreement or ""]), (_STATED_WEIGHT, text.stated),
                              (_HEADLINE_WEIGHT, [text.headline]), (_REST_WEIGHT, text.rest)):
        for sentence in sentences:
            for rank, kind in enumerate(_shown(sentence)):
                weights[kind] += weight / (rank + 1)
    best = max(KINDS, key=lambda k: (weights[k], k == "other"))
    if len(text.hospitals) > 1 or (best in shown_by_name and best not in ("共建", "院校合作")):
        return best
    # One hospital alone: its partner is a school, or no medical institution at all.
    school = any(map(_SCHOOL.search, text.others or _with_partners(text)))
    elsewhere = not shown_by_name and not any(best in _shown(s) for s in text.stated)
    if best in ("共建", "other", "院校合作") or elsewhere:
        return "院校合作" if school else "非医院伙伴"
    return best


def _with_partners(text: EventText) -> list[str]:
    """The stating sentences without the names of hospitals (重庆大学附属涪陵医院 is no school), with those of partners."""
    shown = replace(text, names=set(text.names) - set(text.partners), neighbours=set(text.neighbours) - set(text.partners))
    return [_masked(s, shown) for s in text.stated]


def _shown(words: str) -> list[str]:
    return [kind for kind, signs in _KIND_SIGNS if signs.search(words)]


def event_status(text: EventText) -> str:
    """One of :data:`data.markup.STATUSES`, by date, by words of planning and renewal, by an unveiling without signing."""
    stated = [_masked(s, text) for s in text.stated]
    if not any(map(_SIGNED.search, stated)):
        # A scene or a headline: what it is about stands in the sentences around it.
        stated += [_masked(s, text) for s in text.rest if _SIGNED.search(s)]
    ahead = _is_ahead(text.date, text.published)
    if ahead or (ahead is None and any(map(_PLANNED.search, stated))):
        return "planned"
    clauses = [c for s in stated for c in _CLAUSE.split(s)]
    if any(_RENEWED.search(c) and (_OWN in c or _NEIGHBOUR not in c) for c in clauses):
        return "renewed"
    if any(map(_UNVEILED.search, stated)) and not any(map(_SIGNED.search, stated)):
        return "unveiled"
    return "signed"


def _is_ahead(date: str | None, published: str | None) -> bool | None:
    """Whether the signing lies after the page; None where the two do not say."""
    if not date or not published or date.startswith("XXXX"):
        return None
    try:
        page = dt.date.fromisoformat(published[:10]).isoformat()
    except ValueError:
        return None
    start = date.partition("/")[0]
    if page[:len(start)] == start:
        return None
    return start > page


def is_denied(sentences: Iterable[str]) -> bool:
    """True where every sentence that seems to state a signing denies it, or says that it ended."""
    stated = [s for s in sentences if s.strip()]
    return bool(stated) and all(map(_DENIED.search, stated))
