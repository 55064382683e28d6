"""``python -m models.predict --model RUN --input PATH… --output FILE``: offline inference, JSONL out."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command

if TYPE_CHECKING:
    from data.article import Article
    from data.readers import ReadFault


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``models.predict``. The model's libraries are imported later: help comes at once."""
    parser = argparse.ArgumentParser(
        prog="python -m models.predict", description="Find entities, relations and signing events in articles.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.predict --model runs/default --input data/articles --output out.jsonl\n"
               "  python -m models.predict --model runs/default --input 'news/*.html' --output events.jsonl --events-only\n"
               "  python -m models.predict --model runs/default --input news --output out.jsonl --register hospitals.csv\n"
               "  cat article.txt | python -m models.predict --model runs/default --input - --output -")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--input", required=True, nargs="+", metavar="PATH",
                        help="files (.txt .md .html .jsonl, also .gz), folders, globs, or - for standard input")
    parser.add_argument("--output", required=True, metavar="FILE", help="JSONL file to write, or - for standard output")
    parser.add_argument("--events-only", action="store_true",
                        help="one line an event (article id, date of publication, publisher, event) instead of whole articles")
    parser.add_argument("--register", type=Path, metavar="CSV",
                        help="your institutions (columns id, name, aliases, region): parties of events get links into it")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    from tqdm import tqdm

    from data.article import dump_line
    from data.files import atomic_write
    from data.readers import iter_articles
    from models.extractor import Extractor
    from models.register import link_article, link_summary, register_of_command

    register = register_of_command(args.register)
    extractor = Extractor.load(args.model)
    counts: Counter[str] = Counter()
    links: Counter[str] = Counter()
    articles = _readable(iter_articles(args.input), counts)
    predicted = tqdm(extractor.extract_all(articles), unit=" articles", disable=not sys.stderr.isatty())

    def write(stream: IO[str]) -> None:
        for article in predicted:
            if register:
                article = link_article(article, register)
                links.update(link.kind for event in article.events for link in event.links)
            counts["articles"] += 1
            counts["events"] += len(article.events)
            for line in _event_lines(article) if args.events_only else [dump_line(article)]:
                stream.write(line + "\n")

    if args.output == "-":
        write(sys.stdout)
    else:
        with atomic_write(args.output) as stream:
            write(stream)
            if not counts["articles"]:
                raise DataError("no article could be read", place=" ".join(args.input),
                                repair="see the messages above for each input")
    print(f"{counts['articles']} articles, {counts['events']} events, {counts['faults']} inputs that could not be read",
          file=sys.stderr)
    if register:
        print(link_summary(links), file=sys.stderr)
    return EXIT_OK if counts["articles"] else EXIT_FAILED


def _readable(items: Iterable[Article | ReadFault], counts: Counter[str]) -> Iterator[Article]:
    """Articles that could be read; each fault is told at once and costs nothing beside it."""
    from data.article import Article

    for item in items:
        if isinstance(item, Article):
            yield item
        else:
            counts["faults"] += 1
            print(f"skipped: {item.render()}", file=sys.stderr)


def _event_lines(article: Article) -> Iterator[str]:
    from data.article import article_to_dict

    events: list[dict[str, Any]] = article_to_dict(article)["events"]
    for event in events:
        yield json.dumps({"article": article.id, "published": article.published, "publisher": article.publisher, **event},
                         ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(run_command(main))
