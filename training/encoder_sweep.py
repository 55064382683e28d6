"""``python -m training.encoder_sweep FILE --text TEXT --data SET``: which encoder to pre-train, by measurement.

Each row of the file pre-trains an encoder with one thing changed, for the same time, and sees what it is good for: fine-tuned
on a public set and on the hospital articles. Further rows go on from the encoder of the first one, for the same time again.
Every step is an ordinary command; what is finished is kept: kill it anywhere, run it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field
from tqdm import tqdm
from transformers import BertConfig

from data.errors import EXIT_OK, UsageError, run_command
from data.files import sha256_of, write_text
from data.layered import read_layered
from data.text_corpus import text_files
from eval.crossval import call
from eval.sweep import Sweep, publish, run_row
from training.bench_data import parse_bench
from training.config import Section, read_record, validated
from training.encoder_sweep_table import table
from training.pretrain_config import PretrainConfig


class PublicProbe(Section):
    """Fine-tuning on a public set: a config of ``configs/bench``, and what a quick look changes in it."""

    config: str
    common: list[str] = Field(default=[])
    seeds: list[int] = Field(min_length=1)


class TaskProbe(Section):
    """Fine-tuning on the hospital articles, scored on gold that it does not train on (column title -> source)."""

    config: str
    common: list[str] = Field(default=[])
    score: dict[str, str] = Field(min_length=1)


class EncoderSweep(Section):
    """An encoder sweep file: what is pre-trained, what each row changes, and what the encoders are tried on."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    config: str  # of training.pretrain
    common: list[str] = Field(default=[])  # overrides of every row, as --set takes them
    rows: dict[str, list[str]] = Field(min_length=1)  # row title -> overrides
    further: dict[str, list[str]] = Field(default={})  # the same for rows that begin with the first row's encoder
    public: PublicProbe
    task: TaskProbe


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row and the pre-training of its encoder."""

    title: str
    config: PretrainConfig
    command: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The row's name in paths: another one for other settings or other text."""
        return self.config.name

    @property
    def encoder(self) -> Path:
        """Where its pre-training leaves the encoder."""
        return self.config.folder / "encoder"


def make_rows(sweep: EncoderSweep, text: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """The rows of a sweep, and the further ones; each config is checked before anything is trained.

    Raises:
        DataError, UsageError: the text is missing, or a row is no legal pre-training.
    """
    digests = [sha256_of(path) for path in text_files(text)]
    rows = [_row(sweep, title, overrides, text, digests) for title, overrides in sweep.rows.items()]
    start = f"init={rows[0].encoder}"
    return rows, [_row(sweep, title, [start, *overrides], text, digests) for title, overrides in sweep.further.items()]


def _row(sweep: EncoderSweep, title: str, overrides: Sequence[str], text: Sequence[str], digests: Sequence[str]) -> Row:
    settings = [*sweep.common, *overrides, "out=null"]
    record = read_record(Path(sweep.config), settings)
    facts = json.dumps([record, digests], sort_keys=True)  # where the text lies decides nothing; what is in it does
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")
    name = f"{sweep.name}-{slug}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
    config = validated(PretrainConfig, record | {"text": list(text), "name": name}, place=f"{sweep.name}: {title}")
    command = [sys.executable, "-m", "training.pretrain", "--config", sweep.config, "--resume",
               *(part for path in text for part in ("--text", path)),
               *(part for s in [*settings, f"name={name}"] for part in ("--set", s))]
    return Row(title=title, config=config, command=tuple(command))


def run_encoder(sweep: EncoderSweep, row: Row, data: Path) -> dict[str, Any]:
    """Pre-train a row's encoder and try it out, each step unless it is done; the figures of its line in the table."""
    if not (row.encoder / "config.json").is_file():
        call(row.command)
    report = Path("reports") / sweep.name / row.slug
    call([sys.executable, "-m", "training.bench", "--config", sweep.public.config, "--data", str(data),
          "--encoders", str(row.encoder), "--seeds", *map(str, sweep.public.seeds), "--out", str(report / "public"),
          *(part for s in sweep.public.common for part in ("--set", s))])
    results = json.loads((report / "public/results.json").read_text(encoding="utf-8"))
    headline = parse_bench(read_record(Path(sweep.public.config), []), place=sweep.public.config).headline
    task = Sweep(name=f"{sweep.name}-task", config=sweep.task.config, common=sweep.task.common, score=sweep.task.score,
                 rows={row.slug: [f"encoder={row.encoder}"]})
    record = {"title": row.title, **_facts(row), "headline": headline, "public": results["rows"][0],
              "task": run_row(task, row.slug)}
    write_text(report / "row.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return record


def _after(first: Future[dict[str, Any]], sweep: EncoderSweep, row: Row, data: Path) -> dict[str, Any]:
    """A further row, once the first one is done."""
    first.result()
    return run_encoder(sweep, row, data)


def _facts(row: Row) -> dict[str, Any]:
    """Size of an encoder, and how its pre-training went."""
    shape = BertConfig.from_pretrained(row.encoder)
    log = [json.loads(line) for line in (row.config.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    last = next(r for r in reversed(log) if "held_out_loss" in r)
    return {"layers": shape.num_hidden_layers, "width": shape.hidden_size, "vocabulary": shape.vocab_size,
            "bytes": (row.encoder / "model.safetensors").stat().st_size,
            "minutes": max(r["minutes"] for r in log if "minutes" in r), **last}


def read_encoder_sweep(path: Path) -> EncoderSweep:
    """Read and check an encoder sweep file; it may extend another one (:mod:`data.layered`).

    Raises:
        UsageError: it is missing, no YAML, or its keys are wrong (all faults in one message).
    """
    return validated(EncoderSweep, read_layered(path), place=str(path))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``training.encoder_sweep``."""
    parser = argparse.ArgumentParser(
        prog="python -m training.encoder_sweep",
        description="Pre-train encoders that differ in one thing for the same time, and try each on a public set and on the "
        "hospital articles; print one table.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m training.encoder_sweep configs/pretrain/shapes.yaml --text news/ --data ~/cluener\n"
               "  python -m training.encoder_sweep configs/pretrain/shapes.yaml --text news.txt.xz --data ~/cluener --jobs 2\n\n"
               "Call it again to go on where it was killed.")
    parser.add_argument("sweep", type=Path, metavar="FILE", help="a sweep file such as configs/pretrain/shapes.yaml")
    parser.add_argument("--text", action="append", required=True, metavar="PATH",
                        help="file or folder of UTF-8 text, one paragraph a line, plain, .xz or .gz; may be repeated")
    parser.add_argument("--data", required=True, type=Path, metavar="PATH", help="the public set, as training.bench takes it")
    parser.add_argument("--jobs", type=int, default=1, metavar="N",
                        help="rows at a time; give each its own core, so that all cost the same (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    if args.jobs < 1:
        raise UsageError(f"expected at least 1, found {args.jobs}", place="--jobs", repair="--jobs 1")
    sweep = read_encoder_sweep(args.sweep)
    rows, further = make_rows(sweep, args.text)
    with ThreadPoolExecutor(max_workers=args.jobs) as pool:  # the work is in processes of their own
        started = [pool.submit(run_encoder, sweep, row, args.data) for row in rows]
        # What they begin with was started before them, so that waiting for it holds up nothing else.
        started += [pool.submit(_after, started[0], sweep, row, args.data) for row in further]
        records = [future.result() for future in tqdm(started, desc=sweep.name, unit="row")]
    publish(sweep.name, table(sweep.name, list(sweep.task.score), records))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
