"""``python -m eval.compare RUN RUN …``: runs side by side, with significance and the examples won and lost."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_OK, DataError, UsageError, run_command

if TYPE_CHECKING:
    from data.article import Article
    from data.schema import Schema
    from eval.counts import Counts
    from eval.significance import Difference

REPORTS = Path("reports")
CONTEXT = 18  # characters shown on each side of an example
EVENT_ROWS = ("parties", "record", "full_record", "signatories")


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """One evaluation: what it is called, its record, and its predictions by article id."""

    name: str
    record: Mapping[str, Any]
    gold: Mapping[str, Article]
    predicted: Mapping[str, Article]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One item that one system has right and the other has not. ``before`` and ``after`` are its context."""

    article: str
    part: str
    name: str
    kind: str  # found, no longer made up (won); lost, newly made up (lost)
    text: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run against the first one: differences by row, and what changed."""

    first: Evaluated
    second: Evaluated
    articles: int
    rows: Mapping[str, Difference]
    won: Sequence[Change]
    lost: Sequence[Change]
    settings: Mapping[str, tuple[Any, Any]]


def folder_of(path: Path) -> Path:
    """The report folder that a path stands for: itself, or ``reports/<name of the run>``.

    Raises:
        UsageError: neither is there.
    """
    for folder in (path, REPORTS / path.name):
        if (folder / "metrics.json").is_file() and (folder / "predictions.jsonl").is_file():
            return folder
    raise UsageError("no report of this run", place=str(path),
                     repair=f"python -m eval.evaluate --model {path} --data GOLD --report {REPORTS / path.name}")


def read_evaluated(path: Path) -> Evaluated:
    """Read one report.

    Raises:
        DataError, UsageError: it is not there, or broken.
    """
    from data.article import read_jsonl
    from eval.report_files import GOLD, PREDICTIONS, read_record

    folder = folder_of(path)
    return Evaluated(name=str(path), record=read_record(folder), gold={a.id: a for a in read_jsonl(folder / GOLD)},
                     predicted={a.id: a for a in read_jsonl(folder / PREDICTIONS)})


def compare(first: Evaluated, second: Evaluated) -> Comparison:
    """Compare over the articles whose gold is the same in both.

    Raises:
        DataError: the two share no article, or were scored under different schemas.
    """
    from data.schema import schema_from_dict
    from eval.significance import paired_difference

    if first.record["schema_definition"] != second.record["schema_definition"]:
        raise DataError(f"scored under different schemas: {first.record['schema']} and {second.record['schema']}",
                        place=second.name, repair="compare runs of one schema")
    shared = [i for i, gold in first.gold.items() if second.gold.get(i) == gold]
    if not shared:
        raise DataError(f"shares no gold article with {first.name}", place=second.name,
                        repair="evaluate both on the same --data, then compare these reports")
    schema = schema_from_dict(first.record["schema_definition"], place="metrics.json")
    counts = [row_counts([(x.gold[i], x.predicted[i]) for i in shared], schema) for x in (first, second)]
    changes = [c for i in shared for c in changed(first.gold[i], first.predicted[i], second.predicted[i], schema)]
    return Comparison(
        first=first, second=second, articles=len(shared),
        rows={name: paired_difference(counts[0][name], counts[1][name]) for name in counts[0]},
        won=[c for is_won, c in changes if is_won], lost=[c for is_won, c in changes if not is_won],
        settings=differing_settings(first.record, second.record))


def row_counts(pairs: Sequence[tuple[Article, Article]], schema: Schema) -> dict[str, list[Counts]]:
    """Counts of each article by row; rows that neither gold nor prediction has are left out."""
    from eval.counts import count_sets
    from eval.event_scores import event_counts
    from eval.metrics import entity_items, relation_items

    rows: dict[str, list[Counts]] = {}
    rows["entities"] = [count_sets(entity_items(g), entity_items(p)) for g, p in pairs]
    for label in schema.labels:
        rows[f"entities: {label}"] = [count_sets(entity_items(g, label), entity_items(p, label)) for g, p in pairs]
    rows["relations"] = [count_sets(relation_items(g, schema), relation_items(p, schema)) for g, p in pairs]
    for r in schema.relations:
        rows[f"relations: {r.name}"] = [count_sets(relation_items(g, schema, r.name), relation_items(p, schema, r.name))
                                        for g, p in pairs]
    events = [event_counts(g, p) for g, p in pairs]
    return rows | {f"events: {name.replace('_', ' ')}": [c[name] for c in events] for name in EVENT_ROWS}


def changed(gold: Article, first: Article, second: Article, schema: Schema) -> Iterator[tuple[bool, Change]]:
    """Every item of an article that exactly one of two predictions has right, and whether the second has."""
    from data.clean import surface
    from eval.metrics import entity_items, relation_items

    text = gold.text

    def context(start: int, end: int) -> dict[str, str]:
        return {"before": text[max(0, start - CONTEXT) : start], "after": text[end : end + CONTEXT]}

    def judge(part: str, items: Sequence[set[Any]], show: Any) -> Iterator[tuple[bool, Change]]:
        wanted, old, new = items
        for item in sorted(old ^ new, key=str):
            is_new, right = item in new, item in wanted
            kind = ("found" if is_new else "lost") if right else ("newly made up" if is_new else "no longer made up")
            yield is_new == right, Change(article=gold.id, part=part, kind=kind, **show(item))

    def show_entity(item: tuple[int, int, str]) -> dict[str, Any]:
        return {"name": item[2], "text": text[item[0] : item[1]], **context(item[0], item[1])}

    def show_relation(item: tuple[Any, ...]) -> dict[str, Any]:
        head, tail = (surface(text[end[0] : end[1]]) for end in item[1:])
        return {"name": item[0], "text": f"{head} – {tail}"}

    def show_event(item: tuple[tuple[str, ...], str | None]) -> dict[str, Any]:
        return {"name": "event", "text": f"{' + '.join(item[0])}, {item[1] or 'no date'}"}

    sides = gold, first, second
    yield from judge("entities", [set(entity_items(a)) for a in sides], show_entity)
    yield from judge("relations", [set(relation_items(a, schema)) for a in sides], show_relation)
    yield from judge("events", [{(tuple(sorted((*v.parties, *v.other_parties))), v.date) for v in a.events} for a in sides],
                     show_event)


def differing_settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Settings, data and revision that are not the same, by name."""
    from eval.trackers import settings

    one, other = settings(first), settings(second)
    return {key: (one.get(key), other.get(key)) for key in sorted({*one, *other}) if one.get(key) != other.get(key)}


def text_of(comparison: Comparison, *, examples: int) -> str:
    """The comparison as plain text."""
    lines = [f"{comparison.second.name} against {comparison.first.name}: {comparison.articles} shared articles, strict F1",
             f"{'':26} {'first':>7} {'second':>7} {'diff':>7}  95 % interval      p"]
    for name, row in comparison.rows.items():
        lines.append(f"{name:26} {row.first:7.3f} {row.second:7.3f} {row.difference:+7.3f}  {row.low:+.3f} to {row.high:+.3f} "
                     f"{row.p_value:7.3f}{' *' if row.is_significant else ''}")
    lines.append("* p < 0.05 for this row alone (paired bootstrap over articles)")
    lines += [f"{key}: {old} -> {new}" for key, (old, new) in comparison.settings.items()]
    for title, changes in (("won", comparison.won), ("lost", comparison.lost)):
        lines.append(f"\n{title}: {len(changes)}")
        lines += [f"  {c.article} {c.kind} {c.name}: {c.before}[{c.text}]{c.after}".replace("\n", "⏎")
                  for c in changes[:examples]]
        if len(changes) > examples:
            lines.append(f"  and {len(changes) - examples} more (--examples, --output)")
    return "\n".join(lines)


def write_page(path: Path, comparisons: Sequence[Comparison]) -> None:
    """One self-contained HTML page of all comparisons."""
    import jinja2

    from data.files import write_text

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("compare.html.j2").render(comparisons=comparisons)
    # Text of a damaged page can hold half a surrogate pair, which no UTF-8 file can.
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``eval.compare``. The libraries that score are imported later: help comes at once."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.compare", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs side by side: every further run against the first, with paired bootstrap significance and the "
                    "examples won and lost.",
        epilog="examples:\n  python -m eval.compare reports/default reports/trial\n"
               "  python -m eval.compare runs/default runs/trial --output reports/compare.html\n"
               "A run stands for reports/<its name>. Only articles whose gold is the same in both are compared.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="report folders, or runs that have one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a self-contained HTML page too")
    parser.add_argument("--examples", type=int, default=10, metavar="N", help="examples of each kind (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    if len(args.runs) < 2:
        raise UsageError("expected two runs or more", place="eval.compare",
                         repair="python -m eval.compare reports/default reports/trial")
    first, *others = [read_evaluated(path) for path in args.runs]
    comparisons = [compare(first, other) for other in others]
    print("\n\n".join(text_of(c, examples=max(0, args.examples)) for c in comparisons))
    if args.output:
        write_page(args.output, comparisons)
        print(f"\nwritten: {args.output}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
