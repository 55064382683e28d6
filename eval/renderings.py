"""``python -m eval.renderings --model RUN --data GOLD``: the same articles clean and noisy; how much does noise cost?

Each rendering changes every article by one kind of noise that real pages show, its gold annotation moved along, so
that a score on it can be set beside the score on the articles as they were.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data.article import Article, read_jsonl
from data.augment import CHANGES
from data.errors import EXIT_OK, run_command
from data.files import write_text
from data.schema import Schema, restrict
from data.sources import read_sources
from data.substitute import collect_pools
from eval.crossval import GOLD
from eval.metrics import score_articles
from models.run_folder import load_predictor

RENDERINGS = {
    "as given": (), "half-width, lost characters": ("noise",), "spacing, casing": ("spacing",),
    "traditional, glosses": ("traditional",), "page furniture": ("furniture",),
    "all of them": ("furniture", "noise", "spacing", "traditional"),
}


def render(articles: Sequence[Article], kinds: Sequence[str], schema: Schema) -> list[Article]:
    """Every article changed by each of ``kinds`` (names of :data:`data.augment.CHANGES`), the same way every time."""
    # The seed articles show which characters pages put pinyin behind, and how their page lines look.
    pools = collect_pools([restrict(a, schema) for a in (*read_jsonl(GOLD), *articles)])
    rendered = []
    for article in articles:
        chance = random.Random(article.id)
        for kind in kinds:
            article = CHANGES[kind](article, chance, pools)
        rendered.append(article)
    return rendered


def score_renderings(
    predict: Callable[[Sequence[Article]], Iterable[Article]], articles: Sequence[Article], schema: Schema
) -> dict[str, dict[str, Any]]:
    """Scores (see :func:`eval.metrics.score_articles`) of each rendering of the articles."""
    scores = {}
    for title, kinds in tqdm(RENDERINGS.items(), desc="renderings", unit="set"):
        gold = render(articles, kinds, schema)
        scores[title] = score_articles(gold, list(predict(gold)), schema)
    return scores


def table(scores: dict[str, dict[str, Any]]) -> str:
    """Entity and relation F1 of each rendering, and the difference from the articles as given."""
    first = scores["as given"]
    lines = ["| rendering | entities | difference | relations | difference |", "| --- | --- | --- | --- | --- |"]
    for title, record in scores.items():
        cells = []
        for part in ("entities", "relations"):
            f1, base = record[part]["micro"]["f1"], first[part]["micro"]["f1"]
            cells += [f"{f1:.3f}", f"{f1 - base:+.3f}"]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.renderings", description="Score a model on clean and noisy renderings of the same articles.",
        epilog="example: python -m eval.renderings --model runs/default --data data/corpus@dev --report reports/renderings")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--data", required=True, action="append", metavar="GOLD",
                        help="gold .jsonl, or data/corpus@dev; may be repeated")
    parser.add_argument("--report", type=Path, metavar="DIR", help="folder for renderings.json and renderings.md")
    args = parser.parse_args(argv)
    predictor = load_predictor(args.model, engine="torch")
    schema = predictor.schema
    scores = score_renderings(predictor.predict, [restrict(a, schema) for a in read_sources(args.data)], schema)
    print("\n" + table(scores))
    if args.report:
        write_text(args.report / "renderings.json", json.dumps(scores, ensure_ascii=False, indent=1) + "\n")
        write_text(args.report / "renderings.md", table(scores) + "\n")
        print(f"\nwritten: {args.report / 'renderings.md'}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
