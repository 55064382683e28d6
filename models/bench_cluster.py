"""``python -m models.bench_cluster --model RUN``: what a second worker of a local Ray cluster brings.

Each worker has one thread. The same is done by plain processes that know nothing of each other: what they reach together
is all that this machine can give. All take turns, and the best round counts; the start of the cluster and the loading of
the models are left out, since a run over an archive pays them once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_FAILED, EXIT_OK, ModelError, run_command

if TYPE_CHECKING:
    from data.article import Article

LEAST_GAIN = 1.7
SHARD_ARTICLES = 32
SOURCE = "data/corpus@train"


def repeated_articles(count: int) -> list[Article]:
    """Articles of the corpus, again and again under other names."""
    from data.sources import read_sources

    given = read_sources([SOURCE])
    return [replace(given[i % len(given)].without_annotation(), id=f"n{i}") for i in range(count)]


def plain_rate(model: Path, source: Path, processes: int) -> float:
    """Characters a second of ``processes`` single-threaded processes, each of which reads all of ``source``.

    Raises:
        ModelError: one of them failed.
    """
    context = multiprocessing.get_context("spawn")
    barrier, ends = context.Barrier(processes), context.SimpleQueue()
    workers = [context.Process(target=_read, args=(str(model), str(source), barrier, ends)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise ModelError("a process failed; its message stands above", place=str(model))
    told = [ends.get() for _ in workers]
    return sum(characters for _, _, characters in told) / (max(end for _, end, _ in told) - min(began for began, _, _ in told))


def _read(model: str, source: str, barrier: Any, ends: Any) -> None:
    import torch

    from data.article import Article
    from data.readers import iter_articles
    from models.extractor import Extractor

    torch.set_num_threads(1)
    extractor = Extractor.load(model)
    articles = [a for a in iter_articles([source]) if isinstance(a, Article)]
    barrier.wait()
    began = time.time()
    for first in range(0, len(articles), SHARD_ARTICLES):  # batches as the cluster has them
        extractor.extract_batch(articles[first:first + SHARD_ARTICLES])
    ends.put((began, time.time(), sum(len(a.text) for a in articles)))


def cluster_rate(model: Path, source: Path, workers: int, folder: Path) -> float:
    """Characters a second of ``workers`` Ray actors over ``source``, from when each has given its first part.

    Raises:
        ModelError: Ray is not installed, or a worker failed.
    """
    from models.batch import BatchOptions, BatchRun

    run = BatchRun(BatchOptions(model=model, inputs=(str(source),), output=str(folder / f"{workers}.jsonl"),
                                shard_articles=SHARD_ARTICLES, cluster_workers=workers))
    parts: list[tuple[float, int]] = []
    count = run.progress.count

    def counted(articles: int, characters: int) -> None:
        parts.append((time.perf_counter(), characters))
        count(articles, characters)

    run.progress.count = counted  # type: ignore[method-assign]
    run.to_file()
    return sum(characters for _, characters in parts[workers:]) / (parts[-1][0] - parts[workers - 1][0])


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.bench_cluster``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.bench_cluster", description="Characters a second of one and of several Ray workers.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.bench_cluster --model runs/default\n"
               "  python -m models.bench_cluster --model runs/default --workers 8 --articles 20000")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="workers that are compared with one (2)")
    parser.add_argument("--articles", type=int, default=1600, metavar="N", help="articles to read (1600)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="the best of so many counts (3)")
    args = parser.parse_args(argv)
    if args.workers < 2 or args.rounds < 1 or args.articles < 4 * args.workers * SHARD_ARTICLES:
        parser.error(f"--workers wants at least 2, --rounds 1, --articles {4 * SHARD_ARTICLES} a worker")
    os.environ.setdefault("RAY_worker_niceness", "0")  # else the plain processes would go first
    from data.article import write_jsonl

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "in.jsonl"
        write_jsonl(source, repeated_articles(args.articles))
        ways: dict[str, Callable[[], float]] = {
            "one process": lambda: plain_rate(args.model, source, 1),
            f"{args.workers} processes": lambda: plain_rate(args.model, source, args.workers),
            "Ray, one worker": lambda: cluster_rate(args.model, source, 1, folder),
            f"Ray, {args.workers} workers": lambda: cluster_rate(args.model, source, args.workers, folder)}
        rates: dict[str, float] = dict.fromkeys(ways, 0.0)
        for turn in range(args.rounds):
            for way, measure in ways.items():
                rates[way] = max(rates[way], rate := measure())
                print(f"round {turn + 1}, {way}: {rate:,.0f} characters/s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    one, plain, ray_one, ray = rates.values()
    print("| | characters/s | times one |\n| --- | ---: | ---: |")
    for way, base in zip(rates, (one, one, ray_one, ray_one), strict=True):
        print(f"| {way} | {rates[way]:,.0f} | {rates[way] / base:.2f} |")
    print(f"\n{ray / plain:.2f} of what plain processes reach together; at least {LEAST_GAIN} times one worker is asked for")
    return EXIT_OK if ray >= LEAST_GAIN * ray_one else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(run_command(main))
