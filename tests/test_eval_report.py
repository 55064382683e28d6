"""The report page: exact error kinds, text that survives, markup that is never believed, nothing from the network."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, Event, Relation, Signatory, write_jsonl
from data.schema import RelationType, Schema, restrict
from eval.article_view import event_rows, mark_spans, page_record, view_article
from eval.confusion import boundary_kind, confusions
from eval.errors_of import KINDS, event_pairs, relation_errors, span_errors
from eval.metrics import score_articles
from eval.report import causes_of_errors, letters, main, provenance_rows, write_report

SCHEMA = Schema(name="hospital", labels=("HOSPITAL", "PERSON"), relations=(
    RelationType(name="WORKS_AT", head=frozenset({"PERSON"}), tail=frozenset({"HOSPITAL"})),
    RelationType(name="SIGNED_WITH", head=frozenset({"HOSPITAL"}), tail=frozenset({"HOSPITAL"}), symmetric=True)))
TEXT = "甲医院与乙医院签约,<script>alert(1)</script> 王五 & \"李四\" https://example.com/x.js"
NAMES = [*SCHEMA.labels, *(r.name for r in SCHEMA.relations)]


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


def test_overlaps_share_a_mark_and_marks_tell_both_sides() -> None:
    gold, predicted = articles()
    marks = mark_spans(span_errors(gold.entities, predicted.entities))
    assert [(m.kind, m.cuts, m.sides) for m in marks] == [
        ("correct", [0, 3], ["gp"]), ("boundary", [3, 4, 7], ["p", "gp"]), ("spurious", [10, 18], ["p"]),
        ("missed", [36, 38], ["g"])]


spans_of_text = st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.integers(1, 9), st.sampled_from(SCHEMA.labels)), max_size=7)


@given(spans_of_text, spans_of_text)
def test_marks_never_overlap_and_cover_every_span(gold: list[Any], predicted: list[Any]) -> None:
    def entities(prefix: str, items: list[Any]) -> list[Entity]:
        return [entity(f"{prefix}{i}", s, min(s + n, len(TEXT)), label) for i, (s, n, label) in enumerate(items)]

    sides = entities("g", gold), entities("p", predicted)
    marks = mark_spans(span_errors(*sides))
    assert all(a.char_end <= b.char_start for a, b in itertools.pairwise(marks))
    assert all(len(m.sides) == len(m.cuts) - 1 and m.cuts == sorted(set(m.cuts)) for m in marks)
    for side, found in zip("gp", sides, strict=True):
        shown = {i for m in marks for start, end, s in zip(m.cuts, m.cuts[1:], m.sides, strict=False) if side in s for i in range(start, end)}
        assert shown == {i for e in found for i in range(e.char_start, e.char_end)}


def test_letters_are_the_shortest_that_tell_apart() -> None:
    assert letters(("HOSPITAL", "PERSON", "POST")) == {"HOSPITAL": "H", "PERSON": "PE", "POST": "PO"}
    assert letters(("ORG", "ORGAN"))["ORG"] == "ORG"


def test_view_counts_every_error_once() -> None:
    view = view_article(*articles(), SCHEMA, seen=True)
    assert view.counts == {"correct": 1, "boundary": 1, "label": 0, "missed": 1, "spurious": 1}
    assert (view.event_errors, view.errors) == (2, 3 + 4 + 2)


def test_page_record_holds_offsets_and_causes() -> None:
    gold, predicted = articles()
    view = view_article(gold, predicted, SCHEMA, seen=False)
    record = page_record(view, NAMES, task="http://x/1", cause_of={
        ("a<1>", "entities", "missed", "PERSON", 36): 4, ("a<1>", "events", 1): 5})
    assert record["t"] == TEXT and record["task"] == "http://x/1" and "seen" not in record
    boundary, spurious, missed = record["j"]
    assert boundary == [KINDS.index("boundary"), 0, 4, 7, 0, 3, 7, -1]
    assert (spurious[1], missed) == (-1, [KINDS.index("missed"), 1, 36, 38, -1, -1, -1, 4])
    assert record["m"][0] == [0, 3, 0, []] and record["m"][1] == [[3, 4, 7], ["p", "gp"], [0], []]
    assert [KINDS.index("missed"), 3, 0, 3, 4, 7, -1] in record["r"]
    assert [(e["state"], e["cause"]) for e in record["v"]] == [("differs", -1), ("spurious", 5)]


def test_causes_of_events_go_by_their_order_in_the_article() -> None:
    def item(part: str, cause: str, article: str = "a") -> dict[str, Any]:
        return {"article": article, "part": part, "kind": "missed", "name": "X", "cause": cause, "char_start": 3}

    items = [item("events", "q"), item("entities", "p"), item("events", "p"), item("events", "p", "b")]
    assert causes_of_errors({"errors": {"causes": [{"cause": "p"}, {"cause": "q"}], "items": items}}) == {
        ("a", "events", 0): 1, ("a", "entities", "missed", "X", 3): 0, ("a", "events", 1): 0, ("b", "events", 0): 0}
    assert causes_of_errors({"errors": None}) == {}


def test_the_evidence_of_each_event_is_marked_in_the_text() -> None:
    spans = (entity("T1", 0, 3), entity("T2", 4, 7))
    gold = Article(id="a", text=TEXT, entities=spans, events=(Event(parties=("甲医院", "乙医院"), evidence=("T1", "T2")),))
    # The prediction calls the second hospital T1: ids belong to their side.
    found = Article(id="a", text=TEXT, entities=(entity("T1", 4, 7),), events=(Event(parties=("乙医院",), evidence=("T1",)),
                                                                              Event(parties=("丙",), evidence=("T1",))))
    marks = view_article(gold, found, SCHEMA, seen=False).marks
    assert {m.char_start: list(m.events) for m in marks} == {0: [0], 4: [0, 1]}


def test_confusions_name_labels_boundaries_and_surfaces() -> None:
    gold, predicted = articles()
    found = confusions(span_errors(gold.entities, predicted.entities))
    assert found.matrix == {("HOSPITAL", "HOSPITAL"): 2, ("none", "PERSON"): 1, ("PERSON", "none"): 1}
    assert found.boundary == {("HOSPITAL", "longer"): 1}
    assert found.missed == [(("王五", "PERSON"), 1)] and found.spurious == [(("<script>", "PERSON"), 1)]
    assert found.cut == [(("乙医院", "与乙医院", "HOSPITAL"), 1)] and found.labels == []
    assert boundary_kind(entity("a", 2, 6), entity("b", 3, 6)) == "shorter"
    assert boundary_kind(entity("a", 2, 6), entity("b", 1, 5)) == "shifted"


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
    base = {"entities": scores["entities"]["micro"] | {"f1": 0.99}, "relations": scores["relations"]["micro"],
            "events": scores["events"]["parties"], "entities_by_name": {"HOSPITAL": 0.25, "PERSON": 0.0}}
    part = {key: base[key] for key in ("entities", "relations", "events")}
    point = {"threshold": 0.5, "precision": 0.8, "recall": 0.7, "f1": 0.75}
    return metrics_of(
        gold, predicted, baselines={"rules": base}, seen_in_training=[gold.id], thresholds={"WORKS_AT": 0.4},
        human=part | {"articles": 5}, last_run=part | {"report": "reports/old"}, unseen=None,
        slices={"script": {"simplified": {"articles": 9, "ids": [gold.id], **part, "entities": base["entities"] | {"f1": 0.01, "support": 99}}}},
        names={"by_label": {"HOSPITAL": {"seen": part["entities"]}}},
        calibration={"spans": {"ece": 0.021, "candidates": 7, "bins": [{"low": 0, "high": 0.1, "count": 3, "mean_score": 0.05, "share_right": 0.0}]}},
        precision_recall={"relations": {"WORKS_AT": {"points": [point, point], "chosen": point, "support": 3, "average_precision": 0.6}}},
        errors={"causes": [{"cause": "title", "count": 2, "share": 1.0, "meaning": {"en": "a <title> in the name", "zh": "称谓"}}],
                "items": [{"article": gold.id, "part": "entities", "kind": "missed", "name": "PERSON", "cause": "title", "char_start": 36}]},
        annotate_next=[{"advice": {"en": "More & more titles", "zh": "多标称谓"}, "errors": 2, "share": 1.0,
                        "examples": [{"article": gold.id, "text": "王五", "char_start": 36}]}],
        coverage={"tokens_outside_every_window": 0, "dropped_outside_schema": {"entity:ORG": 7}},
        provenance={"command": "python -m x <y>", "git": None, "versions": {"torch": "2"}, "log": [
            {"step": 1, "loss": 3.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 1.0},
            {"step": 2, "eval_entity_f1": 0.4}, {"step": 3, "eval_entity_f1": 0.6}]})


@pytest.fixture
def page(tmp_path: Path) -> str:
    gold, predicted = articles()
    write_report(tmp_path / "deep" / "index.html", full_metrics(gold, predicted), [gold], [predicted], SCHEMA)
    return (tmp_path / "deep" / "index.html").read_text(encoding="utf-8")


def page_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_article_text_travels_as_data_and_never_as_markup(page: str) -> None:
    assert page_data(page)["articles"][0]["t"] == TEXT
    assert sum(tag == "script" for tag, _ in Page(page).tags) == 3  # data, page.js, report.js
    for believed in ("<script>alert", "<b>协议</b>", "m<i>", "<title> in the name", "<y>"):
        assert believed not in page, believed
    assert "a &lt;title&gt; in the name" in page


def test_page_asks_for_nothing_from_the_network(page: str) -> None:
    loading = {name: value for _, attrs in Page(page).tags for name, value in attrs.items()
               if name in ("src", "href", "action", "data", "poster", "srcset")}
    assert all(value and value.startswith(("#", "data:")) for value in loading.values())
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(", page[page.rindex("<script>") :])


def test_page_says_what_matters_in_both_languages(page: str) -> None:
    shown = "".join(Page(page).shown)
    for words in ("seen in training", "训练中见过", "Diagnostic only", "仅供诊断", "规则 F1", "95 % interval",
                  "False events per 100", "python -m x <y>", "entity:ORG", "threshold WORKS_AT", "training loss",
                  "scores on dev", "is better on entities by", "More & more titles", "多标称谓", "two annotators", "last run",
                  "Weakest articles: script = simplified, entity F1 1.0", "Calibration of entities: ECE 2.1 % over 7",
                  "Precision over recall: relations", "a <title> in the name"):
        assert words in shown, words
    assert '<html lang="en">' in page


def test_language_that_shows_first_is_chosen(tmp_path: Path) -> None:
    gold, predicted = articles()
    write_report(tmp_path / "r.html", metrics_of(gold, predicted), [gold], [predicted], SCHEMA, lang="zh")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page and 'aria-label="目录" data-aria-label-en="Sections"' in page


def test_data_for_filters_points_into_its_tables(page: str) -> None:
    data = page_data(page)
    (article,) = data["articles"]
    assert [data["slices"][i][1][0] for i in article["slices"]] == ["simplified"]
    causes = [data["causes"][j[-1]][0] for j in article["j"] if j[-1] >= 0]
    assert causes == ["a <title> in the name"]
    assert [data["labels"] + data["types"]] == [NAMES]


def test_ids_and_labels_of_controls_fit(page: str) -> None:
    tags = Page(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    anchors = [(attrs["href"] or "")[1:] for tag, attrs in tags if tag == "a"]
    assert {a for a in anchors if not a.startswith("a-")} <= set(ids)
    assert "a-a%3C1%3E~36" in anchors


def test_page_stands_without_the_optional_parts(tmp_path: Path) -> None:
    empty = Article(id="e", text="")
    write_report(tmp_path / "r.html", score_articles([empty], [empty], SCHEMA), [empty], [empty], SCHEMA)
    shown = "".join(Page((tmp_path / "r.html").read_text(encoding="utf-8")).shown)
    assert "Gold has no entities here" in shown
    assert "seen in training." not in shown


def test_half_a_surrogate_pair_does_not_stop_the_page(tmp_path: Path) -> None:
    odd = Article(id="s", text="坏\ud800字")
    write_report(tmp_path / "r.html", score_articles([odd], [odd], SCHEMA), [odd], [odd], SCHEMA)
    assert page_data((tmp_path / "r.html").read_text(encoding="utf-8"))["articles"][0]["t"] == "坏?字"


def test_a_missing_prediction_is_named(tmp_path: Path) -> None:
    gold, predicted = articles()
    with pytest.raises(ValueError, match="no prediction for"):
        write_report(tmp_path / "r.html", metrics_of(gold, predicted), [gold], [], SCHEMA)
    assert not (tmp_path / "r.html").exists()


def test_cluster_scores_stand_on_the_page_where_gold_has_clusters(tmp_path: Path) -> None:
    gold, predicted = articles()
    for name, clusters in (("without", ()), ("with", (("T1", "T2"), ("T3",)))):
        clustered = replace(gold, clusters=clusters)
        metrics = score_articles([clustered], [predicted], SCHEMA, on_gold_entities=[clustered])
        write_report(tmp_path / f"{name}.html", metrics, [clustered], [predicted], SCHEMA)
        shown = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert ("CoNLL F1" in shown) == ("The same on gold mentions" in shown) == (name == "with")


def test_provenance_lists_nested_facts_and_leaves_out_the_log() -> None:
    rows = provenance_rows({"provenance": {"log": [1], "git": None, "versions": {"torch": "2"}}, "cost": {"seconds": 1.23456}})
    assert rows == [("git", "–"), ("versions: torch", "2"), ("seconds", "1.235")]


def without_some(article: Article) -> Article:
    """A prediction that misses the first mentions of an article, and the relations on them."""
    kept = {e.id for e in article.entities[3:]}
    return replace(article, entities=article.entities[3:], model="m", events=article.events,
                   relations=tuple(r for r in article.relations if {r.head, r.tail} <= kept))


def test_five_hundred_articles_stay_under_five_megabytes(tmp_path: Path, hospital: Schema, seeds: list[Article]) -> None:
    """Real texts with their mentions, relations and events, over and over."""
    some = [restrict(a, hospital) for a in seeds]
    gold = [replace(some[i % len(some)], id=f"n-{i}") for i in range(500)]
    metrics = score_articles(some, [without_some(a) for a in some], hospital)
    write_report(tmp_path / "r.html", metrics, gold, [without_some(a) for a in gold], hospital)
    assert (tmp_path / "r.html").stat().st_size < 5_000_000


def write_files(folder: Path) -> None:
    gold, predicted = articles()
    write_jsonl(folder / "gold.jsonl", [gold])
    write_jsonl(folder / "predictions.jsonl", [predicted])
    (folder / "metrics.json").write_text(json.dumps(full_metrics(gold, predicted)), encoding="utf-8")


def test_command_writes_the_page_anew_with_links_to_tasks(tmp_path: Path) -> None:
    write_files(tmp_path)
    export = tmp_path / "export.json"
    export.write_text(json.dumps([{"id": 7, "project": 3, "data": {"id": "a<1>"}}, {"data": None}, 4]), encoding="utf-8")
    assert main([str(tmp_path), "--lang", "zh", "--tasks", str(export), "--label-studio", "http://host:8080/"]) == 0
    data = page_data((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert data["articles"][0]["task"] == "http://host:8080/projects/3/data?task=7"


@pytest.mark.parametrize(("arguments", "says", "code"), [
    ([], "evaluate first", 1), (["--label-studio", "javascript:alert(1)", "--tasks", "x.json"], "expected an http address", 2)])
def test_command_says_what_is_missing(tmp_path: Path, arguments: list[str], says: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    from data.errors import run_command

    if arguments:
        write_files(tmp_path)
    assert run_command(main, [str(tmp_path), *arguments]) == code
    assert says in capsys.readouterr().err
