"""The report of one evaluation: a single page that opens from disk, without network, on any screen or on paper.

``python -m eval.report reports/default`` writes the page of an earlier evaluation anew, without the model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data.article import Article, read_jsonl
from data.errors import EXIT_OK, DataError, run_command
from data.markup import STATUSES
from data.schema import Schema, load_schema
from eval.article_view import EVENT_STATES, NOTHING, ArticleView, page_record, view_article
from eval.charts import strip
from eval.confusion import BOUNDARY_KINDS, NONE, confusions
from eval.errors_of import EVENT_FIELDS, KINDS
from eval.page import HTML_LANGUAGE, LANGUAGES, words, write_page
from eval.plots import calibration_charts, precision_recall_charts, training_charts
from eval.tasks import task_addresses
from eval.verdict import annotate_next, headline, how_good, where_it_fails

FEW_ARTICLES = 10  # below this many an interval over articles says little
EVENT_SCORES = ("parties", "record", "full_record", "signatories", "dates")


def write_report(
    path: Path, metrics: Mapping[str, Any], gold: Sequence[Article], predicted: Sequence[Article], schema: Schema, *,
    lang: str = "en", tasks: Mapping[str, str] | None = None,
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the HTML file.
        metrics: the record of ``eval.evaluate``; only ``articles``, ``entities``, ``relations`` and ``events`` are
            needed, the other parts of the page follow what is there.
        gold: annotated articles, restricted to the schema.
        predicted: predictions for the same ids, in any order.
        schema: labels and relation types of the page.
        lang: the language that shows first, ``en`` or ``zh``.
        tasks: the address of the Label Studio task of an article, by article id.

    Raises:
        ValueError: an article has no prediction.
    """
    found = {a.id: a for a in predicted}
    if missing := [a.id for a in gold if a.id not in found]:
        raise ValueError(f"no prediction for {missing[:5]}")
    seen = set(metrics.get("seen_in_training") or ())
    views = [view_article(a, found[a.id], schema, seen=a.id in seen) for a in gold]
    w = words()
    by_label = _kinds_by_label(views)
    kinds = _total(v.counts for v in views)
    write_page(
        path, "report.html.j2", lang=lang, metrics=metrics, baselines=metrics.get("baselines") or {}, schema=schema,
        model=next((a.model for a in predicted if a.model), None) or "Qianyue", articles=len(gold),
        seen=sorted(seen & found.keys()), kinds=KINDS, headline=headline(metrics), good=how_good(metrics, w),
        fails=where_it_fails(metrics, kinds, w), next=annotate_next(metrics, by_label, w), few=len(gold) < FEW_ARTICLES,
        strip=strip, event_scores=EVENT_SCORES, boundary_kinds=BOUNDARY_KINDS, absent=NONE,
        confusion=confusions(j for v in views for j in v.judgements), matrix_names=[*schema.labels, NONE],
        letters=letters(schema.labels),
        charts=[*precision_recall_charts(metrics, w), *calibration_charts(metrics, w), *training_charts(metrics, w)],
        provenance=provenance_rows(metrics), page_data=page_data(views, metrics, schema, tasks or {}))


def letters(labels: Sequence[str]) -> dict[str, str]:
    """The shortest prefix of each label that no other label shares."""
    def prefix(label: str) -> str:
        lengths = range(1, len(label) + 1)
        return next((label[:n] for n in lengths if sum(x.startswith(label[:n]) for x in labels) == 1), label)

    return {label: prefix(label) for label in labels}


def page_data(
    views: Sequence[ArticleView], metrics: Mapping[str, Any], schema: Schema, tasks: Mapping[str, str]
) -> dict[str, Any]:
    """What the scripts of the page read: articles, and the tables of names that they point into."""
    w = words()
    judged = {e.label for v in views for j in v.judgements for e in (j.gold, j.predicted) if e}
    labels = [*schema.labels, *sorted(judged - {*schema.labels})]
    types = [r.name for r in schema.relations]
    types += sorted({r.type for v in views for r in v.relations} - {*types})
    slices = [(dimension, value, set(s["ids"])) for dimension, values in (metrics.get("slices") or {}).items()
              for value, s in values.items()]
    causes = causes_of_errors(metrics)
    names = {name: w.name(name) for name in (*KINDS, *EVENT_STATES, *EVENT_FIELDS, *(f"status_{s}" for s in STATUSES))}
    return {
        "labels": labels, "types": types, "letters": letters(labels), "kinds": KINDS,
        "slices": [[w.name(dimension), w.name(value)] for dimension, value, _ in slices],
        "causes": [[c["meaning"]["en"], c["meaning"]["zh"]] for c in (metrics.get("errors") or {}).get("causes") or ()],
        "names": names, "words": w.for_script("js_"), "languages": HTML_LANGUAGE,
        "articles": [page_record(v, [*labels, *types], task=tasks.get(v.gold.id), cause_of=causes,
                                 slices=[i for i, (_, _, ids) in enumerate(slices) if v.gold.id in ids]) for v in views],
    }


def causes_of_errors(metrics: Mapping[str, Any]) -> dict[tuple[Any, ...], int]:
    """The position of the cause of every error, by what tells errors apart: article, part, kind, name and first character;
    of events article, part and number, because the wrong events of an article come in order."""
    errors = metrics.get("errors") or {}
    place = {c["cause"]: i for i, c in enumerate(errors.get("causes") or ())}
    numbers: Counter[str] = Counter()
    found: dict[tuple[Any, ...], int] = {}
    for e in errors.get("items") or ():
        if e["part"] == "events":
            found[e["article"], "events", numbers[e["article"]]] = place.get(e["cause"], NOTHING)
            numbers[e["article"]] += 1
        else:
            found[e["article"], e["part"], e["kind"], e["name"], e["char_start"]] = place.get(e["cause"], NOTHING)
    return found


def provenance_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What made the figures, one fact a row; nested facts as ``outer: inner``."""
    rows: list[tuple[str, str]] = []
    for part in ("provenance", "cost", "coverage", "thresholds"):
        for name, value in (metrics.get(part) or {}).items():
            if name in ("log", "config") or (part == "provenance" and name == "cost" and metrics.get("cost")):
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
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else json.dumps(value, ensure_ascii=False)


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return {k: total[k] for k in KINDS}


def _kinds_by_label(views: Iterable[ArticleView]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for judgement in (j for v in views for j in v.judgements):
        entity = judgement.gold or judgement.predicted
        assert entity is not None
        found.setdefault(entity.label, Counter())[judgement.kind] += 1
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m eval.report``."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.report", description="Write the page of an evaluation anew from its files, without the model.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.report reports/default --lang zh\n"
               "  python -m eval.report reports/default --tasks export.json --label-studio http://localhost:8080")
    parser.add_argument("report", type=Path, metavar="DIR", help="folder with metrics.json, gold.jsonl and predictions.jsonl")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language that shows first (default: en)")
    parser.add_argument("--tasks", type=Path, metavar="FILE", help="JSON export of Label Studio: errors link to their tasks")
    parser.add_argument("--label-studio", default="http://localhost:8080", metavar="URL", help="where Label Studio runs")
    parser.add_argument("--schema", type=Path, metavar="YAML", help="schema (default: configs/schema/NAME.yaml of the metrics)")
    args = parser.parse_args(argv)
    metrics = read_metrics(args.report / "metrics.json")
    schema = load_schema(args.schema or Path("configs/schema") / f"{metrics['schema']}.yaml")
    tasks = task_addresses(args.tasks, args.label_studio) if args.tasks else {}
    gold, predicted = (read_jsonl(args.report / name) for name in ("gold.jsonl", "predictions.jsonl"))
    try:
        write_report(args.report / "index.html", metrics, gold, predicted, schema, lang=args.lang, tasks=tasks)
    except ValueError as fault:
        raise DataError(str(fault), place=str(args.report), repair="evaluate again: python -m eval.evaluate …") from fault
    print(f"report: {args.report / 'index.html'}")
    return EXIT_OK


def read_metrics(path: Path) -> dict[str, Any]:
    """``metrics.json`` of a report.

    Raises:
        DataError: it is missing, or no metrics of an evaluation.
    """
    repair = "evaluate first: python -m eval.evaluate --model RUN --data GOLD --report DIR"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise DataError("no such file", place=str(path), repair=repair) from fault
    except ValueError as fault:
        raise DataError(f"no valid JSON: {fault}", place=str(path), repair=repair) from fault
    wanted = ("articles", "schema", "entities", "relations", "events")
    if not isinstance(metrics, dict) or any(key not in metrics for key in wanted):
        raise DataError(f"expected the metrics of an evaluation with {', '.join(wanted)}", place=str(path), repair=repair)
    return metrics


if __name__ == "__main__":
    sys.exit(run_command(main))
