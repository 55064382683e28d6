"""``python -m eval.sweep FILE``: train a config with one thing changed at a time, and print one table.

Each row is a training of its own in a process of its own; a row that is already scored for the same settings, data
and code is not trained again: kill it anywhere, run it again.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from tqdm import tqdm

from data.errors import EXIT_OK, UsageError, run_command
from data.files import write_text
from data.layered import read_layered
from eval.crossval import call, fingerprint_of

COLUMNS = (("entities", "micro"), ("relations", "micro"), ("events", "parties"))


class Sweep(BaseModel):
    """A sweep file: which config, what all rows share, what each row changes, and what all are scored on."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    config: str
    common: list[str] = []  # overrides of every row, as --set takes them
    score: dict[str, str] = Field(min_length=1)  # column title -> gold source; none of it may be trained on
    rows: dict[str, list[str]] = Field(min_length=1)  # row title -> overrides
    leave_one_out: list[str] = []  # rows that train on the gold articles and are scored by leaving one out; or: all

    @model_validator(mode="before")
    @classmethod
    def _all_rows(cls, record: Any) -> Any:
        if isinstance(record, dict) and record.get("leave_one_out") == "all" and isinstance(record.get("rows"), dict):
            return {**record, "leave_one_out": list(record["rows"])}
        return record


def read_sweep(path: Path) -> Sweep:
    """Read and check a sweep file; it may extend another one (:mod:`data.layered`).

    Raises:
        UsageError: it is missing, no YAML, or its keys are wrong (all faults in one message).
    """
    if not path.is_file():
        raise UsageError("no such sweep file", place=str(path), repair="see the folder configs/sweeps/")
    try:
        return Sweep.model_validate(read_layered(path))
    except ValidationError as fault:
        faults = "\n  ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in fault.errors())
        raise UsageError(f"the sweep file is wrong:\n  {faults}", place=str(path),
                         repair="see configs/sweeps/augmentation.yaml") from fault


def run_row(sweep: Sweep, title: str) -> dict[str, Any]:
    """Train and score one row, unless that is done; its scores by column title, and its training seconds."""
    folder = f"{sweep.name}/{re.sub(r'[^A-Za-z0-9_-]+', '-', title).strip('-')}"
    overrides = [*sweep.common, *sweep.rows[title]]
    done = Path("reports") / folder / "row.json"
    fingerprint = fingerprint_of(Path(sweep.config), [*overrides, *sweep.score.values(), title])
    if done.is_file() and (record := json.loads(done.read_text(encoding="utf-8")))["fingerprint"] == fingerprint:
        return dict(record)
    record = {"fingerprint": fingerprint, "title": title, "overrides": overrides, "scores": {}}
    settings = [part for o in overrides for part in ("--set", o)]
    if title in sweep.leave_one_out:
        call([sys.executable, "-m", "eval.crossval", "--config", sweep.config, *settings, "--name", folder])
        summary = json.loads((Path("reports") / folder / "crossval.json").read_text(encoding="utf-8"))
        pooled = {".".join(c): summary["pooled"][c[0]][c[1]]["f1"] for c in COLUMNS}
        record["scores"] = {column: pooled for column, source in sweep.score.items() if source.endswith("seeds.jsonl")}
    else:
        call([sys.executable, "-m", "training.train", "--config", sweep.config, *settings, "--set", f"name={folder}"])
        cost = json.loads((Path("reports") / folder / "metrics.json").read_text(encoding="utf-8"))["provenance"]["cost"]
        record["train_seconds"] = cost["train_seconds"]
        for column, source in sweep.score.items():
            record["scores"][column] = _score(Path("runs") / folder, source, Path("reports") / folder / _slug(column))
        shutil.rmtree(Path("runs") / folder)
    write_text(done, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return record


def _slug(title: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")


def _score(run: Path, source: str, report: Path) -> dict[str, float]:
    call([sys.executable, "-m", "eval.evaluate", "--model", str(run), "--data", source, "--report", str(report)])
    metrics = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    return {f"{part}.{name}": metrics[part][name]["f1"] for part, name in COLUMNS}


def table(sweep: Sweep, records: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown; every row but the first also shows its entity F1 less that of the first row."""
    columns = [c for c in sweep.score if any(c in r["scores"] for r in records)]
    heads = [f"{column}: {part}" for column in columns for part, _ in COLUMNS]
    lines = [f"| {sweep.name} | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    first = records[0]["scores"]
    for record in records:
        cells = []
        for column in columns:
            scores = record["scores"].get(column)
            for part, name in COLUMNS:
                key = f"{part}.{name}"
                value = f"{scores[key]:.3f}" if scores else "–"
                if scores and part != "events" and record is not records[0] and column in first:
                    value += f" ({100 * (scores[key] - first[column][key]):+.1f})"
                cells.append(value)
        lines.append(f"| {record['title']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def publish(name: str, text: str) -> None:
    """Write the table of a sweep to ``reports/<name>/table.md``, and print it."""
    report = Path("reports") / name / "table.md"
    write_text(report, text + "\n")
    print(f"\n{text}\n\nwritten: {report}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.sweep", description="Train a config with one thing changed at a time; print one table.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.sweep configs/sweeps/augmentation.yaml\n"
               "  python -m eval.sweep configs/sweeps/learning-curve.yaml")
    parser.add_argument("sweep", type=Path, metavar="FILE", help="a YAML file of configs/sweeps/")
    args = parser.parse_args(argv)
    sweep = read_sweep(args.sweep)
    records = [run_row(sweep, title) for title in tqdm(sweep.rows, desc=sweep.name, unit="row")]
    publish(sweep.name, table(sweep, records))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
