"""Nearest-pair relation rules over the mentions of one article."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.article import Entity, Relation
from data.clean import CleanText
from data.schema import HOSPITAL, ORG, Schema
from data.windows import split_sentences
from models import rule_patterns as patterns

_SIGNING = re.compile("签署|签订|签定|签约|签字|签下|续签|签了|共建|揭牌|加入|达成|携手|结为|托管|"
                      "根据协议|按照协议|缔结")
_HAND = re.compile("签署|签订|签字|签约|签下|签了|代表.{0,12}签|共同签|换文")
_NOT_SIGNED = re.compile("未签|没有签|尚未|并未|不实|取消|否认|未能|谣|暂缓|搁置|此前曾|曾于|早在")
_ONLOOKER = re.compile("见证|出席|参加|主持|致辞|讲话|指出|表示|介绍|陪同|祝贺|说")
_WITH = re.compile("(?:[与和同跟及]|携手|联合|加入|牵手|以及)$")
_AND = re.compile("[、,和及与]$")
_LIST = re.compile("[、,和及与]|以及")
_FOR = re.compile("(?:同志)?(?:分别)?代表")
_ABBREVIATED = re.compile(r"\((?:以下)?(?:简?称)?[:为]?[“\"]?$")
_BRACKET = re.compile(r"\([^()]*\)?")
# Posts of a government or its party committee: no hospital gives them.
_OFFICE = re.compile("[市县区州省镇乡旗]长$|[市县区州省旗](?:纪委|委)(?:副?书记|常委)")
_GAP = re.compile("[、 :/(,“\"]{0,2}|兼|兼任")


@dataclass(frozen=True, kw_only=True)
class _Mention:
    """A mention with its place on clean text."""

    entity: Entity
    char_start: int
    char_end: int
    sentence: int
    surface: str

    @property
    def label(self) -> str:
        return self.entity.label


def relate(entities: Sequence[Entity], clean: CleanText, schema: Schema) -> list[Relation]:
    """Relations of the schema between mentions on raw offsets, in text order and without doubles.

    Organisations may be given although the schema lacks them: they keep a person from being placed at the hospital
    before them, and stand as a party whose partner signs.
    """
    mentions = _mentions(entities, clean)
    rules = _Rules(mentions, clean.text)
    found: dict[tuple[str, str, str], None] = {}
    for kind, head, tail in rules.all():
        relation = schema.relation(kind)
        if relation is None:
            continue
        if relation.symmetric and head.char_start > tail.char_start:
            head, tail = tail, head
        if head.label in relation.head and tail.label in relation.tail:
            found[kind, head.entity.id, tail.entity.id] = None
    order = {e.id: i for i, e in enumerate(entities)}
    return [Relation(type=k, head=h, tail=t) for k, h, t in sorted(found, key=lambda r: (order[r[1]], order[r[2]]))]


def _mentions(entities: Sequence[Entity], clean: CleanText) -> list[_Mention]:
    mentions = []
    bounds = split_sentences(clean.text)
    for entity in entities:
        span = clean.to_clean(entity.char_start, entity.char_end)
        if span is not None:
            number = next(i for i, (_, end) in enumerate(bounds) if span[0] < end)
            mentions.append(_Mention(entity=entity, char_start=span[0], char_end=span[1], sentence=number,
                                     surface=clean.text[span[0] : span[1]]))
    return mentions


_Found = Iterator[tuple[str, _Mention, _Mention]]


@dataclass(frozen=True)
class _Rules:
    mentions: Sequence[_Mention]
    text: str

    def all(self) -> _Found:
        holders = dict(self._holders())
        for role, person in ((r, p) for r, found in holders.items() for p in found):
            yield "HOLDS_ROLE", person, self.mentions[role]
        employers = {m.entity.id: place for m, place in self._employers(holders)}
        for mention in self.mentions:
            if place := employers.get(mention.entity.id):
                yield "WORKS_AT", mention, place
        for number in sorted({m.sentence for m in self.mentions}):
            yield from self._signing([m for m in self.mentions if m.sentence == number], employers)

    def _between(self, left: _Mention, right: _Mention) -> str:
        return self.text[left.char_end : right.char_start]

    def _holders(self) -> Iterator[tuple[int, list[_Mention]]]:
        """Persons of each post: the adjacent one, reached through a chain of posts; by-line words have several."""
        for i, role in enumerate(self.mentions):
            if role.label != "ROLE":
                continue
            before = self.mentions[i - 1] if i else None
            if before and before.label == "PERSON" and before.char_end == role.char_start:
                yield i, [before]
                continue
            if bracketed := self._before_bracket(i):
                yield i, [bracketed]
                continue
            j = i + 1
            while j < len(self.mentions) and self.mentions[j].label == "ROLE" and _GAP.fullmatch(
                    self._between(self.mentions[j - 1], self.mentions[j])):
                j += 1
            if j == len(self.mentions) or self.mentions[j].label != "PERSON" or not _GAP.fullmatch(
                    self._between(self.mentions[j - 1], self.mentions[j])):
                continue
            yield i, self._shared(j) if re.fullmatch(patterns.BYLINE, role.surface) else [self.mentions[j]]

    def _before_bracket(self, role: int) -> _Mention | None:
        """The person before the bracket in which the post stands: 钮斌(无锡市精神卫生中心院长)."""
        for mention in reversed(self.mentions[:role]):
            if mention.label == "PERSON":
                between = self._between(mention, self.mentions[role])
                return mention if between.startswith("(") and ")" not in between else None
        return None

    def _shared(self, first: int) -> list[_Mention]:
        """The person at ``first`` and those listed right behind."""
        last = first
        while last + 1 < len(self.mentions) and self.mentions[last + 1].label == "PERSON" and re.fullmatch(
                "[、 ,]{1,2}", self._between(self.mentions[last], self.mentions[last + 1])):
            last += 1
        return list(self.mentions[first : last + 1])

    def _employers(self, holders: dict[int, list[_Mention]]) -> Iterator[tuple[_Mention, _Mention]]:
        """The institution named last before the post, in the sentence; by-lines name no employer."""
        placed: set[str] = set()
        for i, persons in holders.items():
            role = self.mentions[i]
            if re.fullmatch(patterns.BYLINE, role.surface):
                continue
            place = next((m for m in reversed(self.mentions[:i])
                          if m.label in (HOSPITAL, ORG) and m.sentence == role.sentence), None)
            if place is not None and place.label == HOSPITAL and _OFFICE.search(role.surface):
                continue
            for person in persons:
                if place is not None and person.entity.id not in placed and "\n" not in self._between(place, role):
                    placed.add(person.entity.id)
                    yield person, place

    def _signing(self, sentence: Sequence[_Mention], employers: dict[str, _Mention]) -> _Found:
        start, end = sentence[0].char_start, sentence[-1].char_end
        bounds = self.text.rfind("\n", 0, start) + 1, self.text.find("\n", end)
        whole = self._sentence_text(sentence)
        if not _SIGNING.search(whole) or _NOT_SIGNED.search(whole):
            return
        parties: dict[str, _Mention] = {}
        for head, tail in self._partners(sentence):
            parties |= {head.entity.id: head, tail.entity.id: tail}
            yield "SIGNED_WITH", head, tail
        for person, place in self._signers(sentence, employers):
            parties.setdefault(place.entity.id, place)
            yield "SIGNED_FOR", person, place
        date = next((m for m in sentence if m.label == "DATE" and _has_month(m.surface)), None) or next(
            (m for m in self.mentions if m.label == "DATE" and _has_month(m.surface)
             and bounds[0] <= m.char_start < start), None)
        if date is not None:
            for party in parties.values():
                yield "SIGNED_ON", party, date

    def _sentence_text(self, sentence: Sequence[_Mention]) -> str:
        start, end = split_sentences(self.text)[sentence[0].sentence]
        return self.text[start:end]

    def _partners(self, sentence: Sequence[_Mention]) -> Iterator[tuple[_Mention, _Mention]]:
        """What stands before the first 与 with what stands behind it.

        A、B 与 C gives A-C and B-C; A 与 B、C gives A-B and A-C.
        """
        places: list[_Mention] = []
        for m in sentence:
            glossed = _ABBREVIATED.search(self.text, max(0, m.char_start - 8), m.char_start)
            if m.label in (HOSPITAL, ORG) and not glossed and m.surface not in {p.surface for p in places}:
                places.append(m)
        gaps = [_BRACKET.sub("", self._between(a, b)) for a, b in itertools.pairwise(places)]
        middle = next((i for i, gap in enumerate(gaps) if _WITH.search(gap)), None)
        if middle is None:
            if len(places) == 2:
                yield places[0], places[1]
            return
        first, last = middle, middle + 1
        while first > 0 and _AND.search(gaps[first - 1]):
            first -= 1
        while last < len(gaps) and _AND.search(gaps[last]):
            last += 1
        for head in places[first : middle + 1]:
            for tail in places[middle + 1 : last + 1]:
                yield head, tail

    def _signers(self, sentence: Sequence[_Mention], employers: dict[str, _Mention]) -> Iterator[
            tuple[_Mention, _Mention]]:
        """Persons before the signing verb of whom nothing else is said up to it, each for the institution of his post
        or for the one he is said to represent."""
        verbs = [m.start() for m in _HAND.finditer(self.text, *split_sentences(self.text)[sentence[0].sentence])]
        represented = dict(self._represented(sentence))
        for person in sentence:
            verb = next((v for v in verbs if v >= person.char_end), None)
            place = represented.get(person.entity.id) or employers.get(person.entity.id)
            if person.label == "PERSON" and verb is not None and place is not None and not _ONLOOKER.search(
                    self.text, person.char_end, verb):
                yield person, place

    def _represented(self, sentence: Sequence[_Mention]) -> Iterator[tuple[str, _Mention]]:
        """X代表A, and X和Y分别代表A与B in the order of both lists."""
        for i, mention in enumerate(sentence[:-1]):
            if mention.label != "PERSON" or not _FOR.fullmatch(self._between(mention, sentence[i + 1])):
                continue
            persons = [mention]
            places: list[_Mention] = []
            for before in reversed(sentence[:i]):
                if before.label != "PERSON" or not _AND.fullmatch(self._between(before, persons[0])):
                    break
                persons.insert(0, before)
            for place in sentence[i + 1 :]:
                if place.label not in (HOSPITAL, ORG) or (
                        places and not _LIST.fullmatch(_BRACKET.sub("", self._between(places[-1], place)))):
                    break
                places.append(place)
            if "分别" not in self._between(mention, sentence[i + 1]):
                persons = [mention]
            yield from ((p.entity.id, place) for p, place in zip(persons, places, strict=False))


def _has_month(date: str) -> bool:
    """A bare year dates no signing."""
    return bool(re.search(r"[月日号天]|\d[-/.]\d", date))
