"""Articles that come as records: lines of JSONL, JSON, and the rows of CSV and Parquet tables, with columns by name."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from data.article import Article, article_from_dict
from data.compressed import LIMITS, Limits, read_limited
from data.decode import decode_text
from data.errors import DataError
from data.masthead import iso_date, read_masthead
from data.surrogates import count_surrogates, without_surrogates

_DAY = re.compile(r"\s*(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)")
_PLAIN_DAY = re.compile(r"\s*((?:19|20)\d\d)(\d\d)(\d\d)\s*$")
_PEEK_BYTES = 2**16
_ROWS_AT_ONCE = 64
_DELIMITERS = ",\t;|"
_NO_TEXT = "expected text, found nothing but white space"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column or key of a record holds what; ``title`` is put on a line above the text."""

    text: str = "text"
    id: str = "id"
    published: str = "published"
    publisher: str = "publisher"
    title: str | None = None

    def names(self) -> list[str]:
        """The columns to read."""
        return [name for name in (self.text, self.id, self.published, self.publisher, self.title) if name]


@dataclass(frozen=True, kw_only=True)
class BrokenRow:
    """A record that cannot be read, and why."""

    place: str
    reason: str


def jsonl_lines(stream: IO[bytes], *, place: str, limits: Limits = LIMITS) -> Iterator[tuple[str, bytes] | BrokenRow]:
    """``("line 3", bytes)`` of every line that is not blank; a line that is too long is passed over in pieces."""
    number, nothing = 0, True
    while line := stream.readline(limits.document_bytes + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) > limits.document_bytes:
            nothing = False
            while line and not line.endswith(b"\n"):
                line = stream.readline(2**20)
            yield BrokenRow(place=f"line {number}",
                            reason=f"expected a line of at most {limits.document_bytes // 2**20} MiB, found a longer one")
        elif line.strip():
            nothing = False
            yield f"line {number}", line
    if nothing:
        raise DataError("expected articles, found an empty file", place=place)


def json_records(stream: IO[bytes], *, place: str, columns: Columns, limits: Limits = LIMITS
                 ) -> Iterator[tuple[str, Mapping[str, Any]] | BrokenRow]:
    """The objects of a JSON document: one article, or a list of them.

    Raises:
        DataError: it is no JSON, or no object of it has a text.
    """
    try:
        document = json.loads(read_limited(stream, place=place, limits=limits))
    except (ValueError, RecursionError) as fault:
        raise DataError(f"expected JSON, found it broken: {fault}", place=place, repair="python -m json.tool FILE") from fault
    records = document if isinstance(document, list) else [document]
    if not any(isinstance(r, dict) and columns.text in r for r in records):
        raise DataError(f"expected articles with the key {columns.text!r}, found none", place=place,
                        repair="name the key: --text-column NAME")
    for number, record in enumerate(records, start=1):
        where = f"record {number}"
        yield (where, record) if isinstance(record, dict) else BrokenRow(
            place=where, reason=f"expected a JSON object, found {type(record).__name__}")


def csv_rows(stream: io.BufferedReader, *, place: str, columns: Columns, tabs: bool = False, limits: Limits = LIMITS
             ) -> Iterator[tuple[str, Mapping[str, Any]] | BrokenRow]:
    """Rows of a CSV table in UTF-8, UTF-16 or GB18030, its delimiter told by its first line.

    Raises:
        DataError: it is empty, or has no column of that name.
    """
    csv.field_size_limit(limits.document_bytes)
    head = stream.peek(_PEEK_BYTES)
    encoding = _table_encoding(head)
    first = head.decode(encoding, "ignore").split("\n", 1)[0]
    delimiter = "\t" if tabs else max(_DELIMITERS, key=first.count)
    # Bytes that are not of the encoding come through as surrogates, and cost only their own row.
    lines = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")
    rows = csv.reader(lines, delimiter=delimiter)
    header = next(rows, None)
    if header is None:
        raise DataError("expected a table, found an empty file", place=place)
    header = [name.strip() for name in header]
    _check_header(header, columns, place)
    number = 0
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            yield BrokenRow(place=f"row {number}", reason=f"no valid CSV: {fault}")
            continue
        if not any(row):
            continue
        record = dict(zip(header, row, strict=False))
        if any(count_surrogates(record.get(name) or "") for name in (columns.text, columns.title) if name):
            yield BrokenRow(place=f"row {number}", reason=f"expected {encoding.upper()}, found other bytes")
        else:
            yield f"row {number}", {name: without_surrogates(record[name]) for name in columns.names() if name in record}


def _table_encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"


def parquet_rows(stream: IO[bytes], *, place: str, columns: Columns) -> Iterator[tuple[str, Mapping[str, Any]] | BrokenRow]:
    """Rows of a Parquet table, some at a time; ``stream`` must be able to seek.

    Raises:
        DataError: it is broken, or has no column of that name.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(stream)
        names = table.schema_arrow.names
        _check_header(names, columns, place)
        wanted = [name for name in dict.fromkeys(columns.names()) if name in names]
        number = 0
        for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE, columns=wanted):
            for record in batch.to_pylist():
                number += 1
                yield f"row {number}", record
    except (pyarrow.ArrowException, UnicodeDecodeError) as fault:
        raise DataError(f"expected a Parquet table, found it broken: {fault}", place=place) from fault


def _check_header(header: list[str], columns: Columns, place: str) -> None:
    for name in (columns.text, columns.title):
        if name and name not in header:
            raise DataError(f"expected a column {name!r}, found {', '.join(header[:20])}", place=place,
                            repair="name the column: --text-column NAME, --title-column NAME")


def article_of_line(line: bytes, columns: Columns) -> Article:
    """The article of one line of JSONL.

    Raises:
        ValueError: the line is no UTF-8, no JSON or no article; the message says which.
    """
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise ValueError(f"expected UTF-8, found byte {line[fault.start]:#04x} at {fault.start}") from fault
    except json.JSONDecodeError as fault:
        raise ValueError(f"no valid JSON: {fault.msg} at column {fault.colno}") from fault
    except RecursionError as fault:
        raise ValueError("no valid JSON: nested too deeply") from fault
    return article_of_record(record, columns)


def article_of_record(record: Any, columns: Columns) -> Article:
    """The article of a JSON object; its keys are those of the article contract, or the ones that ``columns`` names.

    Raises:
        ValueError: it breaks the contract; the message says how.
    """
    if isinstance(record, dict) and columns != Columns():
        named = {"text": columns.text, "id": columns.id, "published": columns.published, "publisher": columns.publisher}
        record = record | {key: record[name] for key, name in named.items() if name in record}
    try:
        article = article_from_dict(record)
    except KeyError as fault:
        raise ValueError(f"the key {fault} is missing") from fault
    except (TypeError, AttributeError) as fault:
        raise ValueError(str(fault)) from fault
    if columns.title and isinstance(title := record.get(columns.title), str) and title.strip():
        return replace(article.without_annotation(), text=f"{title.strip()}\n{article.text}")
    return article


def article_of_row(row: Mapping[str, Any], columns: Columns, *, row_id: str) -> Article:
    """The article of a table's row; what its columns leave open is read off the text's masthead.

    Raises:
        ValueError: the row has no text.
    """
    text, title = (_text_of(row.get(name)) if name else None for name in (columns.text, columns.title))
    if not isinstance(text, str) or not text.strip():
        raise ValueError(_NO_TEXT if isinstance(text, str | None) else f"expected text, found {type(text).__name__}")
    if isinstance(title, str) and title.strip():
        text = f"{title.strip()}\n{text}"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    said = read_masthead(text)
    return Article(
        id=_name_of(row.get(columns.id)) or row_id, text=text,
        published=_day_of(row.get(columns.published)) or said.published,
        publisher=_name_of(row.get(columns.publisher)) or said.publisher)


def _text_of(value: Any) -> Any:
    """A cell as it is; bytes as text, for some writers of Parquet call their text binary."""
    return decode_text(value, place="") if isinstance(value, bytes) and value.strip() else value


def _name_of(value: Any) -> str:
    """A cell of text or a number as text; "" where it is empty, a list or something else that names nothing."""
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return str(value).strip() if isinstance(value, str | int | float | Decimal | UUID) and value == value else ""


def _day_of(value: Any) -> str | None:
    """The ISO day of a cell: a date, a moment, or their usual written forms (20240131 too); None where it is none."""
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()[:10]
    found = _DAY.match(str(value)) or _PLAIN_DAY.match(str(value)) if isinstance(value, str | int) else None
    return iso_date(*found.groups()) if found else None
