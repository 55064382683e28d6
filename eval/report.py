"""The report of one evaluation: a single page that opens from disk, without network, on any screen or on paper."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from data.article import Article
from data.clean import surface
from data.files import write_text
from data.schema import Schema
from eval.article_view import ArticleView, event_rows, letters, view_article
from eval.curves import HEIGHT, WIDTH, training_charts
from eval.errors_of import KINDS, span_errors

TEMPLATE = Path(__file__).with_name("templates") / "report.html.j2"
TOP = 12  # surfaces in a list of the most frequent errors
WORST = 5
FEW_ARTICLES = 10  # below this many an interval over articles says little
MEANING = {
    "correct": "offsets and label are right",
    "boundary": "the right label, but the span begins or ends elsewhere",
    "label": "a span is there, under another label",
    "missed": "gold has it, the prediction has nothing there",
    "spurious": "predicted where gold has nothing",
}


def write_report(
    path: Path, metrics: Mapping[str, Any], gold: Sequence[Article], predicted: Sequence[Article], schema: Schema
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the HTML file.
        metrics: the record of ``eval.evaluate``; only ``articles``, ``entities``, ``relations`` and ``events`` are
            needed, the other parts of the page follow what is there.
        gold: annotated articles, restricted to the schema.
        predicted: predictions for the same ids, in any order.
        schema: labels and relation types of the page.

    Raises:
        ValueError: an article has no prediction.
    """
    found = {a.id: a for a in predicted}
    if missing := [a.id for a in gold if a.id not in found]:
        raise ValueError(f"no prediction for {missing[:5]}")
    pairs = [(a, found[a.id]) for a in gold]
    seen = set(metrics.get("seen_in_training") or ())
    views = [view_article(g, p, schema, seen=g.id in seen) for g, p in pairs]
    page = _template().render(
        metrics=metrics, baselines=metrics.get("baselines") or {}, schema=schema, views=views,
        model=next((a.model for a in predicted if a.model), None),
        kinds=KINDS, meaning=MEANING, letters=letters(schema.labels), event_rows=event_rows,
        headline=headline(metrics), errors=error_summary(pairs), worst=worst(metrics),
        relation_kinds=_total(v.relation_counts for v in views), seen=sorted(seen), few=len(gold) < FEW_ARTICLES,
        charts=training_charts(metrics.get("provenance", {}).get("log") or ()), plot_width=WIDTH, plot_height=HEIGHT,
        provenance=provenance_rows(metrics), article_errors=_worst_first(views),
    )
    # A damaged page can hold half a surrogate pair, which no UTF-8 file can.
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))


def _template() -> jinja2.Template:
    # The folder is that of this module, so that an installed package finds its page too.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined)
    environment.filters["pct"] = percent
    return environment.get_template(TEMPLATE.name)


def percent(share: float | None) -> str:
    """A share as per cent with one decimal, – for nothing."""
    return "–" if share is None else f"{100 * share:.1f}"


def headline(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the first table: the model's strict scores and, by name, the F1 of each baseline."""
    rows = []
    baselines = metrics.get("baselines") or {}
    for name, key, scores in (
        ("entities", "entities", metrics["entities"]["micro"]), ("relations", "relations", metrics["relations"]["micro"]),
        ("events", "events", metrics["events"]["parties"]),
    ):
        rows.append({"name": name, "scores": scores, "baselines": {n: b[key]["f1"] for n, b in baselines.items()}})
    return rows


def worst(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Labels and relation types that gold has, the lowest F1 first."""
    rows = [{"name": name, "what": what, "scores": scores}
            for what, part in (("label", "entities"), ("relation", "relations"))
            for name, scores in metrics[part]["by_name"].items() if scores["support"]]
    return sorted(rows, key=lambda row: row["scores"]["f1"])[:WORST]


def error_summary(pairs: Sequence[tuple[Article, Article]]) -> dict[str, Any]:
    """Counts of span judgements, in all and by label, and the surfaces most often missed or made up."""
    kinds: Counter[str] = Counter()
    by_label: dict[str, Counter[str]] = {}
    surfaces: dict[str, Counter[tuple[str, str]]] = {kind: Counter() for kind in KINDS}
    for gold, predicted in pairs:
        for error in span_errors(gold.entities, predicted.entities):
            entity = error.gold or error.predicted
            assert entity is not None
            kinds[error.kind] += 1
            by_label.setdefault(entity.label, Counter())[error.kind] += 1
            if error.kind in ("missed", "spurious"):
                surfaces[error.kind][surface(entity.text) or entity.text, entity.label] += 1
    return {"kinds": {k: kinds[k] for k in KINDS}, "by_label": by_label,
            "missed": surfaces["missed"].most_common(TOP), "spurious": surfaces["spurious"].most_common(TOP)}


def provenance_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What made the figures, one fact a row; nested facts as ``outer inner``."""
    rows: list[tuple[str, str]] = []
    for part in ("provenance", "coverage", "thresholds"):
        for name, value in (metrics.get(part) or {}).items():
            if name in ("log", "config"):
                continue
            label = f"threshold {name}" if part == "thresholds" else name.replace("_", " ")
            if isinstance(value, Mapping):
                rows += [(f"{label}: {inner}", _plain(x)) for inner, x in value.items()] or [(label, "none")]
            else:
                rows.append((label, _plain(value)))
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "–" if value is None else json.dumps(value, ensure_ascii=False)


def _total(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return {k: total[k] for k in KINDS}


def _worst_first(views: Sequence[ArticleView]) -> list[ArticleView]:
    return sorted((v for v in views if v.errors), key=lambda v: -v.errors)[:WORST]
