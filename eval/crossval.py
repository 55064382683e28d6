"""``python -m eval.crossval --config C``: leave one gold article out, train on the rest, score the one left out.

Each fold is a training run of its own, in a process of its own, so that this room need not know how training works.
A fold that is already scored for the same settings is not trained again: kill it anywhere, run it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.article import Article, read_jsonl
from data.errors import EXIT_OK, QianyueError, run_command
from data.files import sha256_of, write_text
from data.layered import read_layered
from data.schema import load_schema
from eval.metrics import score_articles

GOLD = Path("data/gold/seeds.jsonl")
PARTS = (("entities", "micro"), ("relations", "micro"), ("events", "parties"), ("events", "record"),
         ("events", "signatories"))


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One article left out, and where its training and its scores lie."""

    held_out: str
    run: Path
    report: Path
    overrides: tuple[str, ...]

    def command(self, config: Path) -> list[str]:
        """The training command of this fold."""
        return [sys.executable, "-m", "training.train", "--config", str(config),
                *(part for o in self.overrides for part in ("--set", o))]


def make_folds(config: Path, overrides: Sequence[str], name: str, gold: Sequence[Article]) -> list[Fold]:
    """A fold for each gold article; runs lie in ``runs/<name>/<id>``, reports in ``reports/<name>/<id>``."""
    return [
        Fold(held_out=a.id, run=Path("runs") / name / a.id, report=Path("reports") / name / a.id,
             overrides=(*overrides, f"name={name}/{a.id}", f"data.exclude=[{a.id}]"))
        for a in gold
    ]


def run_fold(fold: Fold, config: Path, fingerprint: str, *, keep_models: bool) -> None:
    """Train and score one fold, unless its scores are there for the same fingerprint."""
    done = fold.report / "fold.json"
    if done.is_file() and json.loads(done.read_text(encoding="utf-8"))["fingerprint"] == fingerprint:
        print(f"{fold.held_out}: already scored")
        return
    begun = fold.report / "begun.json"
    same = begun.is_file() and json.loads(begun.read_text(encoding="utf-8"))["fingerprint"] == fingerprint
    resume = ["--resume"] if same and (fold.run / "checkpoints").is_dir() else []
    write_text(begun, json.dumps({"fingerprint": fingerprint}))
    call([*fold.command(config), *resume])
    call([sys.executable, "-m", "eval.evaluate", "--model", str(fold.run), "--data", str(GOLD),
           "--only", fold.held_out, "--report", str(fold.report)])
    write_text(done, json.dumps({"fingerprint": fingerprint, "held_out": fold.held_out}))
    if not keep_models:
        shutil.rmtree(fold.run)


def call(command: Sequence[str]) -> None:
    """Run a command of the project.

    Raises:
        QianyueError: it ended with another exit code than 0.
    """
    finished = subprocess.run(command, check=False)
    if finished.returncode:
        raise QianyueError(f"ended with {finished.returncode}: {' '.join(command)}",
                           repair="mend what it says above and run this again; what is finished is kept")


def fingerprint_of(config: Path, overrides: Sequence[str]) -> str:
    """Changes with the config, the overrides, the files they train on, and the encoders in this repository."""
    text = json.dumps(read_layered(config), sort_keys=True) + "\n".join(overrides)
    folders = [Path("data/corpus"), Path("data/gold"), Path("configs/schema")]
    code = [Path(p) for room in ("data", "models", "training") for p in sorted(Path(room).glob("*.py"))]
    encoders = sorted(Path("models").glob("*/model.safetensors"))
    files = [*code, *encoders, *(p for f in folders for p in sorted(f.glob("*.*")) if p.is_file())]
    return hashlib.sha256((text + "".join(sha256_of(p) for p in files)).encode()).hexdigest()


def summarise(folds: Sequence[Fold]) -> dict[str, Any]:
    """Pooled scores over all folds with a bootstrap interval over articles, and mean and spread over articles."""
    records = [json.loads((f.report / "metrics.json").read_text(encoding="utf-8")) for f in folds]
    gold = [a for f in folds for a in read_jsonl(f.report / "gold.jsonl")]
    predicted = [a for f in folds for a in read_jsonl(f.report / "predictions.jsonl")]
    schema = load_schema(Path("configs/schema") / f"{records[0]['schema']}.yaml")
    pooled = score_articles(gold, predicted, schema)
    rows = {}
    for part, name in PARTS:
        values = [r[part][name]["f1"] for r in records]
        rows[f"{part}.{name}"] = {
            **pooled[part][name], "by_article": dict(zip((f.held_out for f in folds), values, strict=True)),
            "mean": float(np.mean(values)), "spread": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
            "baselines": _baseline_means(records, part) if name in ("micro", "parties") else {},
        }
    return {"version": 1, "folds": [f.held_out for f in folds], "scores": rows, "pooled": pooled}


def _baseline_means(records: Sequence[dict[str, Any]], part: str) -> dict[str, float]:
    return {b: float(np.mean([r["baselines"][b][part]["f1"] for r in records])) for b in records[0]["baselines"]}


def table(summary: dict[str, Any]) -> str:
    """The result as Markdown: mean and spread over articles, the pooled figure with its interval, the baselines."""
    names = list(next(iter(summary["scores"].values()))["baselines"])
    lines = [f"| leave one article out | mean F1 | spread | pooled F1 | 95 % interval | hits | {' | '.join(names)} |",
             "| --- " * (6 + len(names)) + "|"]
    for name, row in summary["scores"].items():
        low, high = row["interval"]
        hits = round(row["recall"] * row["support"])
        floors = " | ".join(f"{row['baselines'][b]:.3f}" if b in row["baselines"] else "" for b in names)
        lines.append(f"| {name} | {row['mean']:.3f} | {row['spread']:.3f} | {row['f1']:.3f} "
                     f"| {low:.3f}-{high:.3f} | {hits}/{row['support']} | {floors} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.crossval", description="Leave one gold article out, train on the rest, score it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.crossval --config configs/default.yaml\n"
               "  python -m eval.crossval --config configs/default.yaml --set augment.substitute=0 --name no-substitution")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                        help="override one key of the config in every fold")
    parser.add_argument("--name", help="name of the folders (default: crossval-<config>)")
    parser.add_argument("--keep-models", action="store_true", help="keep the five models, about 25 MB each")
    args = parser.parse_args(argv)
    fingerprint = fingerprint_of(args.config, args.overrides)
    name = args.name or f"crossval-{args.config.stem}"
    folds = make_folds(args.config, args.overrides, name, read_jsonl(GOLD))
    for fold in folds:
        run_fold(fold, args.config, fingerprint, keep_models=args.keep_models)
    summary = summarise(folds)
    report = Path("reports") / name
    write_text(report / "crossval.json", json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    write_text(report / "crossval.md", table(summary) + "\n")
    print("\n" + table(summary) + f"\n\nwritten: {report / 'crossval.json'}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
