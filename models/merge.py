"""Events across articles: the reports of one signing by several outlets become one record that keeps all its sources.

Two reports are of one signing where their parties are the same (by register entry, else by name) and their dates may be
one (:mod:`models.edtf`). The outcome depends on the set of reports alone: a merged record holds its reports as they
came, merging takes them apart again, so neither the order of the input nor an earlier merge changes anything.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.article import Event, Signatory, article_from_dict, event_from_dict, event_to_dict
from data.errors import EXIT_OK, DataError
from data.files import atomic_write
from data.markup import KINDS
from models.edtf import group_dates, most_precise
from models.register import Register, link_event, link_summary, register_of_command
from models.register_file import normalise

_STATUS_ORDER = ("renewed", "signed", "unveiled", "planned")  # what has happened says more than what was announced
_DAY_LENGTH = len("2024-11-08")


@dataclass(frozen=True, kw_only=True)
class Report:
    """One event as one article tells it. ``text`` serves linking and is not kept."""

    article: str
    publisher: str | None = None
    published: str | None = None
    event: Event
    text: str = field(default="", compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The form in which a merged record keeps it."""
        return {"article": self.article, "publisher": self.publisher, "published": self.published,
                "event": event_to_dict(self.event)}


@dataclass(frozen=True, kw_only=True)
class MergedEvent:
    """One signing, and every report of it."""

    event: Event
    sources: tuple[Report, ...]

    def to_dict(self) -> dict[str, Any]:
        """One line of the merged file; evidence stands with each source, whose article it points into."""
        record = event_to_dict(self.event)
        del record["evidence"]
        return record | {"source_count": len({(s.article, s.publisher) for s in self.sources}),
                         "sources": [s.to_dict() for s in self.sources]}


def merge_reports(reports: Iterable[Report]) -> list[MergedEvent]:
    """Group reports of one signing; by date, then parties. A report given twice counts once."""
    buckets: dict[tuple[Any, ...], dict[str, Report]] = defaultdict(dict)
    for report in reports:
        buckets[_parties_key(report.event)].setdefault(_canonical(report), report)
    merged = []
    for bucket in buckets.values():
        group_of = group_dates(frozenset(r.event.date for r in bucket.values() if r.event.date))
        names = set(group_of.values())
        # A report without a date fits any day, but only where there is no second day that it fits as well.
        undated = names.pop() if len(names) == 1 else None
        groups: dict[str | None, list[Report]] = defaultdict(list)
        for _, report in sorted(bucket.items()):
            groups[group_of[report.event.date] if report.event.date else undated].append(report)
        merged += [_merged(group) for group in groups.values()]
    return sorted(merged, key=lambda m: (m.event.date or "", json.dumps(m.to_dict(), ensure_ascii=False, sort_keys=True)))


def _canonical(report: Report) -> str:
    return json.dumps(report.to_dict(), ensure_ascii=False, sort_keys=True)


def party_keys(event: Event) -> dict[str, str]:
    """What stands for each party's identity: its register entry, else its normalised name."""
    ids = {link.name: link.id for link in event.links if link.id is not None}
    return {name: f"id {ids[name]}" if name in ids else f"name {normalise(name)}"
            for name in (*event.parties, *event.other_parties)}


def _parties_key(event: Event) -> tuple[Any, ...]:
    """A party whose partner nobody names may sign twice a day: such events must also agree in day and agreement."""
    keys = frozenset(party_keys(event).values())
    if len(keys) > 1:
        return (keys,)
    day = event.date if event.date and len(event.date) == _DAY_LENGTH and "X" not in event.date else None
    return (keys, event.agreement, event.kind, day) if day else (keys, _content(event))


def _content(event: Event) -> str:
    return json.dumps(event_to_dict(event), ensure_ascii=False, sort_keys=True)


def _merged(reports: Sequence[Report]) -> MergedEvent:
    """One record of reports in canonical order: the most precise date, the fullest names, all signatories, the agreement
    and kind that most reports give, the status that says most, the best score."""
    sources = sorted(reports, key=lambda r: (r.published or "9999", r.publisher or "", r.article, _canonical(r)))
    events = [r.event for r in sources]
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        for name, key in party_keys(event).items():
            names[key][name] += 1
    fullest = {key: max(found, key=lambda n: (len(n), found[n], n)) for key, found in names.items()}
    lead = max(events, key=lambda v: (v.score or 0.0, _content(v)))
    hospitals = {key for v in events for n, key in party_keys(v).items() if n in v.parties}
    order = [*dict.fromkeys([*party_keys(lead).values(), *sorted(fullest)])]
    scores = [v.score for v in events if v.score is not None]
    links = {link.name: link for v in events for link in sorted(v.links, key=repr)}
    kinds = Counter(v.kind for v in events if v.kind and v.kind != "other")
    agreements = Counter(v.agreement for v in events if v.agreement)
    return MergedEvent(sources=tuple(sources), event=Event(
        parties=tuple(fullest[k] for k in order if k in hospitals),
        other_parties=tuple(fullest[k] for k in order if k not in hospitals),
        signatories=_signatories(events, fullest),
        date=most_precise(frozenset(v.date for v in events if v.date)),
        agreement=max(agreements, key=lambda a: (agreements[a], len(a), a), default=None),
        kind=max(kinds, key=lambda k: (kinds[k], k in KINDS and -KINDS.index(k), k),
                 default=next((v.kind for v in events if v.kind), None)),
        status=min((v.status for v in events if v.status), key=_status_rank, default=None),
        score=max(scores, default=None),
        links=tuple(links[n] for n in fullest.values() if n in links)))


def _status_rank(status: str) -> tuple[int, str]:
    return (_STATUS_ORDER.index(status) if status in _STATUS_ORDER else len(_STATUS_ORDER)), status


def _signatories(events: Sequence[Event], fullest: dict[str, str]) -> tuple[Signatory, ...]:
    """Each person of each institution once, with all posts; one without an institution joins the only one of that name."""
    posts: dict[tuple[str, str | None], dict[str, None]] = defaultdict(dict)
    for event in events:
        keys = party_keys(event)
        for s in event.signatories:
            hospital = fullest[keys[s.hospital]] if s.hospital in keys else s.hospital
            posts[normalise(s.person), hospital].update(dict.fromkeys(s.roles))
    for person, hospital in sorted(posts, key=str):
        homes = [h for p, h in posts if p == person and h is not None]
        if hospital is None and len(homes) == 1:
            posts[person, homes[0]].update(posts.pop((person, None)))
    return tuple(Signatory(person=person, roles=tuple(roles), hospital=hospital) for (person, hospital), roles in posts.items())


def link_reports(reports: Iterable[Report], register: Register) -> Iterator[Report]:
    """Reports with their parties linked. Without its text a report keeps the links it has: they were made with more."""
    for report in reports:
        if report.text or not report.event.links:
            context = report.text or " ".join([report.publisher or "", *report.event.parties, *report.event.other_parties])
            report = replace(report, event=link_event(report.event, register, context))
        yield report


def reports_of(record: Any) -> list[Report]:
    """The reports of one JSON line: a predicted article, one event of ``--events-only``, or a merged record.

    Raises:
        KeyError, TypeError, ValueError: it is none of these.
    """
    if not isinstance(record, dict):
        raise TypeError(f"expected a JSON object, found {type(record).__name__}")
    if "sources" in record:
        return [_report(source, source["event"]) for source in record["sources"]]
    if "article" in record and "parties" in record:
        return [_report(record, record)]
    article = article_from_dict(record)
    for event in article.events:
        _check(event)
    text = "\n".join([article.publisher or "", article.text])
    return [Report(article=article.id, publisher=article.publisher, published=article.published, event=event, text=text)
            for event in article.events]


def _report(source: dict[str, Any], event: dict[str, Any]) -> Report:
    for key in ("publisher", "published"):
        if not isinstance(source.get(key), str | None):
            raise TypeError(f"expected {key} to be a string or null, found {source[key]!r}")
    return Report(article=str(source["article"]), publisher=source.get("publisher"), published=source.get("published"),
                  event=_check(event_from_dict(event)))


def _check(event: Event) -> Event:
    """The event, where what merging compares is of the right type."""
    parties = (*event.parties, *event.other_parties)
    optional = (event.date, event.agreement, event.kind, event.status, *(s.hospital for s in event.signatories))
    for value in (*parties, *(s.person for s in event.signatories), *(word for word in optional if word is not None)):
        if not isinstance(value, str):
            raise TypeError(f"expected names and words in an event, found {value!r}")
    if not isinstance(event.score, int | float | None):
        raise TypeError(f"expected a number as score, found {event.score!r}")
    if not parties:
        raise ValueError("an event without parties")
    return event


def read_reports(path: Path | str, faults: list[str]) -> Iterator[Report]:
    """Stream the reports of a file; what is wrong with a line goes to ``faults`` and costs only that line.

    Raises:
        DataError: there is no such file.
    """
    if not Path(path).is_file():
        raise DataError("no such file", place=str(path), repair="give files that models.predict wrote")
    with open(path, "rb") as stream:
        for line_number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                yield from reports_of(json.loads(line))
            except KeyError as fault:
                faults.append(f"{path}: line {line_number}: the key {fault} is missing")
            except (TypeError, ValueError) as fault:
                faults.append(f"{path}: line {line_number}: {fault}")


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``models.events``."""
    parser = argparse.ArgumentParser(prog="python -m models.events", description="Work with extracted signing events.")
    commands = parser.add_subparsers(dest="command", required=True)
    merge = commands.add_parser(
        "merge", help="one record for each signing that several articles report",
        description="Group the reports of one signing (same parties, dates that may be one) and keep all their sources.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.events merge monday.jsonl tuesday.jsonl --output merged.jsonl\n"
               "  python -m models.events merge out.jsonl --register hospitals.csv --output merged.jsonl\n"
               "  python -m models.events merge merged.jsonl wednesday.jsonl --output - | head")
    merge.add_argument("predictions", nargs="+", metavar="PREDICTIONS",
                       help="JSONL of models.predict (articles or --events-only), or an earlier merged file")
    merge.add_argument("--output", required=True, metavar="FILE", help="JSONL file to write, or - for standard output")
    merge.add_argument("--register", type=Path, metavar="CSV",
                       help="your institutions (columns id, name, aliases, region): parties are compared by id where they link")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.events``."""
    from tqdm import tqdm

    args = parse_arguments(argv)
    register = register_of_command(args.register)
    faults: list[str] = []
    found = (r for path in args.predictions for r in read_reports(path, faults))
    counted = tqdm(found, unit=" events", disable=not sys.stderr.isatty())
    reports = list(link_reports(counted, register) if register else counted)
    for fault in faults:
        print(f"skipped: {fault}", file=sys.stderr)
    if faults and not reports:
        raise DataError("no line could be read", place=" ".join(args.predictions),
                        repair="give files that models.predict wrote")
    merged = merge_reports(reports)
    lines = (json.dumps(m.to_dict(), ensure_ascii=False) for m in merged)
    if args.output == "-":
        sys.stdout.writelines(line + "\n" for line in lines)
    else:
        with atomic_write(args.output) as stream:
            stream.writelines(line + "\n" for line in lines)
    several = sum(len(m.sources) > 1 for m in merged)
    print(f"{len(reports)} reports, {len(merged)} events, {several} of them in several sources, "
          f"{len(faults)} lines that could not be read", file=sys.stderr)
    if register:
        print(link_summary(Counter(link.kind for r in reports for link in r.event.links)), file=sys.stderr)
    return EXIT_OK
