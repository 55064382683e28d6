"""``python -m training.bench --config configs/bench/cluener.yaml --data FOLDER``: encoders on a public data set.

Every run is an ordinary training and is scored by the ordinary metrics. A run that is scored already, for the same
recipe, data, encoder and seed, is not run again, and one that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from data.article import Article
from data.errors import EXIT_OK, run_command
from data.files import write_text
from data.layered import overlay
from data.schema import Schema
from data.sources import read_source
from eval.metrics import score_articles, triple_counts
from eval.sweep import read_sweep
from eval.thresholds import tune_thresholds
from models.embedded import DEFAULT_FOLDER, randomise
from models.reading_heads import SETTINGS
from models.run_folder import dump_yaml, predictor_of, quietly, remove_folder, save_run
from training.bench_data import BenchData, parse_bench, prepare
from training.bench_jobs import RANDOM, Job, make_jobs
from training.bench_table import published_figures, summarise, table
from training.config import parse_config, read_record
from training.ranks import threads_of_process
from training.train import read_material, train


def run_job(job: Job, data: BenchData, *, keep_model: bool) -> dict[str, Any]:
    """Train and score; the checkpoints of the run go when its scores are there."""
    config = job.config
    with ExitStack() as stack:
        if job.encoder == RANDOM:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qianyue-random-")))
            randomise(DEFAULT_FOLDER, folder, seed=job.seed)
            config = config.model_copy(update={"encoder": str(folder)})
        material = read_material(config)
        model, tokenizer, cost = train(config, material, resume=True)
    model.eval()
    predictor = predictor_of(model, tokenizer, name=job.key)
    if material.schema.relations and data.tune:
        getattr(model.config, SETTINGS).update(tune_thresholds(predictor, read_source(str(data.tune))))
        predictor = predictor_of(model, tokenizer, name=job.key)
    gold = read_source(str(data.scored))
    started = time.monotonic()
    predicted = list(predictor.predict(gold))
    predict_seconds = time.monotonic() - started
    scores = _scores(gold, predicted, material.schema, lost=data.lost_triples)
    cost = {"train_seconds": cost["train_seconds"], "steps": cost["steps"], "bf16": cost["bf16"],
            "resumed_from": cost["resumed_from"], "predict_seconds": round(predict_seconds, 1),
            "parameters": sum(p.numel() for p in model.parameters()), "device": str(model.device)}
    result = {"version": 1, "fingerprint": job.fingerprint, "encoder": job.encoder, "seed": job.seed,
              "split": data.split, "articles": {"train": len(material.train), "scored": len(gold)},
              "scores": scores, "cost": cost, "config": job.config.resolved()}
    if keep_model:
        save_run(config.run_folder, model, tokenizer, {
            "run.yaml": dump_yaml(job.config.resolved()), "schema.yaml": dump_yaml(material.schema.to_dict()),
            "metrics.json": _json(result)})
        remove_folder(config.run_folder / "checkpoints")
    else:
        remove_folder(config.run_folder)
    return result


def _scores(gold: Sequence[Article], predicted: Sequence[Article], schema: Schema, *, lost: int) -> dict[str, Any]:
    """Strict F1: micro and macro over entities, triples where the set has relations."""
    scores = score_articles(gold, predicted, schema)
    entities = scores["entities"]
    record = {"micro": entities["micro"]["f1"], "macro": entities["macro_f1"],
              "precision": entities["micro"]["precision"], "recall": entities["micro"]["recall"],
              "interval": entities["micro"]["interval"],
              "by_label": {name: s["f1"] for name, s in entities["by_name"].items()}}
    if schema.relations:
        record["triples"] = triple_counts(gold, predicted, lost=lost).f1
    return record


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def run_jobs(jobs: Sequence[Job], data: BenchData, out: Path, headline: str, *, fresh: bool, keep_models: bool
             ) -> list[dict[str, Any]]:
    """The results of all jobs, each written as soon as it is there."""
    results = []
    for i, job in enumerate(jobs, start=1):
        what = f"{job.title}, seed {job.seed}"
        path = out / "runs" / f"{job.key}.json"
        if fresh:
            path.unlink(missing_ok=True)
            remove_folder(job.config.run_folder)
        if path.is_file():
            record = json.loads(path.read_text(encoding="utf-8"))
            verdict = "already scored"
        else:
            print(f"run {i} of {len(jobs)}: {what}", flush=True)
            record = run_job(job, data, keep_model=keep_models)
            write_text(path, _json(record))
            verdict = f"{record['cost']['train_seconds']:.0f} s"
        # The same run may be a row under another name elsewhere: the name is no part of its result.
        results.append({**record, "title": job.title})
        print(f"{what}: {headline} F1 {100 * record['scores'][headline]:.2f} ({verdict})", flush=True)
    return results


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``training.bench``."""
    parser = argparse.ArgumentParser(
        prog="python -m training.bench", description="Train and score encoders on a public data set.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m training.bench --config configs/bench/cluener.yaml --data ~/cluener\n"
               "  python -m training.bench --config configs/bench/resume.yaml --data ~/ResumeNER --seeds 13 \\\n"
               "      --encoders random models/encoder-zh-small hfl/chinese-macbert-base\n"
               "  python -m training.bench --config configs/bench/cluener.yaml --data ~/cluener --seeds 13 \\\n"
               "      --encoders models/encoder-zh-small --variants configs/sweeps/tagger.yaml\n\n"
               "Call it again to go on where it was killed. Published figures: configs/bench/published.yaml.")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="a YAML file of configs/bench/")
    parser.add_argument("--data", required=True, type=Path, metavar="PATH",
                        help="the folder of the set, as published, or one of its files")
    parser.add_argument("--encoders", nargs="+", default=[RANDOM, str(DEFAULT_FOLDER)], metavar="ENCODER",
                        help="random, folders, hub names (default: %(default)s)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[13, 14, 15], metavar="N", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="results (default: reports/bench/<name of the set>)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                        help="override one key of the config, such as optimiser.epochs=5; may be repeated")
    parser.add_argument("--variants", type=Path, metavar="FILE",
                        help="a sweep file: each of its rows is laid over the recipe and makes a row of the table")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results of these runs")
    parser.add_argument("--keep-models", action="store_true", help="keep the models, in runs/bench")
    return parser.parse_args(argv)


def _recipe(config: Path, overrides: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in read_record(config, overrides).items() if key != "bench"}


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    quietly()
    bench = parse_bench(read_record(args.config, args.overrides), place=str(args.config))
    recipe = _recipe(args.config, args.overrides)
    variants = list(read_sweep(args.variants).rows.items()) if args.variants else [("", [])]
    # A wrong recipe is told before any work is done.
    name = parse_config(overlay(recipe, {"data": {"train": [str(args.data)]}}), place=str(args.config)).name
    out = args.out or Path("reports/bench") / name
    data = prepare(bench, args.data, out / "data", name=name)
    for note in data.notes:
        print(note, file=sys.stderr)
    jobs = []
    for variant, changes in variants:
        jobs += make_jobs(_recipe(args.config, [*args.overrides, *changes]), bench, data,
                          list(dict.fromkeys(args.encoders)), list(dict.fromkeys(args.seeds)),
                          place=str(args.variants or args.config), variant=variant)
    # A bench cut short has a first figure of each row.
    jobs.sort(key=lambda job: args.seeds.index(job.seed))
    torch.set_num_threads(threads_of_process(jobs[0].config.threads))
    results = run_jobs(jobs, data, out, bench.headline, fresh=args.fresh, keep_models=args.keep_models)
    rows = summarise(results, bench.headline)
    text = table(name, data.split, bench.headline, rows, published_figures(name))
    text += "".join(f"\n\n{n}" for n in data.notes if n.startswith("note:"))
    write_text(out / "results.json", _json({"version": 1, "split": data.split, "rows": rows}))
    write_text(out / "table.md", text + "\n")
    print(f"\n{text}\n\nwritten: {out / 'table.md'}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
