"""The article contract itself (:mod:`data.article`): one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data.article import Article, article_from_dict, write_jsonl
from data.formats.base import Format, Ledger, json_lines


def read(path: Path, ledger: Ledger) -> Iterator[tuple[str, Article]]:
    """Articles with all they carry."""
    def build(_: int, record: dict[str, Any]) -> Article:
        return article_from_dict(record)

    return json_lines(path, ledger, build)


def write(path: Path, articles: Sequence[Article], ledger: Ledger) -> None:
    """Nothing is lost."""
    write_jsonl(path, articles)


FORMAT = Format(name="jsonl", about="the article JSONL of this project; holds everything", read=read, write=write)
