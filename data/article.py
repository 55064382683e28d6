"""The article contract: one JSON object a line, gold and predicted alike.

Offsets count Unicode code points of ``text`` as given, end-exclusive; the text of an entity is
exactly ``text[char_start:char_end]``. In JSON the two offsets are called ``start`` and ``end``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.files import atomic_write
from data.surrogates import json_line
from data.uncertainty import Uncertainty

LINKED_KINDS = ("exact", "alias", "close")
LINK_KINDS = (*LINKED_KINDS, "ambiguous", "none")


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One mention. ``id`` is unique in its article; ``score`` is set on predictions only."""

    id: str
    char_start: int
    char_end: int
    label: str
    text: str
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A typed, directed pair of entity ids; symmetric types are stored head first in the text."""

    type: str
    head: str
    tail: str
    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class Signatory:
    """Who signed: the person, the posts, and the canonical name of the institution signed for."""

    person: str
    roles: tuple[str, ...] = ()
    hospital: str | None = None


@dataclass(frozen=True, kw_only=True)
class LinkCandidate:
    """One entry of a register of institutions that a name may stand for; ``score`` lies in 0..1."""

    id: str
    name: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a register says of one ``name`` of an event.

    ``kind`` is one of ``LINKED_KINDS`` where ``id`` is set; ``ambiguous`` where entries fit about equally well or the
    one that fits has nothing to support it, ``none`` where nothing fits: then ``id`` is unset. ``best`` and
    ``runner_up`` are the nearest entries in either case.
    """

    name: str
    kind: str
    id: str | None = None
    best: LinkCandidate | None = None
    runner_up: LinkCandidate | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One agreement between one set of parties.

    ``evidence`` holds entity ids, ``sentences`` the ``(char_start, char_end)`` of the sentences that state it, ``date`` is EDTF
    level 1. ``links`` ties the names of the parties to a register, where one was given.
    """

    parties: tuple[str, ...]
    other_parties: tuple[str, ...] = ()
    signatories: tuple[Signatory, ...] = ()
    date: str | None = None
    agreement: str | None = None
    evidence: tuple[str, ...] = ()
    kind: str | None = None
    status: str | None = None
    score: float | None = None
    sentences: tuple[tuple[int, int], ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Article:
    """One article with what is known of it; ``clusters`` groups ids of mentions of one institution or person, and
    ``undecided`` holds those that a prediction left apart because the article allows more than one reading.

    ``signing_score`` is a model's probability that the article tells of a signing; ``uncertainty`` what it doubts.
    """

    id: str
    text: str
    published: str | None = None
    publisher: str | None = None
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    events: tuple[Event, ...] = ()
    clusters: tuple[tuple[str, ...], ...] = ()
    undecided: tuple[str, ...] = ()
    model: str | None = None
    signing_score: float | None = None
    uncertainty: Uncertainty | None = None

    def without_annotation(self) -> Article:
        """The bare text and its metadata, as a model sees it."""
        return Article(id=self.id, text=self.text, published=self.published, publisher=self.publisher)


def article_to_dict(article: Article) -> dict[str, Any]:
    """The JSON form; keys that only predictions or later stages carry are left out when unset."""
    entities = [
        _drop_none({"id": e.id, "start": e.char_start, "end": e.char_end, "label": e.label, "text": e.text,
                    "score": e.score}, "score")
        for e in article.entities
    ]
    relations = [
        _drop_none({"type": r.type, "head": r.head, "tail": r.tail, "score": r.score}, "score")
        for r in article.relations
    ]
    record: dict[str, Any] = {
        "id": article.id, "text": article.text, "published": article.published, "publisher": article.publisher,
        "entities": entities, "relations": relations,
        "events": [event_to_dict(v) for v in article.events],
    }
    if article.clusters:
        record["clusters"] = [list(cluster) for cluster in article.clusters]
    if article.undecided:
        record["undecided"] = list(article.undecided)
    record |= {key: getattr(article, key) for key in ("model", "signing_score") if getattr(article, key) is not None}
    if article.uncertainty is not None:
        record["uncertainty"] = vars(article.uncertainty)
    return record


def event_to_dict(event: Event) -> dict[str, Any]:
    """The JSON form of one event; keys that only predictions or later stages carry are left out when unset."""
    record = _drop_none({
        "parties": list(event.parties), "other_parties": list(event.other_parties),
        "signatories": [{"person": s.person, "roles": list(s.roles), "hospital": s.hospital} for s in event.signatories],
        "date": event.date, "agreement": event.agreement, "evidence": list(event.evidence),
        "kind": event.kind, "status": event.status, "score": event.score,
    }, "kind", "status", "score")
    if event.sentences:
        record["sentences"] = [list(span) for span in event.sentences]
    if event.links:
        record["links"] = {
            link.name: {"id": link.id, "kind": link.kind, "best": vars(link.best) if link.best else None,
                        "runner_up": vars(link.runner_up) if link.runner_up else None}
            for link in event.links}
    return record


def article_from_dict(record: dict[str, Any]) -> Article:
    """The inverse of :func:`article_to_dict`.

    Raises:
        KeyError, TypeError, ValueError: the record lacks a key or holds a wrong type.
    """
    if not isinstance(record, dict):
        raise TypeError(f"expected a JSON object, found {type(record).__name__}")
    if not isinstance(record["text"], str):
        raise TypeError(f"expected text to be a string, found {type(record['text']).__name__}")
    for key in ("published", "publisher"):
        if not isinstance(record.get(key), str | None):
            raise TypeError(f"expected {key} to be a string or null, found {record[key]!r}")
    return Article(
        id=str(record["id"]), text=record["text"],
        published=record.get("published"), publisher=record.get("publisher"),
        entities=tuple(
            Entity(id=str(e["id"]), char_start=int(e["start"]), char_end=int(e["end"]), label=str(e["label"]),
                   text=str(e["text"]), score=e.get("score"))
            for e in record.get("entities") or ()
        ),
        relations=tuple(
            Relation(type=str(r["type"]), head=str(r["head"]), tail=str(r["tail"]), score=r.get("score"))
            for r in record.get("relations") or ()
        ),
        events=tuple(event_from_dict(v) for v in record.get("events") or ()),
        clusters=tuple(tuple(str(i) for i in cluster) for cluster in record.get("clusters") or ()),
        undecided=tuple(str(i) for i in record.get("undecided") or ()),
        model=record.get("model"), signing_score=record.get("signing_score"),
        uncertainty=Uncertainty.from_dict(record.get("uncertainty")),
    )


def event_from_dict(record: dict[str, Any]) -> Event:
    """The inverse of :func:`event_to_dict`; raises as :func:`article_from_dict` does."""
    links = record.get("links") or {}
    if not isinstance(links, dict):
        raise TypeError(f"expected links to be an object of names, found {type(links).__name__}")
    return Event(
        parties=tuple(record["parties"]), other_parties=tuple(record.get("other_parties") or ()),
        signatories=tuple(
            Signatory(person=s["person"], roles=tuple(s.get("roles") or ()), hospital=s.get("hospital"))
            for s in record.get("signatories") or ()
        ),
        date=record.get("date"), agreement=record.get("agreement"), evidence=tuple(record.get("evidence") or ()),
        kind=record.get("kind"), status=record.get("status"), score=record.get("score"),
        sentences=tuple((int(start), int(end)) for start, end in record.get("sentences") or ()),
        links=tuple(
            Link(name=str(name), kind=str(link["kind"]), id=link.get("id"), best=_candidate(link.get("best")),
                 runner_up=_candidate(link.get("runner_up")))
            for name, link in links.items()
        ),
    )


def _candidate(record: dict[str, Any] | None) -> LinkCandidate | None:
    return LinkCandidate(id=str(record["id"]), name=str(record["name"]), score=float(record["score"])) if record else None


def _drop_none(record: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in optional or value is not None}


def iter_jsonl(path: Path | str) -> Iterator[tuple[int, Article | str]]:
    """Yield ``(line_number, article)``, or ``(line_number, fault)`` with the reason as a string.

    One broken line never costs the lines beside it: the caller decides what a fault means.
    """
    with open(path, encoding="utf-8") as stream:
        for line_number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                yield line_number, article_from_dict(json.loads(line))
            except json.JSONDecodeError as fault:
                yield line_number, f"no valid JSON: {fault.msg} at column {fault.colno}"
            except KeyError as fault:
                yield line_number, f"the key {fault} is missing"
            except (TypeError, ValueError) as fault:
                yield line_number, str(fault)


def collect_jsonl(path: Path | str) -> tuple[list[Article], list[str]]:
    """The readable articles of a file, and every reason why the rest of it is not."""
    articles: list[Article] = []
    faults: list[str] = []
    try:
        for line_number, item in iter_jsonl(path):
            if isinstance(item, str):
                faults.append(f"line {line_number}: {item}")
            else:
                articles.append(item)
    except UnicodeDecodeError as fault:
        faults.append(f"expected UTF-8, found byte {fault.object[fault.start]:#04x} at {fault.start}; "
                      "iconv -f GB18030 -t UTF-8 IN > OUT")
    return articles, faults


def read_jsonl(path: Path | str) -> list[Article]:
    """All articles of a JSONL file.

    Raises:
        DataError: the file is missing or no UTF-8, or lines are broken; every broken line is named.
    """
    if not Path(path).is_file():
        raise DataError("no such file", place=str(path), repair="check the path, or make it: make gold")
    articles, faults = collect_jsonl(path)
    if faults:
        raise DataError("broken lines:\n  " + "\n  ".join(faults), place=str(path),
                        repair=f"python -m data.validate {path}")
    return articles


def write_jsonl(path: Path | str, articles: Iterable[Article]) -> None:
    """Write articles one a line, whole or not at all."""
    with atomic_write(path) as stream:
        for article in articles:
            stream.write(dump_line(article) + "\n")


def dump_line(article: Article) -> str:
    """One article as one line of JSON (no trailing newline); lone surrogates become U+FFFD, and offsets stay."""
    return json_line(article_to_dict(article))
