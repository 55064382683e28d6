"""Which mentions of an article name the same institution or person.

Names are compared in their clean form. A short name joins a full one only where the article leaves no other
choice; what cannot be decided stays apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.article import Entity

SELF_REFERENCES = frozenset({"我院", "本院", "该院", "该医院", "贵院", "我医院", "本医院"})
OWN_REFERENCES = frozenset({"我院", "本院", "我医院", "本医院"})
INSTITUTIONS = ("HOSPITAL", "ORG")
_CAMPUS = re.compile(
    r"^(?P<institution>.+?(?:医院|保健院|卫生院|服务中心|院|中心)(?:[(（]集团[)）])?)"
    r"(?P<campus>[^院]{1,8}(?:院区|分院|院部))$")
_INSTITUTION_NAME = re.compile(r"(?:医院|保健院|卫生院|卫生中心|服务中心|中医院|分院|院)(?:[(（]集团[)）])?$")
_KIND_WORDS = ("医院", "保健院", "卫生院", "中心", "医学院", "大学", "公司")
_FILLERS = re.compile("人民|附属|大学|自治[州区县]|[省市县区第]")
MAX_ABBREVIATION = 6


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """``of[entity_id]`` is the cluster number of a mention, ``names[number]`` its canonical name, simplified."""

    of: Mapping[str, int]
    names: Sequence[str]

    def name(self, entity_id: str) -> str:
        """The canonical name of the institution or person a mention stands for."""
        return self.names[self.of[entity_id]]

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Mention ids of each cluster, in the order of first mention."""
        members: dict[int, list[str]] = {}
        for entity_id, number in self.of.items():
            members.setdefault(number, []).append(entity_id)
        return tuple(tuple(ids) for ids in members.values())


def cluster_mentions(
    entities: Sequence[Entity], surfaces: Mapping[str, str], publisher: str | None = None
) -> Clusters:
    """Group the institutions and persons of one article.

    Args:
        entities: mentions in text order.
        surfaces: clean form of each mention, by entity id.
        publisher: clean name of who publishes the page; 我院 is its institution where it is a hospital.
    """
    canonical: dict[str, dict[str, str]] = {}
    for label in (*INSTITUTIONS, "PERSON"):
        names = [surfaces[e.id] for e in entities if e.label == label]
        canonical[label] = _link_persons(names) if label == "PERSON" else _link_institutions(names)
    own = _own_institution(entities, surfaces, canonical["HOSPITAL"], publisher)
    of: dict[str, int] = {}
    numbers: dict[tuple[str, str], int] = {}
    last_hospital: str | None = None
    for entity in entities:
        if entity.label not in canonical:
            continue
        surface = surfaces[entity.id]
        name = canonical[entity.label][surface]
        if surface in SELF_REFERENCES:
            # 我院 speaks for the publisher; 该院 points back to the hospital just named.
            name = (own if surface in OWN_REFERENCES else last_hospital) or own or surface
        elif entity.label == "HOSPITAL":
            last_hospital = name
        of[entity.id] = numbers.setdefault((entity.label, name), len(numbers))
    return Clusters(of=of, names=[name for _, name in numbers])


def _own_institution(
    entities: Sequence[Entity], surfaces: Mapping[str, str], canonical: Mapping[str, str], publisher: str | None
) -> str | None:
    """What 我院 stands for: the publisher if it is a hospital, else the name that no 'X and 我院' pair excludes."""
    if publisher and _INSTITUTION_NAME.search(publisher):
        matches = {full for short, full in canonical.items() if _is_short_for(short, publisher) or short == publisher}
        return next(iter(matches)) if len(matches) == 1 and publisher not in matches else publisher
    return None


def _link_institutions(names: Sequence[str]) -> dict[str, str]:
    """Canonical name of each surface: a campus goes to its institution, a short name to the one full name it fits."""
    counts = Counter(names)
    parent: dict[str, str] = {}
    for name in counts:
        match = _CAMPUS.match(name)
        parent[name] = match["institution"] if match and match["institution"] in counts else name
    for short in sorted(counts, key=len):
        if parent[short] != short or short in SELF_REFERENCES:
            continue
        fulls = [n for n in counts if n not in SELF_REFERENCES and len(n) > len(short)]
        contained = [n for n in fulls if short in n and not _is_own_branch(short, n)]
        # 沧州市中心医院医疗集团 is a unit of its own beside 沧州市中心医院, no second candidate for 中心医院.
        contained = [n for n in contained if not any(m != n and _is_own_branch(m, n) for m in contained)]
        candidates = contained or [n for n in fulls if _is_short_for(short, n)]
        # 黄石市中心医院 and its campus are one candidate, not two.
        roots = {_root(parent, n) for n in candidates}
        if len(roots) == 1:
            parent[short] = roots.pop()
    return {name: _root(parent, name) for name in counts}


def _is_own_branch(name: str, longer: str) -> bool:
    """True where the longer name is a unit of its own that merely begins with the shorter: a group, a station."""
    return longer.startswith(name) and not _CAMPUS.match(longer)


def _root(parent: Mapping[str, str], name: str) -> str:
    seen = {name}
    while parent.get(name, name) != name and parent[name] not in seen:
        name = parent[name]
        seen.add(name)
    return name


def _is_short_for(short: str, full: str) -> bool:
    """True where ``short`` is part of ``full`` or its characters stand in ``full`` in order (山大二院)."""
    if len(short) >= len(full):
        return False
    if full.endswith(short):
        return True
    if short.endswith(_KIND_WORDS):
        # 市第一医院 for 某市第一人民医院; but 某市中医院 is not 某市中心医院 with a character left out.
        return _FILLERS.sub("", full).endswith(_FILLERS.sub("", short))
    if len(short) > MAX_ABBREVIATION:
        return False
    characters = iter(full)
    return all(c in characters for c in short)


def _link_persons(names: Sequence[str]) -> dict[str, str]:
    """A bare surname joins the one full name of the article that begins with it."""
    counts = Counter(names)
    linked = {}
    for name in counts:
        fuller = [n for n in counts if len(n) > len(name) and n.startswith(name)] if len(name) <= 2 else []
        linked[name] = fuller[0] if len(fuller) == 1 else name
    return linked
