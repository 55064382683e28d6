"""The notation in which people annotate articles: inline mentions, a relation line under its paragraph.

::

    @article wh-001
    @published 2024-11-08
    @publisher 临沂市中心医院
    @cells agreement=战略合作 voice=official parties=full,one-to-one
    @alias 临沂市中心医院 = 市中心医院 = 我院
    @event 临沂市中心医院 + 沂南县人民医院 | date 2024-11-08 | agreement 战略合作协议 | kind 战略合作 | status signed
    @sign 张三 (院长、党委书记) @ 临沂市中心医院
    @text
    {D1:11月8日}，{H1:我院}与{H2:沂南县人民医院}签署战略合作协议，{R1:院长}{P1:张三}签字。
    > H1 + H2; H1 H2 on D1; P1 for H1; P1 = R1; P1 @ H1
    @end

Mentions are ``{H1:…}`` with H, P, R, D or O for HOSPITAL, PERSON, ROLE, DATE, ORG; the number is unique in
its line and may be left out where no relation needs it. A relation line starts with ``>`` and speaks of the
text line above it: ``+`` is SIGNED_WITH (three names mean every pair), ``for`` SIGNED_FOR, ``=`` HOLDS_ROLE,
``@`` WORKS_AT, ``on`` SIGNED_ON; several ids on a side mean each with each.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.article import Article, Entity, Event, Relation, Signatory
from data.errors import DataError

LABEL_OF_LETTER = {"H": "HOSPITAL", "P": "PERSON", "R": "ROLE", "D": "DATE", "O": "ORG"}
KINDS = ("战略合作", "医联体", "专科联盟", "托管", "共建", "对口支援", "远程会诊", "转诊会诊", "医共体",
         "院校合作", "工作站", "非医院伙伴", "other")
STATUSES = ("signed", "planned", "renewed", "unveiled")
_EDTF_DATE = r"(?:\d{4}|XXXX|\d{3}X)(?:-(?:\d{2}|XX)(?:-(?:\d{2}|XX))?)?"
EDTF_LEVEL_1 = re.compile(rf"{_EDTF_DATE}(?:/{_EDTF_DATE})?")
_MENTION = re.compile(r"\{([HPRDO])(\d*):([^{}\n]+)\}")
_MARK = re.compile(r"[{}]")
_OPERATORS = {"+": "SIGNED_WITH", "for": "SIGNED_FOR", "=": "HOLDS_ROLE", "@": "WORKS_AT", "on": "SIGNED_ON"}
_ENDS = {"SIGNED_WITH": ("HO", "HO"), "SIGNED_FOR": ("P", "HO"), "HOLDS_ROLE": ("P", "R"),
         "WORKS_AT": ("P", "HO"), "SIGNED_ON": ("HO", "D")}
_EDGE_NOISE = " \u00a0\u3000，。、；：！？,;:!?\"“”'"


@dataclass(frozen=True, kw_only=True)
class MarkedArticle:
    """A compiled article, the coverage cells its author claims, and where it stands."""

    article: Article
    cells: dict[str, tuple[str, ...]]
    aliases: tuple[tuple[str, ...], ...]
    place: str


@dataclass
class _Draft:
    """An article while its lines are being read; ``faults`` collects ``file:line: what is wrong``."""

    place: str
    faults: list[str]
    header: dict[str, str] = field(default_factory=dict)
    cells: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: list[tuple[str, ...]] = field(default_factory=list)
    events: list[tuple[str, Event]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    char_count: int = 0
    entities: list[Entity] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    local: dict[str, Entity] = field(default_factory=dict)


def read_marked(path: Path | str, *, surface: Callable[[str], str] = str) -> list[MarkedArticle]:
    """Compile every article of a notation file; ``surface`` turns a raw mention into its clean form.

    Raises:
        DataError: every fault of the file at once, each as ``file:line: …``.
    """
    if not Path(path).is_file():
        raise DataError("no such notation file", place=str(path), repair="data/gold/seeds.txt")
    articles: list[MarkedArticle] = []
    faults: list[str] = []
    draft: _Draft | None = None
    in_text = False
    for line_number, line in enumerate(Path(path).read_text(encoding="utf-8").split("\n"), start=1):
        place = f"{path}:{line_number}"
        if draft is not None and in_text:
            if line == "@end":
                articles.append(_finish(draft, surface))
                draft, in_text = None, False
            elif line.startswith("@"):
                faults.append(f"{place}: expected text or @end, found {line[:20]!r}; an @end is missing above")
            elif line.startswith(">"):
                _read_relations(draft, line[1:], place)
            else:
                _read_text(draft, line, place)
        elif line.startswith("@article "):
            if draft is not None:
                faults.append(f"{place}: @article before the @end of {draft.header['id']}")
            draft = _Draft(place=place, faults=faults)
            draft.header["id"] = line.split(maxsplit=1)[1].strip()
        elif draft is not None and line == "@text":
            in_text = True
        elif draft is not None and line.startswith("@"):
            _read_header(draft, line, place)
        elif line.strip() and not line.startswith("#"):
            faults.append(f"{place}: expected @article, a header line or # comment, found {line[:30]!r}")
    if draft is not None:
        faults.append(f"{draft.place}: no @end for this article")
    ids = [m.article.id for m in articles]
    faults += [f"{path}: the id {i} stands {ids.count(i)} times" for i in sorted({i for i in ids if ids.count(i) > 1})]
    if faults:
        raise DataError("faults:\n  " + "\n  ".join(faults), place=str(path),
                        repair="mend the lines above; data/markup.py describes the notation")
    return articles


def _read_header(draft: _Draft, line: str, place: str) -> None:
    key, _, value = line[1:].partition(" ")
    value = value.strip()
    if key in ("published", "publisher"):
        draft.header[key] = value
    elif key == "cells":
        for cell in value.split():
            name, _, values = cell.partition("=")
            draft.cells[name] = tuple(v for v in values.split(",") if v)
    elif key == "alias":
        draft.aliases.append(tuple(part.strip() for part in value.split("=")))
    elif key == "event":
        draft.events.append((place, _read_event(value, place, draft.faults)))
    elif key == "sign":
        _read_signatory(draft, value, place)
    else:
        draft.faults.append(f"{place}: unknown header @{key}; known: published publisher cells alias event sign text")


def _read_event(value: str, place: str, faults: list[str]) -> Event:
    """``A + B | other X + Y | date … | agreement … | kind … | status …``; ``-`` for no hospital party."""
    first, *rest = [part.strip() for part in value.split("|")]
    fields: dict[str, str] = {}
    for part in rest:
        key, _, content = part.partition(" ")
        if key not in ("other", "date", "agreement", "kind", "status"):
            faults.append(f"{place}: unknown event field {key!r}; known: other date agreement kind status")
        fields[key] = content.strip()
    if fields.get("kind") not in KINDS:
        faults.append(f"{place}: expected kind among {' '.join(KINDS)}, found {fields.get('kind')!r}")
    if fields.get("status") not in STATUSES:
        faults.append(f"{place}: expected status among {' '.join(STATUSES)}, found {fields.get('status')!r}")
    date = fields.get("date")
    if date and not EDTF_LEVEL_1.fullmatch(date):
        faults.append(f"{place}: expected an EDTF date such as 2024-11-08, 2024-11 or XXXX-11-08, found {date!r}")
    return Event(parties=_names(first), other_parties=_names(fields.get("other", "")), date=date or None,
                 agreement=fields.get("agreement") or None, kind=fields.get("kind"), status=fields.get("status"))


def _names(value: str) -> tuple[str, ...]:
    return tuple(p.strip() for p in value.split(" + ") if p.strip() and p.strip() != "-")


def _read_signatory(draft: _Draft, value: str, place: str) -> None:
    match = re.fullmatch(r"(\S+?)\s*(?:[(（](.*)[)）])?\s*(?:@\s*(\S+))?", value)
    if match is None or not draft.events:
        draft.faults.append(f"{place}: expected '@sign NAME (POST、POST) @ INSTITUTION' below an @event, found {value!r}")
        return
    roles = tuple(r.strip() for r in re.split("[、,，]", match[2] or "") if r.strip())
    where, event = draft.events[-1]
    signatory = Signatory(person=match[1], roles=roles, hospital=match[3])
    draft.events[-1] = where, replace(event, signatories=(*event.signatories, signatory))


def _read_text(draft: _Draft, line: str, place: str) -> None:
    """Strip the markup of one text line, and note its mentions at their offsets in the article."""
    draft.local = {}
    base = draft.char_count
    plain, cursor = "", 0
    for match in _MENTION.finditer(line):
        plain += line[cursor:match.start()]
        letter, number, surface = match.groups()
        entity = Entity(id=f"T{len(draft.entities) + 1}", char_start=base + len(plain),
                        char_end=base + len(plain) + len(surface), label=LABEL_OF_LETTER[letter], text=surface)
        if surface[0] in _EDGE_NOISE or surface[-1] in _EDGE_NOISE:
            draft.faults.append(f"{place}: {surface!r} starts or ends with a space or punctuation")
        draft.entities.append(entity)
        if number:
            if letter + number in draft.local:
                draft.faults.append(f"{place}: {letter + number} stands twice in this line")
            draft.local[letter + number] = entity
        plain += surface
        cursor = match.end()
    plain += line[cursor:]
    if mark := _MARK.search(plain):
        draft.faults.append(f"{place}: stray {mark[0]!r} near {plain[max(0, mark.start() - 8):mark.start() + 8]!r}; "
                            "expected {H1:name} with H, P, R, D or O, and no nesting")
    draft.lines.append(plain)
    draft.char_count += len(plain) + 1


def _read_relations(draft: _Draft, line: str, place: str) -> None:
    for item in filter(None, (part.strip() for part in line.split(";"))):
        words = item.split()
        operators = [w for w in words if w in _OPERATORS]
        if not operators or len(set(operators)) != 1:
            draft.faults.append(f"{place}: expected one of + for = @ on between ids, found {item!r}")
            continue
        kind = _OPERATORS[operators[0]]
        sides = [list(group) for is_op, group in itertools.groupby(words, key=lambda w: w in _OPERATORS) if not is_op]
        if kind == "SIGNED_WITH":
            pairs = [p for a, b in itertools.combinations(sides, 2) for p in itertools.product(a, b)]
        elif len(sides) == 2:
            pairs = list(itertools.product(sides[0], sides[1]))
        else:
            draft.faults.append(f"{place}: expected ids on both sides of {operators[0]!r}, found {item!r}")
            continue
        for head_id, tail_id in pairs:
            _add_relation(draft, kind, head_id, tail_id, place)


def _add_relation(draft: _Draft, kind: str, head_id: str, tail_id: str, place: str) -> None:
    missing = [i for i in (head_id, tail_id) if i not in draft.local]
    if missing:
        draft.faults.append(f"{place}: no mention {' '.join(missing)} in the line above; it has {' '.join(draft.local)}")
        return
    heads, tails = _ENDS[kind]
    if head_id[0] not in heads or tail_id[0] not in tails:
        draft.faults.append(f"{place}: {kind} goes from {'/'.join(heads)} to {'/'.join(tails)}, found {head_id} -> {tail_id}")
        return
    head, tail = draft.local[head_id], draft.local[tail_id]
    if kind == "SIGNED_WITH" and tail.char_start < head.char_start:
        head, tail = tail, head
    relation = Relation(type=kind, head=head.id, tail=tail.id)
    if relation in draft.relations:
        draft.faults.append(f"{place}: {kind} {head_id} {tail_id} stands twice")
    draft.relations.append(relation)


def _finish(draft: _Draft, surface: Callable[[str], str]) -> MarkedArticle:
    """Resolve aliases and events of a read article, and check them against its mentions."""
    names = {e.id: surface(e.text) for e in draft.entities if e.label in ("HOSPITAL", "ORG", "PERSON")}
    canonical = {name: name for name in names.values()}
    for group in draft.aliases:
        group = tuple(surface(name) for name in group)
        for name in group:
            if canonical.get(name, name) != name:
                draft.faults.append(f"{draft.place}: alias {name} stands in two groups")
            if name not in canonical and name != group[0]:
                draft.faults.append(f"{draft.place}: alias {name} is no mention of the text")
            canonical[name] = group[0]
    clusters: dict[str, list[str]] = {}
    for entity_id, name in names.items():
        clusters.setdefault(canonical[name], []).append(entity_id)
    events = tuple(_finish_event(draft, where, _clean_event(event, surface), names, canonical)
                   for where, event in draft.events)
    if not events and any(r.type == "SIGNED_WITH" for r in draft.relations):
        draft.faults.append(f"{draft.place}: SIGNED_WITH is annotated but there is no @event")
    if "id" in draft.header and not draft.lines:
        draft.faults.append(f"{draft.place}: the article has no text")
    article = Article(id=draft.header["id"], text="\n".join(draft.lines), published=draft.header.get("published"),
                      publisher=draft.header.get("publisher"), entities=tuple(draft.entities),
                      relations=tuple(draft.relations), events=events,
                      clusters=tuple(tuple(ids) for ids in clusters.values()))
    return MarkedArticle(article=article, cells=draft.cells, aliases=tuple(draft.aliases), place=draft.place)


def _clean_event(event: Event, surface: Callable[[str], str]) -> Event:
    """The event with every name in its clean form, as mentions are compared."""
    signatories = tuple(
        Signatory(person=surface(s.person), roles=tuple(surface(r) for r in s.roles),
                  hospital=surface(s.hospital) if s.hospital else None) for s in event.signatories)
    return replace(event, parties=tuple(map(surface, event.parties)), signatories=signatories,
                   other_parties=tuple(map(surface, event.other_parties)),
                   agreement=surface(event.agreement) if event.agreement else None)


def _finish_event(draft: _Draft, place: str, event: Event, names: dict[str, str], canonical: dict[str, str]) -> Event:
    """Check an event's names, and take as evidence the entities of the lines that state its relations."""
    known = set(canonical.values())
    parties = {*event.parties, *event.other_parties}
    for name in sorted(parties | {s.hospital for s in event.signatories if s.hospital} | {s.person for s in event.signatories}):
        if name not in known:
            draft.faults.append(f"{place}: {name} is no canonical name of a mention; write it as the first of its @alias")
    if len(parties) < 2:
        draft.faults.append(f"{place}: expected two parties or more, found {sorted(parties)}")
    by_id = {e.id: e for e in draft.entities}
    involved = [
        r for r in draft.relations if r.type == "SIGNED_WITH"
        and canonical[names[r.head]] in parties and canonical[names[r.tail]] in parties
    ]
    text = "\n".join(draft.lines)
    spans = {_sentence_around(text, by_id[i].char_start) for r in involved for i in (r.head, r.tail)}
    evidence = tuple(e.id for e in draft.entities if any(s <= e.char_start < t for s, t in spans))
    return replace(event, evidence=evidence)


def _sentence_around(text: str, char_offset: int) -> tuple[int, int]:
    """The ``[char_start, char_end)`` of the sentence that holds an offset; sentences end at 。！？; and line ends."""
    start = max((text.rfind(mark, 0, char_offset) for mark in "。！？\n"), default=-1) + 1
    ends = [p for p in (text.find(mark, char_offset) for mark in "。！？\n") if p >= 0]
    return start, (min(ends) if ends else len(text))

