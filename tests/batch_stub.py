"""Run a batch with a stand-in for the model, many times in forked processes that are killed: called by test_models_batch.

``python batch_stub.py INPUT FOLDER SEED`` kills twenty runs at random moments and each run at every rename, lets each go
on, and prints how many outputs differ from the uninterrupted one.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from data.article import Article, Event
from models import batch
from models.outputs import format_of
from models.shards import Reading

SHARD_ARTICLES, PAUSE_SECONDS = 7, 0.002


def extract(articles: Iterable[Article]) -> Iterator[Article]:
    """One event an article, read off its first line; an article of 坏 breaks it."""
    for article in articles:
        if "坏" in article.text:
            raise ValueError("cannot be read")
        time.sleep(PAUSE_SECONDS)
        yield replace(article, model="stub", events=(Event(parties=(article.text[:4], "乙院"), sentences=((0, 4),), score=0.5),))


def install() -> None:
    """Put the stand-in where the model would be loaded."""
    batch.make_reading = lambda options, register: Reading(extract=extract, kind=options.kind, register=register)
    batch.model_digest = lambda run, engine: "stub"


def options(source: str, output: Path) -> batch.BatchOptions:
    """A run over one input in small shards."""
    return batch.BatchOptions(model=Path("stub"), inputs=(source,), output=str(output), output_format=format_of(str(output), None),
                              shard_articles=SHARD_ARTICLES)


def in_a_fork(work: Callable[[], object], *, kill_after: float | None = None) -> tuple[bool, float]:
    """Whether ``work`` came to its end in a process of its own, and the seconds it took."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        work()
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status == 0, time.monotonic() - began


def killed_at_rename(number: int, work: Callable[[], object]) -> Callable[[], object]:
    """``work``, killed just before (even numbers) or just after (odd ones) one of its renames."""
    def run() -> object:
        replace_file, calls = os.replace, 0

        def counted(source: str, target: str) -> None:
            nonlocal calls
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            replace_file(source, target)
            if calls + 1 == number:
                os.kill(os.getpid(), signal.SIGKILL)
            calls += 2

        os.replace = counted  # type: ignore[assignment]
        return work()

    return run


def files(output: Path) -> list[bytes]:
    """What a run left, its times aside."""
    errors = output.with_name(f"{output.stem}.errors.jsonl")
    return [output.read_bytes(), errors.read_bytes()] if output.suffix != ".xlsx" else [errors.read_bytes()]


def main(source: str, folder: str, seed: str) -> None:
    install()
    rng = random.Random(int(seed))
    wanted: dict[str, list[bytes]] = {}
    seconds, differing, interrupted = 0.0, 0, 0
    for name in ("out.jsonl", "out.csv"):
        output = Path(folder) / "whole" / name
        ended, seconds = in_a_fork(lambda output=output: batch.run_batch(options(source, output)))
        assert ended
        wanted[name] = files(output)
    kills: list[float | int] = [rng.uniform(0, seconds) for _ in range(20)] + list(range(0, 30, 3))
    for number, moment in enumerate(kills):
        name = ("out.jsonl", "out.csv")[number % 2]
        output = Path(folder) / f"kill-{number}" / name
        work = lambda output=output: batch.run_batch(options(source, output))  # noqa: E731
        if isinstance(moment, float):
            while in_a_fork(work, kill_after=moment)[0]:  # it was over before it was killed
                shutil.rmtree(output.parent)
                moment *= 0.7
            in_a_fork(work, kill_after=rng.uniform(0, seconds))  # and once more while it goes on
            interrupted += 1
        else:
            interrupted += not in_a_fork(killed_at_rename(moment, work))[0]
        if output.exists() and output.read_bytes() != wanted[name][0]:
            differing += 1  # half an output must never be seen
        assert in_a_fork(work)[0]
        left = sorted(p.name for p in output.parent.iterdir())
        differing += files(output) != wanted[name] or left != sorted([name, "out.errors.jsonl", "out.summary.json"])
        shutil.rmtree(output.parent)
    print(f"{interrupted} interrupted, {differing} differ")


if __name__ == "__main__":
    main(*sys.argv[1:])
