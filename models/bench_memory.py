"""``python -m models.bench_memory --model RUN``: peak resident memory of batch runs over few and many articles.

Each run is a process of its own, so that peaks do not mix. Articles are of all lengths, most of them short: kernels that
are made for each shape, and memory in pieces of each size, would not show otherwise. Reported beside it: a single line of
many megabytes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command

ALLOWED_GROWTH = 1.10
_SENTENCES = ("11月8日，甲市中心医院与乙县人民医院签署战略合作协议。", "院长张三代表医院签字，双方将共同推进医联体建设。",
              "当日还举行了学术讲座，来自各科室的医务人员参加了活动。")
_RUN = ("import resource, sys; from models.predict import main; from data.errors import run_command; code = run_command(main);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(code)")


def write_articles(path: Path, count: int) -> None:
    """``count`` articles, one a line."""
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            text = f"第{number}号消息\n{_text(number)}"
            stream.write(json.dumps({"id": f"n{number}", "text": text}, ensure_ascii=False) + "\n")


def _text(number: int) -> str:
    """One to three sentences, for one article in ten up to forty."""
    rng = random.Random(number)
    count = rng.randint(4, 40) if rng.random() < 0.1 else rng.randint(1, 3)
    return "".join(rng.choice(_SENTENCES)[:rng.randint(8, 40)] for _ in range(count))


def write_line(path: Path, size: int) -> None:
    """One text of ``size`` bytes without a line break."""
    piece = "".join(_SENTENCES)
    path.write_text(piece * (size // len(piece.encode("utf-8")) + 1), encoding="utf-8")


def write_folder(path: Path, count: int) -> None:
    """``count`` text files in folders of a thousand."""
    for number in range(count):
        folder = path / f"{number // 1000:04d}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:06d}.txt").write_text(_text(number), encoding="utf-8")


def peak_mib(model: Path, source: Path, folder: Path) -> float:
    """Peak resident memory of one run over ``source``, in MiB.

    Raises:
        DataError: the run failed.
    """
    ended = subprocess.run([sys.executable, "-c", _RUN, "--model", str(model), "--input", str(source),
                            "--output", str(folder / f"{source.name}.out.jsonl")], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise DataError(f"the run failed: {ended.stderr.strip()}", place=str(source))
    return int(ended.stdout.split()[-1]) / (2**20 if sys.platform == "darwin" else 2**10)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.bench_memory``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.bench_memory", description="Peak memory of batch runs over few and many articles.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.bench_memory --model runs/default\n"
               "  python -m models.bench_memory --model runs/default --few 1000 --many 10000 --line-mib 2")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--few", type=int, default=1_000, metavar="N")
    parser.add_argument("--many", type=int, default=100_000, metavar="N")
    parser.add_argument("--files", action="store_true", help="text files instead of lines of JSONL")
    parser.add_argument("--line-mib", type=int, default=20, metavar="MIB", help="a single line of this size too; 0: none")
    args = parser.parse_args(argv)
    write: Callable[[Path, int], None] = write_folder if args.files else write_articles
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (args.few, args.many):
            source = folder / (f"{count}" if args.files else f"{count}.jsonl")
            write(source, count)
            peaks.append(peak_mib(args.model, source, folder))
            print(f"{count} articles: {peaks[-1]:.0f} MiB", flush=True)
        if args.line_mib:
            write_line(folder / "line.txt", args.line_mib * 2**20)
            print(f"one line of {args.line_mib} MiB: {peak_mib(args.model, folder / 'line.txt', folder):.0f} MiB")
    growth = peaks[1] / peaks[0]
    print(f"growth from {args.few} to {args.many}: {growth:.3f} (at most {ALLOWED_GROWTH})")
    return EXIT_OK if growth <= ALLOWED_GROWTH else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(run_command(main))
