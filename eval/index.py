"""``python -m eval.index reports``: one page over all runs, written anew after each evaluation."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from data.errors import EXIT_OK, DataError, QianyueError, UsageError, run_command
from eval.charts import strip
from eval.page import GENERATOR, LANGUAGES, words, write_page
from eval.report import read_metrics

PARTS = {"entities": "micro", "relations": "micro", "events": "parties"}
# Names of a run, not choices that could explain a score.
NOT_CONFIG = frozenset(("name", "runs", "reports", "threads"))
_HEAD_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One evaluation in the table; what its metrics do not tell is None."""

    name: str
    href: str | None
    finished: str
    articles: int
    seen: int
    data: str | None
    scores: Mapping[str, Mapping[str, Any]]
    config: Mapping[str, str] = field(default_factory=dict)
    git: str | None = None
    seconds: float | None = None
    training_seconds: float | None = None
    memory_mib: float | None = None
    energy_joules: float | None = None


def run_row(folder: Path, root: Path) -> RunRow:
    """What one report folder tells.

    Raises:
        DataError: its ``metrics.json`` cannot be used.
    """
    path = folder / "metrics.json"
    metrics = read_metrics(path)
    provenance = metrics.get("provenance") or {}
    cost = metrics.get("cost") or {}
    training = cost.get("training") or provenance.get("cost") or {}
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    gold = provenance.get("gold_sha256")
    try:
        return RunRow(
            name=str(folder.relative_to(root)), finished=str(provenance.get("finished") or written)[:16].replace("T", " "),
            href=quote(f"{folder.relative_to(root)}/index.html") if (folder / "index.html").is_file() else None,
            articles=metrics["articles"], seen=len(metrics.get("seen_in_training") or ()), data=gold[:8] if gold else None,
            scores={part: metrics[part][key] for part, key in PARTS.items()}, git=provenance.get("git"),
            config={k: v for k, v in flat(provenance.get("config") or {}).items() if k not in NOT_CONFIG},
            seconds=cost.get("seconds"), training_seconds=_first(training, "seconds", "train_seconds", "train_runtime"),
            memory_mib=cost.get("peak_memory_mib") or provenance.get("peak_memory_mib"),
            energy_joules=_first(cost, "energy_joules") or _first(training, "energy_joules"))
    except (KeyError, TypeError, AttributeError) as fault:
        raise DataError(f"not the metrics of an evaluation: {fault!r}", place=str(path),
                        repair="evaluate again, or remove the folder") from fault


def _first(record: Mapping[str, Any], *names: str) -> float | None:
    return next((float(record[n]) for n in names if isinstance(record.get(n), int | float)), None)


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested config as ``a.b`` -> value as JSON."""
    found: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def config_differences(rows: Sequence[RunRow]) -> dict[str, dict[str, str]]:
    """By run: the settings in which it differs from what most runs have; – where a run lacks a setting of the others."""
    known = [r for r in rows if r.config]
    keys = sorted({key for r in known for key in r.config})
    usual = {key: Counter(r.config.get(key, "–") for r in known).most_common(1)[0][0] for key in keys}
    return {r.name: {key: r.config.get(key, "–") for key in keys if r.config.get(key, "–") != usual[key]} for r in known}


def collect(root: Path) -> tuple[list[RunRow], list[str]]:
    """The runs below a folder, the newest first, and why folders with metrics could not be read."""
    rows: list[RunRow] = []
    faults: list[str] = []
    for path in sorted(root.rglob("metrics.json")):
        if any(part.startswith(".") for part in path.relative_to(root).parts) or path.parent == root:
            continue
        try:
            rows.append(run_row(path.parent, root))
        except QianyueError as fault:
            faults.append(f"{path.relative_to(root)}: {fault.problem}")
        except OSError as fault:
            faults.append(f"{path.relative_to(root)}: {fault.strerror or fault}")
    return sorted(rows, key=lambda r: r.finished, reverse=True), faults


def write_index(root: Path, *, lang: str = "en") -> tuple[list[RunRow], list[str]]:
    """Write ``index.html`` over all runs of a folder; what cannot be read is named on the page and returned."""
    rows, faults = collect(root)
    best = {(r.data, part): max(x.scores[part]["f1"] for x in rows if x.data == r.data) for r in rows for part in PARTS}
    sets = Counter(r.data for r in rows if r.data)
    write_page(root / "index.html", "index.html.j2", lang=lang, rows=rows, faults=faults, differences=config_differences(rows),
               best=best, parts=list(PARTS), sets=sets, strip=strip, w_name=words().name)
    return rows, faults


def refresh_index(report: Path) -> None:
    """After an evaluation: write the index beside the report, where there is one of ours or the folder is ``reports``.

    Nobody's own ``index.html`` is ever overwritten.
    """
    root = report.resolve().parent
    page = root / "index.html"
    if _is_ours(page) if page.exists() else root.name == "reports":
        write_index(root)


def _is_ours(page: Path) -> bool:
    with open(page, "rb") as stream:
        return f'name="generator" content="{GENERATOR}"'.encode() in stream.read(_HEAD_BYTES)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m eval.index``."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.index", description="Write index.html over all evaluations of a folder.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.index reports\n  python -m eval.index reports --lang zh")
    parser.add_argument("reports", type=Path, metavar="DIR", help="folder with one folder for each evaluation")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language that shows first (default: en)")
    args = parser.parse_args(argv)
    if not args.reports.is_dir():
        raise DataError("no such folder", place=str(args.reports), repair="python -m eval.index reports")
    page = args.reports / "index.html"
    if page.exists() and not _is_ours(page):
        raise UsageError("an index.html that this command did not write stands here", place=str(page),
                         repair="move it away, or name the folder that holds the reports")
    rows, faults = write_index(args.reports, lang=args.lang)
    for fault in faults:
        print(f"skipped: {fault}", file=sys.stderr)
    if not rows:
        raise DataError("no evaluation here", place=str(args.reports),
                        repair="evaluate first: python -m eval.evaluate --model RUN --data GOLD --report reports/NAME")
    print(f"{len(rows)} evaluations: {page}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
