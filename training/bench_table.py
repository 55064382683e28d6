"""The results of a benchmark as one Markdown table, beside the published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from data.errors import UsageError

PUBLISHED = Path("configs/bench/published.yaml")
HEADLINES = {"macro": "macro F1", "micro": "micro F1", "triples": "triple F1"}


def published_figures(name: str, path: Path = PUBLISHED) -> list[dict[str, Any]]:
    """What others have published on a set: model, F1 in per cent, split, source; empty where nothing is known.

    Raises:
        UsageError: the file is wrong.
    """
    if not path.is_file():
        return []
    record = yaml.safe_load(path.read_text(encoding="utf-8"))
    rows = (record or {}).get(name) or []
    for row in rows:
        if set(row) != {"model", "f1", "split", "source"}:
            raise UsageError(f"expected model, f1, split, source; found {', '.join(map(str, row))}", place=f"{path}: {name}")
    return rows


def summarise(results: Sequence[Mapping[str, Any]], headline: str) -> list[dict[str, Any]]:
    """One row a title (the encoder, where there is none), in the order of the results.

    Figures are mean and sample standard deviation over the seeds, in per cent.
    """
    rows = []
    for title in dict.fromkeys(r.get("title", r["encoder"]) for r in results):
        own = [r for r in results if r.get("title", r["encoder"]) == title]
        second = "macro" if headline == "micro" else "micro"
        rows.append({
            "encoder": own[0]["encoder"], "title": title, "seeds": [r["seed"] for r in own],
            "parameters": own[0]["cost"]["parameters"],
            headline: _spread([r["scores"][headline] for r in own]), second: _spread([r["scores"][second] for r in own]),
            "seconds": float(np.mean([r["cost"]["train_seconds"] for r in own])),
            "by_label": {label: _spread([r["scores"]["by_label"][label] for r in own])["mean"]
                         for label in own[0]["scores"]["by_label"]},
        })
    return rows


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": 100 * float(np.mean(values)), "spread": 100 * float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}


def table(name: str, split: str, headline: str, rows: Sequence[Mapping[str, Any]],
          published: Sequence[Mapping[str, Any]]) -> str:
    """Markdown; ± is the standard deviation over seeds, and a published figure has none of ours."""
    second = "macro" if headline == "micro" else "micro"
    second_title = "entity micro F1" if headline == "triples" else HEADLINES[second]
    lines = [f"| {name}, {split} | {HEADLINES[headline]} | {second_title} | seeds | parameters | training | source |",
             "| --- " * 7 + "|"]
    for row in rows:
        lines.append(f"| {row['title']} | {_cell(row[headline])} | {_cell(row[second])} | {len(row['seeds'])} "
                     f"| {row['parameters'] / 1e6:.1f} M | {_duration(row['seconds'])} | this run |")
    for figure in published:
        where = "" if figure["split"] == split else f" ({figure['split']})"
        lines.append(f"| {figure['model']}{where} | {figure['f1']:.2f} |  |  |  |  | {figure['source']} |")
    if not published:
        lines.append("\nNo published figure is known to us for these files.")
    return "\n".join(lines)


def _cell(value: Mapping[str, float]) -> str:
    return f"{value['mean']:.2f} ± {value['spread']:.2f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
