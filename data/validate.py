"""``python -m data.validate FILE.jsonl …``: every fault of a gold or prediction file at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.article import LINK_KINDS, LINKED_KINDS, Article, Event, collect_jsonl
from data.errors import EXIT_FAILED, EXIT_OK, run_command
from data.schema import Schema, load_schema


def validate_articles(articles: Iterable[Article], schema: Schema | None = None) -> list[str]:
    """Faults as ``id: what is wrong (offset, expected, found)``; ``schema`` adds a check of labels and types."""
    faults: list[str] = []
    seen: set[str] = set()
    for article in articles:
        if article.id in seen:
            faults.append(f"{article.id}: the article id stands twice")
        seen.add(article.id)
        faults += [f"{article.id}: {fault}" for fault in _faults_of(article, schema)]
    return faults


def _faults_of(article: Article, schema: Schema | None) -> list[str]:
    faults: list[str] = []
    length = len(article.text)
    by_id = {e.id: e for e in article.entities}
    if len(by_id) != len(article.entities):
        faults.append("an entity id stands twice")
    last_end, last_id = -1, ""
    for e in sorted(article.entities, key=lambda e: (e.char_start, e.char_end)):
        where = f"entity {e.id} at {e.char_start}-{e.char_end}"
        if not 0 <= e.char_start < e.char_end <= length:
            faults.append(f"{where}: expected offsets within 0-{length}, start before end")
            continue
        if article.text[e.char_start : e.char_end] != e.text:
            faults.append(f"{where}: expected {article.text[e.char_start:e.char_end]!r}, found {e.text!r}")
        if e.char_start < last_end:
            faults.append(f"{where}: overlaps entity {last_id}; spans are flat")
        if schema and e.label not in schema.labels:
            faults.append(f"{where}: expected a label among {' '.join(schema.labels)}, found {e.label!r}")
        if e.char_end > last_end:
            last_end, last_id = e.char_end, e.id
    faults += _relation_faults(article, schema)
    for event in article.events:
        missing = [i for i in event.evidence if i not in by_id]
        if missing:
            faults.append(f"event of {' + '.join(event.parties)}: evidence {missing} is no entity")
        faults += _event_faults(event, length)
    for cluster in article.clusters:
        missing = [i for i in cluster if i not in by_id]
        if missing:
            faults.append(f"cluster {cluster}: {missing} is no entity")
    faults += [f"undecided: {i} is no entity" for i in article.undecided if i not in by_id]
    return faults


def _event_faults(event: Event, length: int) -> list[str]:
    where = f"event of {' + '.join((*event.parties, *event.other_parties))}"
    faults = [f"{where}: expected sentence offsets within 0-{length}, start before end, found {start}-{end}"
              for start, end in event.sentences if not 0 <= start < end <= length]
    for link in event.links:
        if link.name not in (*event.parties, *event.other_parties):
            faults.append(f"{where}: link {link.name} is no party")
        if link.kind not in LINK_KINDS:
            faults.append(f"{where}: link {link.name}: expected a kind among {' '.join(LINK_KINDS)}, found {link.kind!r}")
        elif (link.id is not None) != (link.kind in LINKED_KINDS):
            faults.append(f"{where}: link {link.name}: {link.kind} {'lacks its id' if link.id is None else 'has an id'}")
    return faults


def _relation_faults(article: Article, schema: Schema | None) -> list[str]:
    faults: list[str] = []
    by_id = {e.id: e for e in article.entities}
    seen: set[tuple[str, str, str]] = set()
    for r in article.relations:
        where = f"relation {r.type} {r.head} -> {r.tail}"
        missing = [i for i in (r.head, r.tail) if i not in by_id]
        if missing:
            faults.append(f"{where}: no entity {' '.join(missing)}")
            continue
        if (r.type, r.head, r.tail) in seen:
            faults.append(f"{where}: stands twice")
        seen.add((r.type, r.head, r.tail))
        kind = schema.relation(r.type) if schema else None
        if schema and kind is None:
            faults.append(f"{where}: expected a type among {' '.join(k.name for k in schema.relations)}")
        elif kind and (by_id[r.head].label not in kind.head or by_id[r.tail].label not in kind.tail):
            faults.append(f"{where}: expected {'/'.join(sorted(kind.head))} -> {'/'.join(sorted(kind.tail))}, "
                          f"found {by_id[r.head].label} -> {by_id[r.tail].label}")
        if kind and kind.symmetric and by_id[r.tail].char_start < by_id[r.head].char_start:
            faults.append(f"{where}: a symmetric relation is stored head first in the text")
    return faults


def validate_file(path: Path, schema: Schema | None = None) -> tuple[int, list[str]]:
    """Number of readable articles and all faults of a JSONL file, unreadable lines included."""
    articles, faults = collect_jsonl(path)
    if not articles and not faults:
        faults.append("expected articles, found an empty file")
    return len(articles), faults + validate_articles(articles, schema)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m data.validate", description=__doc__,
        epilog="example: python -m data.validate data/gold/seeds.jsonl --schema configs/schema/parties.yaml")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--schema", type=Path, help="check labels and relation ends against this schema file")
    args = parser.parse_args(argv)
    schema = load_schema(args.schema) if args.schema else None
    failed = False
    for path in args.files:
        if not path.is_file():
            print(f"error: {path}: no such file", file=sys.stderr)
            failed = True
            continue
        count, faults = validate_file(path, schema)
        for fault in faults:
            print(f"{path}: {fault}")
        print(f"{path}: {count} articles, {len(faults)} faults")
        failed = failed or bool(faults)
    return EXIT_FAILED if failed else EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
