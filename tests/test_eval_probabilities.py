"""Categories of near misses, calibration, precision against recall, and the bootstrap they share: exact values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, Event
from data.schema import Schema
from eval.bootstrap import DRAWS, draw_weights, f1_of_counts, interval
from eval.categories import categories, confusion
from eval.counts import Counts, count_sets
from eval.metrics import entity_items
from eval.probabilities import calibration, precision_recall, scored_events, scored_spans

TEXT = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"


def article(*spans: tuple[Any, ...], name: str = "a", events: tuple[Event, ...] = ()) -> Article:
    """Spans are (start, end, label) or (start, end, label, score)."""
    entities = tuple(Entity(id=f"T{i}", char_start=s[0], char_end=s[1], label=s[2], text=TEXT[s[0] : s[1]],
                            score=s[3] if len(s) > 3 else None) for i, s in enumerate(spans))
    return Article(id=name, text=TEXT, entities=entities, events=events)


SCHEMA = Schema(name="two", labels=("H", "P"))


def test_the_four_views_differ_where_they_should() -> None:
    gold = article((0, 3, "H"), (4, 6, "P"), (8, 10, "H"), (12, 13, "P"))
    found = article((0, 3, "H"), (4, 6, "H"), (8, 11, "H"), (15, 16, "P"))
    overall = categories([(gold, found)], SCHEMA)["overall"]
    kinds = ("correct", "incorrect", "partial", "missed", "spurious")
    assert {view: tuple(overall[view][k] for k in kinds) for view in overall} == {
        "strict": (1, 2, 0, 1, 1), "boundary": (2, 1, 0, 1, 1), "partial": (2, 0, 1, 1, 1), "type": (2, 1, 0, 1, 1)}
    assert overall["partial"]["f1"] == pytest.approx(2 * 2.5 / 8)
    assert overall["strict"]["support"] == overall["strict"]["predicted"] == 4
    by_label = categories([(gold, found)], SCHEMA)["by_label"]
    assert (by_label["P"]["strict"]["missed"], by_label["H"]["strict"]["spurious"]) == (2, 1)


def test_touching_spans_do_not_overlap() -> None:
    """nervaluate counts ends inclusively; ours are exclusive."""
    overall = categories([(article((0, 3, "H")), article((3, 5, "H")))], SCHEMA)["overall"]
    assert (overall["partial"]["partial"], overall["partial"]["missed"], overall["partial"]["spurious"]) == (0, 1, 1)


def test_order_of_the_spans_changes_nothing() -> None:
    gold, found = article((0, 3, "H"), (4, 8, "H")), article((0, 2, "H"), (3, 8, "H"))
    turned = article((4, 8, "H"), (0, 3, "H")), article((3, 8, "H"), (0, 2, "H"))
    assert categories([(gold, found)], SCHEMA) == categories([turned], SCHEMA)


spans = st.lists(st.tuples(st.integers(0, 18), st.integers(1, 2), st.sampled_from("HP")), max_size=6).map(
    lambda drawn: [(s, min(20, s + n), label) for i, (s, n, label) in enumerate(sorted(drawn))
                   if all(s >= t[0] + t[1] for t in sorted(drawn)[:i])])


@given(spans, spans)
def test_strict_of_nervaluate_is_our_strict(gold: list[Any], found: list[Any]) -> None:
    one, other = article(*gold), article(*found)
    strict = categories([(one, other)], SCHEMA)["overall"]["strict"]
    counts = count_sets(entity_items(one), entity_items(other))
    assert strict["correct"] == counts.hits
    assert strict["f1"] == pytest.approx(counts.f1)


def test_confusion_names_both_sides_and_the_kind() -> None:
    gold, found = article((0, 3, "H"), (4, 6, "P"), (8, 10, "H")), article((0, 3, "P"), (8, 11, "H"), (15, 16, "P"))
    assert confusion([(gold, found)]) == {
        "H": {"P": {"label": 1}, "H": {"boundary": 1}}, "P": {"none": {"missed": 1}}, "none": {"P": {"spurious": 1}}}


def scored() -> Any:
    gold = [article((0, 1, "H"), (2, 3, "H"), (4, 5, "H")), article((0, 1, "H"), name="b")]
    tried = [article((0, 1, "H", 0.9), (2, 3, "H", 0.6), (6, 7, "H", 0.65)), article((0, 1, "H", 0.1), name="b")]
    kept = [article((0, 1, "H", 0.9), (6, 7, "H", 0.65)), article(name="b")]
    return scored_spans(gold, tried, kept, "H")


def test_calibration_by_hand() -> None:
    found = calibration(scored())
    assert [(b["low"], b["count"], b["share_right"]) for b in found["bins"]] == [(0.1, 1, 1.0), (0.6, 2, 0.5), (0.9, 1, 1.0)]
    # |0.1 - 1| + |1.25 - 1| + |0.9 - 1| over four candidates
    assert found["ece"] == pytest.approx((0.9 + 0.25 + 0.1) / 4)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.81) / 4)
    assert found["interval"][0] <= found["ece"] <= found["interval"][1]


def test_a_score_of_one_has_a_bin_and_nothing_is_calibrated() -> None:
    gold = [article((0, 1, "H"))]
    sure = [article((0, 1, "H", 1.0))]
    assert calibration(scored_spans(gold, sure, sure))["bins"][0]["high"] == 1.0
    empty = [article()]
    assert calibration(scored_spans(empty, empty, empty)) == {
        "bins": [], "ece": 0.0, "interval": [0.0, 0.0], "brier": 0.0, "candidates": 0}


def test_curve_divides_by_all_gold_and_stands_where_the_model_stands() -> None:
    curve = precision_recall(scored(), 0.62)
    assert [(p["threshold"], p["precision"], p["recall"]) for p in curve["points"]] == [
        (0.1, 0.75, 0.75), (0.6, 2 / 3, 0.5), (0.65, 0.5, 0.25), (0.9, 1.0, 0.25)]
    assert curve["average_precision"] == pytest.approx(0.25 * 1 + 0.25 * 2 / 3 + 0.25 * 0.75)
    assert curve["chosen"] == {"threshold": 0.62, "precision": 0.5, "recall": 0.25, "f1": Counts(1, 1, 3).f1}
    assert curve["support"] == 4


def test_of_two_equal_events_one_is_right() -> None:
    event = Event(parties=("甲", "乙"), score=0.4)
    gold = [article(events=(event,))]
    tried = [article(events=(event, Event(parties=("乙", "甲"), score=0.8)))]
    found = scored_events(gold, tried, tried)
    assert sorted(zip(found.score, found.right, strict=True)) == [(0.4, False), (0.8, True)]


def test_long_curves_are_thinned_and_keep_both_ends() -> None:
    gold = [Article(id="a", text="字" * 400, entities=tuple(
        Entity(id=str(i), char_start=i, char_end=i + 1, label="H", text="字", score=i / 400) for i in range(400)))]
    points = precision_recall(scored_spans(gold, gold, gold), 0.0)["points"]
    assert len(points) == 60
    assert (points[0]["threshold"], points[-1]["threshold"]) == (0.0, 399 / 400)


def test_draws_hold_as_many_articles_as_there_are() -> None:
    weights = draw_weights(7)
    assert weights.shape == (DRAWS, 7)
    assert set(weights.sum(axis=1)) == {7.0}
    assert interval(np.array([[3.0, 1.0, 1.0]] * 5), f1_of_counts) == [0.75, 0.75]
