"""The one list of formats, and the one way to read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.article import Article
from data.formats import brat, cluener, columns, duie, jsonl, label_studio
from data.formats.base import Format, Ledger, sound

FORMATS: dict[str, Format] = {
    f.name: f for f in (jsonl.FORMAT, label_studio.FORMAT, brat.FORMAT, *columns.FORMATS, cluener.FORMAT, duie.FORMAT)
}
WRITABLE = tuple(name for name, f in FORMATS.items() if f.write)


def read_articles(name: str, path: Path, ledger: Ledger) -> Iterator[Article]:
    """The articles of a file (of a folder, for brat), each keeping the contract of :mod:`data.article`; what is wrong
    with the input goes to the ledger and costs nothing beside it.

    Raises:
        KeyError: no such format.
        DataError: the input is missing, or not of this format at all.
    """
    seen: set[str] = set()
    for place, article in FORMATS[name].read(path, ledger):
        if article.id in seen:
            ledger.skip(place, f"the article id {article.id!r} stands twice")
            continue
        seen.add(article.id)
        yield sound(article, ledger, place)
