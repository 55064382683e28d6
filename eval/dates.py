"""``python -m eval.dates``: how many date expressions are resolved to the EDTF that the guidelines ask for.

With ``--data`` also how many dates of gold events come out of their gold mentions and relations.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data.clean import surface
from data.errors import EXIT_OK, DataError, run_command
from data.markup import EDTF_LEVEL_1
from data.sources import read_sources
from data.windows import split_sentences
from models.dates import resolve_all

EXPECTATIONS = Path("data/gold/dates.tsv")
COLUMNS = ("class", "published", "text", "edtf")
NONE = "-"
_MENTION = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class DateCase:
    """Expressions of one text, in order, with what each should come to; ``place`` names file and line."""

    kind: str
    published: str | None
    mentions: tuple[str, ...]
    sentences: tuple[str, ...]
    expected: tuple[str | None, ...]
    place: str


@dataclass(frozen=True, kw_only=True)
class Miss:
    """An expression that came to something else."""

    place: str
    mention: str
    expected: str | None
    found: str | None

    def __str__(self) -> str:
        return f"{self.place}: {self.mention}: expected {self.expected or NONE}, found {self.found or NONE}"


Resolver = Callable[[DateCase], Sequence[str | None]]


def read_cases(path: Path = EXPECTATIONS) -> list[DateCase]:
    """The expectation set: tab-separated class, day of publication, text with ``{…}`` around each mention (or nothing but
    the mention), and the expected EDTFs; ``-`` is none.

    Raises:
        DataError: the file is missing or lines are broken; each is named.
    """
    if not path.is_file():
        raise DataError("no such file", place=str(path), repair=f"python -m eval.dates --set {EXPECTATIONS}")
    cases: list[DateCase] = []
    faults: list[str] = []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise DataError(f"expected the columns {', '.join(COLUMNS)}, found {rows.fieldnames}", place=str(path))
        for row in rows:
            place = f"{path}:{rows.line_num}"
            if None in row or None in row.values():
                faults.append(f"{place}: expected {len(COLUMNS)} columns")
                continue
            case = _case(row, place)
            faults += _faults(case)
            cases.append(case)
    if faults:
        raise DataError("faults:\n  " + "\n  ".join(faults), place=str(path), repair="correct these lines")
    return cases


def _case(row: dict[str, str], place: str) -> DateCase:
    parts = _MENTION.split(row["text"]) if "{" in row["text"] else ["", row["text"], ""]
    text = "".join(parts)
    bounds = split_sentences(text)
    starts = [len("".join(parts[:i])) for i in range(1, len(parts), 2)]
    return DateCase(
        kind=row["class"], published=None if row["published"] == NONE else row["published"],
        mentions=tuple(surface(m) for m in parts[1::2]),
        sentences=tuple(surface(text[s:e]) for at in starts for s, e in bounds if s <= at < e),
        expected=tuple(None if e == NONE else e for e in row["edtf"].split()), place=place)


def _faults(case: DateCase) -> list[str]:
    faults = [f"{case.place}: expected an EDTF date or {NONE}, found {e!r}" for e in case.expected
              if e is not None and not EDTF_LEVEL_1.fullmatch(e)]
    if len(case.expected) != len(case.mentions):
        faults.append(f"{case.place}: {len(case.mentions)} mentions, but {len(case.expected)} values")
    return faults


def our_dates(case: DateCase) -> list[str | None]:
    """What the project's own resolver says."""
    return resolve_all(case.mentions, published=case.published, sentences=case.sentences)


def score_cases(
    cases: Iterable[DateCase], resolver: Resolver = our_dates
) -> tuple[dict[str, tuple[int, int]], list[Miss]]:
    """``(hits, expressions)`` of each class, in order of the set, and every miss."""
    scores: dict[str, tuple[int, int]] = {}
    misses: list[Miss] = []
    for case in cases:
        found = resolver(case)
        wrong = [Miss(place=case.place, mention=m, expected=e, found=f)
                 for m, e, f in zip(case.mentions, case.expected, found, strict=True) if e != f]
        hits, total = scores.get(case.kind, (0, 0))
        scores[case.kind] = hits + len(found) - len(wrong), total + len(found)
        misses += wrong
    return scores, misses


def score_event_dates(sources: Sequence[str]) -> dict[str, tuple[int, int]]:
    """``(right, events)`` by precision of the gold date, of the events that gold mentions and relations give."""
    # These bring torch, which the expectation set does without.
    from eval.event_scores import dates_by_precision
    from models.document import assemble

    pairs = [(a, assemble(a.without_annotation(), a.entities, a.relations, model="gold"))
             for a in tqdm(read_sources(sources), unit=" articles", disable=not sys.stderr.isatty())]
    return {name: (c.hits, c.hits + c.missed) for name, c in dates_by_precision(pairs).items()}


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``eval.dates``."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.dates", description="Score the resolution of date expressions to EDTF, class by class.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.dates\n  python -m eval.dates --set my-dates.tsv\n"
               "  python -m eval.dates --data data/gold/seeds.jsonl data/corpus@dev")
    parser.add_argument("--set", type=Path, default=EXPECTATIONS, metavar="FILE",
                        help=f"tab-separated expectations (default: {EXPECTATIONS})")
    parser.add_argument("--data", nargs="+", default=[], metavar="SOURCE",
                        help="gold files or folder@split: score the dates of their events too")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    scores, misses = score_cases(read_cases(args.set))
    for miss in misses:
        print(f"miss: {miss}")
    _print_table(scores)
    if args.data:
        print("\ndates of the events that gold mentions and relations give")
        _print_table(score_event_dates(args.data))
    return EXIT_OK


def _print_table(scores: Mapping[str, tuple[int, int]]) -> None:
    whole = sum(hits for hits, _ in scores.values()), sum(total for _, total in scores.values())
    for name, (hits, total) in [*scores.items(), ("all", whole)]:
        print(f"{name:<36} {hits:>4}/{total:<4} {hits / total if total else 1:.3f}")


if __name__ == "__main__":
    sys.exit(run_command(main))
