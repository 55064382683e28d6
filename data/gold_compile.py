"""``python -m data.gold_compile NOTATION.txt OUT.jsonl``: marked seed articles to article JSONL, checked against the raw files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data.article import Article, write_jsonl
from data.clean import surface
from data.errors import EXIT_OK, DataError, run_command
from data.markup import read_marked
from data.validate import validate_articles

ARTICLES = Path("data/articles")


def compile_gold(notation: Path, folder: Path = ARTICLES) -> list[Article]:
    """Articles of a notation file whose bodies must equal ``folder/<id>.txt``, but for line breaks at its end.

    Raises:
        DataError: notation faults, or a body that differs from the raw article (with the first difference).
    """
    compiled: list[Article] = []
    faults: list[str] = []
    for marked in read_marked(notation, surface=surface):
        article = marked.article
        if not (folder / f"{article.id}.txt").is_file():
            faults.append(f"{marked.place}: {article.id}: no raw article {folder / article.id}.txt")
            continue
        raw = (folder / f"{article.id}.txt").read_bytes().decode("utf-8")
        if raw.rstrip("\n") != article.text.rstrip("\n"):
            at = next((i for i, (a, b) in enumerate(zip(raw, article.text, strict=False)) if a != b),
                      min(len(raw), len(article.text)))
            faults.append(f"{marked.place}: {article.id} differs from the raw file at {at}: "
                          f"expected {raw[at:at + 20]!r}, found {article.text[at:at + 20]!r}")
        compiled.append(replace(article, text=raw))
    if faults := faults + validate_articles(compiled):
        raise DataError("faults:\n  " + "\n  ".join(faults), place=str(notation))
    return compiled


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m data.gold_compile", description=__doc__,
        epilog="example: python -m data.gold_compile data/gold/seeds.txt data/gold/seeds.jsonl")
    parser.add_argument("notation", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args(argv)
    articles = compile_gold(args.notation)
    write_jsonl(args.out, articles)
    print(f"{args.out}: {len(articles)} articles, {sum(len(a.entities) for a in articles)} entities, "
          f"{sum(len(a.relations) for a in articles)} relations, {sum(len(a.events) for a in articles)} events")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
