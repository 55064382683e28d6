"""Bounds that a score must reach, and the summaries that CI and pull requests read: JUnit XML and Markdown."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from data.errors import UsageError
from data.files import write_text
from data.schema import Schema
from eval.overlap import reader_notes

JUNIT, SUMMARY = "junit.xml", "summary.md"
MEASURES = ("f1", "precision", "recall")
# Name in a gate -> where the score stands in metrics.json.
PARTS = {"entity": ("entities", "micro"), "relation": ("relations", "micro"), "event": ("events", "parties"),
         "event_record": ("events", "record"), "event_full_record": ("events", "full_record"),
         "signatory": ("events", "signatories")}
UNSEEN = {"entity": "entities", "relation": "relations", "event": "events"}
OTHERS = ("entity_macro_f1", "relation_macro_f1", "cluster_f1")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """One bound and what was found; ``value`` is None where there is nothing to judge, which fails."""

    name: str
    bound: float
    value: float | None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the score reaches its bound."""
        return self.value is not None and self.value >= self.bound

    def line(self) -> str:
        """One line for people."""
        found = "nothing to judge" if self.value is None else f"{self.value:.4f}"
        return f"{'pass' if self.passed else 'FAIL'}: {self.name} {found}, bound {self.bound}" + (
            f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Gates:
    """Bounds by name, as the command line gives them."""

    bounds: Mapping[str, float]

    def check_names(self, schema: Schema) -> None:
        """Refuse names that no report of this schema holds.

        Raises:
            UsageError: with the names there are.
        """
        names = [*(f"{part}_{m}" for part in (*PARTS, *schema.labels, *(r.name for r in schema.relations)) for m in MEASURES),
                 *OTHERS]
        if unknown := sorted(set(self.bounds) - set(names)):
            raise UsageError(f"no such score: {', '.join(unknown)}; there are {', '.join(names)}", place="--fail-under",
                             repair="--fail-under entity_f1=0.85")


def parse_gates(options: Sequence[str]) -> Gates:
    """``NAME=BOUND`` options.

    Raises:
        UsageError: every option of another form, or a bound outside 0..1, at once.
    """
    bounds: dict[str, float] = {}
    faults = []
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not re.fullmatch(r"0|1|[01]?\.\d+", value) or float(value) > 1:
            faults.append(option)
        else:
            bounds[name] = float(value)
    if faults:
        raise UsageError(f"expected SCORE=BOUND with a bound from 0 to 1, found {', '.join(map(repr, faults))}",
                         place="--fail-under", repair="--fail-under entity_f1=0.85")
    return Gates(bounds)


def check_gates(gates: Gates, record: Mapping[str, Any]) -> list[GateResult]:
    """Hold every bound against a record. Articles that training saw do not count: their share of the headline is left
    out where it is known, and a score that cannot leave them out is refused."""
    results = []
    seen = len(record["seen_in_training"])
    for name, bound in gates.bounds.items():
        part, _, measure = name.rpartition("_")
        value, note = _value(record, name), ""
        if seen and seen == record["articles"]:
            value, note = None, "every article was seen in training"
        elif seen and part in UNSEEN and measure in MEASURES:
            value, note = record["unseen"][UNSEEN[part]][measure], f"the {seen} articles seen in training left out"
        elif seen:
            value, note = None, f"{seen} articles were seen in training, and this score holds them"
        elif not record.get("training_known", True):
            note = "what the model was trained on is not known"
        results.append(GateResult(name=name, bound=bound, value=value, note=note))
    return results


def _value(record: Mapping[str, Any], name: str) -> float | None:
    if name == "cluster_f1":
        return record["clusters"]["both"]["conll_f1"] if "clusters" in record else None
    if name in ("entity_macro_f1", "relation_macro_f1"):
        return float(record["entities" if name.startswith("entity") else "relations"]["macro_f1"])
    part, _, measure = name.rpartition("_")
    if part in PARTS:
        section, row = PARTS[part]
        return float(record[section][row][measure])
    for section in ("entities", "relations"):
        if part in record[section]["by_name"]:
            scores = record[section]["by_name"][part]
            return float(scores[measure]) if scores["support"] or scores["predicted"] else None
    return None


def write_summaries(report: Path, record: Mapping[str, Any], results: Sequence[GateResult] = ()) -> None:
    """Write ``junit.xml`` and ``summary.md`` to the report folder."""
    write_text(report / JUNIT, junit(record, results))
    write_text(report / SUMMARY, markdown(record, results))


def junit(record: Mapping[str, Any], results: Sequence[GateResult]) -> str:
    """A JUnit test suite: one case a bound, one for text outside every window; the headline as properties."""
    outside = record["coverage"]["tokens_outside_every_window"]
    cases = [(r.name, None if r.passed else r.line()) for r in results]
    cases.append(("no text outside every window", f"{outside} tokens" if outside else None))
    suite = ElementTree.Element("testsuite", name=_xml(f"evaluation of {record.get('model')}"), tests=str(len(cases)),
                                failures=str(sum(fault is not None for _, fault in cases)), errors="0",
                                time=str(record["cost"]["seconds"]))
    properties = ElementTree.SubElement(suite, "properties")
    for part, (section, row) in PARTS.items():
        for measure in MEASURES:
            ElementTree.SubElement(properties, "property", name=f"{part}_{measure}",
                                   value=f"{record[section][row][measure]:.6f}")
    for name, fault in cases:
        case = ElementTree.SubElement(suite, "testcase", classname="eval.evaluate", name=_xml(name))
        if fault is not None:
            ElementTree.SubElement(case, "failure", message=_xml(fault))
    if note := reader_notes(record):
        ElementTree.SubElement(suite, "system-out").text = _xml(note)
    buffer = io.BytesIO()
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(buffer, encoding="utf-8", xml_declaration=True)
    return buffer.getvalue().decode("utf-8") + "\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold, escaped or not."""
    return _NOT_XML.sub("\ufffd", text)


def markdown(record: Mapping[str, Any], results: Sequence[GateResult]) -> str:
    """The headline with baselines, the bounds, the causes of most errors and what to annotate next, for a pull request."""
    beside = dict(record["baselines"])
    for title, key in (("last run", "last_run"), ("annotators", "human")):
        if record.get(key):
            beside[title] = record[key]
    lines = [f"### {_cell(str(record.get('model')))}: {record['articles']} articles, strict, end to end", "",
             f"| | precision | recall | F1 | 95 % interval | support | {' | '.join(beside)} |", "| --- " * (6 + len(beside)) + "|"]
    for title, scores, key in (("entities", record["entities"]["micro"], "entities"),
                               ("relations", record["relations"]["micro"], "relations"),
                               ("events (parties)", record["events"]["parties"], "events"),
                               ("events (full record)", record["events"]["full_record"], "")):
        low, high = scores["interval"]
        floors = " | ".join(f"{b[key]['f1']:.3f}" if key else "" for b in beside.values())
        lines.append(f"| {title} | {scores['precision']:.3f} | {scores['recall']:.3f} | {scores['f1']:.3f} "
                     f"| {low:.3f}-{high:.3f} | {scores['support']} | {floors} |")
    if note := reader_notes(record):
        lines += ["", *(f"**{line}**" for line in note.splitlines())]
    if results:
        lines += ["", "| bound | found | |", "| --- | --- | --- |",
                  *(f"| {r.name} ≥ {r.bound} | {'–' if r.value is None else f'{r.value:.4f}'} "
                    f"| {'pass' if r.passed else '**fail**'}{f' ({r.note})' if r.note else ''} |" for r in results)]
    if record["errors"]["causes"]:
        lines += ["", "| cause of errors | count | share |", "| --- | --- | --- |",
                  *(f"| {c['cause']} | {c['count']} | {c['share']:.2f} |" for c in record["errors"]["causes"][:6])]
    if record["annotate_next"]:
        lines += ["", "To annotate next: " + "; ".join(a["advice"]["en"] for a in record["annotate_next"][:3]) + "."]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
