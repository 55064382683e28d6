"""HTML pages -> text: title, main content, date of publication and site name, without scripts and furniture."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from data.errors import DataError
from data.masthead import Masthead, iso_date, read_masthead

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TITLE_LINES = 10
_HIDDEN = frozenset(("script", "style", "noscript", "template"))
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "em", "font", "i", "ins", "kbd", "mark", "q", "s",
     "small", "span", "strong", "sub", "sup", "u", "wbr"))


def read_page(html: str, place: str) -> tuple[str, Masthead]:
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
