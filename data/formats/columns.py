"""Column files: a character and its tag a line, a blank line between sentences (CoNLL-2003, Tjong Kim Sang and De
Meulder, https://aclanthology.org/W03-0419, as Chinese data sets use it).

The tag scheme is read off each tag: BIO, BMES, BMEWO, BIOES and BILOU agree on what their letters mean. Without
``-DOCSTART-`` lines each sentence is an article. With them an article runs from one to the next, and a blank line
inside is a line break of its text; the id of the article stands between ``-DOCSTART-`` and ``O``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote

from data.article import Article, Entity
from data.files import atomic_write
from data.formats.base import Format, Ledger, Reader, count_unheld, numbered_lines, span, stem, storable

DOCUMENT = "-DOCSTART-"
# The character may itself be white space; columns between it and the tag are passed over.
_ROW = re.compile(r"(?P<token>.[^ \t]*+)[ \t]++(?:.*[ \t])?(?P<tag>[^ \t]++)[ \t]*", re.DOTALL)
_TAG = re.compile(r"(?:(?P<prefix>[BIMELSWU])[-_](?P<label>.+)|O)")
_SEGMENTED = re.compile(r"(?P<token>.)\d+", re.DOTALL)
_BEGIN, _INSIDE, _LAST, _SINGLE = "B", "IM", "EL", "SWU"
MENDED = "tags mended (an entity that had no beginning)"


@dataclass
class _Open:
    """The article being read: text so far, entities, and the entity that is not closed yet."""

    place: str
    article_id: str | None = None
    parts: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[tuple[int, int, str]] = field(default_factory=list)
    begun: tuple[int, str] | None = None

    def add(self, token: str) -> None:
        self.parts.append(token)
        self.length += len(token)

    def close(self, end: int) -> None:
        """End the open entity before ``end``."""
        if self.begun:
            self.entities.append((self.begun[0], end, self.begun[1]))
            self.begun = None

    def tag(self, prefix: str | None, label: str, start: int, ledger: Ledger) -> None:
        """Take the tag of the token that was just added and began at ``start``."""
        continues = prefix is not None and prefix in _INSIDE + _LAST
        if not (continues and self.begun and self.begun[1] == label):
            self.close(start)
            if prefix is not None:
                self.begun = (start, label)
                ledger.count(MENDED, continues)
        if prefix is not None and prefix in _LAST + _SINGLE:
            self.close(self.length)

    def article(self, fallback_id: str) -> Article:
        self.close(self.length)
        text = "".join(self.parts)
        return Article(id=self.article_id or fallback_id, text=text, entities=tuple(
            span(i, text, start, end, label) for i, (start, end, label) in enumerate(self.entities, start=1)))


def read(path: Path, ledger: Ledger, *, segmented: bool = False) -> Iterator[tuple[str, Article]]:
    """The articles of a column file; ``segmented`` tokens carry their place in the word (``字0``), which is dropped."""
    current: _Open | None = None
    documents = False
    count = 0
    fresh = False  # the blank line behind -DOCSTART- belongs to no text
    for line_number, line in numbered_lines(path, ledger):
        if line.startswith(DOCUMENT):
            if current and (documents or current.parts):
                count += 1
                yield _ended(current, f"{stem(path)}-{count}", documents)
            current = _Open(place=f"line {line_number}", article_id=_id_of(line))
            documents = fresh = True
        elif not line.strip(" \t"):
            if documents and current and not fresh:
                current.close(current.length)
                current.add("\n")
            elif current and not documents:
                count += 1
                yield _ended(current, f"{stem(path)}-{count}", documents)
                current = None
            fresh = False
        else:
            fresh = False
            current = _take(line, line_number, current, ledger, segmented=segmented)
    if current:
        yield _ended(current, f"{stem(path)}-{count + 1}", documents)


def _take(line: str, line_number: int, current: _Open | None, ledger: Ledger, *, segmented: bool) -> _Open | None:
    """Add one row to the article it belongs to, which begins with it if there is none."""
    place = f"line {line_number}"
    row = _ROW.fullmatch(line)
    tag = _TAG.fullmatch(row["tag"]) if row else None
    if row is None or tag is None:
        ledger.skip(place, f"expected a tag such as O, B-PER or E-PER, found {row['tag']!r}" if row
                    else f"expected a character and its tag, found {line[:40]!r}")
        return current
    current = current or _Open(place=place)
    plain = _SEGMENTED.fullmatch(row["token"]) if segmented else None
    start = current.length
    current.add(plain["token"] if plain else row["token"])
    current.tag(tag["prefix"], tag["label"] or "", start, ledger)
    return current


def _ended(current: _Open, fallback_id: str, documents: bool) -> tuple[str, Article]:
    if documents and current.parts and current.parts[-1] == "\n":
        current.parts.pop()  # the blank line before the next -DOCSTART-
        current.length -= 1
    return current.place, current.article(fallback_id)


def _id_of(line: str) -> str | None:
    columns = line.split("\t")
    return unquote(columns[1]) if len(columns) == 3 and columns[2] == "O" else None


def write(path: Path, articles: Sequence[Article], ledger: Ledger, *, tags: Callable[[int, str], list[str]]) -> None:
    """Write ``-DOCSTART-`` articles; ``tags(length, label)`` gives the tags of an entity."""
    count_unheld(articles, ledger, relations=False, metadata=False, scores=False)
    with atomic_write(path) as stream:
        for article in articles:
            text = storable(article.text, ledger)
            tag_of = ["O"] * len(text)
            for e in article.entities:
                _set_tags(tag_of, text, e, tags, ledger)
            stream.write(f"{DOCUMENT}\t{quote(storable(article.id, ledger), safe=' /')}\tO\n\n")
            stream.writelines("\n" if c == "\n" else f"{c}\t{tag}\n" for c, tag in zip(text, tag_of, strict=True))
            stream.write("\n")


def _set_tags(tag_of: list[str], text: str, e: Entity, tags: Callable[[int, str], list[str]], ledger: Ledger) -> None:
    if "\n" in text[e.char_start : e.char_end]:
        ledger.count("entities across a line break")
        return
    label = re.sub(r"\s", "_", e.label)
    ledger.count("labels with white space, now _", label != e.label)
    tag_of[e.char_start : e.char_end] = tags(e.char_end - e.char_start, label)


def bio(length: int, label: str) -> list[str]:
    """``B- I- I-``"""
    return [f"B-{label}"] + [f"I-{label}"] * (length - 1)


def bmes(length: int, label: str) -> list[str]:
    """``B- M- E-``, ``S-`` for one character."""
    return [f"S-{label}"] if length == 1 else [f"B-{label}"] + [f"M-{label}"] * (length - 2) + [f"E-{label}"]


def _read_only(name: str, about: str, reader: Reader = read) -> Format:
    return Format(name=name, about=about, read=reader)


FORMATS = (
    Format(name="conll", about="columns of characters and tags, any scheme; written as BIO", read=read,
           write=partial(write, tags=bio)),
    Format(name="bmes", about="the same, written as BMES", read=read, write=partial(write, tags=bmes)),
    _read_only("resume", "Resume NER (Zhang and Yang 2018): *.char.bmes"),
    _read_only("msra", "MSRA (Levow 2006): characters and BIO tags"),
    _read_only("peoples-daily", "People's Daily 1998: example.train, characters and BIO tags"),
    _read_only("weibo", "Weibo NER (Peng and Dredze 2015): 字0 and labels such as PER.NAM", partial(read, segmented=True)),
)
