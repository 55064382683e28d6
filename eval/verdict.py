"""The first screen of a report in plain words: how good, where it fails, what to annotate next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from eval.page import Phrase, Words, percent

PARTS = ("entities", "relations", "events")
COMPARED = {"last_run": "last_run", "human": "human", "unseen_only": "unseen"}  # name on the page -> part of the metrics
FEW = 10  # gold items below which a label or slice is too small to call weak
FEW_ARTICLES = 5
TOP_CAUSES = 3
ADVICE = 4


@dataclass(frozen=True, kw_only=True)
class HeadlineRow:
    """One row of the first table; ``others`` holds the scores of baselines, the last run and the human passes."""

    name: str
    scores: Mapping[str, Any]
    others: Mapping[str, Mapping[str, Any]]


def headline(metrics: Mapping[str, Any]) -> list[HeadlineRow]:
    """The model's strict scores on entities, relations and events, each beside what there is to compare with."""
    others = dict(metrics.get("baselines") or {})
    others |= {name: metrics[key] for name, key in COMPARED.items() if metrics.get(key)}
    rows = [("entities", metrics["entities"]["micro"]), ("relations", metrics["relations"]["micro"]),
            ("events", metrics["events"]["parties"])]
    return [HeadlineRow(name=name, scores=scores, others={n: o[name] for n, o in others.items() if o.get(name)})
            for name, scores in rows]


def how_good(metrics: Mapping[str, Any], w: Words) -> list[Phrase]:
    """What share is found and right, against the floors and against people."""
    said = []
    for row in headline(metrics):
        s, name = row.scores, w.name(row.name)
        if not s["support"]:
            said.append(w.phrase("good_no_gold", name=name, n=s["predicted"]))
        else:
            said.append(w.phrase("good_row", name=name, found=_of_100(s["recall"]), right=_of_100(s["precision"]),
                                 f1=percent(s["f1"]), low=percent(s["interval"][0]), high=percent(s["interval"][1])))
        said += [w.phrase("good_baseline_better", name=name, baseline=w.name(other), points=percent(score["f1"] - s["f1"]))
                 for other, score in row.others.items() if other in (metrics.get("baselines") or ()) and score["f1"] > s["f1"]]
    if (full := metrics["events"].get("full_record")) and full["support"]:
        said.append(w.phrase("good_full", n=_of_100(full["recall"])))
    return said


def where_it_fails(metrics: Mapping[str, Any], kinds: Mapping[str, int], w: Words) -> list[Phrase]:
    """The weakest name, the most frequent error, its causes, the weakest slice.

    Args:
        kinds: counts of span judgements by kind.
    """
    said = []
    for key, part in (("fails_label", "entities"), ("fails_relation", "relations")):
        rows = metrics[part]["by_name"]
        enough = {n: s for n, s in rows.items() if s["support"] >= FEW} or {n: s for n, s in rows.items() if s["support"]}
        if enough:
            name = min(enough, key=lambda n: enough[n]["f1"])
            said.append(w.phrase(key, name=name, f1=percent(enough[name]["f1"]), support=enough[name]["support"]))
    wrong = {k: n for k, n in kinds.items() if k != "correct" and n}
    if wrong:
        worst = max(wrong, key=lambda k: wrong[k])
        said.append(w.phrase("fails_kind", total=sum(wrong.values()), n=wrong[worst], kind=w.name(worst),
                             meaning=w.phrase(f"meaning_{worst}")))
    else:
        said.append(w.phrase("fails_nothing"))
    causes = ((metrics.get("errors") or {}).get("causes") or ())[:TOP_CAUSES]
    if causes:
        meanings = [Phrase(escape(c["meaning"]["en"]), escape(c["meaning"]["zh"])) for c in causes]
        said.append(w.phrase("fails_causes", causes=_joined([
            w.phrase("fails_cause", meaning=meaning, n=c["count"]) for meaning, c in zip(meanings, causes, strict=True)])))
    if weakest := weakest_slice(metrics):
        dimension, value, score = weakest
        said.append(w.phrase("fails_slice", dimension=w.name(dimension), value=w.name(value), f1=percent(score["f1"]),
                             whole=percent(metrics["entities"]["micro"]["f1"])))
    if negatives := metrics["events"].get("negative_articles"):
        said.append(w.phrase("fails_negatives", rate=f"{metrics['events']['false_events_per_100_negatives']:.0f}", n=negatives))
    return said


def weakest_slice(metrics: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]] | None:
    """Dimension, value and entity score of the slice that lies furthest below the whole; None where none does."""
    whole = metrics["entities"]["micro"]["f1"]
    found = [(slice_["entities"]["f1"], dimension, value, slice_["entities"])
             for dimension, values in (metrics.get("slices") or {}).items() for value, slice_ in values.items()
             if slice_["articles"] >= FEW_ARTICLES and slice_["entities"]["support"] >= FEW and slice_["entities"]["f1"] < whole]
    return min(found, key=lambda row: row[0])[1:] if found else None


def annotate_next(metrics: Mapping[str, Any], kinds_by_label: Mapping[str, Mapping[str, int]], w: Words) -> list[dict[str, Any]]:
    """Advice, the most useful first: that of the metrics, or else the names that lose most, with few gold examples first.

    Returns:
        ``{"advice": Phrase, "examples": [{"article", "text", "char_start"?}]}`` each.
    """
    if stated := metrics.get("annotate_next"):
        return [{"advice": _both(item["advice"]), "examples": [_placed(x, metrics) for x in item.get("examples") or ()]}
                for item in stated[:ADVICE]]
    lost = sorted(kinds_by_label, key=lambda name: -sum(n for k, n in kinds_by_label[name].items() if k != "correct"))
    rows = [(name, sum(n for k, n in kinds_by_label[name].items() if k != "correct")) for name in lost]
    return [{"advice": w.phrase("next_label", name=name, n=n), "examples": []} for name, n in rows[:2] if n]


def _of_100(share: float) -> int:
    return round(100 * share)


def _placed(example: Mapping[str, Any], metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """The example with the offset of its error, where the list of errors has it."""
    place = next((e["char_start"] for e in (metrics.get("errors") or {}).get("items") or ()
                  if (e["article"], e.get("text")) == (example["article"], example["text"])), None)
    return example if "char_start" in example or place is None else {**example, "char_start": place}


def _both(texts: Mapping[str, str]) -> Phrase:
    """A sentence that the metrics carry in both languages."""
    english = texts["en"]
    return Phrase(escape(english[:1].upper() + english[1:]), escape(texts["zh"]))


def _joined(phrases: Sequence[Phrase]) -> Phrase:
    return Phrase(Markup("; ").join(p.en for p in phrases), Markup("；").join(p.zh for p in phrases))
