"""``python -m models.plan --articles 100000000``: a reckoned table of machines, hours and cost for a large archive.

Reckoned, not measured: from the rate of one worker, the rate of the one reader, and prices that are given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from data.errors import EXIT_OK, UsageError, run_command

WORKERS = (1, 8, 32, 128, 512, 2048)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is known of a run: rates in characters a second, sizes in bytes and characters."""

    articles: int
    article_chars: int = 1500
    worker_chars: float  # one worker (a core or a GPU)
    reader_chars: float  # the one process that lists, unpacks and hands out
    output_bytes: int = 9000  # of one predicted article
    disk_bytes: float = 500e6  # a second, of the disk or store that all parts go to
    efficiency: float = 0.9  # of many workers, for what they wait


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    workers: int
    hours: float
    worker_hours: float
    bottleneck: str


def plan(load: Load, workers: int) -> Row:
    """The hours that ``workers`` need, and what holds them up: the slowest of model, reader and disk."""
    characters = load.articles * load.article_chars
    seconds = {
        "model": characters / (load.worker_chars * workers * (load.efficiency if workers > 1 else 1.0)),
        "reader": characters / load.reader_chars,
        # Parts are written once, and read and written again when they become the output.
        "disk": 3 * load.articles * load.output_bytes / load.disk_bytes,
    }
    slowest = max(seconds, key=lambda name: seconds[name])
    hours = seconds[slowest] / 3600
    return Row(workers=workers, hours=hours, worker_hours=hours * workers, bottleneck=slowest)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.plan``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.plan", description="Reckon machines, hours and cost for a large archive.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.plan --worker-chars 25000\n"
               "  python -m models.plan --articles 5000000 --worker-chars 2000000 --workers-a-machine 1 --machine-price 3.5")
    parser.add_argument("--articles", type=int, default=100_000_000, metavar="N")
    parser.add_argument("--article-chars", type=int, default=1500, metavar="N", help="characters of an article (1500)")
    parser.add_argument("--worker-chars", type=float, required=True, metavar="N",
                        help="characters a second of one worker: characters_per_second of a run's summary")
    parser.add_argument("--reader-chars", type=float, default=20e6, metavar="N", help="characters a second of the reader (20e6)")
    parser.add_argument("--workers-a-machine", type=int, default=32, metavar="N", help="cores or GPUs of one machine (32)")
    parser.add_argument("--machine-price", type=float, default=1.2, metavar="X",
                        help="of one machine an hour, in your currency (1.2)")
    args = parser.parse_args(argv)
    if min(args.articles, args.article_chars, args.worker_chars, args.reader_chars, args.workers_a_machine) <= 0:
        raise UsageError("expected numbers above 0", place="models.plan", repair="--worker-chars 25000")
    load = Load(articles=args.articles, article_chars=args.article_chars, worker_chars=args.worker_chars,
                reader_chars=args.reader_chars)
    print(f"{args.articles:,} articles of {args.article_chars:,} characters, {args.worker_chars:,.0f} characters/s a worker\n")
    print("| workers | machines | hours | days | cost | held up by |\n| ---: | ---: | ---: | ---: | ---: | --- |")
    for workers in WORKERS:
        row = plan(load, workers)
        machines = -(-workers // args.workers_a_machine)
        print(f"| {workers} | {machines} | {row.hours:,.1f} | {row.hours / 24:,.2f} | "
              f"{machines * row.hours * args.machine_price:,.0f} | {row.bottleneck} |")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
