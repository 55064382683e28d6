"""Mentions found by expressions and dictionaries alone, on clean text.

The rule baseline (models/rules.py) answers with them; the model reads them as hints (models/hints.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from data.schema import HOSPITAL, ORG
from models import rule_patterns as patterns
from models.gazetteer import CleanSpan, Gazetteer

PERSON, ROLE, DATE = "PERSON", "ROLE", "DATE"
MAX_NAME_LENGTH = 26  # of an institution, in characters before its suffix
_PUNCTUATION = re.compile(r"[^\w·]")
_PARTY_POST = re.compile("副?书记|常委")
_BYLINE_GLUE = re.compile("[:/]? ?")
_DOTTED_NAME = re.compile(f"[{patterns.HAN}]{{2,7}}·[{patterns.HAN}]{{2,7}}")
_STRICT_END = re.compile(f"(?![{patterns.HAN}])|等|同志")


@dataclass
class RuleTagger:
    """The work on one clean text; spans are added in the order of trust and never overlap."""

    text: str
    gazetteer: Gazetteer
    surnames: frozenset[str]
    spans: list[CleanSpan] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._taken = bytearray(len(self.text))  # 1 for each character of a span

    def tag(self) -> list[CleanSpan]:
        """All mentions, ORG among them whatever the schema holds: an organisation bounds posts and parties."""
        self._dates()
        # A name of two characters is as often a word: 明月, 蓝田.
        known = [s for s in self.gazetteer.matches(self.text)
                 if s.label != PERSON or s.char_end - s.char_start > 2]
        # 市委 in 市委书记 is part of the post.
        self._institutions([s for s in known if s.label in (HOSPITAL, ORG)
                            and not _PARTY_POST.match(self.text, s.char_end)])
        roles = self._role_candidates([s for s in known if s.label == ROLE])
        self._persons_beside_roles(roles)
        self._credits()
        self._add_all(s for s in known if s.label not in (HOSPITAL, ORG, ROLE))
        self._repeat_persons()
        self._roles_beside_persons(roles)
        return sorted(self.spans)

    def _free(self, span: CleanSpan) -> bool:
        return self._taken.find(1, span.char_start, span.char_end) < 0

    def _add(self, start: int, end: int, label: str) -> bool:
        span = CleanSpan(char_start=start, char_end=end, label=label)
        free = start < end and self._free(span)
        if free:
            self.spans.append(span)
            self._taken[start:end] = b"\1" * (end - start)
        return free

    def _add_all(self, spans: Iterable[CleanSpan]) -> None:
        for span in sorted(spans, key=lambda s: (s.char_start - s.char_end, s.char_start)):
            self._add(span.char_start, span.char_end, span.label)

    def _add_everywhere(self, name: str, label: str) -> None:
        start = self.text.find(name)
        while start >= 0:
            self._add(start, start + len(name), label)
            start = self.text.find(name, start + len(name))

    def _dates(self) -> None:
        for match in patterns.DATE.finditer(self.text):
            self._add(*match.span(), DATE)
        for match in patterns.COPYRIGHT_YEAR.finditer(self.text):
            for group in (1, 2):
                if match[group]:
                    self._add(*match.span(group), DATE)

    def _institutions(self, known: Sequence[CleanSpan]) -> None:
        found = [CleanSpan(char_start=m.start(), char_end=m.end(), label=HOSPITAL)
                 for m in patterns.SELF_REFERENCE.finditer(self.text)]
        found += self._suffixed(patterns.HOSPITAL_SUFFIX, HOSPITAL)
        for match in patterns.CAMPUS.finditer(self.text):
            start = self._left(max(0, match.start() - 4), match.start())
            if match.start() - start > 1 and not patterns.GENERIC.fullmatch(self.text[start : match.start()]):
                found.append(CleanSpan(char_start=start, char_end=match.end(), label=HOSPITAL))
        found += self._suffixed(patterns.ORG_SUFFIX, ORG)
        self._add_all([*found, *(self._widened(s) for s in known)])
        for match in patterns.ALIAS.finditer(self.text):
            named = next((s for s in self.spans if s.char_end == match.start()), None)
            if named is not None:
                self._add_everywhere(match[1], named.label)

    def _widened(self, known: CleanSpan) -> CleanSpan:
        """A short name of the dictionary with the place in front: 市妇幼 is 淮安市妇幼 where the text says so."""
        if self.text[known.char_start] not in "市县区省州一二三四五六七八九第附":
            return known
        start = self._left(max(0, known.char_start - 4), known.char_start)
        return replace(known, char_start=min(known.char_start, start))

    def _suffixed(self, suffix: re.Pattern[str], label: str) -> Iterator[CleanSpan]:
        """Names that end on a suffix and begin behind the last word that cannot belong to them."""
        done = 0
        for match in suffix.finditer(self.text):
            start = self._left(max(done, match.start() - MAX_NAME_LENGTH), match.start())
            stem = self.text[start : match.start()]
            if stem and not patterns.GENERIC.fullmatch(stem) and not patterns.GENERIC_END.search(stem):
                yield CleanSpan(char_start=start, char_end=match.end(), label=label)
                done = match.end()
            elif stem and stem in "市县省区州镇旗盟" and (label == ORG or match[0].startswith(("医院", "中医院"))):
                # 市卫健委 and 县医院 name one institution in this article; 市级医院 does not.
                yield CleanSpan(char_start=start, char_end=match.end(), label=label)

    def _left(self, floor: int, end: int, stop: re.Pattern[str] = patterns.LEFT_STOP) -> int:
        """Where a name that runs up to ``end`` begins, not before ``floor``."""
        for match in _PUNCTUATION.finditer(self.text, floor, end):
            floor = match.end()
        for match in stop.finditer(self.text, floor, end):
            floor = match.end()
        return max([floor, *(s.char_end for s in self.spans if s.char_end <= end)])

    def _role_candidates(self, known: Sequence[CleanSpan]) -> list[CleanSpan]:
        """Posts with the department or level in front; whether someone holds them is decided later."""
        found = list(known)
        for match in patterns.ROLE_CORE.finditer(self.text):
            start = match.start()
            if not match["byline"] and not match["degree"]:
                left = self._left(max(0, start - 14), start, patterns.POST_STOP)
                if patterns.DEPARTMENT.match(self.text[left:start]):
                    start = left
            found.append(CleanSpan(char_start=start, char_end=match.end(), label=ROLE))
        chosen: list[CleanSpan] = []
        for span in sorted(found, key=lambda s: (s.char_start - s.char_end, s.char_start)):
            if self._free(span) and not any(span.overlaps(other) for other in chosen):
                chosen.append(span)
        return sorted(chosen)

    def _persons_beside_roles(self, roles: Sequence[CleanSpan]) -> None:
        starts = {s.char_start for s in roles}
        for role in roles:
            byline = patterns.ROLE_CORE.match(self.text, role.char_start)
            after = role.char_end
            if byline and byline["byline"]:
                after = _BYLINE_GLUE.match(self.text, after).end()  # type: ignore[union-attr]
            self._names_from(after)
            self._name_before_bracket(role)
            # 方明书记, 张院长: the name ends where the post begins and begins at an edge.
            for length in (3, 2, 1):
                start = role.char_start - length
                if start >= 0 and self._is_name_before(start, role.char_start) and start not in starts:
                    self._add(start, role.char_start, PERSON)
                    break

    def _name_before_bracket(self, role: CleanSpan) -> None:
        """钮斌(无锡市精神卫生中心院长): the post stands in the bracket behind the name."""
        bracket = self.text.rfind("(", max(0, role.char_start - 24), role.char_start)
        if bracket < 1 or re.search("[)。;\n]", self.text[bracket : role.char_start]):
            return
        for length in (4, 3, 2):
            start = bracket - length
            if start >= 0 and self._name_length(start, strict=True) == length and self._is_name_before(start, bracket):
                self._add(start, bracket, PERSON)
                return

    def _names_from(self, start: int) -> None:
        """A name at ``start``, and the names coordinated with it: 通讯员 吕增光、王格."""
        length = self._name_length(start)
        while length:
            self._add(start, start + length, PERSON)
            glue = patterns.NAME_GLUE.match(self.text, start + length)
            if not glue:
                return
            start = glue.end()
            # Behind the first name only a whole, bounded one counts: 王格、宣传科 goes on with something else.
            length = self._name_length(start, strict=True)

    def _name_length(self, start: int, *, strict: bool = False) -> int:
        """Length of the name that begins at ``start``, 0 where none does; ``strict`` wants a mark behind it."""
        text = self.text
        dotted = _DOTTED_NAME.match(text, start)
        if dotted:
            whole = dotted.end() - start
            shorter = range(dotted[0].index("·") + 3, whole)
            return next((n for n in shorter if patterns.NAME_END.match(text, start + n)), whole)
        if text.startswith(patterns.NOT_A_NAME, start):
            return 0
        lengths: tuple[int, ...] = ()
        if text.startswith(patterns.MINORITY_STARTS, start):
            lengths = (4, 5, 3, 2)
        elif text.startswith(patterns.COMPOUND_SURNAMES, start):
            lengths = (4, 3)
        elif text[start : start + 1] in self.surnames:
            lengths = (3, 2)
        end = _STRICT_END if strict else patterns.NAME_END
        possible = [n for n in lengths if self._may_be_name(start, start + n)]
        bounded = [n for n in possible if end.match(text, start + n)]
        return bounded[0] if bounded else 0

    def _may_be_name(self, start: int, end: int) -> bool:
        name = self.text[start:end]
        return (len(name) == end - start and all("\u3400" <= c <= "\u9fff" for c in name)
                and not patterns.NOT_IN_NAME & set(name[1:])
                and self._free(CleanSpan(char_start=start, char_end=end, label=PERSON)))

    def _is_name_before(self, start: int, end: int) -> bool:
        compound = self.text.startswith(patterns.COMPOUND_SURNAMES, start)
        if self.text[start] not in self.surnames and not compound:
            return False
        if self.text.startswith(patterns.NOT_A_NAME, start) or not self._may_be_name(start, end):
            return False
        edge = patterns.LEFT_EDGE.search(self.text[max(0, start - 1) : start])
        return bool(edge) or any(s.char_end == start for s in self.spans)

    def _credits(self) -> None:
        for match in patterns.CREDIT.finditer(self.text):
            start = match.end()
            if self._name_length(start, strict=True):
                self._names_from(start)

    def _repeat_persons(self) -> None:
        names = {self.text[s.char_start : s.char_end] for s in self.spans if s.label == PERSON}
        for name in sorted((n for n in names if len(n) > 1), key=len, reverse=True):
            self._add_everywhere(name, PERSON)

    def _roles_beside_persons(self, roles: Sequence[CleanSpan]) -> None:
        """Keep the posts that touch a person, and those chained to such a post by 、 or 兼."""
        persons = [s for s in self.spans if s.label == PERSON]
        starts, ends = {s.char_start for s in persons}, {s.char_end for s in persons}
        held_from: set[int] = set()
        for role in reversed(roles):
            after = {role.char_end, *(m.end() for m in [patterns.ROLE_GLUE.match(self.text, role.char_end)] if m)}
            bracket = self.text.rfind("(", max(0, role.char_start - 24), role.char_start)
            inside = bracket in ends and not re.search("[)。;]", self.text[bracket : role.char_start])
            behind = self.text[role.char_end : role.char_end + 1] in (":", "/", " ", "") and role.char_end + 1 in starts
            held = inside or behind or role.char_end in starts or after & held_from or role.char_start in ends
            if held and self._add(role.char_start, role.char_end, ROLE) and role.char_start not in ends:
                held_from.add(role.char_start)
