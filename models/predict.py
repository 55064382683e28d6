"""``python -m models.predict --model RUN --input PATH… --output FILE``: offline inference, resumable at any moment."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.errors import UsageError, run_command
from models.engines import ENGINES
from models.outputs import FORMATS, format_of

_EXAMPLES = """examples:
  python -m models.predict --model runs/default --input data/articles --output out.jsonl
  python -m models.predict --model runs/default --input 'news/*.html' archive.zip crawl.tar.gz --output events.xlsx
  python -m models.predict --model runs/default --input news.csv --text-column content --output events.csv
  python -m models.predict --model runs/default --input news --output out.jsonl --register hospitals.csv
  python -m models.predict --model runs/default --input s3://bucket/news --output out.jsonl --engine-cluster ray --cluster-workers 8
  cat article.txt | python -m models.predict --model runs/default --input - --output -

A run that was stopped goes on with the same command. What could not be read stands in OUTPUT.errors.jsonl, counts of
everything in OUTPUT.summary.json."""


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``models.predict``. The model's libraries are imported later: help comes at once."""
    parser = argparse.ArgumentParser(
        prog="python -m models.predict", description="Find entities, relations and signing events in articles.",
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog=_EXAMPLES)
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--input", required=True, nargs="+", metavar="PATH",
                        help="files (.txt .md .html .jsonl .json .csv .tsv .parquet .warc, each also .gz .bz2 .xz .zst), archives "
                             "(.zip .tar .tar.gz …), folders, globs, URLs that fsspec knows, or - for standard input")
    parser.add_argument("--output", required=True, metavar="FILE", help="the file to write, or - for standard output")
    parser.add_argument("--format", choices=FORMATS, help="default: by the suffix of --output, else jsonl; csv and xlsx have "
                                                          "one row per event")
    parser.add_argument("--events-only", action="store_true",
                        help="one line an event (article id, date of publication, publisher, event) instead of whole articles")
    parser.add_argument("--register", type=Path, metavar="CSV",
                        help="your institutions (columns id, name, aliases, region): parties of events get links into it")
    columns = parser.add_argument_group("columns of tables and keys of JSON")
    for name in ("text", "id", "published", "publisher"):
        columns.add_argument(f"--{name}-column", default=name, metavar="NAME", help=f"default: {name}")
    columns.add_argument("--title-column", metavar="NAME", help="put on a line above the text")
    parser.add_argument("--all-labels", action="store_true",
                        help="hand out all that the run was taught to tell apart, where its config has a reading_schema")
    work = parser.add_argument_group("how the work is done")
    work.add_argument("--workers", type=_count, default=0, metavar="N",
                      help="processes that read ahead of the model: they help with HTML where cores are idle, not with JSONL, "
                           "which cost next to nothing to read (default: 0; see python -m models.bench_read)")
    work.add_argument("--shard-articles", type=_count, default=512, metavar="N",
                      help="documents between two points that a stopped run can go on from (default: 512)")
    work.add_argument("--engine", choices=ENGINES, help="what computes the model (default: auto)")
    work.add_argument("--engine-cluster", choices=("ray",), help="spread the work over a Ray cluster")
    work.add_argument("--cluster-workers", type=_count, default=2, metavar="N", help="model actors of the cluster (default: 2)")
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, found {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.predict``."""
    args = parse_arguments(argv)
    from data.records import Columns
    from models.batch import BatchOptions, run_batch

    if args.shard_articles == 0:
        raise UsageError("expected at least 1", place="--shard-articles", repair="--shard-articles 512")
    if args.engine_cluster and (args.output == "-" or args.cluster_workers == 0):
        raise UsageError("a cluster needs an output file and at least one worker", place="--engine-cluster",
                         repair="--output out.jsonl --cluster-workers 2")
    return run_batch(BatchOptions(
        model=args.model, inputs=tuple(args.input), output=args.output, output_format=format_of(args.output, args.format),
        events_only=args.events_only, register=args.register, shard_articles=args.shard_articles, workers=args.workers,
        engine=args.engine, all_labels=args.all_labels, cluster_workers=args.cluster_workers if args.engine_cluster else 0,
        columns=Columns(text=args.text_column, id=args.id_column, published=args.published_column,
                        publisher=args.publisher_column, title=args.title_column)))


if __name__ == "__main__":
    sys.exit(run_command(main))
