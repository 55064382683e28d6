"""``python -m eval.document_step --data GOLD``: what the document step makes of gold entities and gold relations.

No model takes part: the figures are the ceiling that clusters, dates and rules for the fields of an event set to all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.article import Article
from data.errors import EXIT_OK, run_command
from data.schema import Schema, load_schema, restrict
from data.sources import read_sources
from eval.event_scores import EVENT_FIELDS
from eval.metrics import score_articles
from models.document import assemble


def score_document_step(gold: Sequence[Article], schema: Schema) -> dict[str, tuple[float, int]]:
    """Score and support of events by parties and record (F1), signatories (F1), and each field of right records."""
    given = [restrict(a, schema) for a in gold]
    built = [assemble(a.without_annotation(), a.entities, a.relations, model="gold relations") for a in given]
    events = score_articles(given, built, schema)["events"]
    scores = {name: (events[name]["f1"], events[name]["support"]) for name in ("parties", "record", "signatories")}
    return scores | {f: (events[f"{f}_of_records"]["accuracy"], events[f"{f}_of_records"]["support"]) for f in EVENT_FIELDS}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.document_step", description="Score the document step on gold entities and relations.",
        epilog="example: python -m eval.document_step --data data/corpus@dev --data data/gold/seeds.jsonl")
    parser.add_argument("--data", required=True, action="append", metavar="GOLD",
                        help="gold .jsonl, or data/corpus@dev; may be repeated, each is scored apart")
    parser.add_argument("--schema", type=Path, default=Path("configs/schema/parties.yaml"), help="schema file")
    args = parser.parse_args(argv)
    schema = load_schema(args.schema)
    for source in args.data:
        print(f"{source} ({schema.name})")
        for name, (score, support) in score_document_step(read_sources([source]), schema).items():
            what = "accuracy, of right records" if name in EVENT_FIELDS else "F1"
            print(f"  {name:12} {score:.3f}  {what} ({support})")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
