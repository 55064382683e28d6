"""The user's own register of institutions, and which of its entries a name stands for.

A name matches exactly, by an alias, or closely: as a usual short form of an entry, with other filler words, or with one
character amiss where that character does not tell institutions apart. Where two entries fit about equally well, or a short
form names a kind of house rather than a house (市中心医院), the places that the article names decide, or nobody does.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from data.article import LINK_KINDS, LINKED_KINDS, Article, Event, Link, LinkCandidate
from data.clean import surface
from data.names import local_level, place_short, short_forms, split_place
from models.register_file import Entry, normalise, normalise_all, read_entries

EXACT, ALIAS, CLOSE, AMBIGUOUS, NONE = LINK_KINDS
_EXACT_SCORE, _ALIAS_SCORE, _FILLER_SCORE, _SHORT_SCORE, _SLIP_CEILING = 1.0, 0.99, 0.93, 0.9, 0.92
_PLACE_WORDS = frozenset("市县区州镇乡")
_NO_PLACE_BEFORE = frozenset("大医学路街")
MARGIN = 0.05  # a runner-up this near fits about equally well
_MIN_SLIP_LENGTH, _MIN_CORE_LENGTH = 7, 4
# 第 without its number is what is left of another name, no filler.
_FILLERS = re.compile(r"人民|附属|[()省市]|第(?=[一二三四五六七八九十])")
_GENERIC = re.compile(
    r"[省市县区州盟旗]?(?:第?[一二三四五六七八九十]+|中心|人民|中医|中西医结合|妇幼(?:保健)?|儿童|肿瘤|口腔|传染病|精神卫生|立|总|人)*(?:医院|保健院|院|中心)")
# A character that tells two institutions apart is no slip of the pen.
_TELLING = frozenset("第一二三四五六七八九十〇零0123456789东西南北中心医院市县区州省镇乡儿妇幼男女总分上下新老大小"
                     "肿瘤眼耳口腔骨胸肺脑肝肾")


@dataclass(frozen=True, kw_only=True)
class _Match:
    entry: Entry
    kind: str
    score: float


@dataclass
class Register:
    """Entries with their indices; ``faults`` tells of the rows that were skipped, with their line numbers."""

    entries: Sequence[Entry]
    faults: Sequence[str] = ()
    _names: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _aliases: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _shorts: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _cores: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _by_length: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _known: dict[str, list[_Match]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        keys = iter(normalise_all([name for e in self.entries for name in (e.name, *e.aliases)]))
        for entry in self.entries:
            name = next(keys)
            self._names[name].append(entry)
            for alias in {next(keys) for _ in entry.aliases} - {name, ""}:
                self._aliases[alias].append(entry)
            for _, form in short_forms(name):
                self._shorts[form].append(entry)
        for name in {**self._names, **self._aliases}:
            self._cores[_core(name)].append(name)
            self._by_length[len(name)].append(name)

    def link(self, name: str, context: str = "") -> Link:
        """What ``name`` stands for, read against the places that ``context``, the article's text, names."""
        key = normalise(name)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._matches(key)
        if not found:
            return _link(name, NONE, [])
        rivals = [m for m in found if found[0].score - m.score < MARGIN]
        generic = is_generic(key)
        if len(rivals) > 1 or (generic and found[0].kind == CLOSE):
            named = _nearest_named(rivals, _clean(context), innermost_only=generic)
            if len(named) != 1:
                return _link(name, AMBIGUOUS, found)
            found = named + [m for m in found if m is not named[0]]
        elif len(found) > 1 and _contested(found, _clean(context)):
            return _link(name, AMBIGUOUS, found)
        return _link(name, found[0].kind, found)

    def _matches(self, key: str) -> list[_Match]:
        """The entries that the normalised name may stand for, each once, best first."""
        # A generic alias (市中心医院) is one local usage among others, whoever wrote it down.
        alias_score = _SHORT_SCORE if is_generic(key) else _ALIAS_SCORE
        found = [_Match(entry=e, kind=EXACT, score=_EXACT_SCORE) for e in self._names.get(key, ())]
        found += [_Match(entry=e, kind=ALIAS, score=alias_score) for e in self._aliases.get(key, ())]
        is_known = bool(found)
        found += [_Match(entry=e, kind=CLOSE, score=_SHORT_SCORE) for e in self._shorts.get(key, ())]
        found += self._with_other_fillers(key)
        if not is_known:
            found += self._with_a_slip(key)
        best: dict[str, _Match] = {}
        for match in sorted(found, key=lambda m: (-m.score, m.kind != EXACT, m.kind != ALIAS, m.entry.id)):
            best.setdefault(match.entry.id, match)
        return list(best.values())

    def _with_other_fillers(self, key: str) -> Iterator[_Match]:
        """威海中心医院 for 威海市中心医院."""
        core = _core(key)
        if len(core) >= _MIN_CORE_LENGTH and not is_generic(key):
            for other in self._cores.get(core, ()):
                if other != key and _same_place(key, other):
                    yield from self._of(other, _FILLER_SCORE)

    def _with_a_slip(self, key: str) -> Iterator[_Match]:
        """Names that differ in one character which does not tell institutions apart."""
        if len(key) < _MIN_SLIP_LENGTH or is_generic(key):
            return
        for length in (len(key) - 1, len(key), len(key) + 1):
            others = self._by_length.get(length)
            if not others:
                continue
            distances = process.cdist([key], others, scorer=Levenshtein.distance, score_cutoff=1, dtype=np.uint8)[0]
            for i in np.flatnonzero(distances == 1):
                edit = next(iter(Levenshtein.editops(key, others[i])))
                touched = ("" if edit.tag == "insert" else key[edit.src_pos]) + (
                    "" if edit.tag == "delete" else others[i][edit.dest_pos])
                in_place = edit.src_pos < _place_length(key) or edit.dest_pos < _place_length(others[i]) or (
                    _PLACE_WORDS & set(others[i][edit.dest_pos + 1:edit.dest_pos + 3]))  # 附属苏州市, 附属衢州市
                if not in_place and not _TELLING & set(touched) and _same_place(key, others[i]):
                    yield from self._of(others[i], min(round(fuzz.ratio(key, others[i]) / 100, 4), _SLIP_CEILING))

    def _of(self, name: str, score: float) -> Iterator[_Match]:
        for entry in (*self._names.get(name, ()), *self._aliases.get(name, ())):
            yield _Match(entry=entry, kind=CLOSE, score=score)


def _core(name: str) -> str:
    return _FILLERS.sub("", name.replace("中医医院", "中医院"))


def _same_place(name: str, other: str) -> bool:
    """False where both name a place of one level, and not the same."""
    here, there = split_place(name), split_place(other)
    pairs = ((here.province, there.province), (here.city, there.city), (here.county, there.county), (here.town, there.town))
    return all(a == b or not a or not b or a == place_short(b) or place_short(a) == b for a, b in pairs)


def is_generic(name: str) -> bool:
    """True for what names a kind of house in some place (市中心医院, 第一医院), and not a house."""
    return bool(_GENERIC.fullmatch(name) or local_level(name))


def _place_length(name: str) -> int:
    """How many characters the places in front of a name take: one amiss there makes another place."""
    return len(name) - len(split_place(name).rest)


@lru_cache(maxsize=4)
def _clean(context: str) -> str:
    """The clean text of an article, kept while its names are linked."""
    return surface(context)


def _place_rank(entry: Entry, context: str) -> int | None:
    """How far out the innermost place of an entry lies that the text names; None where it names none of them."""
    for rank, place in enumerate(entry.places if context else ()):
        if place in context or _names_short(place_short(place), context):
            return rank
    return None


def _names_short(short: str, context: str) -> bool:
    """Whether 中山 stands in the text otherwise than in 中山大学, 中山医院, 中山路."""
    at = context.find(short) if len(short) > 1 else -1
    while at >= 0 and context[at + len(short):at + len(short) + 1] in _NO_PLACE_BEFORE:
        at = context.find(short, at + 1)
    return at >= 0


def _contested(found: Sequence[_Match], context: str) -> bool:
    """Whether the text names the very place of another entry that may be called so, and no place of the best one."""
    return _place_rank(found[0].entry, context) is None and any(_place_rank(m.entry, context) == 0 for m in found[1:])


def _nearest_named(matches: Sequence[_Match], context: str, *, innermost_only: bool) -> list[_Match]:
    """Those whose innermost place the text names, else those of which it names the place around that, and so on."""
    ranked = [(rank, m) for m in matches if (rank := _place_rank(m.entry, context)) is not None]
    best = min((rank for rank, _ in ranked), default=None)
    return [m for rank, m in ranked if rank == best] if best == 0 or not innermost_only else []


def _link(name: str, kind: str, found: Sequence[_Match]) -> Link:
    best, runner_up = ([LinkCandidate(id=m.entry.id, name=m.entry.name, score=m.score) for m in found] + [None, None])[:2]
    return Link(name=name, kind=kind, id=best.id if best and kind in LINKED_KINDS else None, best=best,
                runner_up=runner_up)


def link_event(event: Event, register: Register, context: str) -> Event:
    """The event with a link for each of its parties."""
    names = dict.fromkeys((*event.parties, *event.other_parties))
    return replace(event, links=tuple(register.link(name, context) for name in names))


def link_article(article: Article, register: Register) -> Article:
    """The article with its events linked against its own text and publisher."""
    context = "\n".join([article.publisher or "", article.text]) if article.events else ""
    return replace(article, events=tuple(link_event(v, register, context) for v in article.events))


def link_summary(kinds: Counter[str]) -> str:
    """How many names found which kind of match, for the last line of a command."""
    return "register: " + ", ".join(f"{kinds[kind]} {kind}" for kind in LINK_KINDS)


def read_register(path: Path | str) -> Register:
    """The register of a CSV file (:func:`models.register_file.read_entries`); raises DataError as that does."""
    entries, faults = read_entries(path)
    return Register(entries=entries, faults=faults)


def register_of_command(path: Path | None) -> Register | None:
    """What a command's ``--register`` names, its bad rows told on standard error; None where it names nothing.

    Raises:
        DataError: see :func:`read_register`.
    """
    if path is None:
        return None
    register = read_register(path)
    for fault in register.faults:
        print(f"skipped: {fault}", file=sys.stderr)
    return register
