"""``python -m eval.evaluate --model RUN --data GOLD.jsonl --report DIR``: scores, predictions and a page."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command

if TYPE_CHECKING:
    from data.article import Article
    from data.schema import Schema
    from eval.report_files import Scorable
    from models.document import Predictor
    from models.inputs import EncodedArticle


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a report must say about how its figures came to be.

    ``train`` is what the model learned from, ``dev`` what its thresholds were chosen on; ``training_known`` is false
    where neither can be read any more. ``cost`` is that of the training.
    """

    command: str
    config: dict[str, Any] = field(default_factory=dict)
    train: Sequence[Article] = ()
    dev: Sequence[Article] = ()
    training_known: bool = True
    dropped: dict[str, int] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    trackers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metrics:
    """``metrics.json`` as a record."""

    record: dict[str, Any]

    def to_json(self) -> str:
        """Readable JSON, Chinese as it is."""
        return json.dumps(self.record, ensure_ascii=False, indent=1) + "\n"


def evaluate_run(predictor: Predictor, gold: Sequence[Article], facts: RunFacts, report: Path) -> Metrics:
    """Score a model on gold (restricted to its schema) and write the files of a report and its page.

    Articles the model was trained on, or whose scores chose its thresholds, are marked in the figures and on the page.
    """
    from eval.cost import Meter
    from eval.gates import write_summaries
    from eval.history import last_run
    from eval.index import refresh_index
    from eval.overlap import Material, overlap_sections, seen_or_unknown
    from eval.record import NOT_RECOMPUTED, figures
    from eval.report import write_report
    from eval.report_files import write_articles, write_record
    from eval.slices import known_names
    from eval.trackers import track

    meter = Meter()
    schema = predictor.schema
    encoded = [predictor.encoder.encode(a) for a in gold]
    articles = _predict(predictor, gold, encoded, facts)
    reading = meter.read()
    overlap = overlap_sections(gold, Material(train=facts.train, dev=facts.dev, known=facts.training_known))
    record = figures(articles, schema, thresholds=predictor.thresholds, seen=seen_or_unknown(overlap),
                     known=known_names(articles.pairs, facts.train, schema))
    facts_of_run = provenance(articles, facts)
    record |= overlap | {
        "model": predictor.name, "schema_definition": schema.to_dict(), "coverage": coverage(gold, encoded, facts.dropped),
        "learning_curve": learning_curve(facts.cost.get("log", [])),
        "last_run": last_run(report, gold_sha256=facts_of_run["gold_sha256"],
                             predictions_sha256=facts_of_run["predictions_sha256"]),
        "thresholds": predictor.thresholds, "temperature": predictor.temperature,
        "cost": {**meter.read(), "prediction_seconds": reading["seconds"],
                 "articles_per_second": round(len(gold) / max(reading["seconds"], 0.01), 2),
                 "training": facts_of_run["cost"]},
        "provenance": facts_of_run, "not_recomputed": list(NOT_RECOMPUTED)}
    metrics = Metrics(record)
    write_articles(report, articles)
    write_record(report, record)
    write_report(report / "index.html", record, gold, articles.predicted, schema)
    refresh_index(report)
    write_summaries(report, record)
    track(record, report, facts.trackers)
    print(summary(record))
    return metrics


def _predict(predictor: Predictor, gold: Sequence[Article], encoded: Sequence[EncodedArticle], facts: RunFacts) -> Scorable:
    """All predictions that figures are made of; every article is encoded once."""
    from tqdm import tqdm

    from eval.baselines import baseline_predictions
    from eval.report_files import Scorable

    schema: Schema = predictor.schema
    quiet = not sys.stderr.isatty()
    both = list(tqdm(predictor.predict_scored(encoded), total=len(gold), unit=" articles", desc="predicting", disable=quiet))
    on_gold = list(tqdm(predictor.relate(encoded), total=len(gold), unit=" articles", desc="on gold mentions", disable=quiet))
    return Scorable(gold=gold, predicted=[p for p, _ in both], candidates=[c for _, c in both], on_gold=on_gold,
                    baselines=baseline_predictions(gold, facts.train, schema))


def coverage(gold: Sequence[Article], encoded: Sequence[EncodedArticle], dropped: dict[str, int]) -> dict[str, Any]:
    """What of the text the model could see; text outside every window must be none."""
    return {
        "characters": sum(len(a.text) for a in gold),
        "tokens": sum(len(e.token_ids) for e in encoded),
        "tokens_outside_every_window": sum(
            len(e.token_ids) - len({t for w in e.windows for t in range(w.token_start, w.token_end)}) for e in encoded),
        "gold_entities_no_token_span_expresses": sum(e.dropped["entity:unaligned"] for e in encoded),
        "dropped_outside_schema": dropped,
    }


def learning_curve(log: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Dev scores and loss by optimiser step of a trainer's log; None where it has neither."""
    scores = [{"step": e["step"], **{k.removeprefix("eval_"): v for k, v in e.items()
                                     if k.startswith("eval_") and k.endswith("_f1")}}
              for e in log if "step" in e and any(k.startswith("eval_") for k in e)]
    loss = [{"step": e["step"], "loss": e["loss"]} for e in log if "step" in e and "loss" in e]
    return {"scores": scores, "loss": loss} if scores or loss else None


def summary(record: dict[str, Any]) -> str:
    """The score table as plain text: the model and, beside each score, its floors and the human yardstick."""
    from eval.overlap import reader_notes

    beside = dict(record["baselines"])
    for name, key in (("last run", "last_run"), ("annotators", "human")):
        if record.get(key):
            beside[name] = record[key]
    rows = [("", "precision", "recall", "F1", "95 % interval", *beside)]
    tables = [("entities", record["entities"]["micro"], "entities"), ("relations", record["relations"]["micro"], "relations"),
              ("events (parties)", record["events"]["parties"], "events")]
    for name, scores, key in tables:
        low, high = scores["interval"]
        rows.append((name, f"{scores['precision']:.3f}", f"{scores['recall']:.3f}", f"{scores['f1']:.3f}",
                     f"{low:.3f}-{high:.3f}", *(f"{b[key]['f1']:.3f}" for b in beside.values())))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    if unseen := record.get("unseen"):
        lines.append(f"not seen in training, {unseen['articles']} articles: "
                     + ", ".join(f"{key} {unseen[key]['f1']:.3f}" for _, _, key in tables))
    note = reader_notes(record)
    return (f"\nstrict, end to end, {record['articles']} articles\n" + "\n".join(lines) + (f"\n{note}" if note else ""))


def provenance(articles: Scorable, facts: RunFacts) -> dict[str, Any]:
    """What is needed to make the figures again."""
    import platform
    from datetime import UTC, datetime
    from importlib.metadata import version

    from eval.cost import peak_memory_mib
    from eval.report_files import data_hash

    return {
        "command": facts.command, "config": facts.config, "seed": facts.config.get("seed"),
        "gold_sha256": data_hash(articles.gold), "predictions_sha256": data_hash(articles.predicted),
        "train_sha256": data_hash(facts.train), "train_articles": len(facts.train),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cost": {k: v for k, v in facts.cost.items() if k != "log"},
        "log": facts.cost.get("log", []), "peak_memory_mib": peak_memory_mib(),
        "versions": {"python": platform.python_version(),
                     **{p: version(p) for p in ("torch", "transformers", "datasets", "seqeval", "nervaluate")}},
        "git": _git_revision(),
    }


def _git_revision() -> str | None:
    import subprocess

    try:
        return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None  # an unpacked archive has no revision; the data hashes still identify the run


def facts_of_run(run: Path, *, command: str, dropped: dict[str, int], trackers: tuple[str, ...] = ()) -> RunFacts:
    """What a run folder tells of its making: config, articles, cost and log."""
    import yaml

    from eval.overlap import material_of_run

    material = material_of_run(run)
    for note in material.notes:
        print(f"note: what {run} was trained on cannot be read, so seen articles are not marked: {note}", file=sys.stderr)
    config: dict[str, Any] = {}
    trained: dict[str, Any] = {}
    try:
        if (run / "run.yaml").is_file():
            config = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8")) or {}
        if (run / "metrics.json").is_file():
            trained = json.loads((run / "metrics.json").read_text(encoding="utf-8")).get("provenance", {})
    except (yaml.YAMLError, json.JSONDecodeError) as fault:
        print(f"note: {run}: how the model was made cannot be read: {fault}", file=sys.stderr)
    return RunFacts(command=command, config=config, train=material.train, dev=material.dev, training_known=material.known,
                    dropped=dropped, cost={**trained.get("cost", {}), "log": trained.get("log", [])}, trackers=trackers)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``eval.evaluate``. The model's libraries are imported later: help comes at once."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.evaluate", description="Score a trained model on gold articles and write a report.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.evaluate --model runs/default --data data/gold/seeds.jsonl --report reports/seeds\n"
               "  python -m eval.evaluate --model runs/default --data data/corpus@test --report reports/test \\\n"
               "    --fail-under entity_f1=0.85 --fail-under SIGNED_WITH_f1=0.7\n"
               "Exit code 1 where a score is under its bound; junit.xml and summary.md in the report say the same.")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--data", required=True, action="append", metavar="GOLD",
                        help="gold .jsonl, or data/corpus@dev; may be repeated")
    parser.add_argument("--report", required=True, type=Path, metavar="DIR", help="folder for metrics, predictions, page")
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="score these article ids only")
    parser.add_argument("--fail-under", action="append", default=[], metavar="SCORE=BOUND",
                        help="such as entity_f1=0.85, relation_recall=0.8, event_f1=0.8, PERSON_f1=0.9; may be repeated; "
                             "articles seen in training do not count")
    parser.add_argument("--track", action="append", default=[], metavar="TRACKER",
                        help="give the figures to tensorboard, mlflow or trackio too (each must be installed)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    from data.schema import restrict
    from data.sources import read_sources
    from eval.gates import check_gates, parse_gates, write_summaries
    from eval.trackers import check_trackers
    from models.run_folder import load_predictor

    trackers = check_trackers(args.track)
    gates = parse_gates(args.fail_under)
    predictor = load_predictor(args.model, engine="torch")
    gates.check_names(predictor.schema)
    dropped: Counter[str] = Counter()
    gold = [restrict(a, predictor.schema, dropped) for a in read_sources(args.data)
            if not args.only or a.id in args.only]
    if not gold:
        raise DataError(f"no article {' '.join(args.only)} here" if args.only else "no article here",
                        place=", ".join(args.data), repair="give a file with gold articles: --data data/gold/seeds.jsonl")
    command = "python -m eval.evaluate " + shlex.join(sys.argv[1:] if argv is None else argv)
    metrics = evaluate_run(predictor, gold, facts_of_run(args.model, command=command, dropped=dict(dropped),
                                                         trackers=trackers), args.report)
    print(f"\nreport: {args.report / 'index.html'}")
    results = check_gates(gates, metrics.record)
    write_summaries(args.report, metrics.record, results)
    for result in results:
        print(result.line())
    return EXIT_OK if all(r.passed for r in results) else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(run_command(main))
