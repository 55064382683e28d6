"""``python -m models.bench_start --model RUN``: how soon a command answers, and what one crowded article costs.

Commands are processes of their own, timed from outside; the best of several counts, since other work on the machine only
ever adds. Processor seconds stand beside the wall: on a busy machine they are the better figure, and the smaller is judged.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command

HELP_SECONDS, FIRST_SECONDS, CROWD_SECONDS = 0.4, 3.0, 2.0
PERSONS = 200
_FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何"
_GIVEN = ("明远", "立新", "建军", "文静", "海涛", "志强", "晓燕", "国庆", "玉兰", "永康")
_PLACES = ("东山", "西河", "南湖", "北岭", "青川", "白石", "金桥", "银杏", "长宁", "安平")
_POSTS = ("院长", "党委书记", "副院长", "医务科科长", "护理部主任")


def crowded_text(persons: int) -> str:
    """An article of signings in which ``persons`` different people take part, a signatory and a guest by turns."""
    names = [family + given for given in _GIVEN for family in _FAMILY]
    names += [name[0] + name[1] + other for other in "华平英" for name in names]
    lines = ["医联体签约仪式举行"]
    for first in range(0, persons, 4):
        one, other, third, fourth = (names[i % len(names)] for i in range(first, first + 4))
        here, there = _PLACES[first // 4 % 10], _PLACES[(first // 4 + 1 + first // 40) % 10]
        lines.append(
            f"{first // 4 % 28 + 1}日，{here}市人民医院{_POSTS[first % 5]}{one}与{there}县中医院{_POSTS[(first + 1) % 5]}{other}"
            f"代表双方签署医联体合作协议，{third}、{fourth}等出席。")
    return "\n".join(lines)


def best_of(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The least wall and the least processor seconds of several calls."""
    walls, processors = [], []
    for _ in range(rounds):
        before, began = time.process_time(), time.perf_counter()
        work()
        walls.append(time.perf_counter() - began)
        processors.append(time.process_time() - before)
    return min(walls), min(processors)


def command_seconds(arguments: Sequence[str], rounds: int) -> tuple[float, float]:
    """The least wall and the least processor seconds of ``python -m models.predict`` with these arguments.

    Raises:
        DataError: the command failed.
    """
    walls, processors = [], []
    for _ in range(rounds):
        before, began = os.times(), time.perf_counter()
        ended = subprocess.run([sys.executable, "-m", "models.predict", *arguments], capture_output=True, text=True, check=False)
        walls.append(time.perf_counter() - began)
        after = os.times()
        processors.append(after.children_user + after.children_system - before.children_user - before.children_system)
        if ended.returncode:
            raise DataError(f"the command failed: {ended.stderr.strip()}", place="python -m models.predict")
    return min(walls), min(processors)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.bench_start``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.bench_start", description="Time to help, to a first result, and for an article of many persons.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.bench_start --model runs/default\n"
               "  python -m models.bench_start --model runs/default --rounds 1 --persons 1000")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="the best of so many counts (3)")
    parser.add_argument("--persons", type=int, default=PERSONS, metavar="N", help="persons of the crowded article (200)")
    args = parser.parse_args(argv)
    if min(args.rounds, args.persons) < 1:
        parser.error("--rounds and --persons want at least 1")
    rows = [("--help", *command_seconds(["--help"], args.rounds), HELP_SECONDS)]
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "article.txt")
        source.write_text(crowded_text(4), encoding="utf-8")
        rows.append(("first result, one article", *command_seconds(
            ["--model", str(args.model), "--input", str(source), "--output", "-"], args.rounds), FIRST_SECONDS))
    from models.extractor import Extractor

    extractor, text = Extractor.load(args.model), crowded_text(args.persons)
    found = extractor.extract(text)
    what = f"an article of {args.persons} persons, {len(text)} characters"
    rows.append((what, *best_of(lambda: extractor.extract(text), args.rounds), CROWD_SECONDS))
    print("| | wall, s | processor, s | at most |\n| --- | ---: | ---: | ---: |")
    for what, wall, processor, limit in rows:
        print(f"| {what} | {wall:.2f} | {processor:.2f} | {limit} |")
    persons = {e.text for e in found.entities if e.label == "PERSON"}
    print(f"\nfound in the crowded article: {len(persons)} persons, {len(found.relations)} relations, {len(found.events)} events")
    late = [what for what, wall, processor, limit in rows if min(wall, processor) > limit]
    if late:
        print("too slow: " + "; ".join(late), file=sys.stderr)
    return EXIT_FAILED if late else EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
