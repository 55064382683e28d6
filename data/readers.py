"""Files -> articles: text, HTML and JSONL, each also as ``.gz``; folders, globs and standard input.

Text stays as given (line ends apart); cleaning comes later and keeps the way back. Input that cannot be read becomes
a :class:`ReadFault` in its place and costs nothing beside it.
"""

from __future__ import annotations

import glob
import gzip
import re
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from data.article import Article, iter_jsonl
from data.decode import decode_text
from data.errors import DataError
from data.masthead import Masthead, iso_date, read_masthead

STANDARD_INPUT = "-"
TEXT, HTML, JSONL = "text", "HTML", "JSONL"
FORMS = {".txt": TEXT, ".md": TEXT, ".html": HTML, ".htm": HTML, ".jsonl": JSONL}
_GZIP_MAGIC = b"\x1f\x8b"
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TITLE_LINES = 10
_HIDDEN = frozenset(("script", "style", "noscript", "template"))
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "em", "font", "i", "ins", "kbd", "mark", "q", "s",
     "small", "span", "strong", "sub", "sup", "u", "wbr"))


@dataclass(frozen=True, kw_only=True)
class ReadFault:
    """Input that could not be read: the file, the place in it ("" for the whole), and why, with a repair if known."""

    source: str
    place: str
    reason: str

    def render(self) -> str:
        """One message in the style of :mod:`data.errors`."""
        return ": ".join(part for part in (self.source, self.place, self.reason) if part)


def iter_articles(paths: Iterable[Path | str]) -> Iterator[Article | ReadFault]:
    """Read files, folders (all forms inside, at any depth), globs and ``-`` in the order given; each file once.

    Folders and globs come sorted by path. Files of other forms are a fault when named, and passed over in a folder.
    """
    seen: set[Path] = set()
    for path in paths:
        if str(path) == STANDARD_INPUT:
            yield from _guarded(STANDARD_INPUT, None)
            continue
        found = _expand(Path(path))
        if not found:
            kind = "a folder without" if Path(path).is_dir() else "a pattern that matches no"
            yield ReadFault(source=str(path), place="", reason=f"expected articles, found {kind} {_known_forms()}")
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield from _guarded(str(file), file)


def read_article(source: Path | str | bytes, *, name: str | None = None) -> Article:
    """Read one text or HTML article from a file, or from bytes whose ``name`` gives the form and the id.

    Raises:
        DataError: the file is missing, holds no text, or is JSONL, which holds many articles.
    """
    data = source if isinstance(source, bytes) else _read_bytes(Path(source))
    place = name or ("article" if isinstance(source, bytes) else str(source))
    data = _unzipped(data, place)
    form = _form_of(Path(place)) or _sniffed_form(data)
    if form == JSONL:
        raise DataError("expected one article, found JSONL", place=place, repair="read it with iter_articles")
    return _article(data, form, place=place, article_id=_article_id(place))


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and _form_of(p) and not p.name.startswith("."))
    if not path.exists() and glob.has_magic(str(path)):
        return [p for match in sorted(glob.glob(str(path), recursive=True)) for p in
                (_expand(Path(match)) if Path(match).is_dir() else [Path(match)])]
    return [path]


def _guarded(source: str, file: Path | None) -> Iterator[Article | ReadFault]:
    """The articles of one file or of standard input; what goes wrong becomes a fault."""
    try:
        form = _form_of(file) if file else None
        if file and form is None and file.exists():
            raise DataError(f"expected {_known_forms()}, found {file.suffix or 'no suffix'}",
                            repair=f"rename it, or pipe it in: … < {file}")
        if file and form == JSONL and file.suffix == ".jsonl" and file.is_file():
            yield from _jsonl_articles(file, source)
            return
        data = _unzipped(_read_bytes(file) if file else sys.stdin.buffer.read(), source)
        form = form or _sniffed_form(data)
        if form != JSONL:
            yield _article(data, form, place=source, article_id=_article_id(str(file or "stdin")))
            return
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "articles.jsonl"
            plain.write_bytes(data)
            yield from _jsonl_articles(plain, source)
    except DataError as fault:
        reason = f"{fault.problem}\n  repair: {fault.repair}" if fault.repair else fault.problem
        yield ReadFault(source=source, place="", reason=reason)
    except OSError as fault:
        yield ReadFault(source=source, place="", reason=f"cannot be read: {fault.strerror or fault}")


def _jsonl_articles(path: Path, source: str) -> Iterator[Article | ReadFault]:
    """Lines that are no UTF-8 become faults first; the rest is read without them, with the same line numbers."""
    broken: dict[int, str] = {}
    marked = False
    with path.open("rb") as stream:
        for line_number, line in enumerate(stream, start=1):
            marked = marked or (line_number == 1 and line.startswith(b"\xef\xbb\xbf"))
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as fault:
                broken[line_number] = f"expected UTF-8, found byte {line[fault.start]:#04x} at {fault.start}"
    for line_number, reason in broken.items():
        yield ReadFault(source=source, place=f"line {line_number}", reason=reason)
    if broken or marked:
        with tempfile.TemporaryDirectory() as folder:
            readable = Path(folder) / "articles.jsonl"
            with path.open("rb") as stream, readable.open("wb") as copy:
                for line_number, line in enumerate(stream, start=1):
                    copy.write(b"\n" if line_number in broken else line.removeprefix(b"\xef\xbb\xbf"))
            yield from _contract_lines(readable, source, nothing_yet=not broken)
    else:
        yield from _contract_lines(path, source, nothing_yet=True)


def _contract_lines(path: Path, source: str, *, nothing_yet: bool) -> Iterator[Article | ReadFault]:
    for line_number, item in iter_jsonl(path):
        nothing_yet = False
        yield ReadFault(source=source, place=f"line {line_number}", reason=item) if isinstance(item, str) else item
    if nothing_yet:
        yield ReadFault(source=source, place="", reason="expected articles, found an empty file")


def _article(data: bytes, form: str, *, place: str, article_id: str) -> Article:
    text = decode_text(data, place=place, markup=form == HTML)
    text, masthead = _page(text, place) if form == HTML else (text, read_masthead(text))
    return Article(id=article_id, text=text, published=masthead.published, publisher=masthead.publisher)


def _page(html: str, place: str) -> tuple[str, Masthead]:
    """The title on the first line and the main content below; all visible text where no main content is found."""
    # Imported here: it takes half a second that reading plain text need not pay.
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    visible = _visible_text(html)
    if not visible:
        raise DataError("expected a page with text, found none", place=place)
    said = read_masthead(visible)
    # A declared encoding is no longer true of decoded text, and the parser refuses it.
    found = bare_extraction(_XML_DECLARATION.sub("", html), with_metadata=True, include_comments=False,
                            date_extraction_params={"extensive_search": False, "original_date": True})
    if not isinstance(found, Document) or not (found.text or "").strip():
        return visible, said
    title = (found.title or "").strip()
    # Pages repeat their title above the body: it is wanted once, on top.
    lines = [line for i, line in enumerate((found.text or "").strip().split("\n"))
             if i >= _TITLE_LINES or line.strip() != title]
    day = _ISO_DATE.match(found.date or "")
    return "\n".join([title, *lines] if title else lines), Masthead(
        published=(iso_date(*day.groups()) if day else None) or said.published,
        publisher=found.sitename or said.publisher)


class _VisibleText(HTMLParser):
    """Collects all text of a page, a line for each block, without scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag not in _INLINE:
            self._parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        if tag not in _INLINE:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(" ".join(data.split("\n")))

    def text(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\n"))
        return "\n".join(line for line in lines if line)


def _visible_text(html: str) -> str:
    parser = _VisibleText()
    parser.feed(html)
    parser.close()
    return parser.text()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as fault:
        raise DataError("no such file", place=str(path), repair="check the path") from fault


def _unzipped(data: bytes, place: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
        raise DataError(f"expected gzip data, found it broken: {fault}", place=place, repair="gzip -t FILE") from fault


def _form_of(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return FORMS.get(suffixes[-1]) if suffixes else None


def _sniffed_form(data: bytes) -> str:
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"{"):
        return JSONL
    return HTML if head.startswith((b"<!doctype html", b"<html", b"<?xml")) else TEXT


def _article_id(name: str) -> str:
    """The file name without its extension, and without ``.gz``."""
    plain = Path(name).name
    plain = plain[:-3] if plain.lower().endswith(".gz") else plain
    return Path(plain).stem or plain


def _known_forms() -> str:
    return ", ".join(FORMS) + " (or one of them as .gz)"
