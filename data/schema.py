"""Labels, relation types and their admissible ends, read from a schema file and never from code."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from data.article import Article, Event
from data.errors import UsageError

HOSPITAL, ORG = "HOSPITAL", "ORG"


@dataclass(frozen=True, kw_only=True)
class RelationType:
    """One relation type: which labels may stand at its head and at its tail."""

    name: str
    head: frozenset[str]
    tail: frozenset[str]
    symmetric: bool = False


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a data set annotates. The order of ``labels`` and ``relations`` fixes the model's outputs."""

    name: str
    labels: tuple[str, ...]
    relations: tuple[RelationType, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """BIO tags in the order of the tagger's outputs: O, then B- and I- of each label."""
        return ("O", *(f"{prefix}-{label}" for label in self.labels for prefix in "BI"))

    def admissible(self, head_label: str, tail_label: str) -> tuple[int, ...]:
        """Indices of the relation types that allow this ordered pair of labels."""
        return tuple(
            i for i, r in enumerate(self.relations) if head_label in r.head and tail_label in r.tail
        )

    def relation(self, name: str) -> RelationType | None:
        """The relation type of that name, or None."""
        return next((r for r in self.relations if r.name == name), None)

    def covers(self, other: Schema) -> bool:
        """Whether all that ``other`` names is named here too, so that a reading in this schema can answer in that one."""
        return set(other.labels) <= set(self.labels) and all(
            (mine := self.relation(r.name)) is not None and r.head <= mine.head and r.tail <= mine.tail
            and r.symmetric == mine.symmetric for r in other.relations)

    def to_dict(self) -> dict[str, Any]:
        """The form of the schema file, relations as a list: their order is the order of the model's outputs, and
        JSON writers that sort keys would lose the order of a mapping."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "relations": [
                {"name": r.name, "head": sorted(r.head), "tail": sorted(r.tail), "symmetric": r.symmetric}
                for r in self.relations
            ],
        }


def schema_from_dict(record: Any, *, place: str = "schema") -> Schema:
    """Build a schema from its file form.

    Raises:
        UsageError: every fault of the record at once.
    """
    faults: list[str] = []
    if not isinstance(record, dict):
        raise UsageError(f"expected a mapping with name, labels, relations; found {type(record).__name__}",
                         place=place, repair="see configs/schema/hospital.yaml")
    labels = record.get("labels")
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        faults.append(f"labels: expected a list of names, found {labels!r}")
        labels = []
    if len(set(labels)) != len(labels):
        faults.append("labels: a label stands twice")
    relations = []
    listed = record.get("relations") or {}
    if isinstance(listed, list) and all(isinstance(ends, dict) and ends.get("name") for ends in listed):
        listed = {str(ends.get("name")): {k: v for k, v in ends.items() if k != "name"} for ends in listed}
    if not isinstance(listed, dict):
        faults.append(f"relations: expected a mapping of names to head and tail, found {listed!r}")
        listed = {}
    for name, ends in listed.items():
        if not isinstance(ends, dict) or not all(isinstance(ends.get(k), list) and ends[k] for k in ("head", "tail")):
            faults.append(f"relations.{name}: expected head and tail lists, found {ends!r}")
            continue
        unknown = sorted((set(ends["head"]) | set(ends["tail"])) - set(labels))
        if unknown:
            faults.append(f"relations.{name}: ends {unknown} are not among labels {labels}")
        if odd := sorted(set(ends) - {"head", "tail", "symmetric"}):
            faults.append(f"relations.{name}: unknown keys {odd}; known: head, tail, symmetric")
        relations.append(RelationType(name=name, head=frozenset(ends["head"]), tail=frozenset(ends["tail"]),
                                      symmetric=bool(ends.get("symmetric", False))))
    if odd := sorted(set(record) - {"name", "labels", "relations"}):
        faults.append(f"unknown keys {odd}; known: name, labels, relations")
    if faults:
        raise UsageError("\n  ".join(["the schema is wrong:", *faults]), place=place,
                         repair="see configs/schema/hospital.yaml")
    return Schema(name=str(record.get("name") or "schema"), labels=tuple(labels), relations=tuple(relations))


def load_schema(path: Path | str) -> Schema:
    """Read a schema file (YAML, safe loader).

    Raises:
        UsageError: the file is missing or wrong.
    """
    try:
        record = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise UsageError("no such schema file", place=str(path),
                         repair="schema: configs/schema/hospital.yaml") from fault
    except yaml.YAMLError as fault:
        raise UsageError(f"no valid YAML: {fault}", place=str(path)) from fault
    return schema_from_dict(record, place=str(path))


def schema_of(articles: Iterable[Article], name: str) -> Schema:
    """The schema that annotated articles use: their labels and relation types by name, each type with the labels that
    stand at its ends."""
    labels: set[str] = set()
    heads: dict[str, set[str]] = defaultdict(set)
    tails: dict[str, set[str]] = defaultdict(set)
    for article in articles:
        label_of = {e.id: e.label for e in article.entities}
        labels.update(label_of.values())
        for r in article.relations:
            heads[r.type].add(label_of[r.head])
            tails[r.type].add(label_of[r.tail])
    return Schema(name=name, labels=tuple(sorted(labels)), relations=tuple(
        RelationType(name=kind, head=frozenset(heads[kind]), tail=frozenset(tails[kind])) for kind in sorted(heads)))


def restrict(article: Article, schema: Schema, dropped: Counter[str] | None = None) -> Article:
    """Keep what the schema names; count the rest in ``dropped`` under ``entity:LABEL`` and ``relation:TYPE``.

    Events keep ``other_parties`` only where the schema has ORG, and ``evidence`` only among kept entities;
    an event without any party left goes too.
    """
    dropped = Counter() if dropped is None else dropped
    kept = {e.id: e for e in article.entities if e.label in schema.labels}
    for e in article.entities:
        if e.id not in kept:
            dropped[f"entity:{e.label}"] += 1
    relations = []
    for r in article.relations:
        kind = schema.relation(r.type)
        ends = kept.get(r.head), kept.get(r.tail)
        if kind and ends[0] and ends[1] and ends[0].label in kind.head and ends[1].label in kind.tail:
            relations.append(r)
        else:
            dropped[f"relation:{r.type}"] += 1
    events = []
    for event in article.events:
        trimmed = _restrict_event(event, kept, keep_org=ORG in schema.labels)
        if trimmed.parties or trimmed.other_parties:
            events.append(trimmed)
        else:
            dropped["event"] += 1
    clusters = (tuple(i for i in cluster if i in kept) for cluster in article.clusters)
    return replace(article, entities=tuple(kept.values()), relations=tuple(relations), events=tuple(events),
                   clusters=tuple(c for c in clusters if c), undecided=tuple(i for i in article.undecided if i in kept))


def _restrict_event(event: Event, kept_ids: Container[str], *, keep_org: bool) -> Event:
    evidence = tuple(i for i in event.evidence if i in kept_ids)
    if keep_org:
        return replace(event, evidence=evidence)
    signatories = tuple(
        s for s in event.signatories if s.hospital is None or s.hospital not in event.other_parties
    )
    links = tuple(link for link in event.links if link.name not in event.other_parties)
    return replace(event, other_parties=(), signatories=signatories, evidence=evidence, links=links)
