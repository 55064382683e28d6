"""``python -m data.label_studio pull``: annotations of a project, or of an export file, back as articles."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data.article import Article, write_jsonl
from data.convert import report
from data.errors import EXIT_FAILED, EXIT_OK, UsageError
from data.files import write_text
from data.formats.base import Ledger
from data.label_studio.client import Server, add_server_arguments, read_token
from data.label_studio.export import download_export, read_export
from data.label_studio.reading import Reader, Refused
from data.label_studio.rules import RULES, Annotation, PairAgreement, agreement, choose
from data.schema import Schema, load_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = ("Annotations back from Label Studio. The raw export is kept beside OUTPUT before anything is made of it; "
                          "what cannot be used is counted and put in OUTPUT's .quarantine.jsonl, with the reason.")
    parser.epilog = ("rules where a task has several annotations (--several):\n"
                     "  latest        the one changed last (default)\n"
                     "  annotator     the one of --annotator; tasks without it are left out\n"
                     "  ground-truth  the one starred in the interface; tasks without one are left out\n"
                     "  majority      spans and relations that more than half of the annotators marked alike\n\n"
                     "examples:\n  python -m data.label_studio pull --project hospitals --output gold.jsonl\n"
                     "  python -m data.label_studio pull --project 3 --several annotator --annotator li@example.com "
                     "--output li.jsonl\n"
                     "  python -m data.label_studio pull --from export.json --several majority --output gold.jsonl   (no server)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--project", metavar="NUMBER|TITLE", help="the project on the server")
    source.add_argument("--from", dest="export", type=Path, metavar="FILE.json", help="a full JSON export instead")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE.jsonl", help="articles to write")
    parser.add_argument("--several", choices=RULES, default="latest", help="the rule where a task has several annotations")
    parser.add_argument("--annotator", metavar="ADDRESS|NUMBER", help="whose annotations count, with --several annotator")
    parser.add_argument("--keep-empty", action="store_true",
                        help='take a submission without marks as "nothing to mark" even where "no signing" was not chosen')
    parser.add_argument("--schema", type=Path, default=Path("configs/schema/parties.yaml"),
                        help="relation types, their ends and directions (default: %(default)s)")
    parser.add_argument("--raw", type=Path, metavar="FOLDER", help="where raw exports are kept (default: beside OUTPUT)")
    parser.add_argument("--patience", type=float, default=600.0, metavar="SECONDS",
                        help="how long the server may take to make the export (default: %(default)s)")
    add_server_arguments(parser)


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What an export gave: articles, what was put aside, and how far the annotators agree."""

    articles: list[Article]
    refused: list[Refused]
    pairs: list[PairAgreement]


def articles_of(tasks: Sequence[Any], schema: Schema, ledger: Ledger, *, rule: str = "latest", annotator: str | None = None,
                keep_empty: bool = False) -> Pulled:
    """The articles of an export's tasks, one annotation each, chosen by ``rule``."""
    reader = Reader(schema, ledger, keep_empty=keep_empty)
    annotated: list[list[Annotation]] = []
    articles: list[Article] = []
    for number, task in enumerate(tqdm(tasks, unit=" tasks", disable=not sys.stderr.isatty()), start=1):
        annotations = reader.read_task(task, number)
        if not annotations:
            continue
        annotated.append(annotations)
        chosen = choose(annotations, rule, annotator=annotator)
        if chosen is None:
            ledger.count(f"annotated tasks that have none by the rule {rule}")
        else:
            articles.append(chosen.article)
            ledger.count("annotations passed over for another of the same task", len(annotations) - 1)
            ledger.count("articles said to tell of no signing", chosen.says_no_signing)
    return Pulled(articles=articles, refused=reader.refused, pairs=agreement(annotated, schema))


def run(args: argparse.Namespace) -> int:
    """Pull; say what came, what did not, and how far the annotators agree."""
    if (args.several == "annotator") != bool(args.annotator):
        raise UsageError("--several annotator and --annotator ADDRESS go together", place="--several",
                         repair="--several annotator --annotator li@example.com")
    schema = load_schema(args.schema)
    raw: Path = args.export or _download(args)
    ledger = Ledger(source=str(raw))
    pulled = articles_of(read_export(raw), schema, ledger, rule=args.several, annotator=args.annotator,
                         keep_empty=args.keep_empty)
    quarantine, summary = args.output.with_suffix(".quarantine.jsonl"), args.output.with_suffix(".report.json")
    write_text(quarantine, "".join(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in pulled.refused))
    write_text(summary, json.dumps(_summary(pulled, ledger, raw, args.several), ensure_ascii=False, indent=1) + "\n")
    for line in report(ledger):
        print(line, file=sys.stderr)
    for pair in pulled.pairs:
        print("\n".join(agreement_table(pair)))
    if not pulled.articles:
        print(f"error: {raw}: no annotated task\n  repair: see the notes above; annotate and submit, or another --several",
              file=sys.stderr)
        return EXIT_FAILED
    write_jsonl(args.output, pulled.articles)
    print(f"{args.output}: {len(pulled.articles)} articles, {sum(len(a.entities) for a in pulled.articles)} entities, "
          f"{sum(len(a.relations) for a in pulled.articles)} relations; "
          f"{len(pulled.refused)} put aside in {quarantine}\nraw export: {raw}")
    return EXIT_OK


def _download(args: argparse.Namespace) -> Path:
    """The raw export of a project, on disk under a name of its own."""
    server = Server(args.url, read_token(args.token_file), attempts=args.attempts, timeout_s=args.timeout)
    project = server.project(args.project)
    folder = args.raw or args.output.parent
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    stem, path, number = f"{args.output.stem}.raw-project-{project.id}-{moment}", None, 0
    while path is None or path.exists():
        path = folder / f"{stem}{f'-{number}' if number else ''}.json"
        number += 1
    download_export(server, project.id, path, patience_s=args.patience)
    return path


def agreement_table(pair: PairAgreement) -> list[str]:
    """The lines of one pair's table."""
    lines = [f"agreement of {pair.annotators[0]} (A) and {pair.annotators[1]} (B) over {pair.tasks} articles",
             f"  {'':16} {'both':>5} {'only A':>7} {'only B':>7} {'F1':>7} {'kappa':>7}"]
    for r in pair.rows:
        kappa = f"{r.kappa:7.4f}" if r.kappa is not None else ""
        lines.append(f"  {r.name:16} {r.both:5} {r.only_a:7} {r.only_b:7} {r.f1:7.4f} {kappa}".rstrip())
    return lines


def _summary(pulled: Pulled, ledger: Ledger, raw: Path, rule: str) -> dict[str, Any]:
    """The report file: counts, faults in words, agreement."""
    labels = Counter(e.label for a in pulled.articles for e in a.entities)
    types = Counter(r.type for a in pulled.articles for r in a.relations)
    return {
        "raw_export": raw.name, "rule": rule, "articles": len(pulled.articles), "entities": dict(sorted(labels.items())),
        "relations": dict(sorted(types.items())), "notes": dict(sorted(ledger.counts.items())),
        "faults": [fault.render() for fault in ledger.faults], "put_aside": len(pulled.refused),
        "agreement": [{"annotators": list(pair.annotators), "articles": pair.tasks, "rows": [
            {**asdict(r), "f1": round(r.f1, 4)} for r in pair.rows]} for pair in pulled.pairs],
    }
