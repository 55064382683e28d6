"""``python -m models.bench_predict --model RUN``: how fast a run reads, against the stock pipeline, and what each means
brings. All of it in one process, by turns, over articles made from the seeds and the corpus; nothing is stored."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_OK, run_command

if TYPE_CHECKING:
    import torch
    from transformers import BertConfig

    from data.article import Article
    from data.tags import TokenSpan
    from models.document import Predictor
    from models.engines import Engine

SOURCES = ("data/gold/seeds.jsonl", "data/corpus@train")
RATES = {"substitute": 0.7, "titles": 0.2, "lists": 0.1, "reorder": 0.2, "furniture": 0.2}
STOCK_BATCHES = (1, 8, 32)
PART, READ_AHEAD = 100, 32
Spans = list[set[tuple[int, int, str]]]
Grouping = Callable[["torch.Tensor"], "list[TokenSpan]"]


@dataclass
class Clock:
    """Best wall and processor seconds of each part, by means."""

    wall: dict[tuple[str, int], float] = field(default_factory=dict)
    cpu: dict[tuple[str, int], float] = field(default_factory=dict)

    def time(self, name: str, part: int, work: Callable[[], Any]) -> Any:
        """Run the work and keep its time where it is the best."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        key = name, part
        self.wall[key] = min(self.wall.get(key, float("inf")), time.perf_counter() - wall)
        self.cpu[key] = min(self.cpu.get(key, float("inf")), time.process_time() - cpu)
        return result

    def total(self, name: str) -> tuple[float, float]:
        """Wall and processor seconds over all parts."""
        return (sum(v for (n, _), v in self.wall.items() if n == name),
                sum(v for (n, _), v in self.cpu.items() if n == name))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``models.bench_predict``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.bench_predict", description="Speed of inference against the stock transformers pipeline.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.bench_predict --model runs/default --report reports/predict\n"
               "  python -m models.bench_predict --model runs/default runs/student --articles 200 --report reports/predict")
    parser.add_argument("--model", required=True, nargs="+", type=Path, metavar="RUN",
                        help="run folders; the first is compared with the stock pipeline, all stand on the curve")
    parser.add_argument("--articles", type=int, default=2000, metavar="N", help="articles to read (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="rounds, the best counts (default: %(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of both sides (default: torch's choice)")
    parser.add_argument("--report", required=True, type=Path, metavar="DIR", help="where predict.json and curve.svg go")
    args = parser.parse_args(argv)
    if min(args.articles, args.rounds, args.threads or 1) < 1:
        parser.error("--articles, --rounds and --threads want at least 1")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    from models.memory import bound_kernels

    bound_kernels()  # as models.predict does
    import torch

    from models.bench_curve import curve_points, draw_curve

    torch.set_num_threads(args.threads or torch.get_num_threads())
    articles = make_articles(args.articles)
    record = compare(args.model[0], articles, rounds=args.rounds)
    record["curve"] = curve_points(args.model, articles[:PART])
    args.report.mkdir(parents=True, exist_ok=True)
    (args.report / "predict.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (args.report / "curve.svg").write_text(draw_curve(record["curve"]), encoding="utf-8")
    print(table(record))
    print(f"\n{args.report / 'predict.json'}\n{args.report / 'curve.svg'}")
    return EXIT_OK


def make_articles(count: int) -> list[Article]:
    """Clean articles, the same ones each time: seeds and corpus with their names, posts and order changed."""
    from data.augment import Augmenter
    from data.clean import clean_text
    from data.sources import read_sources

    given = read_sources(SOURCES)
    augment = Augmenter.from_articles(given, RATES)
    made = (augment(given[i % len(given)], random.Random(i)) for i in range(count))
    return [replace(a, id=f"bench-{i}", text=clean_text(a.text).text).without_annotation() for i, a in enumerate(made)]


def compare(run: Path, articles: Sequence[Article], *, rounds: int) -> dict[str, Any]:
    """Times of the stock pipeline and of ours, with and without each means; spans of both."""
    import torch
    from tqdm import tqdm

    from models.engines import ModelEngine
    from models.fast_bert import FastEngine, piece_tokens
    from models.light import load_light
    from models.run_folder import load_predictor
    from models.throughput import matrix_peak, products_peak

    reference = load_predictor(run)
    model = reference.model
    predictor = load_light(run) or reference  # what the commands read with
    plain = replace(predictor, encoder=_without_hints(predictor))
    stock = _stock(run, predictor)
    batch_size = _best_batch(stock, articles[:40])
    fp32, bf16 = torch.float32, torch.bfloat16
    variants: dict[str, Callable[[Sequence[Article]], Any]] = {
        "stock pipeline": lambda part: _stock_spans(stock, part, batch_size),
        "ours, same job": lambda part: tag(plain, part),
        "ours, full path": lambda part: list(predictor.predict(part)),
    }
    engines: dict[str, Engine] = {
        "BertModel as it is": ModelEngine(model),
        "rows as they come, float32": FastEngine(model, dtype=fp32, bucket=False, packed=False),
        "rows by length, float32": FastEngine(model, dtype=fp32, packed=False),
        "end to end, float32": FastEngine(model, dtype=fp32, packed=True),
        "rows by length, bf16": FastEngine(model, dtype=bf16, packed=False),
        "end to end, bf16": FastEngine(model, dtype=bf16, packed=True)}
    extra: dict[str, Callable[[Sequence[Article]], Any]] = {
        name: partial(tag, replace(plain, engine=engine)) for name, engine in engines.items()}
    extra["with rule hints"] = partial(tag, predictor)
    clock = Clock()
    parts = [articles[i:i + PART] for i in range(0, len(articles), PART)]
    found: dict[str, Spans] = {"stock pipeline": [], "ours, same job": []}
    checks: dict[str, Callable[[Sequence[Article]], Spans]] = {
        "reference": partial(tag, replace(plain, engine=engines["BertModel as it is"])),
        "stock's rule": partial(tag, replace(plain, engine=engines["end to end, float32"]), grouping=_stock_grouping)}
    found |= {name: [] for name in checks}
    for number, part in enumerate(tqdm(parts, unit=" parts", disable=not sys.stderr.isatty())):
        # What the means bring is seen on the first part; the two that are compared read everything.
        here = {**variants, **(extra if number == 0 else {})}
        for turn in range(rounds):
            for name, work in here.items():
                result = clock.time(name, number, partial(work, part))
                if turn == 0 and name in found:
                    found[name] += result
        for name, check in checks.items():
            found[name] += check(part)
    precision = predictor.engine.name if predictor.engine else "model"
    peak = matrix_peak(model.device, bf16=precision == "torch-bf16")
    products = products_peak(model.config, model.device, bf16=precision == "torch-bf16", tokens=piece_tokens(model.device))
    flops, seconds = _useful(predictor, model.config, parts[0], rounds)
    return {"run": str(run), "articles": len(articles), "threads": torch.get_num_threads(), "engine": precision,
            "characters": sum(len(a.text) for a in articles), "stock_batch": batch_size,
            "rows": {name: _row(clock, name, parts) for name in [*variants, *extra]},
            "spans": _agreement(found, plain, articles),
            "useful_flops_per_second": flops / seconds, "matrix_peak": peak, "peak_share": flops / seconds / peak,
            "products_share": products / peak}


def tag(predictor: Predictor, articles: Sequence[Article], grouping: Grouping | None = None) -> Spans:
    """Spans with their offsets in the text: what the stock pipeline does, and nothing else.

    Args:
        grouping: makes spans of one article's tag logits; by default the model's own search.
    """
    import torch

    labels = predictor.encoder.schema.labels
    found: Spans = []
    for first in range(0, len(articles), READ_AHEAD):
        encoded = [predictor.encoder.encode(a) for a in articles[first:first + READ_AHEAD]]
        with torch.inference_mode():
            batch = predictor.encoder.batch(encoded)
            logits, _ = predictor._engine().read(batch)
        every = (predictor.model.decode(batch, logits) if grouping is None
                 else [grouping(part) for part in logits.split(batch.token_counts)])
        for article, spans in zip(encoded, every, strict=True):
            found.append({(*article.raw_span(s), labels[s.label]) for s in spans})
    return found


def _stock_grouping(logits: torch.Tensor) -> list[TokenSpan]:
    """Spans by the rule of the stock pipeline: the likeliest tag of each token on its own, neighbours of one label
    joined, a B- or not at the beginning."""
    from data.tags import TokenSpan

    spans: list[TokenSpan] = []
    for place, tag_index in enumerate(logits.argmax(dim=-1).tolist()):
        if not tag_index:
            continue
        label, begins = (tag_index - 1) // 2, tag_index % 2 == 1
        if spans and spans[-1].token_end == place and spans[-1].label == label and not begins:
            spans[-1] = replace(spans[-1], token_end=place + 1)
        else:
            spans.append(TokenSpan(token_start=place, token_end=place + 1, label=label))
    return spans


def _without_hints(predictor: Predictor) -> Any:
    from models.inputs import TextEncoder

    own = predictor.encoder
    return TextEncoder(tokenizer=own.tokenizer, schema=own.schema, max_tokens=own.max_tokens,
                       overlap_tokens=own.overlap_tokens, hints=False)


def _stock(run: Path, predictor: Predictor) -> Any:
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    tokenizer = AutoTokenizer.from_pretrained(run, local_files_only=True, model_max_length=predictor.encoder.max_tokens)
    model = AutoModelForTokenClassification.from_pretrained(run, local_files_only=True)
    return pipeline("token-classification", model=model, tokenizer=tokenizer, stride=predictor.encoder.overlap_tokens,
                    aggregation_strategy="simple", device=predictor.model.device)


def _stock_spans(stock: Any, articles: Sequence[Article], batch_size: int) -> Spans:
    found = stock([a.text for a in articles], batch_size=batch_size)
    return [{(int(e["start"]), int(e["end"]), e["entity_group"]) for e in entities} for entities in found]


def _best_batch(stock: Any, articles: Sequence[Article]) -> int:
    seconds = {}
    for size in STOCK_BATCHES:
        started = time.process_time()
        _stock_spans(stock, articles, size)
        seconds[size] = time.process_time() - started
    return min(seconds, key=lambda size: seconds[size])


def _row(clock: Clock, name: str, parts: Sequence[Sequence[Article]]) -> dict[str, float]:
    """Characters a second; the factor is against the stock pipeline over the same parts, in wall and in CPU time."""
    covered = [i for n, i in clock.wall if n == name]
    characters = sum(len(a.text) for i in covered for a in parts[i])
    wall, cpu = clock.total(name)
    stock_wall = sum(clock.wall["stock pipeline", i] for i in covered)
    stock_cpu = sum(clock.cpu["stock pipeline", i] for i in covered)
    return {"characters": characters, "per_second": characters / wall, "per_cpu_second": characters / cpu,
            "factor": stock_wall / wall, "factor_cpu": stock_cpu / cpu}


def _agreement(found: dict[str, Spans], predictor: Predictor, articles: Sequence[Article]) -> dict[str, int]:
    """Spans that two ways find both, and those that one finds alone.

    The pipeline is compared where an article fits one window (over several, the two cut at different places), with its
    own grouping and in its own precision; the engine is compared with BertModel in float32 everywhere.
    """
    counts = dict.fromkeys((f"{kind}: {verdict}" for kind in ("engine and BertModel", "pipeline and ours in float32")
                            for verdict in ("both", "apart")), 0)
    for number, article in enumerate(articles):
        pairs = {"engine and BertModel": ("ours, same job", "reference")}
        if len(predictor.encoder.encode(article).windows) == 1:
            pairs["pipeline and ours in float32"] = ("stock pipeline", "stock's rule")
        for kind, (one, other) in pairs.items():
            counts[f"{kind}: both"] += len(found[one][number] & found[other][number])
            counts[f"{kind}: apart"] += len(found[one][number] ^ found[other][number])
    return counts


def _useful(predictor: Predictor, config: BertConfig, articles: Sequence[Article], rounds: int) -> tuple[float, float]:
    """Operations that the windows' own tokens need, and the best seconds in which the engine reads them."""
    from models.throughput import reading_flops

    encoded = [predictor.encoder.encode(a) for a in articles]
    batches = [predictor.encoder.batch(encoded[i:i + READ_AHEAD]) for i in range(0, len(encoded), READ_AHEAD)]
    flops = sum(reading_flops(config, length=w.token_end - w.token_start + 2)
                for a in encoded for w in a.windows)
    seconds = []
    for _ in range(max(3, rounds)):
        started = time.perf_counter()
        for batch in batches:
            predictor._engine().read(batch)
        seconds.append(time.perf_counter() - started)
    return flops, min(seconds)


def table(record: dict[str, Any]) -> str:
    """The record as Markdown."""
    lines = [f"{record['articles']} articles, {record['characters']:,} characters, {record['threads']} threads, "
             f"engine {record['engine']}, stock batch {record['stock_batch']}", "",
             "| | characters/s | against stock | in CPU time |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {row['per_second']:,.0f} | {row['factor']:.2f} | {row['factor_cpu']:.2f} |"
              for name, row in record["rows"].items()]
    lines += ["", "spans: " + ", ".join(f"{k} {v}" for k, v in record["spans"].items()),
              f"useful operations: {record['useful_flops_per_second'] / 1e9:.0f} GFLOP/s, "
              f"{100 * record['peak_share']:.0f} % of the matrix peak of {record['matrix_peak'] / 1e9:.0f}; "
              f"the products of a layer alone, at its widths: {100 * record['products_share']:.0f} %"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_command(main))
