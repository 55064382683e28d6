"""Other names, posts and dates in an annotated article, each the same way throughout, from pools of fitting names."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data import names as naming
from data.article import Article, Entity
from data.clean import surface
from data.edits import Edit, apply_edits
from data.names import (
    ABBREVIATION,
    LOCAL,
    SUFFIX,
    InstitutionName,
    NameMaker,
    Place,
    hospital_level,
    kind_of,
    local_level,
)
from data.pinyin import glossed_characters

CLUSTER_SHARE, ROLE_SHARE, DATE_SHARE = 0.8, 0.3, 0.5
POOL_SHARE, PERSON_POOL_SHARE, AT_HOME_SHARE = 0.5, 0.3, 0.6
SELF_REFERENCES = frozenset({"我院", "本院", "该院", "该医院", "贵院"})
_CAMPUS = re.compile(r"(?P<base>.*(?:医院|中心|保健院))?(?P<tail>[^院]{1,8}(?:院区|分院)|\(?(?:医疗)?集团\)?|医共体)")
_GOVERNMENT = ("health", "insurance", "government", "bureau")
Renames = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Pools:
    """What the training articles hold: names by level or kind, posts by kind and place, and how pages write them."""

    hospitals: Mapping[str, tuple[InstitutionName, ...]]
    orgs: Mapping[str, tuple[InstitutionName, ...]]
    persons: tuple[str, ...]
    roles: Mapping[tuple[str, bool, bool], tuple[str, ...]]
    clean: Mapping[str, str]
    glosses: Mapping[str, str]
    labels: frozenset[str]
    relation_types: frozenset[str]


def substitute(article: Article, rng: random.Random, pools: Pools) -> Article:
    """Rename most institutions and people, each the same way throughout, and some posts and dates."""
    edits, dates, before, maker = [], dict[str, str](), -1, NameMaker(rng)
    renames = _Renaming(pools=pools, maker=maker, article=article).renames()
    for e in article.entities:
        clean = pools.clean.get(e.text, e.text)
        new = renames.get((e.label, clean), e.text)
        if e.label == "ROLE" and rng.random() < ROLE_SHARE:
            new = rng.choice(pools.roles.get(_role_key(clean, e.char_start == before), (e.text,)))
        elif e.label == "DATE":
            new = dates.setdefault(e.text, maker.date(e.text) if rng.random() < DATE_SHARE else e.text)
        before = e.char_end if e.label == "PERSON" else -1
        if new != e.text:
            edits.append(Edit(char_start=e.char_start, char_end=e.char_end, new=new))
    return apply_edits(article, edits)


def collect_pools(articles: Sequence[Article]) -> Pools:
    """Read names, posts, glosses, labels and relation types off annotated articles."""
    clean: dict[str, str] = {}
    hospitals: dict[str, dict[str, InstitutionName]] = defaultdict(dict)
    orgs: dict[str, dict[str, InstitutionName]] = defaultdict(dict)
    persons: dict[str, None] = {}
    roles: dict[tuple[str, bool, bool], dict[str, None]] = defaultdict(dict)
    glosses: dict[str, str] = {}
    for article in articles:
        by_id = {e.id: e for e in article.entities}
        clean |= {e.text: surface(e.text).replace(" ", "") for e in article.entities if e.text not in clean}
        ends = {e.char_end for e in article.entities if e.label == "PERSON"}
        for e in (e for e in article.entities if e.label == "ROLE" and "主持" not in clean[e.text]):
            roles[_role_key(clean[e.text], e.char_start in ends)][clean[e.text]] = None
        groups = _campuses_apart(([by_id[i] for i in c] for c in article.clusters), clean)
        for label, names in ((g[0].label, [clean[e.text] for e in g]) for g in groups):
            full = max((n for n in names if n not in SELF_REFERENCES), key=len, default="")
            observed = tuple(dict.fromkeys((_style(n, full), n) for n in names if n not in (full, *SELF_REFERENCES)))
            if label == "HOSPITAL" and len(full) > 5 and not local_level(full) and not _CAMPUS.fullmatch(full):
                level, forms = hospital_level(full), (*observed, *naming.short_forms(full))
                hospitals[level][full] = InstitutionName(full=full, level=level, forms=forms)
            elif label == "ORG" and (kind := kind_of("org", full)):
                orgs[kind][full] = InstitutionName(full=full, level=kind, forms=observed)
            elif label == "PERSON" and len(full) > 1:
                persons[full] = None
        for letters, characters in glossed_characters(article.text).items():
            glosses.update(dict.fromkeys(characters, letters))
    return Pools(hospitals={k: tuple(v.values()) for k, v in hospitals.items()},
                 orgs={k: tuple(v.values()) for k, v in orgs.items()}, persons=tuple(persons),
                 roles={k: tuple(v) for k, v in roles.items()}, clean=clean, glosses=glosses,
                 labels=frozenset(e.label for a in articles for e in a.entities),
                 relation_types=frozenset(r.type for a in articles for r in a.relations))


def _campuses_apart(groups: Iterable[Sequence[Entity]], clean: Mapping[str, str]) -> list[list[Entity]]:
    """Clusters without their campuses, and each campus by itself: it is renamed by a rule of its own."""
    parts: dict[tuple[int, str], list[Entity]] = defaultdict(list)
    for number, group in enumerate(groups):
        for e in group:
            tail = m["tail"] if (m := _CAMPUS.fullmatch(clean.get(e.text, e.text))) else ""
            parts[number, tail if tail.endswith("院区") else ""].append(e)
    return list(parts.values())


def _role_key(post: str, behind_name: bool) -> tuple[str, bool, bool]:
    """Posts of one key can stand for each other: of one kind, both long or short, both behind a name (张院长) or not."""
    return kind_of("role", post), behind_name, len(post) > 5


def _style(name: str, full: str) -> str:
    return LOCAL if local_level(name) else SUFFIX if full.endswith(name) else ABBREVIATION


class _Renaming:
    """The new names of one article, so drawn that no two institutions come to share one."""

    def __init__(self, *, pools: Pools, maker: NameMaker, article: Article) -> None:
        self.pools, self.maker, self.rng, self.article = pools, maker, maker.rng, article
        self.home = maker.place()
        self.surfaces = {self._clean(e) for e in article.entities}
        self.bases: Renames = {}

    def renames(self) -> dict[tuple[str, str], str]:
        """New names by label and clean surface; what stays as it is has no entry."""
        by_id = {e.id: e for e in self.article.entities}
        grouped = {i for cluster in self.article.clusters for i in cluster}
        singles = [(e.id,) for e in self.article.entities if e.id not in grouped]
        groups = _campuses_apart(([by_id[i] for i in c] for c in (*self.article.clusters, *singles)), self.pools.clean)
        # Short names first, so that a campus finds the new name of its hospital.
        groups.sort(key=lambda g: max(len(e.text) for e in g))
        renamers = {"HOSPITAL": self._hospital, "ORG": self._org, "PERSON": self._person}
        found: dict[tuple[str, str], str] = {}
        for group in groups:
            label = group[0].label
            names = [n for n in dict.fromkeys(map(self._clean, group)) if n not in SELF_REFERENCES]
            campus = next((m["base"] for m in map(_CAMPUS.fullmatch, names) if m), None)
            stays = campus not in self.bases and self.rng.random() >= CLUSTER_SHARE
            for _ in range(0 if stays or label not in renamers else 3):
                new = renamers[label](names)
                if self._free(new, found):
                    found.update({(label, old): name for old, name in new.items()})
                    self.bases.update(new)
                    break
        return found

    def _clean(self, e: Entity) -> str:
        return self.pools.clean.get(e.text, e.text)

    def _free(self, new: Renames, found: Mapping[tuple[str, str], str]) -> bool:
        """Whether no new name stands in the text already, or is another new one; a bare surname may."""
        used, text = set(found.values()), self.article.text
        return not any(new[old] != old and len(new[old]) > 1 and (new[old] in text or new[old] in used) for old in new)

    def _draw_hospital(self, level: str) -> InstitutionName:
        pool = self.pools.hospitals.get(level, ())
        if pool and self.rng.random() < POOL_SHARE:
            return self.rng.choice(pool)
        return self.maker.hospital(level, self.home if self.rng.random() < AT_HOME_SHARE else None)

    def _hospital(self, names: list[str]) -> Renames:
        full = max(names, key=len, default="")
        if campus := _CAMPUS.fullmatch(full):
            return self._campus(names, full, campus["base"] or "", campus["tail"])
        if len(full) < 2:
            return {}
        drawn = self._draw_hospital(hospital_level(full))
        new: Renames = {}
        for name in names:
            if name == full and len(full) > 5 and not local_level(full):
                new[name] = drawn.full
            else:
                new[name] = self._form(drawn, _style(name, full if name != full else ""), name, set(new.values()))
        return new

    def _form(self, drawn: InstitutionName, style: str, like: str, used: set[str]) -> str:
        """A short form, where there is a choice of the style and of like length and end; if none, the full name."""
        free = [(s, f) for s, f in drawn.forms if f not in used]
        forms = [f for s, f in free if s == style] or [f for _, f in free]
        alike = [f for f in forms if f[-1] == like[-1] and abs(len(f) - len(like)) < 3]
        return self.rng.choice(alike or forms) if forms else drawn.full

    def _campus(self, names: list[str], full: str, base: str, tail: str) -> Renames:
        new_tail = self.maker.campus() if tail.endswith(("院区", "分院")) else tail
        # A campus follows its hospital, renamed or not, where the article names that too.
        kept = base if base in self.surfaces or not base else self._draw_hospital(hospital_level(base)).full
        new_base = self.bases.get(base, kept)
        new = {full: new_base + new_tail, tail: new_tail, base: new_base}
        return {n: new[n] for n in names} if all(n in new for n in names) else {}

    def _org(self, names: list[str]) -> Renames:
        full = max(names, key=len, default="")
        kind = kind_of("org", full)
        if not kind or kind in _GOVERNMENT:
            return self._government(names, naming.split_place(full)) if kind else {}
        pool = self.pools.orgs.get(kind, ())
        pooled = pool and self.rng.random() < POOL_SHARE
        drawn = self.rng.choice(pool) if pooled else self.maker.org(kind)
        return {n: drawn.full if n == full else self._form(drawn, ABBREVIATION, n, set()) for n in names}

    def _government(self, names: list[str], old: Place) -> Renames:
        """The same office of another place: 市卫健委 follows its 威海市卫生健康委员会, or stays where that has no place."""
        new = {"county": self.home.county, "city": self.home.city or self.home.province,
               "province": self.home.province}.get(old.level, "")
        if not new or old.town:
            return {}
        word, new_word = naming.place_word(old.local), naming.place_word(new)
        return {n: new + naming.split_place(n).rest if old.local in n else new_word + n.removeprefix(word)
                for n in names if old.local in n or n.startswith(word)}

    def _person(self, names: list[str]) -> Renames:
        full = max(names, key=len, default="")
        surnames = naming.words("people.txt", "surnames")
        for _ in range(6):
            pool = self.pools.persons if self.rng.random() < PERSON_POOL_SHARE else ()
            new = self.rng.choice(pool) if pool else self.maker.person()
            han = "·" not in new and (new[:1] in surnames or len(naming.surname_of(new)) == 2)
            if han or (len(names) == 1 and len(full) > 1):
                break
        else:
            return {}
        old_surname, surname = naming.surname_of(full), naming.surname_of(new)
        known = {old_surname: surname, full.removeprefix(old_surname): new.removeprefix(surname),
                 full: new if len(full) > 1 else surname}
        return {n: known[n] for n in names} if all(known.get(n) for n in names) else {}
