"""``python -m eval.verify REPORT``: make every figure of a report again from its files, and fail on any difference."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data.errors import EXIT_FAILED, EXIT_OK, run_command

TOLERANCE = 1e-9
SHOWN = 20
PART = "human"  # made from the annotation passes of the repository, not from the report


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``eval.verify``. The libraries that score are imported later: help comes at once."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.verify", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make every figure of metrics.json again from gold.jsonl, predictions.jsonl, candidates.jsonl, "
                    "on_gold_entities.jsonl and baseline-*.jsonl, and fail on any difference.",
        epilog="examples:\n  python -m eval.verify reports/default\n  python -m eval.verify reports/*/\n"
               "What cannot be made again from these files is listed: it is taken from metrics.json (not_recomputed).")
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="folders that eval.evaluate wrote")
    return parser.parse_args(argv)


def verify(folder: Path) -> tuple[list[str], list[str]]:
    """Differences between a report and its files, and notes on what could not be checked.

    Raises:
        DataError: files are missing, broken or of an older version.
    """
    from data.schema import schema_from_dict
    from eval.human import passes_hash
    from eval.overlap import seen_or_unknown
    from eval.record import NOT_RECOMPUTED, figures
    from eval.report_files import data_hash, read_articles, read_record

    record = read_record(folder)
    articles = read_articles(folder, list(record["baselines"]))
    notes = [f"taken from metrics.json: {', '.join(k for k in NOT_RECOMPUTED if k in record)}"]
    schema = schema_from_dict(record["schema_definition"], place=str(folder / "metrics.json"))
    again = figures(articles, schema, thresholds=record["thresholds"], seen=seen_or_unknown(record),
                    known=record["names"]["known"])
    if again[PART] is None or record[PART] is None or record[PART]["sha256"] != passes_hash():
        notes.append("human yardstick: not checked, the annotation passes are not those of the report")
        again.pop(PART)
    faults = list(differences(_plain(again), {k: v for k, v in record.items() if k in again}))
    unknown = sorted(set(record) - set(again) - set(NOT_RECOMPUTED) - {PART})
    faults += [f"{key}: nobody knows how this section was made" for key in unknown]
    for key, part in (("gold_sha256", articles.gold), ("predictions_sha256", articles.predicted)):
        if data_hash(part) != record["provenance"][key]:
            faults.append(f"provenance.{key}: the file has changed since")
    return faults, notes


def differences(again: Any, stored: Any, place: str = "") -> Iterator[str]:
    """Where two JSON values differ, one line each; numbers may differ by :data:`TOLERANCE`."""
    if isinstance(again, Mapping) and isinstance(stored, Mapping):
        for key in sorted({*again, *stored}, key=str):
            where = f"{place}.{key}" if place else str(key)
            if key not in again or key not in stored:
                yield f"{where}: only in {'metrics.json' if key in stored else 'the figures made again'}"
            else:
                yield from differences(again[key], stored[key], where)
    elif isinstance(again, list) and isinstance(stored, list):
        if len(again) != len(stored):
            yield f"{place}: {len(stored)} entries, made again {len(again)}"
            return
        for i, (x, y) in enumerate(zip(again, stored, strict=True)):
            yield from differences(x, y, f"{place}[{i}]")
    elif _number(again) and _number(stored):
        if not math.isclose(again, stored, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{place}: {stored!r}, made again {again!r}"
    elif type(again) is not type(stored) or again != stored:
        yield f"{place}: {stored!r}, made again {again!r}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """As JSON would hold it."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    from tqdm import tqdm

    failed = False
    for folder in tqdm(args.reports, unit=" reports", disable=len(args.reports) == 1 or not sys.stderr.isatty()):
        faults, notes = verify(folder)
        failed |= bool(faults)
        for fault in faults[:SHOWN]:
            print(f"{folder}: {fault}")
        if len(faults) > SHOWN:
            print(f"{folder}: and {len(faults) - SHOWN} more")
        print(f"{folder}: {f'{len(faults)} differences' if faults else 'every figure holds'}")
        print("\n".join(f"  note: {note}" for note in notes))
    return EXIT_FAILED if failed else EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
