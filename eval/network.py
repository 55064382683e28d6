"""``python -m eval.network predictions.jsonl --output network.html``: who signed with whom, and when, on one page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from data.errors import EXIT_OK, DataError, run_command

LIMIT = 200  # institutions drawn; the list below the picture holds all


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line. Heavy libraries are imported later: help comes at once."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.network", description="Draw the institutions that signed with one another, and a timeline.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.network out.jsonl --output network.html\n"
               "  python -m eval.network monday.jsonl tuesday.jsonl --output network.html --lang zh\n"
               "  python -m eval.network merged.jsonl --output network.html --limit 500")
    parser.add_argument("predictions", nargs="+", metavar="PREDICTIONS",
                        help="JSONL of models.predict (articles or --events-only), or of models.events merge")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="HTML file to write")
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N",
                        help=f"draw at most N institutions, the largest groups first (default: {LIMIT})")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="language that shows first (default: en)")
    args = parser.parse_args(argv)
    if args.limit < 2:
        parser.error(f"argument --limit: expected 2 or more, found {args.limit}")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m eval.network``."""
    args = parse_arguments(argv)
    from tqdm import tqdm

    from eval.network_page import write_network
    from models.merge import Report, merge_reports, read_reports

    faults: list[str] = []
    bodies: dict[str, str] = {}
    found: Iterable[Report] = (r for path in args.predictions for r in read_reports(path, faults))
    reports = list(tqdm(found, unit=" events", disable=not sys.stderr.isatty()))
    for fault in faults:
        print(f"skipped: {fault}", file=sys.stderr)
    if faults and not reports:
        raise DataError("no line could be read", place=" ".join(args.predictions),
                        repair="give files that models.predict wrote")
    for report in reports:
        bodies.setdefault(report.article, report.text)
    signings = merge_reports(reports)
    facts: dict[str, Any] = write_network(args.output, signings, bodies, limit=args.limit, lang=args.lang, reports=len(reports))
    print(f"{len(reports)} reports, {len(signings)} signings, {facts['drawn']} institutions drawn, "
          f"{len(faults)} lines that could not be read: {args.output}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
