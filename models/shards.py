"""The core of a batch run: documents in shards -> predicted lines, whatever breaks on the way becoming a fault.

The same code runs in one process, behind reading workers, and on a cluster.
"""

from __future__ import annotations

import multiprocessing
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from data.article import Article
from data.documents import Document, RawDocument, ReadFault, parse_document
from data.errors import DataError
from data.records import Columns
from data.surrogates import count_surrogates
from models.memory import GIVE_BACK_ARTICLES, give_back
from models.outputs import lines_of
from models.parts import ShardReport

if TYPE_CHECKING:
    from models.register import Register

CHUNK_DOCUMENTS = 16
CHUNKS_AHEAD = 4  # for each worker
Extract = Callable[[Iterable[Article]], Iterator[Article]]
# What a model may raise over one article. It costs that article and is told; anything else is a bug and ends the run.
MODEL_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, AssertionError, MemoryError)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A document and what became of it."""

    document: Document
    item: Article | ReadFault


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How articles are read: the model's extraction, the kind of lines wanted, and the register to link with."""

    extract: Extract
    kind: str
    register: Register | None = None

    def lines(self, parsed: Iterable[Parsed], report: ShardReport) -> Iterator[str]:
        """The lines of one shard, in the order of its articles; ``report`` is filled on the way."""
        waiting: deque[tuple[str, str]] = deque()  # source and place

        def articles() -> Iterator[Article]:
            for one in parsed:
                count_document(report, one.document)
                if isinstance(one.item, ReadFault):
                    report.faults.append(one.item)
                else:
                    waiting.append((one.document.source, one.document.place))
                    yield one.item

        for found in tolerant(self.extract, articles()):
            source, place = waiting.popleft()
            if isinstance(found, str):
                report.faults.append(ReadFault(source=source, place=place, reason=found))
                continue
            if self.register:
                from models.register import link_article

                found = link_article(found, self.register)
                report.links.update(link.kind for event in found.events for link in event.links)
            report.articles += 1
            if report.articles % GIVE_BACK_ARTICLES == 0:
                give_back()
            report.events += len(found.events)
            report.characters += len(found.text)
            report.surrogates += count_surrogates(found.text)
            yield from lines_of(found, self.kind, source=f"{source}: {place}" if place else source)


def tolerant(extract: Extract, articles: Iterator[Article]) -> Iterator[Article | str]:
    """Predicted articles in order; one that breaks the model comes as the reason why, and the others are read without it."""
    pending: deque[Article] = deque()
    broken = False

    def feed() -> Iterator[Article]:
        nonlocal broken
        broken = True
        for article in articles:
            pending.append(article)
            broken = False
            yield article
            broken = True
        broken = False

    while True:
        try:
            for found in extract(feed()):
                pending.popleft()
                yield found
            return
        except MODEL_FAULTS:
            if broken:  # the source of the articles failed, not the model
                raise
            alone = list(pending)
            pending.clear()
        for article in alone:
            try:
                yield next(iter(extract(iter([article]))))
            except MODEL_FAULTS as fault:
                yield f"the model failed on this article: {type(fault).__name__}: {fault}"


def count_document(report: ShardReport, document: Document) -> None:
    """Add a document to the checksum of a shard's input."""
    text = document.render() if isinstance(document, ReadFault) else ""
    identity = document.identity() if isinstance(document, RawDocument) else zlib.crc32(text.encode("utf-8", "surrogatepass"))
    report.digest = zlib.crc32(identity.to_bytes(4, "big"), report.digest)
    report.items += 1


def numbered(documents: Iterable[Document], size: int) -> Iterator[tuple[int, Iterator[Document]]]:
    """Shards of ``size`` documents with their numbers; each must be used up before the next is asked for."""
    rest = iter(documents)
    shard = 0
    while (first := next(rest, None)) is not None:
        yield shard, chain([first], islice(rest, size - 1))
        shard += 1


def parsed_ahead(documents: Iterable[tuple[int, Document]], columns: Columns, workers: int) -> Iterator[tuple[int, Parsed]]:
    """Read documents in order, in this process or in ``workers`` others that keep some chunks ahead.

    Raises:
        DataError: a worker was killed, as the system does where memory runs out.
    """
    if not workers:
        for shard, document in documents:
            yield shard, parse_one(document, columns)
        return
    rest = iter(documents)
    running: deque[tuple[list[tuple[int, Document]], Future[list[Article | ReadFault]]]] = deque()
    # Forking a process that holds a model's threads is unsafe.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            while True:
                while len(running) < workers * CHUNKS_AHEAD and (chunk := list(islice(rest, CHUNK_DOCUMENTS))):
                    future = pool.submit(_parse_chunk, [document for _, document in chunk], columns)
                    running.append((chunk, future))
                if not running:
                    return
                chunk, future = running.popleft()
                for (shard, document), item in zip(chunk, future.result(), strict=True):
                    yield shard, Parsed(document=document, item=item)
        except BrokenProcessPool as fault:
            raise DataError("a reading worker was killed, perhaps for want of memory",
                            repair="the same command with --workers 0 goes on from here") from fault
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _parse_chunk(documents: list[Document], columns: Columns) -> list[Article | ReadFault]:
    return [parse_one(document, columns).item for document in documents]


def parse_one(document: Document, columns: Columns) -> Parsed:
    """Read one document."""
    item = parse_document(document, columns=columns) if isinstance(document, RawDocument) else document
    return Parsed(document=document, item=item)
