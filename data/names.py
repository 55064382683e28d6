"""Names of Chinese hospitals, people, organisations, posts and dates, made up the way China makes them up.

A short form follows from its full name: 临沂市第一人民医院 gives 临沂一院 and 市一院. Word lists are in ``data/names/``.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

FOLDER = Path(__file__).parent / "names"
# How a short form is made: its place reduced to a word (市一院), left out (中心医院), or abbreviated (临沂一院).
LOCAL, SUFFIX, ABBREVIATION = "local", "suffix", "abbreviation"
LEVELS = {"city": 34, "county": 34, "university": 14, "province": 5, "town": 8, "other": 10, "army": 2}
_LEVEL_WORDS = (("自治区", "province"), ("地区", "city"), ("省", "province"), ("市", "city"), ("州", "city"), ("盟", "city"),
                ("县", "county"), ("区", "county"), ("旗", "county"))


@dataclass(frozen=True, kw_only=True)
class InstitutionName:
    """A full name, its level (of ``LEVELS``) or kind of organisation, and its short forms with the style of each."""

    full: str
    level: str
    forms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place, or a name cut into its places and the rest; what it lacks is empty. Municipalities have no ``city``."""

    province: str
    city: str
    county: str
    town: str = ""
    rest: str = ""

    @property
    def local(self) -> str:
        """The innermost place above the town."""
        return self.county or self.city or self.province

    @property
    def level(self) -> str:
        """county, city, province, or empty without a place; a municipality counts as a city."""
        home = "city" if self.city or self.province.endswith("市") else "province"
        return ("county" if self.county else home) if self.local else ""


@cache
def read_lines(name: str) -> tuple[str, ...]:
    """The lines of one list in ``data/names/``, without comments."""
    return tuple(x for x in (FOLDER / name).read_text(encoding="utf-8").splitlines() if x and not x.startswith("#"))


@cache
def words(name: str, key: str) -> tuple[str, ...]:
    """The words of one key of a list whose lines read ``KEY: words``."""
    return next(tuple(x.split()[1:]) for x in read_lines(name) if x.startswith(key + ":"))


@cache
def places() -> tuple[Place, ...]:
    """All counties of the lists with the places above them."""
    counties = {x.split()[0]: x.split()[1:] for x in read_lines("counties.txt")}
    found = []
    for province, short, *cities in (x.split() for x in read_lines("cities.txt")):
        for city in cities or [""]:
            full, _, stem = city.partition("=")
            name = full if stem or not city else full + "市"
            found += [Place(province=province, city=name, county=c) for c in counties.get(stem or city or short, [""])]
    return tuple(found)


@cache
def _place_pattern() -> re.Pattern[str]:
    provinces = "|".join(sorted({p.province for p in places()}))
    cities = {p.city for p in places() if p.city} | {place_short(p.city) + "州" for p in places() if p.city[-1:] == "州"}
    return re.compile(
        rf"(?P<province>(?:{provinces})(?!立))?(?P<city>(?:{'|'.join(sorted(cities, key=len, reverse=True))})(?!立))?"
        r"(?P<county>[^院学校军队、]{1,12}?(?:自治县|自治旗|县|旗|(?<=[^第])新区|(?<=..)(?<![社院病校园战治地军])[区市])(?!立))?"
        r"(?P<town>[^院学校、]{1,6}?(?:镇|乡|街道))?(?P<rest>.+)", re.DOTALL)


@lru_cache(maxsize=8192)
def split_place(name: str) -> Place:
    """Cut the places off the front of a name; county-level cities count as counties."""
    match = _place_pattern().fullmatch(name)
    return Place(**match.groupdict(default="")) if match else Place(province="", city="", county="", rest=name)


def place_word(place: str) -> str:
    """The word that stands for a place at home: 市, 县, 州, 自治区 …"""
    return next((word for word, _ in _LEVEL_WORDS if place.endswith(word)), "")


@lru_cache(maxsize=8192)
def place_short(place: str) -> str:
    """临沂 of 临沂市, 石柱 of 石柱土家族自治县; a name of two characters stays whole (赵县)."""
    for line in read_lines("cities.txt"):
        full, short, *cities = line.split()
        if listed := next((x.partition("=")[2] for x in (f"{full}={short}", *cities) if x.startswith(place + "=")), ""):
            return listed
    if "族" in place or "自治" in place:
        return place[:2]
    return place if len(place) <= 2 else place.removesuffix(place_word(place))


@lru_cache(maxsize=8192)
def kind_of(what: str, name: str) -> str:
    """The first kind of ``kinds.txt`` whose signs a name shows, or empty; ``what`` is hospital, org or role."""
    return next((kind for kind, signs in _signs(what) if re.search(signs, name)), "")


@cache
def _signs(what: str) -> tuple[tuple[str, str], ...]:
    rows = (x.split(maxsplit=2) for x in read_lines("kinds.txt"))
    return tuple((kind, signs) for key, kind, signs in rows if key == what)


@lru_cache(maxsize=8192)
def hospital_level(name: str) -> str:
    """The level of a full or local name; ``short`` where neither a place nor a kind shows it."""
    shown = kind_of("hospital", name) or local_level(name) or split_place(name).level
    return shown or ("short" if len(name) <= 5 else "other")


def local_level(name: str) -> str:
    """The level of a name that opens with 市, 县, 自治区 …; empty for others."""
    return next((level for word, level in _LEVEL_WORDS if name.startswith(word) and len(name) > len(word) + 1), "")


def surname_of(person: str) -> str:
    """The surname of a Han name of two to four characters."""
    return person[:2] if len(person) > 2 and person[:2] in words("people.txt", "compound") else person[:1]


@lru_cache(maxsize=8192)
def short_forms(full: str) -> tuple[tuple[str, str], ...]:
    """The natural short forms of a hospital's full name, as ``(style, form)``; none equals the full name."""
    heads = [x for x in words("words.txt", "university") if full.startswith(x.partition("=")[0])]
    if found := re.search("第([〇零一二三四五六七八九]{3})医院$", full):
        digits = found[1].translate(str.maketrans("〇零一二三四五六七八九", "00123456789"))
        forms = [(SUFFIX, f"{found[1]}医院"), *((ABBREVIATION, f"{x}医院") for x in ("解放军" + found[1], digits))]
    elif heads:
        head, _, short = max(heads, key=len).partition("=")
        forms = _university_forms(full.removeprefix(head), short)
    else:
        forms = _placed_forms(split_place(full))
    return tuple(dict.fromkeys((style, form) for style, form in forms if form != full and len(form) > 1))


def _university_forms(tail: str, short: str) -> list[tuple[str, str]]:
    if found := re.search("第([一二三四五六七八九十])", tail):
        forms = [f"{short}{found[1]}院"]
        return [(ABBREVIATION, x) for x in forms + [f"{short}{found[1]}附院", f"{short}附{found[1]}院"] * ("附属" in tail)]
    name = tail.rpartition("附属")[2]
    if name == "医院":
        return [(ABBREVIATION, short + "附院"), (ABBREVIATION, short + "附属医院")]
    return [(SUFFIX, name), *short_forms(name), (ABBREVIATION, short + name)]


def _placed_forms(parts: Place) -> list[tuple[str, str]]:
    rest = parts.rest
    if parts.town:
        return [(SUFFIX, parts.town + rest),
                (ABBREVIATION, re.sub("(?:镇|乡|街道)$", "", parts.town) + rest.removeprefix("中心"))]
    if not parts.local:
        shorts = {place_short(p.city or p.province) for p in places()}
        stem = rest.removeprefix(max((x for x in shorts if rest.startswith(x)), key=len, default=""))
        named = len(stem) > 3 and not stem.startswith(("人民", "中医", "市", "第"))
        return [(SUFFIX, stem)] * named + [(ABBREVIATION, re.sub("(?:职工)?总医院$", "总院", rest))]
    word, short = place_word(parts.local), place_short(parts.local)
    if rest.endswith("立医院"):
        return [(ABBREVIATION, short + rest), (LOCAL, word + rest)]
    changed = next(([re.sub(signs, x, rest) for x in to.split("、")] for to, signs in _signs("variant")
                    if re.search(signs, rest)), [rest])
    forms = [(LOCAL, word + rest), (ABBREVIATION, parts.local + rest), *((LOCAL, word + x) for x in changed)]
    # 临沂医院 would be another house: what is no more than 医院 keeps the word of its place.
    worded = short.removesuffix(word) + word
    forms += [(ABBREVIATION, (worded if x in ("医院", "人医") else short) + x) for x in changed]
    return [*forms, (SUFFIX, rest)] if len(rest) > 2 and rest != "人民医院" else forms


class NameMaker:
    """Draws names with ``rng``; the same state of ``rng`` gives the same names."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def place(self) -> Place:
        """A county with the places above it."""
        return self.rng.choice(places())

    def hospital(self, level: str | None = None, place: Place | None = None) -> InstitutionName:
        """A hospital of a level (drawn by frequency where none is given), at ``place`` if its level has one."""
        level = level if level in LEVELS else self.rng.choices(tuple(LEVELS), tuple(LEVELS.values()))[0]
        full, _ = self._compose(level, place or self.place())
        return InstitutionName(full=full, level=level, forms=short_forms(full))

    def org(self, kind: str, place: Place | None = None) -> InstitutionName:
        """An organisation of a kind of ``kinds.txt``: health, government, university, company …"""
        full, short = self._compose(f"org/{kind}", place or self.place())
        return InstitutionName(full=full, level=kind, forms=((ABBREVIATION, short),) if short not in ("", full) else ())

    def _compose(self, level: str, place: Place) -> tuple[str, str]:
        patterns, cumulative = _patterns(level)
        full, short = self.rng.choices(patterns, cum_weights=cumulative)[0]
        slots = _Slots(self.rng, place)
        return full.format_map(slots), short.format_map(slots)

    def campus(self) -> str:
        """The name of one campus: 城东院区."""
        return self.rng.choice(words("words.txt", "campuses"))

    def person(self) -> str:
        """A name: Han mostly, with rare surnames and characters, some compound surnames and minority names."""
        rng, chance = self.rng, self.rng.random()
        if chance < 0.07:
            people = rng.choice(("tibetan", "tibetan", "uyghur", "mongolian", "yi"))
            first, second = rng.sample(words("people.txt", people), 2)
            return first if people == "mongolian" else f"{first}·{second}" if people == "uyghur" else first + second
        surnames, skew = (words("people.txt", "compound"), 1) if chance < 0.1 else (words("people.txt", "surnames"), 3)
        # Surnames stand in falling frequency: the cube gives the first five about a fifth of all people.
        surname = surnames[int(len(surnames) * rng.random() ** skew)]
        pools = ["given" if rng.random() < 0.6 else "rare" for _ in range(1 if rng.random() < 0.22 else 2)]
        return surname + "".join(rng.choice(words("people.txt", pool)) for pool in pools)

    def role(self, kind: str = "department") -> str:
        """A post of a kind of ``kinds.txt``; another kind gives a bare one (主任)."""
        if kind != "department":
            known = kind in ("lead", "gov", "degree", "company", "school", "byline")
            return self.rng.choice(words("posts.txt", kind if known else "bare"))
        clinical = self.rng.random() < 0.6
        return (self.rng.choice(words("posts.txt", "departments" if clinical else "offices"))
                + self.rng.choice(words("posts.txt", "department_posts" if clinical else "office_posts")))

    def date(self, like: str) -> str:
        """Another calendar date written as ``like`` is; one in eight takes another form that fits the same place."""
        rng, seen = self.rng, list[str]()
        year, month, day = rng.randint(2013, 2026), rng.randint(1, 12), rng.randint(1, 28)
        rows = [x.split() for x in read_lines("date_forms.txt")] if rng.random() < 0.125 else []
        if forms := next((x[1:] for x in rows if re.fullmatch(x[0], like)), []):
            chinese = {"Y": "".join(_CHINESE[int(c)] for c in str(year)), "M": _han(month), "D": _han(day)}
            return rng.choice(forms).format(y=year, m=month, d=day, **chinese)
        padded = bool(re.search(r"(?<!\d)0\d|\d{4}[-/.]\d\d[-/.]\d\d", like))

        def other(match: re.Match[str]) -> str:
            found = match[0]
            if match["word"]:
                return rng.choice(next(x.split() for x in _RELATIVE if found in x.split()))
            unit = {"年": "y", "月": "m", "日": "d", "号": "d"}.get(like[match.end():match.end() + 1], "")
            unit = unit or ("y" if len(found) == 4 else "d" if "m" in seen else "m")
            seen.append(unit)
            if unit == "y":
                value = str(rng.randint(1900, 1999) if found.startswith(("1", "一")) else year)
                return value if match["number"] else "".join(_CHINESE[int(c)] for c in value)
            number = month if unit == "m" else day
            return _han(number) if match["han"] else f"{number:02}" if padded else str(number)

        return _DATE_PART.sub(other, like)


class _Slots(dict[str, str]):
    """What the slots of a pattern hold; each is drawn when it is first asked for."""

    def __init__(self, rng: random.Random, place: Place) -> None:
        home = place.city or place.province
        local = rng.choice([x for x in (place.county, home, home, place.province) if x])
        over = home if place.county.endswith("区") and rng.random() < 0.7 else ""
        super().__init__(province=place.province, city=home, county=place.county or home, home=place_short(home),
                         local=local, word=place_word(local), stem=place_short(place.county or home), over=over,
                         within=place.county if rng.random() < 0.7 else "", short_province=place_short(place.province))
        self.rng = rng

    def __missing__(self, slot: str) -> str:
        found, _, self[slot + "2"] = self.rng.choice(words("words.txt", slot)).partition("=")
        self[slot] = found
        return found


@cache
def _patterns(level: str) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
    rows = [(*x.split(), "") for x in read_lines("patterns.txt") if x.startswith(level + " ")]
    return tuple((row[2], row[3]) for row in rows), tuple(accumulate(int(row[1]) for row in rows))


_DATE_PART = re.compile(r"(?<!\d)(?P<number>\d{4}|\d{1,2})(?!\d)|(?P<year>[一二三四五六七八九〇零○]{4})(?=年)"
                        r"|(?P<han>[一二三四五六七八九十]{1,3})(?=[月日])|(?P<word>[去今明前]年|[昨今前][日天]|[本上下]月|[上中下]旬)")
_CHINESE = "〇一二三四五六七八九"
_RELATIVE = ("去年 今年 明年 前年", "昨日 昨天 今天 今日 前天 前日", "本月 上月 下月", "上旬 中旬 下旬")


def _han(number: int) -> str:
    return ("", "十", "二十", "三十")[number // 10] + ("", *_CHINESE[1:])[number % 10]
