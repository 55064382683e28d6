"""What every format shares: the ledger of a conversion, lines with their numbers, articles that keep the contract."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.article import Article, Entity, Relation
from data.errors import DataError
from data.readers import ReadFault
from data.surrogates import count_surrogates, without_surrogates

_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(kw_only=True)
class Ledger:
    """What a conversion skipped (``faults``, each with its place) and what it dropped or mended (``counts``)."""

    source: str
    faults: list[ReadFault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def skip(self, place: str, reason: str) -> None:
        """Note input that could not be read."""
        self.faults.append(ReadFault(source=self.source, place=place, reason=reason))

    def count(self, what: str, number: int = 1) -> None:
        """Count what was read but cannot be held, or was mended."""
        if number:
            self.counts[what] += number


# A reader yields (place, article); the registry sees to it that the articles keep the contract.
Reader = Callable[[Path, Ledger], Iterator[tuple[str, Article]]]
Writer = Callable[[Path, Sequence[Article], Ledger], None]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A named format; without ``write`` it is read only."""

    name: str
    about: str
    read: Reader
    write: Writer | None = None


def numbered_lines(path: Path, ledger: Ledger) -> Iterator[tuple[int, str]]:
    """``(line_number, line)`` of a UTF-8 file, plain or ``.gz``, without line ends; broken lines go to the ledger.

    Only ``\\n`` ends a line: the other line separators of Unicode are characters of the text.

    Raises:
        DataError: the file is missing, or its compression is broken.
    """
    if not path.is_file():
        raise DataError("no such file", place=str(path), repair="check the path")
    with path.open("rb") as plain:
        packed = plain.read(2) == _GZIP_MAGIC
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            for line_number, line in enumerate(stream, start=1):
                line = line.removeprefix(b"\xef\xbb\xbf") if line_number == 1 else line
                try:
                    yield line_number, line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
                except UnicodeDecodeError as fault:
                    ledger.skip(f"line {line_number}",
                                f"expected UTF-8, found byte {line[fault.start]:#04x} at {fault.start}")
    except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
        raise DataError(f"expected gzip data, found it broken: {fault}", place=str(path), repair="gzip -t FILE") from fault


def json_lines(
    path: Path, ledger: Ledger, build: Callable[[int, dict[str, Any]], Article]
) -> Iterator[tuple[str, Article]]:
    """Articles built of the JSON objects of a file, one a line; ``build`` may raise KeyError, TypeError, ValueError."""
    for line_number, line in numbered_lines(path, ledger):
        if not line.strip():
            continue
        place = f"line {line_number}"
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise TypeError(f"expected a JSON object, found {type(record).__name__}")
            article = build(line_number, record)
        except json.JSONDecodeError as fault:
            ledger.skip(place, f"no valid JSON: {fault.msg} at column {fault.colno}")
        except RecursionError:
            ledger.skip(place, "no valid JSON: nested too deeply")
        except KeyError as fault:
            ledger.skip(place, f"the key {fault} is missing")
        except (TypeError, ValueError, AttributeError) as fault:
            ledger.skip(place, str(fault))
        else:
            yield place, article


def string(record: dict[str, Any], key: str) -> str:
    """A string of a record.

    Raises:
        KeyError, TypeError: it is missing, or no string.
    """
    if not isinstance(record[key], str):
        raise TypeError(f"expected {key} to be a string, found {type(record[key]).__name__}")
    return record[key]


def offset(record: dict[str, Any], key: str) -> int:
    """A whole number of a record.

    Raises:
        KeyError, TypeError: it is missing, or no whole number.
    """
    if type(record[key]) is not int:
        raise TypeError(f"expected {key} to be a whole number, found {record[key]!r}")
    return record[key]


def stem(path: Path) -> str:
    """The file name without its last extension and ``.gz``: the beginning of the ids of its articles."""
    return Path(path.name.removesuffix(".gz")).stem


def span(number: int, text: str, char_start: int, char_end: int, label: str) -> Entity:
    """An entity whose text is what stands at its offsets."""
    return Entity(id=f"T{number}", char_start=char_start, char_end=char_end, label=label, text=text[char_start:char_end])


def sound(article: Article, ledger: Ledger, place: str) -> Article:
    """The article with flat spans that lie in its text and say what stands there, and relations among them.

    Of two overlapping spans the one that begins first stays, of two that begin together the longer.
    """
    kept: dict[str, Entity] = {}
    reached = 0
    for e in sorted(article.entities, key=lambda e: (e.char_start, -e.char_end)):
        where = f"entity {e.id} at {e.char_start}-{e.char_end}"
        if not 0 <= e.char_start < e.char_end <= len(article.text):
            ledger.skip(place, f"{where}: expected offsets within 0-{len(article.text)}, start before end")
        elif article.text[e.char_start : e.char_end] != e.text:
            ledger.skip(place, f"{where}: expected {article.text[e.char_start : e.char_end]!r}, found {e.text!r}")
        elif e.id in kept:
            ledger.skip(place, f"{where}: the id stands twice")
        elif e.char_start < reached:
            ledger.count("entities that overlap another")
        else:
            kept[e.id] = e
            reached = e.char_end
    relations: dict[tuple[str, str, str], Relation] = {}
    for r in article.relations:
        if r.head not in kept or r.tail not in kept:
            ledger.count("relations that lost an end")
        elif (r.type, r.head, r.tail) in relations:
            ledger.count("relations stated twice")
        else:
            relations[r.type, r.head, r.tail] = r
    if len(kept) == len(article.entities) and len(relations) == len(article.relations):
        return article
    return replace(
        article, entities=tuple(e for e in article.entities if kept.get(e.id) is e), relations=tuple(relations.values()),
        events=tuple(replace(v, evidence=tuple(i for i in v.evidence if i in kept)) for v in article.events),
        clusters=tuple(c for c in (tuple(i for i in cluster if i in kept) for cluster in article.clusters) if c))


def count_unheld(articles: Sequence[Article], ledger: Ledger, *, relations: bool, metadata: bool, scores: bool) -> None:
    """Count what a format has no place for; ``True`` says that it has one. None has a place for events and clusters."""
    for a in articles:
        ledger.count("events", len(a.events))
        ledger.count("clusters", len(a.clusters))
        ledger.count("relations", 0 if relations else len(a.relations))
        ledger.count("publication dates and publishers", 0 if metadata else (a.published is not None) + (a.publisher is not None))
        scored = sum(e.score is not None for e in a.entities) + sum(r.score is not None for r in a.relations)
        ledger.count("scores", 0 if scores else scored)
        ledger.count("model names", 0 if scores else a.model is not None)


def storable(text: str, ledger: Ledger) -> str:
    """The text as UTF-8 can hold it: lone surrogates, which no UTF-8 file can, become U+FFFD; offsets stay."""
    ledger.count("damaged characters (lone surrogates)", count_surrogates(text))
    return without_surrogates(text)
