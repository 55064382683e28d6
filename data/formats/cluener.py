"""CLUENER2020 (Xu et al. 2020, https://arxiv.org/abs/2001.04351), one sentence a line.

As published, ``{"text", "label": {label: {mention: [[start, end]]}}}`` with ends that are inside the mention; or as
spans, ``{"text", "entities": [{"start", "end", "label"}]}``, with ends behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.article import Article, Entity
from data.formats.base import Format, Ledger, json_lines, offset, span, stem, string


def read(path: Path, ledger: Ledger) -> Iterator[tuple[str, Article]]:
    """The sentences of a file, as articles that are numbered by their lines."""
    def build(line_number: int, record: dict[str, Any]) -> Article:
        text = string(record, "text")
        if "entities" in record:
            listed = [span(i, text, offset(e, "start"), offset(e, "end"), string(e, "label"))
                      for i, e in enumerate(record["entities"], start=1)]
        else:
            listed = list(_published(record["label"]))
        return Article(id=f"{stem(path)}-{line_number}", text=text, entities=tuple(listed))

    return json_lines(path, ledger, build)


def _published(labels: dict[str, dict[str, list[list[int]]]]) -> Iterator[Entity]:
    found = [(int(start), int(last) + 1, label, mention)
             for label, mentions in labels.items() for mention, places in mentions.items() for start, last in places]
    for i, (start, end, label, mention) in enumerate(sorted(found), start=1):
        yield Entity(id=f"T{i}", char_start=start, char_end=end, label=label, text=mention)


FORMAT = Format(name="cluener", about="CLUENER2020 JSON lines, as published or as spans", read=read)
