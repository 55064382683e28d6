"""Inputs -> raw documents -> articles, in two steps, so that the first can be repeated cheaply.

:func:`iter_documents` finds every article of the inputs in an order that each run repeats and opens no plain file;
:func:`parse_document` decodes one of them, and may run in another process. What goes wrong becomes a
:class:`ReadFault` in its place and costs nothing beside it.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Any

from data import archives, listing, records
from data.archives import Member, MemberFault
from data.article import Article
from data.compressed import LIMITS, Limits, read_limited, unpacked
from data.decode import decode_text
from data.errors import DataError
from data.masthead import read_masthead
from data.pages import read_page
from data.records import Columns

ROW, RECORD = "row", "record"
_SPOOLED_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class ReadFault:
    """Input that could not be read: the file, the place in it ("" for the whole), and why, with a repair if known.

    ``is_missing`` tells of a file that is not there, or not there any more.
    """

    source: str
    place: str
    reason: str
    is_missing: bool = False

    def render(self) -> str:
        """One message in the style of :mod:`data.errors`."""
        return ": ".join(part for part in (self.source, self.place, self.reason) if part)


@dataclass(frozen=True, kw_only=True)
class RawDocument:
    """One article to be, before the costly part of reading.

    ``payload`` is the path of a plain file, the bytes of a member or a line, or the cells of a row; ``input_bytes``
    says how much of the input was used up to find it, and ``stamp`` tells it from another document in its place.
    """

    source: str
    place: str
    form: str | None
    payload: str | bytes | Mapping[str, Any]
    article_id: str
    input_bytes: int = 0
    stamp: int = 0

    def identity(self) -> int:
        """A checksum of where it lies and what it holds."""
        data = self.payload
        if not isinstance(data, bytes):
            data = (data if isinstance(data, str) else repr(sorted(data.items()))).encode("utf-8", "surrogatepass")
        return zlib.crc32(data, zlib.crc32(f"{self.source}\0{self.place}\0{self.stamp}".encode("utf-8", "surrogatepass")))


Document = RawDocument | ReadFault


def iter_documents(paths: Iterable[str], *, columns: Columns, exclude: Collection[str] = (),
                   dropped: Counter[str] | None = None, limits: Limits = LIMITS) -> Iterator[Document]:
    """Every document of files, folders, globs, archives, tables, URLs and ``-``, in order, as a stream.

    Args:
        paths: see :func:`data.listing.list_inputs`, which also explains ``exclude``.
        columns: what the columns of tables and the keys of records are called.
        dropped: counts what is passed over without being a fault.
    """
    counts: Counter[str] = Counter() if dropped is None else dropped
    for item in listing.list_inputs(paths, exclude=exclude, dropped=counts):
        if isinstance(item, listing.Unlisted):
            yield ReadFault(source=item.path, place="", reason=item.reason, is_missing=item.is_missing)
        else:
            reader = _Reader(item.path, columns, counts, limits)
            found = reader.standard_input() if item.path == listing.STANDARD_INPUT else reader.file(is_named=item.is_named)
            yield from _guarded(item.path, found)


def _guarded(source: str, found: Iterator[Document]) -> Iterator[Document]:
    try:
        yield from found
    except DataError as fault:
        yield ReadFault(source=source, place="" if fault.place == source else fault.place.removeprefix(f"{source}: "),
                        reason=_reason(fault))
    except FileNotFoundError:
        yield ReadFault(source=source, place="", reason="no such file\n  repair: check the path", is_missing=True)
    except OSError as fault:
        yield ReadFault(source=source, place="", reason=f"cannot be read: {fault.strerror or fault}")


def _reason(fault: DataError) -> str:
    return f"{fault.problem}\n  repair: {fault.repair}" if fault.repair else fault.problem


class _Reader:
    """Reads one input file; ``place`` below is what messages call the thing that is read, the file or a member."""

    def __init__(self, path: str, columns: Columns, dropped: Counter[str], limits: Limits) -> None:
        self.path, self.columns, self.dropped, self.limits = path, columns, dropped, limits

    def file(self, *, is_named: bool) -> Iterator[Document]:
        form = listing.form_of(self.path)
        if form is None and (listing.is_url(self.path) or os.path.exists(self.path)):
            raise DataError(f"expected {listing.KNOWN_FORMS}, found {os.path.splitext(self.path)[1] or 'no suffix'}",
                            repair=f"rename it, or pipe it in: … < {self.path}")
        if form in (listing.TEXT, listing.HTML, None):
            size, stamp = self._stat()
            yield RawDocument(source=self.path, place="", form=form, payload=self.path, article_id=listing.stem_of(self.path),
                              input_bytes=size, stamp=stamp)
            return
        with listing.open_input(self.path) as raw:
            try:
                yield from _weighed(raw, self._contents(form, raw))
            except DataError:
                if form == listing.JSON and not is_named:
                    # Folders of articles hold other JSON too: settings, manifests.
                    self.dropped["JSON files without articles"] += 1
                    return
                raise

    def _stat(self) -> tuple[int, int]:
        if listing.is_url(self.path):
            return (size := listing.size_of(self.path)), size
        found = os.stat(self.path)
        return found.st_size, zlib.crc32(f"{found.st_size} {found.st_mtime_ns}".encode())

    def standard_input(self) -> Iterator[Document]:
        stream = unpacked(sys.stdin.buffer, place=listing.STANDARD_INPUT, limits=self.limits)
        head = stream.peek(listing.SNIFFED_BYTES)
        form = listing.sniffed_form(head)
        if form in (listing.ZIP, listing.PARQUET):
            with tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES) as copy:
                while piece := stream.read(2**20):
                    copy.write(piece)
                copy.seek(0)
                yield from self._contents(form, copy)
        elif form in (listing.TEXT, listing.HTML):
            data = read_limited(stream, place=listing.STANDARD_INPUT, limits=self.limits)
            yield RawDocument(source=listing.STANDARD_INPUT, place="", form=form, payload=data, article_id="stdin",
                              input_bytes=len(data))
        else:
            yield from self._contents(form, stream)

    def _contents(self, form: str | None, raw: IO[bytes]) -> Iterator[Document]:
        """Documents of a container; those that cannot be compressed as a whole read ``raw`` itself."""
        if form == listing.ZIP:
            size = raw.seek(0, io.SEEK_END)
            yield from self._members(archives.zip_members(raw, place=self.path, packed_bytes=size, dropped=self.dropped,
                                                          limits=self.limits))
        elif form == listing.WARC:
            # warcio unpacks a WARC itself, record by record.
            yield from self._members(archives.warc_members(raw, place=self.path, dropped=self.dropped))
        elif form == listing.PARQUET:
            yield from self._rows(records.parquet_rows(raw, place=self.path, columns=self.columns), self.path, "", ROW)
        else:
            stream = unpacked(raw, place=self.path, limits=self.limits)
            if form == listing.TAR:
                yield from self._members(archives.tar_members(stream, place=self.path, dropped=self.dropped))
            else:
                yield from self._table(form, stream, self.path, "")

    def _table(self, form: str | None, stream: io.BufferedReader, name: str, member: str) -> Iterator[Document]:
        place = f"{self.path}: {member}" if member else self.path
        if form == listing.CSV:
            rows = records.csv_rows(stream, place=place, columns=self.columns, tabs=".tsv" in name.lower(), limits=self.limits)
            yield from self._rows(rows, name, member, ROW)
        elif form == listing.JSON:
            rows = records.json_records(stream, place=place, columns=self.columns, limits=self.limits)
            yield from self._rows(rows, name, member, RECORD)
        else:
            yield from self._rows(records.jsonl_lines(stream, place=place, limits=self.limits), name, member, listing.JSONL)

    def _rows(self, rows: Iterable[tuple[str, Any] | records.BrokenRow], name: str, member: str, form: str) -> Iterator[Document]:
        for row in rows:
            where = row.place if isinstance(row, records.BrokenRow) else row[0]
            place = f"{member}: {where}" if member else where
            if isinstance(row, records.BrokenRow):
                yield ReadFault(source=self.path, place=place, reason=row.reason)
            else:
                yield RawDocument(source=self.path, place=place, form=form, payload=row[1],
                                  article_id=f"{listing.stem_of(name)}-{where.rpartition(' ')[2]}")

    def _members(self, members: Iterable[Member | MemberFault]) -> Iterator[Document]:
        for member in members:
            if isinstance(member, MemberFault):
                yield ReadFault(source=self.path, place=member.name, reason=member.reason)
                continue
            try:
                yield from self._member(member)
            except DataError as fault:
                yield ReadFault(source=self.path, place=member.name, reason=_reason(fault))
            except archives.MEMBER_FAULTS as fault:
                yield ReadFault(source=self.path, place=member.name, reason=f"cannot be unpacked: {fault}")

    def _member(self, member: Member) -> Iterator[Document]:
        if member.form in (listing.ZIP, listing.TAR, listing.WARC, listing.PARQUET):
            raise DataError(f"a {member.form} file inside an archive is not opened", repair="unpack the outer archive first")
        place = f"{self.path}: {member.name}"
        stream = unpacked(member.stream, place=place, limits=self.limits)
        if member.form in (listing.TEXT, listing.HTML):
            yield RawDocument(source=self.path, place=member.name, form=member.form, article_id=listing.stem_of(member.name),
                              payload=read_limited(stream, place=place, limits=self.limits))
        else:
            yield from self._table(member.form, stream, member.name, member.name)


def _weighed(raw: IO[bytes], documents: Iterator[Document]) -> Iterator[Document]:
    """The documents, each with the bytes of ``raw`` that were used up since the last one."""
    highest = 0
    for document in documents:
        used = max(0, raw.tell() - highest)
        highest += used
        yield replace(document, input_bytes=used) if used and isinstance(document, RawDocument) else document


def parse_document(document: RawDocument, *, columns: Columns, limits: Limits = LIMITS) -> Article | ReadFault:
    """Read one document; what is wrong with it comes back as a fault, whatever it is."""
    fault = partial(ReadFault, source=document.source, place=document.place)
    try:
        return _parse(document, columns, limits)
    except DataError as problem:
        return fault(reason=_reason(problem))
    except FileNotFoundError:
        return fault(reason="no such file\n  repair: check the path", is_missing=True)
    except OSError as problem:
        return fault(reason=f"cannot be read: {problem.strerror or problem}")
    except (ValueError, TypeError, LookupError, RecursionError, AssertionError) as problem:
        # Third-party parsers meet pages made by anyone: whatever they stumble over is the page's fault.
        return fault(reason=str(problem) or type(problem).__name__)


def _parse(document: RawDocument, columns: Columns, limits: Limits) -> Article:
    payload, place = document.payload, document.source
    by_form: dict[str | None, Callable[[Any], Article]] = {
        listing.JSONL: lambda line: records.article_of_line(line, columns),
        RECORD: lambda record: records.article_of_record(record, columns),
        ROW: lambda row: records.article_of_row(row, columns, row_id=document.article_id)}
    if document.form in by_form:
        return by_form[document.form](payload)
    if isinstance(payload, str):
        with listing.open_input(payload) as raw:
            payload = read_limited(unpacked(raw, place=place, limits=limits), place=place, limits=limits)
    assert isinstance(payload, bytes)
    return article_of_bytes(payload, document.form or listing.sniffed_form(payload), place=place, article_id=document.article_id)


def article_of_bytes(data: bytes, form: str | None, *, place: str, article_id: str) -> Article:
    """The article of a text or a page.

    Raises:
        DataError: it holds no text.
    """
    text = decode_text(data, place=place, markup=form == listing.HTML)
    text, masthead = read_page(text, place) if form == listing.HTML else (text, read_masthead(text))
    return Article(id=article_id, text=text, published=masthead.published, publisher=masthead.publisher)
