"""``python -m data.corpus_check [FILE …]``: compile notation files, say every fault, count what they hold."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from data.clean import surface
from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command
from data.markup import passages, read_marked


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m data.corpus_check", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=sorted(Path("data/corpus").glob("*.txt")))
    args = parser.parse_args(argv)
    failed = False
    totals: Counter[str] = Counter()
    for path in args.files:
        try:
            marked = read_marked(path, surface=surface)
        except DataError as fault:
            print(fault.render(), file=sys.stderr)
            failed = True
            continue
        totals["articles"] += len(marked)
        for m in marked:
            totals["passages"] += len(passages(m.article))
            totals["characters"] += len(m.article.text)
            totals["events"] += len(m.article.events)
            totals["articles without event"] += not m.article.events
            for e in m.article.entities:
                totals[e.label] += 1
            for r in m.article.relations:
                totals[r.type] += 1
            for name, values in m.cells.items():
                for value in values:
                    totals[f"cell {name}={value}"] += len(passages(m.article))
    for name, count in totals.items():
        print(f"{name:40} {count}")
    return EXIT_FAILED if failed else EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
