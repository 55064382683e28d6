"""Training curves as the points of small line charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 360, 170  # of the plot area, in SVG units
LABEL_HEIGHT = 17
DASHES = ("", "6 3", "2 3", "9 3 2 3")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One series: ``points`` is the SVG attribute, ``last`` the newest value, (x, y) where its name stands."""

    name: str
    points: str
    last: float
    x: float
    y: float
    dash: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Series over optimiser steps, with the values at the top and the bottom of the axis."""

    title: str
    lines: Sequence[Line]
    low: float
    high: float
    first_step: float
    last_step: float


def training_charts(log: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Charts of a trainer's log: the training loss, and every ``eval_*`` score; what has no two points is left out."""
    losses = {"loss": _series(log, "loss")}
    names = sorted({k for entry in log for k in entry if k.startswith("eval_")})
    scores = {n.removeprefix("eval_"): s for n in names if len(s := _series(log, n)) > 1 and max(v for _, v in s) <= 1}
    charts = []
    if len(losses["loss"]) > 1:
        charts.append(_chart("training loss", losses, low=0.0, high=max(v for _, v in losses["loss"])))
    if scores:
        charts.append(_chart("scores on dev", scores, low=0.0, high=1.0))
    return charts


def _series(log: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """Steps and values of one key; a loss that overflowed has no place on the axis."""
    return [(float(e["step"]), float(e[name])) for e in log
            if isinstance(e.get(name), int | float) and isinstance(e.get("step"), int | float)
            and math.isfinite(e[name])]


def _chart(title: str, series: Mapping[str, Sequence[tuple[float, float]]], *, low: float, high: float) -> Chart:
    steps = [step for points in series.values() for step, _ in points]
    first, last = min(steps), max(steps)
    span, height = max(last - first, 1.0), max(high - low, 1e-9)

    def place(step: float, value: float) -> tuple[float, float]:
        return (step - first) / span * WIDTH, HEIGHT - (value - low) / height * HEIGHT

    placed = {name: [place(*point) for point in points] for name, points in series.items()}
    lines = []
    free = 0.0
    # Names stand at the ends of their lines, in the order of the lines, and do not cover one another.
    for number, name in enumerate(sorted(placed, key=lambda n: placed[n][-1][1])):
        x, y = placed[name][-1]
        free = max(y, free)
        lines.append(Line(name=name.replace("_", " "), points=" ".join(f"{a:.1f},{b:.1f}" for a, b in placed[name]),
                          last=series[name][-1][1], x=x, y=free, dash=DASHES[number % len(DASHES)]))
        free += LABEL_HEIGHT
    return Chart(title=title, lines=lines, low=low, high=high, first_step=first, last_step=last)
