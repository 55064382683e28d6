"""``python -m data.convert --from X --to Y IN OUT``: annotated text from one format to another."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from data.article import Article
from data.errors import EXIT_FAILED, EXIT_OK, run_command
from data.formats.base import Ledger
from data.formats.registry import FORMATS, WRITABLE, read_articles

SHOWN_FAULTS = 20


def convert(source: str, target: str, path: Path, out: Path) -> tuple[list[Article], Ledger]:
    """Read, write (nothing where nothing could be read), and say what was lost on the way.

    Raises:
        DataError: the input is missing, or not of this format at all.
    """
    ledger = Ledger(source=str(path))
    articles = list(tqdm(read_articles(source, path, ledger), unit=" articles", disable=not sys.stderr.isatty()))
    write = FORMATS[target].write
    assert write is not None
    if articles:
        write(out, articles, ledger)
    return articles, ledger


def report(ledger: Ledger) -> list[str]:
    """The messages of a conversion, one a line: the first faults in full, then what was dropped or mended."""
    lines = [f"skipped: {fault.render()}" for fault in ledger.faults[:SHOWN_FAULTS]]
    if (more := len(ledger.faults) - SHOWN_FAULTS) > 0:
        lines.append(f"skipped: {ledger.source}: {more} more like these")
    return lines + [f"note: {ledger.source}: {number} {what}" for what, number in sorted(ledger.counts.items())]


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``data.convert``."""
    formats = "\n".join(f"  {f.name:14} {f.about}{'' if f.write else ' (read only)'}" for f in FORMATS.values())
    parser = argparse.ArgumentParser(
        prog="python -m data.convert", description="Convert annotated text from one format to another.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"formats:\n{formats}\n\nexamples:\n"
               "  python -m data.convert --from label-studio --to jsonl export.json gold.jsonl\n"
               "  python -m data.convert --from jsonl --to conll data/gold/seeds.jsonl seeds.conll\n"
               "  python -m data.convert --from resume --to jsonl ResumeNER/test.char.bmes resume-test.jsonl\n\n"
               "Malformed lines are named, counted and skipped. What the target cannot hold is counted and said.")
    parser.add_argument("--from", required=True, choices=tuple(FORMATS), dest="source", metavar="FORMAT", help="of IN")
    parser.add_argument("--to", required=True, choices=WRITABLE, dest="target", metavar="FORMAT", help="of OUT")
    parser.add_argument("path", type=Path, metavar="IN", help="a file, plain or .gz; for brat a folder or a pair")
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write; for brat a folder")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    articles, ledger = convert(args.source, args.target, args.path, args.out)
    for line in report(ledger):
        print(line, file=sys.stderr)
    if not articles:
        print(f"error: {args.path}: no article could be read as {args.source}\n  repair: check --from", file=sys.stderr)
        return EXIT_FAILED
    print(f"{args.path}: read {len(articles)} articles, {sum(len(a.entities) for a in articles)} entities, "
          f"{sum(len(a.relations) for a in articles)} relations; {len(ledger.faults)} faults\nwritten: {args.out}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
