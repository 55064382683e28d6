"""Files -> articles, the simple way: :func:`iter_articles` over anything readable, :func:`read_article` for one.

Text stays as given (line ends apart); cleaning comes later and keeps the way back. What forms there are, and how each
is read, is told in :mod:`data.listing` and :mod:`data.documents`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.article import Article
from data.compressed import read_limited, unpacked
from data.documents import RawDocument, ReadFault, article_of_bytes, iter_documents, parse_document
from data.errors import DataError
from data.listing import HTML, TEXT, form_of, sniffed_form, stem_of
from data.records import Columns

__all__ = ["ReadFault", "iter_articles", "read_article"]


def iter_articles(paths: Iterable[Path | str], *, columns: Columns | None = None) -> Iterator[Article | ReadFault]:
    """Read files, folders (all forms inside, at any depth), globs, URLs and ``-`` in the order given; each file once.

    Folders and globs come sorted by path. Files of other forms are a fault when named, and passed over in a folder.
    """
    names = columns or Columns()
    for document in iter_documents([str(path) for path in paths], columns=names):
        yield parse_document(document, columns=names) if isinstance(document, RawDocument) else document


def read_article(source: Path | str | bytes, *, name: str | None = None) -> Article:
    """Read one text or HTML article from a file, or from bytes whose ``name`` gives the form and the id.

    Raises:
        DataError: the file is missing, holds no text, or is of a form that holds many articles.
    """
    place = name or ("article" if isinstance(source, bytes) else str(source))
    data = _plain(source, place)
    form = form_of(place) or sniffed_form(data)
    if form not in (TEXT, HTML):
        raise DataError(f"expected one article, found {form}", place=place, repair="read it with iter_articles")
    return article_of_bytes(data, form, place=place, article_id=stem_of(place))


def _plain(source: Path | str | bytes, place: str) -> bytes:
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as raw:
            return read_limited(unpacked(raw, place=place), place=place)
    except FileNotFoundError as fault:
        raise DataError("no such file", place=place, repair="check the path") from fault
