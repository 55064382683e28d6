"""``python -m data.agreement A.jsonl B.jsonl``: how far two annotators agree on the same articles.

Span and relation F1 are symmetric (either file may be the reference). Cohen's kappa (1960) is taken over the
characters' labels, and for relations over the admissible pairs of the spans both annotators marked.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.article import Article, read_jsonl
from data.errors import EXIT_OK, DataError, run_command
from data.schema import Schema, load_schema, restrict


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of one kind of item: how many both marked, each alone, F1 and kappa."""

    name: str
    both: int
    only_a: int
    only_b: int
    kappa: float | None = None

    @property
    def f1(self) -> float:
        """2 x both / all marks; 1 where neither marked anything."""
        marks = 2 * self.both + self.only_a + self.only_b
        return 2 * self.both / marks if marks else 1.0


def cohen_kappa(a: Sequence[Any], b: Sequence[Any]) -> float:
    """Chance-corrected agreement of two equally long label sequences; 1 where chance alone would agree fully."""
    count = len(a)
    if not count:
        return 1.0
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / count
    totals_a, totals_b = Counter(a), Counter(b)
    chance = sum(totals_a[k] * totals_b[k] for k in totals_a) / count**2
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)


def compare(a: Sequence[Article], b: Sequence[Article], schema: Schema) -> list[Agreement]:
    """Agreement on entities (each label and all), relations (each type and all) and events.

    Raises:
        DataError: the two files hold different articles or texts.
    """
    right = {article.id: article for article in b}
    if {x.id for x in a} != set(right):
        raise DataError(f"expected the same articles in both files; only in one: {sorted({x.id for x in a} ^ set(right))}")
    pairs = [(x, right[x.id]) for x in a]
    for x, y in pairs:
        if x.text != y.text:
            raise DataError("the two files hold different texts for this article", place=x.id)
    results = []
    for label in (*schema.labels, None):
        sets = [({k for k in _spans(x) if label in (None, k[2])}, {k for k in _spans(y) if label in (None, k[2])})
                for x, y in pairs]
        kappa = None
        if label is None:
            characters = [(_char_labels(x), _char_labels(y)) for x, y in pairs]
            kappa = cohen_kappa([c for x, _ in characters for c in x], [c for _, y in characters for c in y])
        results.append(_agreement(label or "all entities", sets, kappa))
    for kind in (*(r.name for r in schema.relations), None):
        sets = [({k for k in _links(x) if kind in (None, k[0])}, {k for k in _links(y) if kind in (None, k[0])})
                for x, y in pairs]
        results.append(_agreement(kind or "all relations", sets, _pair_kappa(pairs, schema) if kind is None else None))
    results.append(_agreement("events", [(_events(x), _events(y)) for x, y in pairs], None))
    return results


def _agreement(name: str, sets: Sequence[tuple[set[Any], set[Any]]], kappa: float | None) -> Agreement:
    return Agreement(name=name, both=sum(len(x & y) for x, y in sets), only_a=sum(len(x - y) for x, y in sets),
                     only_b=sum(len(y - x) for x, y in sets), kappa=kappa)


def _spans(article: Article) -> set[tuple[int, int, str]]:
    return {(e.char_start, e.char_end, e.label) for e in article.entities}


def _links(article: Article) -> set[tuple[Any, ...]]:
    by_id = {e.id: (e.char_start, e.char_end, e.label) for e in article.entities}
    return {(r.type, by_id[r.head], by_id[r.tail]) for r in article.relations}


def _events(article: Article) -> set[tuple[Any, ...]]:
    return {(frozenset(v.parties + v.other_parties), v.date) for v in article.events}


def _char_labels(article: Article) -> list[str]:
    labels = ["O"] * len(article.text)
    for e in article.entities:
        labels[e.char_start : e.char_end] = [f"I-{e.label}"] * (e.char_end - e.char_start)
        labels[e.char_start] = f"B-{e.label}"
    return labels


def _pair_kappa(pairs: Sequence[tuple[Article, Article]], schema: Schema) -> float:
    """Kappa over the admissible ordered pairs of spans that both annotators marked."""
    left: list[bool] = []
    right: list[bool] = []
    for x, y in pairs:
        shared = sorted(_spans(x) & _spans(y))
        links_x, links_y = _links(x), _links(y)
        for head in shared:
            for tail in shared:
                for index in schema.admissible(head[2], tail[2]) if head != tail else ():
                    relation = schema.relations[index]
                    if relation.symmetric and head > tail:
                        continue
                    left.append((relation.name, head, tail) in links_x)
                    right.append((relation.name, head, tail) in links_y)
    return cohen_kappa(left, right)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m data.agreement", description="Agreement between two annotation files.",
        epilog="example: python -m data.agreement data/gold/passes/a.jsonl data/gold/passes/b.jsonl")
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--schema", type=Path, default=Path("configs/schema/parties.yaml"),
                        help="labels and relations compared (default: %(default)s)")
    args = parser.parse_args(argv)
    schema = load_schema(args.schema)
    results = compare([restrict(x, schema) for x in read_jsonl(args.a)],
                      [restrict(x, schema) for x in read_jsonl(args.b)], schema)
    print(f"{'':16} {'both':>5} {'only A':>7} {'only B':>7} {'F1':>7} {'kappa':>7}")
    for r in results:
        kappa = f"{r.kappa:7.4f}" if r.kappa is not None else ""
        print(f"{r.name:16} {r.both:5} {r.only_a:7} {r.only_b:7} {r.f1:7.4f} {kappa}".rstrip())
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
