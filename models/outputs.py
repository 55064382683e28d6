"""Lines of a run -> files: JSONL, Parquet, and for people CSV and XLSX with one row per event, all written in streams."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePath
from typing import IO, Any

from data.article import Article, Event, dump_line, event_to_dict
from data.errors import UsageError
from data.surrogates import json_line

JSONL, PARQUET, CSV, XLSX = "jsonl", "parquet", "csv", "xlsx"
FORMATS = (JSONL, PARQUET, CSV, XLSX)
ARTICLES, EVENTS, ROWS = "articles", "events", "rows"
COLUMNS = ("article", "published", "publisher", "parties", "other_parties", "signatories", "posts", "date", "agreement", "kind",
           "status", "confidence", "register", "source", "evidence")
SEPARATOR = "; "
# A cell that begins so is a formula to a spreadsheet; the full-width forms are to some.
_FORMULA = re.compile(r"^[\s\x00]*[=+\-@＝＋－＠]|^[\t\r]")
_NO_CELL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
XLSX_ROWS, XLSX_CHARS = 1_048_576, 32_767
_ROWS_AT_ONCE = 500


def format_of(output: str, asked: str | None) -> str:
    """The format asked for, else the one that the suffix of ``output`` names, else JSONL.

    Raises:
        UsageError: the format cannot go to standard output.
    """
    suffix = PurePath(output).suffix.lower().removeprefix(".")
    found = asked or (suffix if suffix in FORMATS else JSONL)
    if output == "-" and found in (PARQUET, XLSX):
        raise UsageError(f"{found} cannot be written to standard output", place="--output", repair=f"--output out.{found}")
    return found


def kind_of_lines(output_format: str, *, events_only: bool) -> str:
    """What one line of a run's parts is: an article, an event, or the row of a table."""
    return ROWS if output_format in (CSV, XLSX) else EVENTS if events_only else ARTICLES


def lines_of(article: Article, kind: str, *, source: str) -> Iterator[str]:
    """The lines that one predicted article adds to the output; ``source`` says where it was read."""
    if kind == ARTICLES:
        yield dump_line(article)
        return
    for event in article.events:
        record = {"article": article.id, "published": article.published, "publisher": article.publisher}
        yield json_line(record | (_row(article, event, source) if kind == ROWS else event_to_dict(event)))


def _row(article: Article, event: Event, source: str) -> dict[str, Any]:
    return {
        "parties": SEPARATOR.join(event.parties), "other_parties": SEPARATOR.join(event.other_parties),
        "signatories": SEPARATOR.join(f"{s.person} ({s.hospital})" if s.hospital else s.person for s in event.signatories),
        "posts": SEPARATOR.join(f"{s.person}: {'、'.join(s.roles)}" for s in event.signatories if s.roles),
        "date": event.date, "agreement": event.agreement, "kind": event.kind, "status": event.status, "confidence": event.score,
        "register": SEPARATOR.join(f"{link.name} = {link.id}" for link in event.links if link.id), "source": source,
        "evidence": " … ".join(" ".join(article.text[start:end].split()) for start, end in event.sentences)}


def write_output(lines: Iterable[str], path: str, output_format: str, kind: str, changed: Counter[str]) -> None:
    """Write a run's lines as a file of a format; ``changed`` counts what a format could not hold as it was."""
    if output_format == JSONL:
        with open(path, "w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(line + "\n" for line in lines)
    elif output_format == CSV:
        # The mark tells spreadsheets that it is UTF-8.
        with open(path, "w", encoding="utf-8-sig", newline="") as stream:
            write_csv(lines, stream, changed)
    elif output_format == XLSX:
        _write_xlsx(lines, path, changed)
    else:
        _write_parquet(lines, path, kind)


def write_csv(lines: Iterable[str], stream: IO[str], changed: Counter[str]) -> None:
    """One row an event, with a header."""
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for line in lines:
        record = json.loads(line)
        table.writerow([safe_cell(record.get(name), changed) for name in COLUMNS])


def safe_cell(value: Any, changed: Counter[str]) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers and None stay."""
    if not isinstance(value, str):
        return value
    text = _NO_CELL.sub("", value)
    if _FORMULA.search(text):
        changed["cells neutralised"] += 1
        return "'" + text
    return text


def _write_xlsx(lines: Iterable[str], path: str, changed: Counter[str]) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    rows = (json.loads(line) for line in lines)
    sheets = 0
    while True:
        page = islice(rows, XLSX_ROWS - 1)
        first = next(page, None)
        if first is None and sheets:
            break
        sheets += 1
        sheet = book.create_sheet("events" if sheets == 1 else f"events {sheets}")
        sheet.freeze_panes = "A2"
        sheet.append(COLUMNS)
        for record in ([] if first is None else _chain(first, page)):
            sheet.append([_xlsx_cell(record.get(name), changed) for name in COLUMNS])
    book.save(path)


def _chain(first: dict[str, Any], rest: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest


def _xlsx_cell(value: Any, changed: Counter[str]) -> Any:
    cell = safe_cell(value, changed)
    if isinstance(cell, str) and len(cell) > XLSX_CHARS:
        changed["cells cut to what XLSX holds"] += 1
        return cell[:XLSX_CHARS]
    return cell


def _write_parquet(lines: Iterable[str], path: str, kind: str) -> None:
    import pyarrow
    from pyarrow import parquet

    from models.arrow_schema import schema_of

    schema = schema_of(kind)
    rest = iter(lines)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := [_arrow_record(line) for line in islice(rest, _ROWS_AT_ONCE)]:
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def _arrow_record(line: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(line)
    for event in record.get("events", [record]):
        # Names are keys in JSON, which a table with fixed columns cannot have.
        event["links"] = [{"name": name, **link} for name, link in (event.get("links") or {}).items()]
    return record

