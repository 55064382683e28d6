"""``python -m eval.evaluate --model RUN --data GOLD.jsonl --report DIR``: scores, predictions and a page."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from data.article import Article, article_to_dict, write_jsonl
from data.errors import EXIT_OK, DataError, run_command
from data.files import write_text
from data.schema import restrict
from data.sources import read_sources
from eval.baselines import baseline_predictions
from eval.metrics import score_articles
from eval.report import write_report
from models.document import Predictor
from models.run_folder import load_predictor


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a report must say about how its figures came to be."""

    command: str
    config: dict[str, Any] = field(default_factory=dict)
    train: Sequence[Article] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Metrics:
    """``metrics.json`` as a record."""

    record: dict[str, Any]

    def to_json(self) -> str:
        """Readable JSON, Chinese as it is."""
        return json.dumps(self.record, ensure_ascii=False, indent=1) + "\n"


def evaluate_run(predictor: Predictor, gold: Sequence[Article], facts: RunFacts, report: Path) -> Metrics:
    """Score a model on gold (restricted to its schema) and write ``metrics.json``, ``predictions.jsonl``, ``index.html``.

    Articles the model was trained on are marked as seen, in the figures and on the page.
    """
    schema = predictor.encoder.schema
    predicted = list(predictor.predict(gold))
    record = score_articles(gold, predicted, schema, on_gold_entities=list(predictor.relate(gold)))
    train_hashes = {_text_hash(a) for a in facts.train}
    seen = [a.id for a in gold if _text_hash(a) in train_hashes]
    encoded = [predictor.encoder.encode(a) for a in gold]
    record["coverage"] = {
        "characters": sum(len(a.text) for a in gold),
        "tokens": sum(len(e.token_ids) for e in encoded),
        "tokens_outside_every_window": sum(
            len(e.token_ids) - len({t for w in e.windows for t in range(w.token_start, w.token_end)}) for e in encoded),
        "gold_entities_no_token_span_expresses": sum(e.dropped["entity:unaligned"] for e in encoded),
        "dropped_outside_schema": facts.dropped,
    }
    record["baselines"] = {
        name: _headline(score_articles(gold, guesses, schema))
        for name, guesses in baseline_predictions(gold, facts.train, schema).items()
    }
    record["seen_in_training"] = seen
    record["provenance"] = provenance(gold, facts)
    record["thresholds"] = predictor.thresholds
    record["temperature"] = predictor.temperature
    metrics = Metrics(record)
    write_jsonl(report / "predictions.jsonl", predicted)
    write_jsonl(report / "gold.jsonl", gold)
    write_text(report / "metrics.json", metrics.to_json())
    write_report(report / "index.html", record, gold, predicted, schema)
    print(summary(record))
    return metrics


def _headline(scores: dict[str, Any]) -> dict[str, Any]:
    return {"entities": scores["entities"]["micro"], "relations": scores["relations"]["micro"],
            "events": scores["events"]["parties"],
            "entities_by_name": {n: s["f1"] for n, s in scores["entities"]["by_name"].items()},
            "relations_by_name": {n: s["f1"] for n, s in scores["relations"]["by_name"].items()}}


def summary(record: dict[str, Any]) -> str:
    """The score table as plain text: the model and, beside each score, its floor."""
    rows = [("", "precision", "recall", "F1", "95 % interval", *record["baselines"])]
    tables = [("entities", record["entities"]["micro"], "entities"), ("relations", record["relations"]["micro"], "relations"),
              ("events (parties)", record["events"]["parties"], "events")]
    for name, scores, key in tables:
        low, high = scores["interval"]
        rows.append((name, f"{scores['precision']:.3f}", f"{scores['recall']:.3f}", f"{scores['f1']:.3f}",
                     f"{low:.3f}-{high:.3f}", *(f"{b[key]['f1']:.3f}" for b in record["baselines"].values())))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    seen = record["seen_in_training"]
    note = f"\n{len(seen)} of {record['articles']} articles were seen in training: not a test score" if seen else ""
    return f"\nstrict, end to end, {record['articles']} articles\n" + "\n".join(lines) + note


def provenance(gold: Sequence[Article], facts: RunFacts) -> dict[str, Any]:
    """What is needed to make the figures again."""
    return {
        "command": facts.command, "config": facts.config,
        "gold_sha256": _data_hash(gold), "train_sha256": _data_hash(facts.train), "train_articles": len(facts.train),
        "cost": {k: v for k, v in facts.cost.items() if k != "log"},
        "log": facts.cost.get("log", []),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "versions": {"python": platform.python_version(),
                     **{p: version(p) for p in ("torch", "transformers", "datasets", "seqeval")}},
        "git": _git_revision(),
    }


def _git_revision() -> str | None:
    try:
        return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None  # an unpacked archive has no revision; the data hashes still identify the run


def _text_hash(article: Article) -> str:
    return hashlib.sha256(article.text.encode("utf-8", "surrogatepass")).hexdigest()


def _data_hash(articles: Sequence[Article]) -> str:
    lines = "\n".join(json.dumps(article_to_dict(a), ensure_ascii=False, sort_keys=True) for a in articles)
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.evaluate", description="Score a trained model on gold articles and write a report.",
        epilog="example: python -m eval.evaluate --model runs/default --data data/gold/seeds.jsonl --report reports/seeds")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--data", required=True, action="append", metavar="GOLD",
                        help="gold .jsonl, or data/corpus@dev; may be repeated")
    parser.add_argument("--report", required=True, type=Path, metavar="DIR", help="folder for metrics, predictions, page")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="score these article ids only")
    args = parser.parse_args(argv)
    predictor = load_predictor(args.model, engine="torch")
    dropped: Counter[str] = Counter()
    gold = [restrict(a, predictor.encoder.schema, dropped) for a in read_sources(args.data)
            if not args.only or a.id in args.only]
    if not gold:
        raise DataError(f"no article {' '.join(args.only)} here" if args.only else "no article here",
                        place=", ".join(args.data), repair="give a file with gold articles: --data data/gold/seeds.jsonl")
    command = f"python -m eval.evaluate --model {args.model} " + " ".join(f"--data {d}" for d in args.data)
    evaluate_run(predictor, gold, RunFacts(command=command, train=trained_on(args.model), dropped=dict(dropped)),
                 args.report)
    print(f"\nreport: {args.report / 'index.html'}")
    return EXIT_OK


def trained_on(run: Path) -> list[Article]:
    """The articles a run was trained on, as its ``run.yaml`` names them; none where its sources are out of reach."""
    path = run / "run.yaml"
    if not path.is_file():
        return []
    data = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
    try:
        return read_sources(data["train"], exclude=data["exclude"])
    except DataError as fault:
        print(f"note: what {run} was trained on cannot be read, so seen articles are not marked: {fault.problem}",
              file=sys.stderr)
        return []


if __name__ == "__main__":
    sys.exit(run_command(main))
