"""Joins the names of one article to institutions and persons, from the surest evidence to the weakest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from data.article import Entity
from data.names import surname_of, words
from data.schema import HOSPITAL, ORG
from models.alias_context import Speakers, is_reference
from models.alias_names import CAMPUS, INSTITUTION_NAME, LEVELS, fit, home_of, is_bare_campus, normal, places

PERSON = "PERSON"
INSTITUTIONS = (HOSPITAL, ORG)
_OFFICES = {"委": re.compile("委(?:员会)?$"), "局": re.compile("局$"), "校": re.compile("(?:大学|学院|校)$")}
Name = tuple[str, str]  # label and clean surface


class Linker:
    """Disjoint sets of names (union-find); what names nobody (我院, a bare campus) is resolved mention by mention.

    Args:
        mentions: institutions and persons in text order.
        surfaces: clean form of each mention, by entity id.
        publisher: clean name of who publishes the page.
        text: raw text of the article.
    """

    def __init__(
        self, mentions: Sequence[Entity], surfaces: Mapping[str, str], publisher: str | None, text: str
    ) -> None:
        self.mentions, self.surfaces, self.text = mentions, surfaces, text
        self._first: dict[Name, int] = {}  # where a name is first mentioned, -1 for a publisher that never is
        self._parent: dict[Name, Name] = {}
        self._defined: set[Name] = set()
        self._undecided: set[Name] = set()
        self._resolved: dict[str, Name | None] = {}  # by entity id; None where nothing could be found
        for position, e in enumerate(mentions):
            if not is_reference(surfaces[e.id]):
                self._add(self._name(e), position)
        self.publisher = (HOSPITAL if INSTITUTION_NAME.search(publisher) else ORG, publisher) if publisher else None
        self.home = home_of(publisher) if publisher else {}
        if self.publisher:
            self._add(self.publisher, -1)

    def cluster(self, e: Entity) -> Name:
        """A name that stands for the cluster of a mention, the same one for all its mentions."""
        name = self._name(e)
        return self._resolved.get(e.id) or (self._root(name) if name in self._parent else name)

    def names_of(self, cluster: Name) -> list[str]:
        """All names of a cluster."""
        return [n[1] for n in self._parent if self._root(n) == cluster] or [cluster[1]]

    def is_undecided(self, e: Entity) -> bool:
        """Whether a mention stands apart for want of a choice."""
        return self._name(e) in self._undecided or (e.id in self._resolved and self._resolved[e.id] is None)

    def define(self, left: Entity, right: Entity) -> None:
        """Join what the text itself declares to be one; the first definition of a name holds."""
        one, other = self._name(left), self._name(right)
        if one in self._parent and other in self._parent and other not in self._defined:
            self._join(other, one)
            self._defined.add(other)

    def link_short_forms(self) -> None:
        """Join each short name to the one institution that it fits best; the longest first, so that chains close."""
        for label in INSTITUTIONS:
            known = [n for n in self._parent if n[0] == label and not CAMPUS.fullmatch(n[1])]
            spellings: dict[str, Name] = {}
            for name in sorted(known, key=lambda n: (-len(n[1]), self._first[n], n)):
                same = spellings.setdefault(normal(name[1]), name)
                if same != name and name not in self._defined:
                    self._join(name, same)
            for short in spellings.values():
                if short not in self._defined:
                    self._link_short(short, spellings.values())

    def link_campuses(self) -> None:
        """Join a campus that says its institution to it, and a bare one to the campus of the full name."""
        hospitals = [n for n in self._parent if n[0] == HOSPITAL and self._first[n] >= 0]
        campuses = {n: m["institution"] for n in hospitals if (m := CAMPUS.fullmatch(n[1])) and m["institution"]}
        named = [n for n in hospitals if not CAMPUS.fullmatch(n[1])]
        for campus, institution in campuses.items():
            owners = {self._root(n) for n in named if n[1] == institution} or {
                self._root(n) for n in named if fit(institution, n[1]) is not None}
            same = [n for n in campuses if n != campus and fit(campus[1], n[1]) is not None]
            if campus not in self._defined and len(owners) == 1:
                self._join(campus, owners.pop())
            elif len(same) == 1:
                self._join(campus, same[0])
        for bare in (n for n in hospitals if is_bare_campus(n[1]) and n not in self._defined):
            owners = {self._root(n) for n in campuses if n[1].endswith(bare[1])}
            if len(owners) == 1:
                self._join(bare, owners.pop())
                self._defined.add(bare)

    def link_persons(self) -> None:
        """Join a bare surname, a given name and the first part of a name to the one full name that has it."""
        persons = [n for n in self._parent if n[0] == PERSON]
        for short in persons:
            fuller = [n for n in persons if _is_part_of_name(short[1], n[1])]
            if len(fuller) == 1:
                self._join(short, fuller[0])
            elif fuller:
                self._undecided.add(short)

    def resolve_references(self) -> None:
        """Say of 我院, 该院, 贵院 and of each bare campus which institution it is, mention by mention."""
        hospital = self.publisher if self.publisher and self.publisher[0] == HOSPITAL else None
        speakers = Speakers(self.text, self.mentions, self.surfaces, self._named,
                            own=self._root(hospital) if hospital else None)
        campuses: dict[Name, Name | None] = {}
        for index, e in enumerate(self.mentions):
            word = self.surfaces[e.id]
            if e.label == ORG and is_reference(word):
                self._resolved[e.id] = self._own_office(word)
            elif e.label == HOSPITAL and is_reference(word):
                self._resolved[e.id] = speakers.resolve(index)
            elif e.label == HOSPITAL and self._named(e) is None:
                # A campus is the same one throughout: its first mention decides.
                if self._name(e) not in campuses:
                    campuses[self._name(e)] = speakers.campus_at(index)
                self._resolved[e.id] = campuses[self._name(e)]

    def _own_office(self, word: str) -> Name | None:
        """What 我委, 我局 or 我校 means: the publisher, where it is of that kind."""
        kind = _OFFICES.get(word[-1])
        is_own = self.publisher and self.publisher[0] == ORG and is_reference(word, "own")
        return self._root(self.publisher) if self.publisher and is_own and kind and kind.search(self.publisher[1]) else None

    def _named(self, e: Entity) -> Name | None:
        """The cluster of a hospital or person that is named; None for references and bare campuses."""
        name = self._name(e)
        is_bare = is_bare_campus(name[1]) and name not in self._defined
        return None if e.label == ORG or is_bare or name not in self._parent else self._root(name)

    def _link_short(self, short: Name, known: Iterable[Name]) -> None:
        ranked: dict[int, dict[Name, list[Name]]] = {}
        for n in known:
            root = self._root(n)
            rank = fit(short[1], n[1]) if root != self._root(short) else None
            if rank is not None and not self._is_elsewhere(short[1], n[1]):
                ranked.setdefault(rank, {}).setdefault(root, []).append(n)
        if ranked:
            roots = self._preferred(short, ranked[min(ranked)])
            if len(roots) == 1:
                self._join(short, roots[0])
            else:
                self._undecided.add(short)

    def _is_elsewhere(self, short: str, full: str) -> bool:
        """Whether a short name says 市 or 省 and the full one lies in another than where the article is published."""
        level = short[:1]
        here, there = self.home.get(level), places(full).get(level)
        return level in LEVELS and here is not None and there is not None and here != there

    def _preferred(self, short: Name, roots: Mapping[Name, list[Name]]) -> list[Name]:
        """Of several candidates the one at the home of the article, else the one introduced before, else the one
        whose place the article names most."""
        if len(roots) == 1:
            return list(roots)
        own = {r: {p for n in names for p in places(n[1]).items()} for r, names in roots.items()}
        at_home = [r for r in roots if own[r] & self.home.items()]
        before = [r for r in roots if 0 <= self._earliest(r) < self._first[short]]
        named = {r: max((self.text.count(p[:-1]) for _, p in own[r]), default=0) for r in roots}
        most = [r for r in roots if named[r] == max(named.values())]
        return next((choice for choice in (at_home, before, most) if len(choice) == 1), list(roots))

    def _name(self, e: Entity) -> Name:
        return e.label, self.surfaces[e.id]

    def _add(self, name: Name, position: int) -> None:
        self._first.setdefault(name, position)
        self._parent.setdefault(name, name)

    def _root(self, name: Name) -> Name:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def _join(self, short: Name, full: Name) -> None:
        self._parent[self._root(short)] = self._root(full)

    def _earliest(self, root: Name) -> int:
        """Where a set of names is first mentioned."""
        return min(position for n, position in self._first.items() if self._root(n) == root)


def _is_part_of_name(short: str, full: str) -> bool:
    """张 of 张抒扬, 欧阳 of 欧阳晓晨, 小满 of 石小满, 阿依古丽 of 阿依古丽·买买提, 科莫 of 安德鲁·科莫; but 张晓 is not 张晓明, nor
    文山 李文山."""
    if len(short) >= len(full):
        return False
    if len(short) > 1 and full.endswith("·" + short):
        return True
    if full.startswith(short):
        # Names of four characters and more have no Han given name to be cut: 布和 of 布和巴雅尔.
        return len(short) == 1 or full[len(short)] == "·" or short == surname_of(full) or (len(short) == 2 and len(full) > 3)
    return full[1:] == short and len(short) == 2 and short[0] not in words("people.txt", "surnames")
