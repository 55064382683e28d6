"""Annotation without its text, for texts that may not be given away: offsets, and a hash of each line they count in.

``write`` takes the words out of annotated articles; ``read`` puts them back for whoever has the text, from files that
hold the same lines in any order. Names in events become places in the text too; what stays is a name that the text
spells otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.article import Article, article_from_dict, article_to_dict, write_jsonl
from data.errors import EXIT_OK, DataError, run_command
from data.files import text_hash, write_text
from data.sources import read_source
from data.text_corpus import iter_lines, text_files
from data.validate import validate_articles

HASH_CHARS = 16
_NAMING = ("publisher", "events")  # the keys of an article that repeat words of its text


def line_hash(line: str) -> str:
    """What a line is known by: the first characters of its SHA-256."""
    return text_hash(line)[:HASH_CHARS]


def detach(article: Article) -> dict[str, Any]:
    """The JSON form of an article with ``lines`` (a hash each) in place of its text and with places for its names.

    Raises:
        DataError: its lines end in another way than files are read.
    """
    record = article_to_dict(article)
    text = record.pop("text")
    if "\r" in text:
        raise DataError("expected lines that end in \\n, found a carriage return", place=article.id,
                        repair="write the text and its offsets anew with \\n line ends")
    for entity in record["entities"]:
        del entity["text"]
    return {"lines": [line_hash(line) for line in text.split("\n")],
            **record, **{key: _hidden(record[key], text) for key in _NAMING}}


def attach(record: Mapping[str, Any], line_of: Mapping[str, str]) -> Article | None:
    """The inverse of :func:`detach`; None where a line is not among those given.

    Raises:
        KeyError, TypeError, ValueError: the record lacks a key or holds a wrong type.
    """
    if any(key not in line_of for key in record["lines"]):
        return None
    text = "\n".join(line_of[key] for key in record["lines"])
    entities = [{**e, "text": text[e["start"] : e["end"]]} for e in record["entities"]]
    named = {key: _shown(record[key], text) for key in _NAMING}
    return article_from_dict({**record, **named, "entities": entities, "text": text})


def _hidden(value: Any, text: str) -> Any:
    """``value`` with every string of Chinese that stands in the text as ``{"at": [char_start, char_end]}``."""
    if isinstance(value, list):
        return [_hidden(v, text) for v in value]
    if isinstance(value, dict):
        return {k: _hidden(v, text) for k, v in value.items()}
    if isinstance(value, str) and not value.isascii() and value in text:
        return {"at": [text.index(value), text.index(value) + len(value)]}
    return value


def _shown(value: Any, text: str) -> Any:
    if isinstance(value, list):
        return [_shown(v, text) for v in value]
    if isinstance(value, dict):
        return text[slice(*value["at"])] if set(value) == {"at"} else {k: _shown(v, text) for k, v in value.items()}
    return value


def read_standoff(path: Path, texts: Sequence[Path | str]) -> tuple[list[Article], list[str]]:
    """The articles whose lines are all there, and the ids of the others.

    Raises:
        DataError: the file or the texts cannot be read, or what is put together breaks the contract of articles.
    """
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        wanted = {key for record in records for key in record["lines"]}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise DataError(f"no annotation without text: {fault}", place=str(path),
                        repair="python -m data.standoff write GOLD.jsonl OUT.jsonl") from fault
    line_of = {line_hash(""): ""}
    for file in text_files(texts):
        for line in iter_lines(file):
            if (key := line_hash(line.rstrip("\n"))) in wanted:
                line_of[key] = line.rstrip("\n")
    try:
        found = [(str(record["id"]), attach(record, line_of)) for record in records]
    except (KeyError, TypeError, ValueError) as fault:
        raise DataError(f"a record is damaged: {fault!r}", place=str(path)) from fault
    articles = [article for _, article in found if article is not None]
    if faults := validate_articles(articles):
        raise DataError("faults:\n  " + "\n  ".join(faults), place=str(path))
    return articles, [name for name, article in found if article is None]


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``data.standoff``."""
    parser = argparse.ArgumentParser(
        prog="python -m data.standoff", description="Annotation without its text, and back.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m data.standoff write mine.jsonl mine.standoff.jsonl\n"
               "  python -m data.standoff read data/gold/news-test.standoff.jsonl --text news.txt.xz --output news.jsonl")
    commands = parser.add_subparsers(dest="command", required=True)
    write = commands.add_parser("write", help="take the text out")
    write.add_argument("gold", help="article .jsonl, or folder@split")
    write.add_argument("output", type=Path)
    read = commands.add_parser("read", help="put the text back")
    read.add_argument("standoff", type=Path)
    read.add_argument("--text", nargs="+", required=True, metavar="PATH",
                      help="files or folders of .txt, .txt.xz, .txt.gz that hold the lines, in any order")
    read.add_argument("--output", type=Path, required=True, metavar="FILE.jsonl")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    if args.command == "write":
        records = [detach(a) for a in read_source(args.gold)]
        write_text(args.output, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
        print(f"{args.output}: {len(records)} articles")
        return EXIT_OK
    articles, missing = read_standoff(args.standoff, args.text)
    if not articles:
        raise DataError(f"none of its {len(missing)} articles has all its lines in the text given", place=", ".join(args.text),
                        repair="give the texts that were annotated, one paragraph a line; those of data/gold: README.md, Scores")
    write_jsonl(args.output, articles)
    print(f"{args.output}: {len(articles)} articles")
    if missing:
        print(f"note: {len(missing)} articles lack lines in the text given: {', '.join(missing[:10])}", file=sys.stderr)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
