"""The curve of speed and F1: runs (encoder sizes) by engines, as data and as a picture."""

from __future__ import annotations

import html
import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.article import Article
from data.schema import restrict
from data.sources import read_sources
from models.engines import native_bf16
from models.export import micro_f1
from models.onnx_engine import exported
from models.run_folder import load_predictor

GOLD = "data/corpus@dev"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 60, 50, 30, 150
COLOURS = {"torch": "#4e79a7", "torch-bf16": "#e15759", "onnx": "#59a14f", "onnx-int8": "#b07aa1"}


def curve_points(runs: Sequence[Path], articles: Sequence[Article]) -> list[dict[str, Any]]:
    """For each run and each engine it can use here: characters a second of the full path, F1 on the development set."""
    annotated = read_sources([GOLD])
    points = []
    for run in runs:
        for engine in ["torch", *(["torch-bf16"] if native_bf16() else []), *exported(run)]:
            predictor = load_predictor(run, engine=engine)
            gold = [restrict(a, predictor.schema, Counter()) for a in annotated]
            entities, relations = micro_f1(gold, list(predictor.predict(gold)))
            seconds = []
            for _ in range(2):
                started = time.perf_counter()
                list(predictor.predict(articles))
                seconds.append(time.perf_counter() - started)
            config = predictor.model.config
            points.append({"run": run.name, "layers": config.num_hidden_layers, "width": config.hidden_size,
                           "engine": engine, "entity_f1": entities, "relation_f1": relations,
                           "characters_per_second": sum(len(a.text) for a in articles) / min(seconds)})
    return points


def draw_curve(points: Sequence[dict[str, Any]]) -> str:
    """An SVG: characters a second (logarithmic) across, relation F1 up."""
    speeds = [math.log10(p["characters_per_second"]) for p in points]
    scores = [100 * p["relation_f1"] for p in points]
    left, right = math.floor(min(speeds) * 4) / 4, math.ceil(max(speeds) * 4 + 0.01) / 4
    low, high = math.floor(min(scores)) - 1, math.ceil(max(scores)) + 1

    def place(speed: float, score: float) -> tuple[float, float]:
        return (LEFT + (speed - left) / (right - left) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (score - low) / (high - low) * (HEIGHT - BOTTOM - TOP))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             'font-size="12" role="img" aria-label="speed and F1 of runs and engines">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for step in range(5):
        speed, score = left + step * (right - left) / 4, low + step * (high - low) / 4
        x, y = place(speed, score)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
                  f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{score:.1f}</text>',
                  f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**speed / 1000:.1f}k</text>']
    for point, speed, score in zip(points, speeds, scores, strict=True):
        x, y = place(speed, score)
        label = html.escape(f"{point['run']} ({point['layers']} layers), {point['engine']}")
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{COLOURS[point["engine"]]}"/>',
                  f'<text x="{x + 8:.1f}" y="{y + 4:.1f}">{label}</text>']
    parts += [f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">characters a second</text>',
              f'<text x="{LEFT}" y="18">relation F1 on the development set</text>', "</svg>"]
    return "\n".join(parts) + "\n"
