"""Which curves a report draws from its metrics: calibration, precision over recall, training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from eval.charts import Axis, Series, line_chart
from eval.page import Phrase, Words, percent


def training_charts(metrics: Mapping[str, Any], w: Words) -> list[Markup]:
    """The loss and the scores on the development set by optimiser step; what has no two points is left out."""
    curve = metrics.get("learning_curve") or learning_curve((metrics.get("provenance") or {}).get("log") or ())
    losses = _series(curve.get("loss") or (), "loss")
    names = sorted({k for entry in curve.get("scores") or () for k in entry if k not in ("step", "epoch")})
    scores = {n: s for n in names if len(s := _series(curve["scores"], n)) > 1 and max(v for _, v in s) <= 1}
    charts = []
    if len(losses) > 1:
        charts.append(_by_step(w.phrase("plot_loss"), {"loss": losses}, max(v for _, v in losses), w))
    if scores:
        charts.append(_by_step(w.phrase("plot_dev"), scores, 1.0, w))
    return charts


def learning_curve(log: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The learning curve of a trainer's log, for metrics that hold only the log."""
    scores = [{"step": e["step"], **{k.removeprefix("eval_"): v for k, v in e.items() if k.startswith("eval_")}}
              for e in log if "step" in e and any(k.startswith("eval_") for k in e)]
    return {"loss": [{"step": e["step"], "loss": e["loss"]} for e in log if "loss" in e and "step" in e], "scores": scores}


def _series(entries: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """Steps and values of one key; a loss that overflowed has no place on the axis."""
    return [(float(e["step"]), float(e[name])) for e in entries
            if isinstance(e.get(name), int | float) and isinstance(e.get("step"), int | float) and math.isfinite(e[name])]


def _by_step(title: Phrase, series: Mapping[str, Sequence[tuple[float, float]]], high: float, w: Words) -> Markup:
    steps = [step for points in series.values() for step, _ in points]
    lines = [Series(name=name.replace("_", " "), points=points, dots=len(points) < 20) for name, points in series.items()]
    return line_chart(title, lines, Axis(title=w.phrase("axis_step"), low=min(steps), high=max(steps)),
                      Axis(title=title, high=high))


def calibration_charts(metrics: Mapping[str, Any], w: Words) -> list[Markup]:
    """How often mentions, pairs and events of a score are right; on the diagonal a score may be read as a probability."""
    charts = []
    for part, found in (metrics.get("calibration") or {}).items():
        points = [(b["mean_score"], b["share_right"]) for b in found.get("bins") or () if b["count"]]
        if points:
            title = w.phrase("plot_calibration", part=w.name(part), ece=percent(found["ece"]), n=found["candidates"])
            charts.append(line_chart(title, [Series(name=part, points=points, dots=True)], Axis(title=w.phrase("axis_score")),
                                     Axis(title=w.phrase("axis_right")), diagonal=True))
    return charts


def precision_recall_charts(metrics: Mapping[str, Any], w: Words) -> list[Markup]:
    """Precision over recall by label and type; a dot stands where the chosen threshold puts the model."""
    charts = []
    for part, curves in (metrics.get("precision_recall") or {}).items():
        series = [Series(name=name, points=[(p["recall"], p["precision"]) for p in c["points"]],
                         chosen=[(c["chosen"]["recall"], c["chosen"]["precision"])] if c.get("chosen") else [])
                  for name, c in curves.items() if c["points"] and c["support"]]
        if series:
            charts.append(line_chart(w.phrase("plot_pr", part=w.name(part)), series, Axis(title=w.phrase("recall")),
                                     Axis(title=w.phrase("precision"))))
    return charts
