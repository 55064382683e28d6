"""The result of an active-learning experiment: mean scores by order and size, and the share of articles that sufficed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

START, QUEUE, RANDOM = "start", "queue", "random"
SCORES = ("entities", "relations", "mean")


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over the draws that are finished, and the share of random's articles and characters at which the queue's
    scores (interpolated between its sizes) reach those of random order at its largest size; None where they never do."""
    goal = max((r["articles"] for r in rows if r["arm"] == RANDOM), default=0)
    last = max((r["articles"] for r in rows if r["arm"] == QUEUE), default=0)
    arms: dict[int, set[tuple[str, int]]] = {}
    for r in rows:
        arms.setdefault(r["draw"], set()).add((r["arm"], r["articles"]))
    whole = sorted(d for d, held in arms.items() if {(RANDOM, goal), (QUEUE, last)} <= held)
    rows = [{**r, "mean": (r["entities"] + r["relations"]) / 2} for r in rows if r["draw"] in whole]
    cells = []
    for arm, size in sorted({(r["arm"], r["articles"]) for r in rows}, key=lambda c: (c[1], c[0])):
        held = [r for r in rows if (r["arm"], r["articles"]) == (arm, size)]
        cells.append({"arm": arm, "articles": size, "draws": len(held),
                      **{k: float(np.mean([r[k] for r in held])) for k in (*SCORES, "characters")},
                      "spread": float(np.std([r["mean"] for r in held], ddof=1)) if len(held) > 1 else 0.0})
    return {"draws": whole, "cells": cells, "goal": goal, "cpu_seconds": round(sum(r["cpu_seconds"] for r in rows), 1),
            "reached": {score: _reached(cells, score) for score in SCORES} if whole else {}}


def _reached(cells: Sequence[dict[str, Any]], score: str) -> dict[str, float] | None:
    """Where the queue's mean curve first reaches random's last score: shares of its articles and its characters."""
    target = max((c for c in cells if c["arm"] == RANDOM), key=lambda c: c["articles"])
    curve = sorted((c for c in cells if c["arm"] in (START, QUEUE)), key=lambda c: c["articles"])
    for before, after in itertools.pairwise(curve):
        if after[score] >= target[score]:
            rise = after[score] - before[score]
            part = 1.0 if rise <= 0 else min(1.0, max(0.0, (target[score] - before[score]) / rise))
            return {k: (before[k] + part * (after[k] - before[k])) / target[k] for k in ("articles", "characters")}
    return None


def table(summary: dict[str, Any]) -> str:
    """The summary as Markdown."""
    lines = ["| order | articles | characters | entity F1 | relation F1 | mean | spread over draws |", "| --- " * 7 + "|"]
    lines += [f"| {c['arm']} | {c['articles']} | {c['characters']:,.0f} | {c['entities']:.3f} | {c['relations']:.3f} "
              f"| {c['mean']:.3f} | {c['spread']:.3f} |" for c in summary["cells"]]
    lines += ["", f"{len(summary['draws'])} draws, {summary['cpu_seconds']:.0f} CPU seconds. To reach random order's score at "
              f"{summary['goal']} articles the queue needs:"]
    for score, share in summary["reached"].items():
        lines.append(f"- {score}: more than was tried" if share is None else
                     f"- {score}: {share['articles']:.2f} of the articles, {share['characters']:.2f} of the characters")
    return "\n".join(lines)
