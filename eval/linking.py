"""``python -m eval.linking``: how well and how fast names link to a large register of made-up institutions.

A wrong link is worse than none: it is counted apart from names that were left open. Names and places are drawn from
``data/names``, with a seed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence

from data.errors import EXIT_OK, UsageError, run_command
from data.names import NameMaker, short_forms
from models.register import Register
from models.register_file import Entry

Asked = tuple[Entry, str, str]  # the entry meant, the name as an article writes it, what else the article says


def made_up_entries(count: int, rng: random.Random) -> list[Entry]:
    """Institutions of distinct names, each with the place it lies in as region."""
    maker, regions = NameMaker(rng), dict[str, str]()
    while len(regions) < count:
        place = maker.place()
        regions.setdefault(maker.hospital(place=place).full, place.province + place.city + place.county)
    return [Entry(id=f"H{i}", name=name, region=region) for i, (name, region) in enumerate(regions.items())]


def questions(entries: Sequence[Entry], count: int, rng: random.Random) -> dict[str, list[Asked]]:
    """``count`` names of each of four ways to write them."""
    def without_one(name: str) -> str:
        at = rng.randrange(len(name))
        return name[:at] + name[at + 1:]

    def drawn(pool: Sequence[Entry]) -> list[Entry]:
        return rng.sample(pool, min(count, len(pool)))

    short = [e for e in entries if short_forms(e.name)]
    return {
        "as registered": [(e, e.name, "") for e in drawn(entries)],
        "short form, no place": [(e, rng.choice(short_forms(e.name))[1], "") for e in drawn(short)],
        "short form, place named": [(e, rng.choice(short_forms(e.name))[1], f"{e.region}消息") for e in drawn(short)],
        "one character lost": [(e, without_one(e.name), "") for e in drawn(entries)]}


def judge(register: Register, asked: Sequence[Asked]) -> Counter[str]:
    """How many names link right, stay open, and link wrong (``wrong exact`` where the name is another entry's own)."""
    counts: Counter[str] = Counter()
    for entry, name, context in asked:
        link = register.link(name, context)
        counts["right" if link.id == entry.id else "open" if link.id is None
               else "wrong exact" if link.kind == "exact" else "wrong"] += 1
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.linking", description="Measure linking against a large register of made-up institutions.",
        epilog="example: python -m eval.linking --rows 50000 --names 250 --seed 2")
    parser.add_argument("--rows", type=int, default=50000, help="institutions in the register")
    parser.add_argument("--names", type=int, default=250, help="names of each of the four ways to write them")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if args.rows < 1 or args.names < 1:
        raise UsageError(f"expected at least 1, found --rows {args.rows} --names {args.names}", repair="--rows 50000")
    rng = random.Random(args.seed)
    entries = made_up_entries(args.rows, rng)
    start = time.process_time()
    register = Register(entries=entries)
    print(f"{args.rows} rows indexed in {time.process_time() - start:.1f} s of CPU")
    for way, asked in questions(entries, args.names, rng).items():
        start = time.process_time()
        counts = judge(register, asked)
        told = ", ".join(f"{counts[k]} {k}" for k in ("right", "open", "wrong exact", "wrong"))
        print(f"  {way:24} {told}  ({len(asked)} names, {time.process_time() - start:.1f} s of CPU)")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
