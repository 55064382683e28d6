"""``python -m data.corpus_check``: compile the authored corpus, check coverage and repetition, count what it holds."""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import yaml

from data.article import Article
from data.clean import surface
from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command
from data.markup import MarkedArticle, read_marked

CORPUS = Path("data/corpus")
PASSAGE_CHARS = 25
RUN_CHARS = 20  # a run this long in two passages, names aside, means that one was copied from the other


def passages(article: Article) -> list[str]:
    """The paragraphs of an article that are long enough to count as a passage."""
    return [line for line in article.text.split("\n") if len(line.strip()) >= PASSAGE_CHARS]


def coverage(articles: Sequence[MarkedArticle], plan: dict) -> dict[str, int]:
    """Passages of every cell of the plan: ``dimension=value``, and ``value x value`` of the crossed dimensions."""
    counts = {f"{d}={v}": 0 for d, values in plan["dimensions"].items() for v in values}
    counts |= {f"{a} x {b}": 0 for d, e in plan["crossed"] for a in plan["dimensions"][d] for b in plan["dimensions"][e]}
    for marked in articles:
        weight = len(passages(marked.article))
        for dimension, values in marked.cells.items():
            for value in values:
                counts[f"{dimension}={value}"] += weight
        for d, e in plan["crossed"]:
            for a in marked.cells.get(d, ()):
                for b in marked.cells.get(e, ()):
                    counts[f"{a} x {b}"] += weight
    return counts


def coverage_faults(articles: Sequence[MarkedArticle], plan: dict) -> list[str]:
    """Cells an article claims that the plan does not know, and cells with too few passages."""
    faults = [
        f"{m.place}: unknown cell {dimension}={value}"
        for m in articles for dimension, values in m.cells.items() for value in values
        if value not in plan["dimensions"].get(dimension, ())
    ]
    if faults:
        return faults
    minimum = plan["minimum"]
    return [f"{cell}: expected {minimum} passages or more, found {count}"
            for cell, count in coverage(articles, plan).items() if count < minimum]


def shared_runs(articles: Sequence[MarkedArticle]) -> list[str]:
    """Runs of ``RUN_CHARS`` characters, none of them in a name, that stand in two passages."""
    seen: dict[str, str] = {}
    found: dict[tuple[str, str], str] = {}
    for marked in articles:
        article = marked.article
        masked = list(article.text)
        for e in article.entities:
            masked[e.char_start : e.char_end] = "\n" * (e.char_end - e.char_start)
        for number, stretch in enumerate("".join(masked).split("\n")):
            place = f"{article.id}/{number}"
            for i in range(len(stretch) - RUN_CHARS + 1):
                run = stretch[i : i + RUN_CHARS]
                first = seen.setdefault(run, place)
                if first != place:
                    found.setdefault((first, place), run)
    return [f"{a} and {b} share {run!r}" for (a, b), run in found.items()]


def statistics(articles: Sequence[MarkedArticle]) -> dict[str, int]:
    """What the corpus holds: articles, passages, characters, mentions, relations, events, distinct names."""
    totals: Counter[str] = Counter()
    distinct: dict[str, set[str]] = defaultdict(set)
    for marked in articles:
        article = marked.article
        totals["articles"] += 1
        totals["passages"] += len(passages(article))
        totals["characters"] += len(article.text)
        totals["events"] += len(article.events)
        totals["articles without a signing"] += not article.events
        for e in article.entities:
            totals[e.label] += 1
            distinct[e.label].add(surface(e.text))
        for r in article.relations:
            totals[r.type] += 1
    totals["distinct PERSON names of two characters or more"] = sum(len(n) > 1 for n in distinct["PERSON"])
    totals["distinct HOSPITAL names of six characters or more"] = sum(len(n) > 5 for n in distinct["HOSPITAL"])
    return dict(totals)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m data.corpus_check", description=__doc__,
        epilog="example: python -m data.corpus_check            (the whole corpus, with coverage and repetition)\n"
               "         python -m data.corpus_check data/corpus/w1-1.txt   (one file, its notation only)",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="notation files; none: all of data/corpus")
    args = parser.parse_args(argv)
    articles: list[MarkedArticle] = []
    faults: list[str] = []
    for path in args.files or sorted(CORPUS.glob("*.txt")):
        try:
            articles += read_marked(path, surface=surface)
        except DataError as fault:
            faults.append(fault.render())
    if not args.files:
        plan = yaml.safe_load((CORPUS / "coverage.yaml").read_text(encoding="utf-8"))
        faults += coverage_faults(articles, plan)
        runs = shared_runs(articles)
        print(f"{'passages sharing a run of ' + str(RUN_CHARS) + ' characters':50} {len(runs)}")
        faults += runs
    for name, count in statistics(articles).items():
        print(f"{name:50} {count}")
    for line in faults:
        print(line, file=sys.stderr)
    return EXIT_FAILED if faults else EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
