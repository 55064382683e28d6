"""Words in two languages, data in scripts, small charts."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from eval.charts import Axis, Series, line_chart, strip
from eval.page import Phrase, Words, percent, script_data, words
from eval.plots import calibration_charts, learning_curve, precision_recall_charts, training_charts
from eval.verdict import how_good, weakest_slice, where_it_fails

W = Words({"n": ("{n:article|articles} {n:~is|are} by {who}", "{n} 篇 {who}"), "who": ("him", "他"), "js_a": ("A", "甲")})


def test_phrases_choose_the_word_for_the_number_and_escape_values() -> None:
    assert W.phrase("n", n=1, who="<b>") == Phrase(Markup("1 article is by &lt;b&gt;"), Markup("1 篇 &lt;b&gt;"))
    assert W.phrase("n", n=2, who=W.phrase("who")) == ("2 articles are by him", "2 篇 他")
    assert W("who") == '<span class="en" lang="en">him</span><span class="zh" lang="zh-CN">他</span>'
    assert W.attribute("title", "n", "zh", n=1, who='"') == (
        'title="1 篇 &#34;" data-title-en="1 article is by &#34;" data-title-zh="1 篇 &#34;"')
    assert W.for_script("js_") == {"a": ("A", "甲")}
    assert W.name("not_known<") == ("not known&lt;", "not known&lt;")
    with pytest.raises(KeyError):
        W.phrase("nothing")


def test_every_phrase_of_the_catalogue_has_both_languages_with_the_same_values() -> None:
    import string

    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    catalogue = words()._catalogue
    assert len(catalogue) > 200
    for key, (english, chinese) in catalogue.items():
        assert fields(english) >= fields(chinese), key
        assert english and chinese, key


@given(st.recursive(st.text() | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8))
def test_data_for_scripts_survives_and_never_ends_the_script(value: Any) -> None:
    plain = script_data(value)
    assert json.loads(plain) == value
    assert not set("<>&\u2028\u2029") & set(plain)


def svg_of(markup: Markup) -> ET.Element:
    return ET.fromstring(str(markup)[str(markup).index("<svg"):].split("</svg>")[0] + "</svg>")


P = Phrase(Markup("title"), Markup("标题"))


def test_a_line_stands_where_its_points_are_and_leaves_out_what_has_no_place() -> None:
    chart = line_chart(P, [Series(name="<s>", points=[(0, 0), (10, 1), (5, float("nan"))], chosen=[(5, 0.5)])],
                       Axis(title=P, high=10), Axis(title=P), diagonal=True)
    svg = svg_of(chart)
    assert svg.find("polyline").attrib["points"] == "0.0,190.0 300.0,0.0"  # type: ignore[union-attr]
    assert [(c.attrib["cx"], c.attrib["cy"]) for c in svg.iter("circle")] == [("150.0", "95.0")]
    assert svg.attrib["aria-label"] == "title" and svg.attrib["data-aria-label-zh"] == "标题"
    two = line_chart(P, [Series(name="<s>", points=[(0, 0)]), Series(name="t", points=[(1, 1)])], Axis(title=P), Axis(title=P))
    assert "&lt;s&gt;" in two and "<s>" not in two


def test_strip_shows_score_interval_and_others() -> None:
    svg = svg_of(strip({"f1": 0.5, "interval": [0.25, 0.75]}, {"rules": {"f1": 1.0}}, words()))
    lines = {line.attrib["class"]: (line.attrib["x1"], line.attrib["x2"]) for line in svg.iter("line")}
    assert lines == {"axis": ("0.0", "120.0"), "range": ("30.0", "90.0"), "floor": ("120.0", "120.0")}
    assert svg.find("circle").attrib["cx"] == "60.0"  # type: ignore[union-attr]


def test_training_charts_need_two_points() -> None:
    log = [{"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0}, {"step": 20, "eval_f1": 0.5}, {"train_runtime": 3.0}]
    (chart,) = training_charts({"provenance": {"log": log}}, words())
    assert svg_of(chart).find("polyline").attrib["points"] == "0.0,0.0 300.0,95.0"  # type: ignore[union-attr]
    assert training_charts({}, words()) == [] and training_charts({"learning_curve": None, "provenance": {}}, words()) == []
    assert learning_curve(log)["scores"] == [{"step": 20, "f1": 0.5}]
    curve = {"loss": [], "scores": [{"step": 1, "f1": 0.1}, {"step": 2, "f1": 0.4, "loss": 9.0}]}
    assert len(training_charts({"learning_curve": curve}, words())) == 1


def test_curves_without_data_are_left_out() -> None:
    empty = {"spans": {"bins": [{"count": 0, "mean_score": None, "share_right": None}], "ece": 0.0, "candidates": 0}}
    assert calibration_charts({"calibration": empty}, words()) == []
    assert precision_recall_charts({"precision_recall": {"entities": {"A": {"points": [], "support": 3}}}}, words()) == []
    assert percent(None) == "–" and percent(0.1234) == "12.3"


def score(f1: float, support: int = 50) -> dict[str, Any]:
    return {"precision": f1, "recall": f1, "f1": f1, "interval": [f1, f1], "support": support, "predicted": support}


def verdict_metrics(**extra: Any) -> dict[str, Any]:
    return {"entities": {"micro": score(0.9), "by_name": {"A": score(0.9), "B": score(0.7), "RARE": score(0.0, 2)}},
            "relations": {"micro": score(0.8), "by_name": {}}, "events": {"parties": score(0.5, 0), "negative_articles": 0}, **extra}


def english(phrases: list[Phrase]) -> list[str]:
    return [str(p.en.striptags()) for p in phrases]


def test_verdict_says_how_good_and_where_a_baseline_wins() -> None:
    baselines = {"rules": {"entities": score(0.95), "relations": score(0.1), "events": score(0.0, 0)}}
    said = english(how_good(verdict_metrics(baselines=baselines, human={"entities": score(0.99)}), words()))
    assert said[0] == "Of 100 entities in the text it finds 90; of 100 it reports, 90 are right."
    assert said[1] == "The baseline “rules” is better on entities by 5.0 points of F1."
    assert said[3].startswith("Gold has no events here") and len(said) == 4


def test_verdict_names_the_weakest_with_enough_support() -> None:
    slices = {"length": {"long": {"articles": 9, "entities": score(0.6)}, "short": {"articles": 2, "entities": score(0.1)}}}
    metrics = verdict_metrics(slices=slices)
    said = english(where_it_fails(metrics, {"correct": 9, "missed": 3, "label": 1}, words()))
    assert said[0] == "Weakest label: B, F1 70.0 over 50."
    assert said[1].startswith("Of 4 wrong spans, 3 are “missed”")
    assert said[2] == "Weakest articles: length = long, entity F1 60.0 against 90.0 overall."
    assert weakest_slice(verdict_metrics()) is None
    assert english(where_it_fails(verdict_metrics(), {"correct": 9}, words()))[1] == "No span is wrong."
