"""``python -m models.bench_read --model RUN``: what reading in other processes (``--workers``) brings, for pages and for JSONL.

Whole runs in one process, by turns, the start of the workers included; the best round counts. What reading alone costs
stands beside it in processor time, which other work on the machine does not touch.
"""

from __future__ import annotations

import argparse
import html
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import EXIT_OK, run_command

if TYPE_CHECKING:
    from data.article import Article

WORKERS = (0, 1, 2)


def write_pages(folder: Path, articles: Sequence[Article]) -> None:
    """Each article as a page with what stands around the text of a news site."""
    folder.mkdir()
    links = "".join(f"<li><a href='/n{i}.html'>栏目{i}</a></li>" for i in range(40))
    for number, article in enumerate(articles):
        title, _, body = html.escape(article.text).partition("\n")
        paragraphs = "".join(f"<p>{line}</p>" for line in body.split("\n"))
        (folder / f"{number:06d}.html").write_text(
            f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title><script>var a=[{'1,' * 300}]</script>"
            f"</head><body><ul class='nav'>{links}</ul><div class='article'><h1>{title}</h1>{paragraphs}</div>"
            f"<ul class='footer'>{links}</ul></body></html>", encoding="utf-8")


def reading_cost(source: Path) -> tuple[float, float]:
    """Processor milliseconds and characters of one article, read and nothing else."""
    from data.article import Article
    from data.readers import iter_articles

    next(iter(iter_articles([source])))  # the libraries are loaded
    began = time.process_time()
    sizes = [len(a.text) for a in iter_articles([source]) if isinstance(a, Article)]
    return 1000 * (time.process_time() - began) / len(sizes), sum(sizes) / len(sizes)


def run_rate(model: Path, source: Path, folder: Path, workers: int) -> float:
    """Characters a second of one whole run."""
    from models.batch import BatchOptions, BatchRun

    run = BatchRun(BatchOptions(model=model, inputs=(str(source),), output=str(folder / f"{source.name}.{workers}.out.jsonl"),
                                workers=workers))
    began = time.perf_counter()
    run.to_file()
    return run.progress.characters / (time.perf_counter() - began)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.bench_read``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.bench_read", description="Speed with and without processes that read ahead of the model.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.bench_read --model runs/default --threads 1\n"
               "  python -m models.bench_read --model runs/default --articles 10000 --workers 0 4 8")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--articles", type=int, default=1000, metavar="N", help="articles of each form (1000)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="the best of so many counts (2)")
    parser.add_argument("--workers", type=int, nargs="+", default=WORKERS, metavar="N", help="reading processes (0 1 2)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of the model (default: torch's choice)")
    args = parser.parse_args(argv)
    if min(args.articles, args.rounds, args.threads or 1) < 1 or min(args.workers) < 0:
        parser.error("--articles, --rounds and --threads want at least 1, --workers 0")
    import torch

    from data.article import write_jsonl
    from models.bench_cluster import repeated_articles

    torch.set_num_threads(args.threads or torch.get_num_threads())
    articles = repeated_articles(args.articles)
    rates: dict[tuple[str, int], float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = {"JSONL": folder / "in.jsonl", "HTML": folder / "pages"}
        write_jsonl(sources["JSONL"], articles)
        write_pages(sources["HTML"], articles)
        for form, source in sources.items():
            cost, size = reading_cost(source)
            print(f"{form}: {cost:.2f} ms of processor time to read an article of {size:.0f} characters, "
                  f"{1000 * size / cost:,.0f} characters/s")
        for turn in range(args.rounds):
            for form, source in sources.items():
                for workers in args.workers:
                    rate = run_rate(args.model, source, folder, workers)
                    rates[form, workers] = max(rates.get((form, workers), 0.0), rate)
                    print(f"round {turn + 1}, {form}, {workers} workers: {rate:,.0f} characters/s, load {os.getloadavg()[0]:.1f}",
                          file=sys.stderr)
    print(f"\n| characters/s, {torch.get_num_threads()} threads | " + " | ".join(f"{w} workers" for w in args.workers)
          + " |\n| --- |" + " ---: |" * len(args.workers))
    for form in sources:
        print(f"| {form} | " + " | ".join(f"{rates[form, w]:,.0f}" for w in args.workers) + " |")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
