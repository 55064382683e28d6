"""The report page: exact error kinds, text that survives, markup that is never believed, nothing from the network."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from data.article import Article, Entity, Event, Relation, Signatory
from data.schema import RelationType, Schema
from eval.article_view import chunk_text, event_rows, letters, view_article
from eval.curves import training_charts
from eval.errors_of import event_pairs, relation_errors, span_errors
from eval.metrics import score_articles
from eval.report import write_report

SCHEMA = Schema(name="tiny", labels=("HOSPITAL", "PERSON"), relations=(
    RelationType(name="WORKS_AT", head=frozenset({"PERSON"}), tail=frozenset({"HOSPITAL"})),
    RelationType(name="SIGNED_WITH", head=frozenset({"HOSPITAL"}), tail=frozenset({"HOSPITAL"}), symmetric=True)))
TEXT = "甲医院与乙医院签约,<script>alert(1)</script> 王五 & \"李四\" https://example.com/x.js"


def entity(id: str, start: int, end: int, label: str = "HOSPITAL", text: str = TEXT) -> Entity:
    return Entity(id=id, char_start=start, char_end=end, label=label, text=text[start:end])


def kinds(gold: list[Entity], predicted: list[Entity]) -> list[tuple[str, str | None, str | None]]:
    return [(e.kind, e.gold.id if e.gold else None, e.predicted.id if e.predicted else None)
            for e in span_errors(gold, predicted)]


@pytest.mark.parametrize(("gold", "predicted", "expected"), [
    ([(0, 3, "H")], [(0, 3, "H")], [("correct", "g0", "p0")]),
    ([(0, 3, "H")], [(0, 3, "P")], [("label", "g0", "p0")]),
    ([(0, 3, "H")], [(1, 3, "H")], [("boundary", "g0", "p0")]),
    ([(0, 3, "H")], [(1, 4, "P")], [("label", "g0", "p0")]),
    ([(0, 3, "H")], [(3, 5, "H")], [("missed", "g0", None), ("spurious", None, "p0")]),
    ([], [(3, 5, "H")], [("spurious", None, "p0")]),
    ([(0, 3, "H")], [], [("missed", "g0", None)]),
    ([(0, 4, "H")], [(0, 2, "H"), (2, 4, "H")], [("boundary", "g0", "p0"), ("boundary", "g0", "p1")]),
    ([(0, 2, "H"), (3, 7, "H")], [(0, 7, "H")], [("boundary", "g1", "p0"), ("boundary", "g0", "p0")]),
    # Of two overlapped spans the one with the same label counts, though it is the shorter.
    ([(0, 4, "P"), (4, 5, "H")], [(0, 5, "H")], [("boundary", "g1", "p0"), ("label", "g0", "p0")]),
])
def test_kinds_of_span_errors(gold: list[Any], predicted: list[Any], expected: list[Any]) -> None:
    def spans(prefix: str, items: list[Any]) -> list[Entity]:
        return [entity(f"{prefix}{i}", s, e, label) for i, (s, e, label) in enumerate(items)]

    assert sorted(kinds(spans("g", gold), spans("p", predicted)), key=str) == sorted(expected, key=str)


def articles() -> tuple[Article, Article]:
    gold = Article(id="a<1>", text=TEXT, published="2024-01-02", entities=(
        entity("T1", 0, 3), entity("T2", 4, 7), entity("T3", 36, 38, "PERSON")),
        relations=(Relation(type="SIGNED_WITH", head="T1", tail="T2"), Relation(type="WORKS_AT", head="T3", tail="T1")),
        events=(Event(parties=("甲医院", "乙医院"), date="2024-01-02", agreement="<b>协议</b>",
                      signatories=(Signatory(person="王五", roles=("院长",), hospital="甲医院"),)),))
    predicted = Article(id="a<1>", text=TEXT, model="m<i>", entities=(
        entity("x", 0, 3), entity("y", 3, 7), entity("z", 10, 18, "PERSON")),
        relations=(Relation(type="SIGNED_WITH", head="y", tail="x"), Relation(type="WORKS_AT", head="z", tail="x")),
        events=(Event(parties=("乙医院", "甲医院"), date="2024-01"), Event(parties=("丁医院",))))
    return gold, predicted


def test_relations_are_judged_with_their_ends() -> None:
    gold, predicted = articles()
    found = {(e.kind, e.type, e.head.text, e.tail.text) for e in relation_errors(gold, predicted, SCHEMA)}
    assert found == {("missed", "SIGNED_WITH", "甲医院", "乙医院"), ("missed", "WORKS_AT", "王五", "甲医院"),
                     ("spurious", "SIGNED_WITH", "甲医院", "与乙医院"), ("spurious", "WORKS_AT", "<script>", "甲医院")}
    assert {e.kind for e in relation_errors(gold, gold, SCHEMA)} == {"correct"}


def test_events_are_paired_by_parties_and_compared_by_field() -> None:
    gold, predicted = articles()
    pairs = event_pairs(gold.events, predicted.events)
    assert [(p.gold, p.predicted) for p in pairs] == [(gold.events[0], predicted.events[0]), (None, predicted.events[1])]
    assert pairs[0].differing == {"date", "signatories", "agreement"}
    assert event_pairs((), ()) == []
    assert {row[0]: row[3] for row in event_rows(pairs[0])} == {
        "parties": False, "signatories": True, "date": True, "agreement": True}


def test_pieces_join_to_the_text_and_overlaps_share_a_chunk() -> None:
    gold, predicted = articles()
    chunks = chunk_text(TEXT, span_errors(gold.entities, predicted.entities), letters(SCHEMA.labels))
    assert "".join(p.text for c in chunks for p in c.pieces) == TEXT
    marked = [(c.kind, c.tag, [(p.text, p.sides) for p in c.pieces]) for c in chunks if c.kind]
    assert marked == [
        ("correct", "H", [("甲医院", "gp")]), ("boundary", "≠H", [("与", "p"), ("乙医院", "gp")]),
        ("spurious", "+P", [("<script>", "p")]), ("missed", "−P", [("王五", "g")])]


def test_letters_are_the_shortest_that_tell_apart() -> None:
    assert letters(("HOSPITAL", "PERSON", "POST")) == {"HOSPITAL": "H", "PERSON": "PE", "POST": "PO"}
    assert letters(("ORG", "ORGAN"))["ORG"] == "ORG"


def test_view_counts_every_error_once() -> None:
    view = view_article(*articles(), SCHEMA, seen=True)
    assert view.counts == {"correct": 1, "boundary": 1, "label": 0, "missed": 1, "spurious": 1}
    assert (view.event_errors, view.errors) == (2, 3 + 4 + 2)
    assert "missed:PERSON" in view.keys.split()
    assert "spurious:WORKS_AT" in view.keys.split()


class Page(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.shown: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.shown.append(data)


def metrics_of(gold: Article, predicted: Article, **extra: Any) -> dict[str, Any]:
    return score_articles([gold], [predicted], SCHEMA, on_gold_entities=[gold]) | extra


def full_metrics(gold: Article, predicted: Article) -> dict[str, Any]:
    scores = score_articles([gold], [predicted], SCHEMA)
    base = {"entities": scores["entities"]["micro"], "relations": scores["relations"]["micro"],
            "events": scores["events"]["parties"], "entities_by_name": {"HOSPITAL": 0.25, "PERSON": 0.0}}
    return metrics_of(gold, predicted, baselines={"rules": base}, seen_in_training=[gold.id], thresholds={"WORKS_AT": 0.4},
                      coverage={"tokens_outside_every_window": 0, "dropped_outside_schema": {"entity:ORG": 7}},
                      provenance={"command": "python -m x <y>", "git": None, "versions": {"torch": "2"}, "log": [
                          {"step": 1, "loss": 3.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 1.0},
                          {"step": 2, "eval_entity_f1": 0.4}, {"step": 3, "eval_entity_f1": 0.6}]})


@pytest.fixture
def page(tmp_path: Path) -> str:
    gold, predicted = articles()
    write_report(tmp_path / "deep" / "index.html", full_metrics(gold, predicted), [gold], [predicted], SCHEMA)
    return (tmp_path / "deep" / "index.html").read_text(encoding="utf-8")


def test_article_text_is_shown_and_never_run(page: str) -> None:
    parsed = Page(page)
    assert sum(tag == "script" for tag, _ in parsed.tags) == 1
    assert TEXT in "".join(parsed.shown)
    assert "<script>alert" not in page
    assert "<b>协议</b>" not in page
    assert html.escape("<b>协议</b>") in page
    assert "m<i>" not in page


def test_page_asks_for_nothing_from_the_network(page: str) -> None:
    loading = {name: value for _, attrs in Page(page).tags for name, value in attrs.items()
               if name in ("src", "href", "action", "data", "poster", "srcset")}
    assert all(value and value.startswith(("#", "data:")) for value in loading.values())
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(", page[page.rindex("<script>") :])


def test_page_says_what_matters(page: str) -> None:
    shown = "".join(Page(page).shown)
    for words in ("seen in training", "Diagnostic only", "rules F1", "95 % interval", "False events per 100",
                  "python -m x <y>", "entity:ORG", "threshold WORKS_AT", "training loss", "scores on dev"):
        assert words in shown, words
    assert 'lang="en"' in page
    assert 'lang="zh"' in page


def test_ids_and_labels_of_controls_fit(page: str) -> None:
    tags = Page(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    anchors = [(attrs["href"] or "")[1:] for tag, attrs in tags if tag == "a"]
    assert {a for a in anchors if not a.startswith("a-")} <= set(ids)


def test_page_stands_without_the_optional_parts(tmp_path: Path) -> None:
    empty = Article(id="e", text="")
    write_report(tmp_path / "r.html", score_articles([empty], [empty], SCHEMA), [empty], [empty], SCHEMA)
    shown = "".join(Page((tmp_path / "r.html").read_text(encoding="utf-8")).shown)
    assert "Gold has no entities here" in shown
    assert "seen in training" not in shown


def test_half_a_surrogate_pair_does_not_stop_the_page(tmp_path: Path) -> None:
    odd = Article(id="s", text="坏\ud800字")
    write_report(tmp_path / "r.html", score_articles([odd], [odd], SCHEMA), [odd], [odd], SCHEMA)
    assert "坏?字" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_missing_prediction_is_named(tmp_path: Path) -> None:
    gold, predicted = articles()
    with pytest.raises(ValueError, match="no prediction for"):
        write_report(tmp_path / "r.html", metrics_of(gold, predicted), [gold], [], SCHEMA)
    assert not (tmp_path / "r.html").exists()


def test_charts_leave_out_what_has_no_line() -> None:
    log = [{"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0}, {"step": 20, "eval_f1": 0.5}, {"train_runtime": 3.0}]
    (chart,) = training_charts(log)
    assert (chart.title, chart.first_step, chart.last_step, chart.high) == ("training loss", 10, 20, 2.0)
    assert chart.lines[0].points == "0.0,0.0 360.0,85.0"
    assert training_charts([]) == []


def test_cluster_scores_stand_on_the_page_where_gold_has_clusters(tmp_path: Path) -> None:
    gold, predicted = articles()
    for name, clusters in (("without", ()), ("with", (("T1", "T2"), ("T3",)))):
        clustered = replace(gold, clusters=clusters)
        metrics = score_articles([clustered], [predicted], SCHEMA, on_gold_entities=[clustered])
        write_report(tmp_path / f"{name}.html", metrics, [clustered], [predicted], SCHEMA)
        shown = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert ("CoNLL F1" in shown) == ("The same on gold mentions" in shown) == (name == "with")


def test_the_evidence_of_each_event_is_marked_in_the_text(tmp_path: Path) -> None:
    spans = (entity("T1", 0, 3), entity("T2", 4, 7))
    gold = Article(id="a", text=TEXT, entities=spans, events=(Event(parties=("甲医院", "乙医院"), evidence=("T1", "T2")),))
    # The prediction calls the second hospital T1: ids belong to their side.
    found = Article(id="a", text=TEXT, entities=(entity("T1", 4, 7),), events=(Event(parties=("乙医院",), evidence=("T1",)),))
    pairs = event_pairs(gold.events, found.events)
    chunks = view_article(gold, found, SCHEMA, seen=False).chunks
    numbers = {chunk.pieces[0].text: list(chunk.events) for chunk in chunks if chunk.kind}
    of_gold = next(i for i, p in enumerate(pairs, start=1) if p.gold is not None)
    of_found = next(i for i, p in enumerate(pairs, start=1) if p.predicted is not None)
    assert numbers == {"甲医院": [of_gold], "乙医院": sorted({of_gold, of_found})}
    write_report(tmp_path / "index.html", metrics_of(gold, found), [gold], [found], SCHEMA)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f'data-e="{of_gold}"' in page and page.count('class="wide event"') == len(pairs)
