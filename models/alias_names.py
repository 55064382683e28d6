"""How names of institutions relate: whether one is a short form of another, whose campus it is, of which place.

Pure functions on clean names. A short form keeps the order of the characters of the full one (山大二院 for 山东大学第二医院)
and may leave out what is generic (人民, 附属), never what tells two institutions of a place apart (中医, 妇幼, 第二).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from data.names import place_word, read_lines, split_place

CAMPUS = re.compile(
    r"(?P<institution>.*?(?:医院|保健院|卫生院|服务中心|院|中心)(?:[(（].{1,6}[)）])?)??"
    r"(?P<campus>[^院]{1,8}(?:院区|院部)|[东西南北]区|本部)")
INSTITUTION_NAME = re.compile(r"(?:医院|保健院|卫生院|卫生中心|服务中心|中医院|分院|院)(?:[(（]集团[)）])?$")
MAX_NAME = 60  # characters; a longer span is no name, and comparing it would only cost
LEVELS = "省市县区旗州盟"
SAME, SUFFIX, ABBREVIATION, PROPER_PART = range(4)  # how well a short form fits; lower is better

_PEOPLES = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|"
    "高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|"
    "普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|"
    "珞巴|基诺|各")
_AUTONOMOUS = re.compile(rf"(?:(?:{_PEOPLES})族|{'|'.join(p for p in _PEOPLES.split('|') if len(p) > 1)})+自治(?=[州县旗])")
_DIGITS = str.maketrans("0123456789〇", "零一二三四五六七八九零")
_REWRITES = tuple((re.compile(pattern), new) for pattern, new in (
    (r"第(?=[零一二三四五六七八九十])", ""), (r"卫生(?:健康|计生)|卫(?:健|计)", "卫健"), (r"(?<=卫健委)员会", ""),
    (r"人民政府", "政府"), (r"中医医院", "中医院"), (r"妇女儿童", "妇儿"),
    # 一附院 and 附属第一医院 are one order of words.
    (r"([一二三四五六七八九十])附(属?)(?=医?院)", r"附\2\1"),
))
# What stands for itself only: 市中医院 is not 市中心医院 with a character left out, 区委 no 区卫健委, 海南大学 no 医学院 of it.
_WORDS = re.compile(r"中西医|中医|中心|人民|大学|学院|卫生院|保健院|医院|卫健|公司|[省市县区旗州盟]委(?!员)|.", re.DOTALL)
# What tells two institutions of one place apart.
_TELLING = re.compile(r"[零一二三四五六七八九十]|中西医|中医|[藏蒙维回壮]医|妇|儿童|肿瘤|口腔|眼|骨科|脑科|精神|传染|胸科|"
                      r"康复|老年|皮肤|心血管|结核|整形|红十字")
_PARENT = re.compile(r".*(?:大学|学院|科学院|研究院)")
_GENERIC = re.compile(
    r"(?:人民|中心|医疗|附属|综合|总|大|一|集团|职工|国际|友好|地区|有限|责任|股份|公司|医科|大学|[()省市县区旗州盟镇乡])*")
_TAIL = re.compile(
    r"(?:人民|中心|妇幼|保健|卫生|服务|结合|医疗|医学|科技|大学|学校|医院|有限|责任|股份|公司|集团|委员会|[院会学()])*")
_MEDIA = re.compile("(?:[报网社台刊线号圈]|客户端)$")
_NO_NAME = re.compile("医院|卫生院|保健院|服务中心|中心|大学|学院|医学院|学校|公司|集团|政府")  # a kind, which stands for nobody
_SAYS_KIND = re.compile("(?:[院网报社台委局厅校会省市县区旗州盟]|大学|中心|公司|集团)$")
_NUMBERS = tuple("零一二三四五六七八九十")
_WHOLE_KIND = "网报社台院委局厅校会"  # a short form that says its kind stops where the full one does


def is_bare_campus(name: str) -> bool:
    """True for a campus that does not say of which institution: 东院区."""
    match = CAMPUS.fullmatch(name)
    return match is not None and not match["institution"]


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """One spelling of what is written in several: 第, 卫生健康委员会 and 卫健委, 苗族自治县 and 县, digits."""
    name = _AUTONOMOUS.sub("", name.translate(_DIGITS))
    for pattern, new in _REWRITES:
        name = pattern.sub(new, name)
    return name


@lru_cache(maxsize=16384)
def fit(short: str, full: str) -> int | None:
    """How ``short`` stands for ``full``: SAME, SUFFIX, ABBREVIATION, PROPER_PART, or None where it cannot."""
    s, f = normal(short), normal(full)
    if s == f:
        return SAME
    if not 2 <= len(s) < len(f) <= MAX_NAME or _NO_NAME.fullmatch(s):
        return None
    if f.endswith(s) and not _cuts_number(f[:-len(s)], s) and not f[:-len(s)].endswith("自治"):
        return SUFFIX
    if any(_aligned(s, form) for form in (f, _with_level(f, s[0]))):
        return ABBREVIATION
    return PROPER_PART if _is_proper_part(s, f) else None


def _is_proper_part(short: str, full: str) -> bool:
    """Whether a hospital is called by the name in the middle of its name: 阜外 of 阜外华中心血管病医院."""
    _, found, rest = full.partition(short)
    return bool(found) and full.endswith("医院") and not (_SAYS_KIND.search(short) or any(n in rest for n in _NUMBERS))


def _cuts_number(before: str, short: str) -> bool:
    """Whether a short form would begin behind a number: 中心医院 in 第二中心医院."""
    return before[-1:] in _NUMBERS and short[0] not in LEVELS


def _with_level(full: str, level: str) -> str:
    """The full name with the level that it leaves unsaid: 河北医科大学 as 河北省医科大学, so that 省四院 can fit."""
    if level not in "省市":
        return full
    place = next((p for p in _bare_places(level) if full.startswith(p) and full[len(p):len(p) + 1] not in LEVELS), None)
    return place + level + full[len(place):] if place else full


@lru_cache(maxsize=2)
def _bare_places(level: str) -> tuple[str, ...]:
    """Short names of the provinces or of the cities, the longest first."""
    rows = [line.split() for line in read_lines("cities.txt")]
    names = [row[1] for row in rows] if level == "省" else [c.split("=")[-1] for row in rows for c in row[2:]]
    return tuple(sorted(names, key=len, reverse=True))


def _aligned(short: str, full: str) -> bool:
    """Whether the words of ``short`` stand in ``full`` in order and what is left out between and behind may be."""
    stem = short.removesuffix("医院")
    if stem != short and stem in full:
        # 北京医院 is not 北京协和医院: between a whole name and 医院 only generic words may be missing.
        before, _, gap = full.removesuffix("医院").partition(stem)
        return full.endswith("医院") and not _cuts_number(before, short) and _GENERIC.fullmatch(gap) is not None
    if any(len(place) > 2 and place not in full for place in places(short).values()):
        return False  # 黔南州 is not 黔东南州
    words = _WORDS.findall(short)
    parent = _PARENT.match(full)
    telling = [m.start() for m in _TELLING.finditer(full, parent.end() if parent else 0)]

    @cache
    def fits(index: int, reached: int) -> bool:
        """Whether the words from ``index`` on stand behind position ``reached`` of the full name."""
        if index == len(words):
            return _may_end(short, full[reached:])
        start = full.find(words[index], reached)
        while start >= 0:
            gap = full[reached:start]
            told = index > 0 and ("医院" in gap or any(reached <= t < start for t in telling))
            may_skip = not _cuts_number(full[:start], short) if index == 0 else _same_level("".join(words[:index]), gap)
            if not told and may_skip and fits(index + 1, start + len(words[index])):
                return True
            start = full.find(words[index], start + 1)
        return False

    return fits(0, 0)


def _same_level(said: str, gap: str) -> bool:
    """A form that says its place (省, 市) does not stand for an institution of a place within it."""
    return not (any(c in "省市县区旗盟" for c in said) and any(c in "省市县区旗州盟镇乡" for c in gap))


def _may_end(short: str, rest: str) -> bool:
    """Whether a short form may stop with ``rest`` unsaid: generic words, after the rest of a word it has begun."""
    begun = 0 if short[-1] in _WHOLE_KIND else 4 if rest.endswith("公司") else 1
    return any(_TAIL.fullmatch(rest, i) and not any(n in rest[:i] for n in _NUMBERS) for i in range(min(begun, len(rest)) + 1))


def places(name: str) -> dict[str, str]:
    """The places at the front of a name by the word that stands for each at home: 市 德州市, 县 秭归县."""
    place = split_place(name)
    return {place_word(p): normal(p) for p in (place.province, place.city, place.county) if p}


def home_of(publisher: str) -> dict[str, str]:
    """Where an institution publishes from, as :func:`places`, with the province of its city; nothing for a paper."""
    if _MEDIA.search(publisher):
        return {}
    home = places(publisher)
    if not home.keys() & {"省", "自治区"} and (province := _province_of(home.get("市", ""))):
        home[place_word(province)] = province
    return home


def _province_of(city: str) -> str:
    for line in read_lines("cities.txt"):
        province, _, *cities = line.split()
        if any(city in (c.partition("=")[0], c + "市") for c in cities):
            return province
    return ""
