"""The page of suspect labels: one HTML file that opens from disk, without network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2

from data.article import Article
from eval.label_doubts import Doubt

TEMPLATE = Path(__file__).with_name("templates") / "suspects.html.j2"
AROUND = 40  # characters of text shown on either side


def render(doubts: Sequence[Doubt], articles: Mapping[str, Article], *, title: str, total: int) -> str:
    """The page of the given entries, in their order; ``total`` is how many the whole list holds."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATE.parent), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    rows = [(d, pieces(articles[d.article_id].text, d)) for d in doubts]
    page = environment.get_template(TEMPLATE.name).render(title=title, rows=rows, total=total)
    # A damaged article can hold half a surrogate pair, which no UTF-8 file can.
    return page.encode("utf-8", "replace").decode("utf-8")


def pieces(text: str, doubt: Doubt) -> list[tuple[str, bool]]:
    """The text around an entry, cut into ``(piece, marked)``; the middle of a far-apart relation is left out."""
    marks = sorted(doubt.ends) if doubt.ends else [(doubt.char_start, doubt.char_end)]
    shown: list[tuple[str, bool]] = []
    at = max(0, marks[0][0] - AROUND)
    for start, end in marks:
        if start - at > 3 * AROUND:
            shown.append((text[at : at + AROUND] + " … " + text[start - AROUND : start], False))
        else:
            shown.append((text[at:start], False))
        shown.append((text[start:end], True))
        at = max(at, end)
    return [*shown, (text[at : at + AROUND], False)]
