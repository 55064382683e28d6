"""Small SVG charts: built as XML trees, so that every text in them is escaped, in two languages, coloured by the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from eval.page import Phrase, Words, percent

WIDTH, HEIGHT = 300, 190  # of the plot area, in SVG units
DASHES = ("", "7 3", "2 3", "10 3 2 3", "5 5", "1 5", "12 4")
STRIP = 120


@dataclass(frozen=True, kw_only=True)
class Series:
    """A line: its points in data units, and points that stand out on it."""

    name: str | Phrase
    points: Sequence[tuple[float, float]]
    chosen: Sequence[tuple[float, float]] = ()
    dots: bool = False


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Title and range of one axis."""

    title: Phrase
    low: float = 0.0
    high: float = 1.0


def _svg(box: str, kind: str, spoken: Phrase) -> ET.Element:
    en, zh = (side.striptags() for side in spoken)
    return ET.Element("svg", {"viewBox": box, "class": kind, "role": "img", "aria-label": en,
                              "data-aria-label-en": en, "data-aria-label-zh": zh})


def _text(parent: ET.Element, words: str | Phrase, **attributes: Any) -> None:
    node = ET.SubElement(parent, "text", {k.replace("_", "-"): str(v) for k, v in attributes.items()})
    if isinstance(words, Phrase):
        for lang, side in zip(("en", "zh"), words, strict=True):
            ET.SubElement(node, "tspan", {"class": lang}).text = side.striptags()
    else:
        node.text = words


def _line(parent: ET.Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ET.SubElement(parent, "line", {"class": kind, **{n: f"{v:.1f}" for n, v in zip(
        ("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), strict=True)}})


def _markup(svg: ET.Element) -> Markup:
    return Markup(ET.tostring(svg, encoding="unicode"))


def strip(score: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], w: Words) -> Markup:
    """A score from 0 to 1 as a dot on its interval, with a tick for each other score."""
    low, high = score["interval"]
    spoken = w.phrase("strip", f1=percent(score["f1"]), low=percent(low), high=percent(high))
    svg = _svg(f"-5 0 {STRIP + 10} 16", "strip", spoken)
    _line(svg, "axis", 0, 8, STRIP, 8)
    _line(svg, "range", STRIP * low, 8, STRIP * high, 8)
    for other in others.values():
        _line(svg, "floor", STRIP * other["f1"], 2, STRIP * other["f1"], 14)
    ET.SubElement(svg, "circle", {"cx": f"{STRIP * score['f1']:.1f}", "cy": "8", "r": "4"})
    return _markup(svg)


def line_chart(title: Phrase, series: Sequence[Series], x: Axis, y: Axis, *, diagonal: bool = False) -> Markup:
    """A figure of up to seven lines with its legend below; points that are not finite are left out.

    Args:
        diagonal: draw the line on which both axes are equal.
    """
    svg = _svg(f"-46 -12 {WIDTH + 62} {HEIGHT + 56}", "chart", title)

    def place(px: float, py: float) -> tuple[float, float]:
        wide, tall = max(x.high - x.low, 1e-9), max(y.high - y.low, 1e-9)
        return (px - x.low) / wide * WIDTH, HEIGHT - (py - y.low) / tall * HEIGHT

    for share in (0.0, 0.5, 1.0):
        _line(svg, "axis", 0, HEIGHT * share, WIDTH, HEIGHT * share)
        _text(svg, f"{y.high - share * (y.high - y.low):.3g}", x=-6, y=HEIGHT * share + 4, text_anchor="end")
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        _text(svg, f"{x.low + share * (x.high - x.low):.4g}", x=WIDTH * share, y=HEIGHT + 17, text_anchor=anchor)
    _line(svg, "axis", 0, 0, 0, HEIGHT)
    _text(svg, x.title, x=WIDTH / 2, y=HEIGHT + 36, text_anchor="middle")
    _text(svg, y.title, x=-HEIGHT / 2, y=-36, text_anchor="middle", transform="rotate(-90)")
    if diagonal:
        _line(svg, "diagonal", *place(max(x.low, y.low), max(x.low, y.low)), *place(min(x.high, y.high), min(x.high, y.high)))
    for number, one in enumerate(series):
        points = [place(*p) for p in one.points if all(math.isfinite(v) for v in p)]
        ET.SubElement(svg, "polyline", {"class": f"s{number % len(DASHES)}", "stroke-dasharray": DASHES[number % len(DASHES)],
                                        "points": " ".join(f"{a:.1f},{b:.1f}" for a, b in points)})
        for a, b in [place(*p) for p in one.chosen] + (points if one.dots else []):
            ET.SubElement(svg, "circle", {"class": f"s{number % len(DASHES)}", "cx": f"{a:.1f}", "cy": f"{b:.1f}", "r": "3.5"})
    return Markup('<figure><figcaption>{}</figcaption>{}{}</figure>').format(title, _markup(svg), _legend(series))


def _legend(series: Sequence[Series]) -> Markup:
    if len(series) < 2 and not any(isinstance(s.name, Phrase) for s in series):
        return Markup("")
    rows = Markup("").join(
        Markup('<li><svg viewBox="0 0 26 8" class="chart swatch" aria-hidden="true"><polyline class="s{0}" '
               'stroke-dasharray="{1}" points="0,4 26,4"/></svg> {2}</li>').format(
                   n % len(DASHES), DASHES[n % len(DASHES)], one.name) for n, one in enumerate(series))
    return Markup('<ul class="lines">{}</ul>').format(rows)
