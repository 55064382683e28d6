"""From scores to articles on raw text: batching changes nothing, gold is ignored, relations reach across windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from data.article import Article, article_to_dict
from data.clean import surface
from data.schema import Schema, restrict
from data.validate import validate_articles
from models import document
from models.document import Predictor, text_view
from models.extractor import Extractor
from models.run_folder import load_predictor


def short(articles: list[Article], length: int = 300) -> list[Article]:
    """Untrained heads join almost everything: a few hundred characters are plenty."""
    return [Article(id=a.id, text=a.text[:length], published=a.published, publisher=a.publisher) for a in articles]


def test_predictions_keep_the_contract(predictor: Predictor, seeds: list[Article], hospital: Schema) -> None:
    given = short(seeds)
    found = list(predictor.predict(given))
    assert [(a.id, a.text, a.published, a.publisher) for a in found] == [(a.id, a.text, a.published, a.publisher) for a in given]
    assert validate_articles(found, hospital) == []
    for article in found:
        assert article.model == "untrained" and article.entities and article.relations
        assert all(e.score is not None and 0 < e.score <= 1 for e in article.entities)
        assert all(r.score is not None and r.score >= predictor.thresholds[r.type] - 1e-4 for r in article.relations)


def test_the_order_and_the_grouping_of_articles_change_nothing(predictor: Predictor, seeds: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    given = short(seeds, 200)
    together = list(predictor.predict(given))
    monkeypatch.setattr(document, "READ_AHEAD", 1)
    alone = list(predictor.predict(given))
    monkeypatch.setattr(document, "READ_AHEAD", 32)
    monkeypatch.setattr(document, "BATCH_TOKENS", 300)
    turned = list(predictor.predict(reversed(given)))[::-1]

    def keys(articles: list[Article]) -> list[Any]:
        return [([(e.char_start, e.char_end, e.label) for e in a.entities], [(r.type, r.head, r.tail) for r in a.relations]) for a in articles]

    assert keys(together) == keys(alone) == keys(turned)


@pytest.mark.parametrize("section_tokens", [document.SECTION_TOKENS, 100])
def test_candidates_hold_what_was_scored_and_not_kept(
    predictor: Predictor, seeds: list[Article], section_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One decoder: the prediction is the same with and without candidates, and is what the thresholds leave of them."""
    monkeypatch.setattr(document, "SECTION_TOKENS", section_tokens)
    monkeypatch.setattr(document, "READ_AHEAD", 1)
    given = short(seeds[:2], 250)
    loose = replace(predictor, thresholds=dict.fromkeys(predictor.thresholds, 0.01))
    scores = sorted(e.score or 0.0 for a in loose.predict(given) for e in a.entities)
    floor = scores[len(scores) // 2]
    strict = replace(predictor, thresholds={**dict.fromkeys(predictor.thresholds, 0.02005), "HOSPITAL": floor, "event": 0.9})
    predictions, candidates = zip(*strict.predict_scored(given), strict=True)
    assert list(predictions) == list(strict.predict(given))
    assert any(a.entities != b.entities for a, b in zip(predictions, candidates, strict=True))
    for kept, every in zip(predictions, candidates, strict=True):
        ids = {e.id for e in every.entities}
        assert len(ids) == len(every.entities) and {r.head for r in every.relations} <= {e.id for e in kept.entities} <= ids
        certain = {e for e in every.entities if e.score >= (floor if e.label == "HOSPITAL" else 0)}
        vouched = {e for e in every.entities if any(
            c.label == e.label and (surface(c.text) == (name := surface(e.text)) or (surface(c.text).endswith(name) and len(name) >= 3))
            for c in certain)}
        assert certain <= set(kept.entities) <= vouched
        # Within one section mentions vouch for each other throughout.
        assert section_tokens == 100 or set(kept.entities) == vouched
        assert set(kept.relations) == {r for r in every.relations if r.score >= 0.02005}
        assert len({(r.type, r.head, r.tail) for r in every.relations}) == len(every.relations)
        assert set(kept.events) <= set(every.events)


def test_encoded_gold_predicts_as_bare_text_does(predictor: Predictor, seeds: list[Article], hospital: Schema) -> None:
    """Evaluation encodes once, with gold; nothing of it may reach the prediction."""
    gold = [restrict(a, hospital) for a in seeds[:1]]
    given = [replace(a, text=a.text[:200], entities=tuple(e for e in a.entities if e.char_end <= 200), relations=(), clusters=(),
                     events=a.events) for a in gold]
    encoded = [predictor.encoder.encode(a) for a in given]
    assert encoded[0].spans
    assert list(predictor.predict(encoded)) == list(predictor.predict([a.without_annotation() for a in given]))


def test_articles_stream_group_by_group(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "READ_AHEAD", 2)
    read = []

    def source():
        for i in range(10):
            read.append(i)
            yield Article(id=str(i), text="今日无事。")

    predicted = predictor.predict(source())
    assert next(predicted).id == "0" and len(read) <= 3
    assert [a.id for a in predicted] == [str(i) for i in range(1, 10)]


def test_annotation_of_the_input_is_ignored(predictor: Predictor, seeds: list[Article]) -> None:
    bare = short(seeds[3:4])[0]
    annotated = replace(bare, entities=tuple(e for e in seeds[3].entities if e.char_end <= 300), model="gold")
    assert list(predictor.predict([annotated])) == list(predictor.predict([bare]))


@pytest.mark.parametrize("text", ["", "\n\n", "\u200b", "。", "一", "𠮷", "?" * 50])
def test_odd_texts_are_read(predictor: Predictor, text: str) -> None:
    found, = predictor.predict([Article(id="a", text=text)])
    assert found.text == text and validate_articles([found]) == []


def test_an_odd_text_beside_others(predictor: Predictor) -> None:
    found = list(predictor.predict([Article(id=str(i), text=t) for i, t in enumerate(["", "甲院与乙院。", "", "丙院"])]))
    assert [a.id for a in found] == ["0", "1", "2", "3"] and found[0].entities == ()


def test_relate_keeps_the_given_entities(predictor: Predictor, seeds: list[Article], hospital: Schema) -> None:
    gold = [restrict(a, hospital) for a in seeds]
    for before, after in zip(gold, predictor.relate(gold[4:5]), strict=False):
        before = gold[4]
        assert [(e.char_start, e.char_end, e.label, e.text) for e in after.entities] == [
            (e.char_start, e.char_end, e.label, e.text) for e in sorted(before.entities, key=lambda e: e.char_start)]


def test_a_sure_relation_head_relates_ends_600_characters_apart(predictor: Predictor, marked, monkeypatch: pytest.MonkeyPatch) -> None:
    article = marked("{H1:甲市医院}" + "与会者参观。" * 100 + "{H2:乙县医院}签约")
    sure = replace(predictor, thresholds={"SIGNED_WITH": 0.5})

    def score(pairs: Any) -> torch.Tensor:
        return torch.full(pairs.allowed.shape, 9.0)

    assert predictor.model.relation_head is not None
    monkeypatch.setattr(predictor.model.relation_head, "forward", lambda states, pairs: score(pairs))
    found, = sure.relate([article])
    assert [(r.type, r.head, r.tail) for r in found.relations] == [("SIGNED_WITH", "T1", "T2")]
    assert [e.parties for e in found.events] == [("甲市医院", "乙县医院")]


def test_thresholds_decide(predictor: Predictor, seeds: list[Article]) -> None:
    given = short(seeds[:1], 150)
    kinds = [r.name for r in predictor.encoder.schema.relations]
    all_of_them, = replace(predictor, thresholds=dict.fromkeys(kinds, 0.0)).predict(given)
    none, = replace(predictor, thresholds=dict.fromkeys(kinds, 1.01)).predict(given)
    unsaid, = replace(predictor, thresholds={}).predict(given)
    assert len(all_of_them.relations) > 0 and none.relations == () and none.events == ()
    assert {(r.type, r.head, r.tail) for r in unsaid.relations} <= {(r.type, r.head, r.tail) for r in all_of_them.relations}
    assert all(r.score >= 0.5 for r in unsaid.relations)


def test_temperature_cools_and_the_event_floor_drops(predictor: Predictor, seeds: list[Article]) -> None:
    given = short(seeds[:1], 150)
    loose = replace(predictor, thresholds=dict.fromkeys(predictor.thresholds, 0.0))
    (plain,), (cool,) = loose.predict(given), replace(loose, temperature=2.0).predict(given)
    # A probability below one half rises when its logit is halved.
    assert all(a.score < b.score < 0.5 for a, b in zip(plain.relations, cool.relations, strict=True) if a.score < 0.49)
    scores = sorted(v.score for v in plain.events)
    some, = replace(loose, thresholds={**loose.thresholds, "event": scores[-1]}).predict(given)
    assert len(plain.events) > len(some.events) >= 1 and all(v.score >= scores[-1] for v in some.events)


def test_spans_below_the_floor_of_their_label_go(predictor: Predictor, seeds: list[Article]) -> None:
    given = short(seeds[:1], 150)
    every, = replace(predictor, thresholds={}).predict(given)
    floor = sorted(e.score for e in every.entities if e.label == "HOSPITAL")[-2] + 1e-3
    some, = replace(predictor, thresholds={"HOSPITAL": floor}).predict(given)
    assert [e for e in some.entities if e.label == "HOSPITAL"] != []
    kept = {(e.char_start, e.label) for e in every.entities if e.label != "HOSPITAL" or e.score >= floor}
    assert {(e.char_start, e.label) for e in some.entities} == kept != {(e.char_start, e.label) for e in every.entities}


def test_the_signing_score_is_that_of_the_likeliest_signing(predictor: Predictor, seeds: list[Article], marked) -> None:
    found, = predictor.predict(short(seeds[:1], 150))
    every, = replace(predictor, thresholds=dict.fromkeys(predictor.thresholds, 0.0)).predict(short(seeds[:1], 150))
    best = max(r.score or 0 for r in every.relations if r.type.startswith("SIGNED_"))
    assert found.signing_score == every.signing_score == best > 0
    nothing, = replace(predictor, thresholds=dict.fromkeys(predictor.thresholds, 1.01)).predict(short(seeds[:1], 150))
    assert nothing.events == () and nothing.signing_score == best
    one = marked("{H1:甲市医院}无事，{P1:张三}参观。")
    alone, = predictor.relate([Article(id="a", text=one.text, entities=one.entities[:1])])
    assert alone.signing_score == 0.0  # no pair, no signing


def test_the_signing_score_of_a_long_document_is_that_of_its_likeliest_part(predictor: Predictor, seeds: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "SECTION_TOKENS", 120)
    found, = predictor.predict(short(seeds[:1], 300))
    assert found.signing_score is not None and found.signing_score >= max(r.score or 0 for r in found.relations if r.type.startswith("SIGNED_"))


def test_the_view_of_the_text(marked) -> None:
    article = marked("开头。{H1:威海市中醫(yī)院}好。\n\n{P1:张三}说：{H2:乙院}。")
    view = text_view(article.text, article.entities)
    one, two, three = (e.id for e in article.entities)
    assert view.surfaces == {one: "威海市中医院", two: "张三", three: "乙院"}
    assert view.sentence_of[two] == view.sentence_of[three] != view.sentence_of[one]
    assert view.sentences[view.sentence_of[one]] == "威海市中医院好。" and view.sentences[view.sentence_of[two]] == "张三说:乙院。"
    assert view.sentences[0] == ""
    assert [article.text[s:e] for s, e in view.bounds] == ["开头。", "威海市中醫(yī)院好。\n\n", "张三说：乙院。"]
    assert text_view("无事。两院的協議已簽。", []).sentences == ["", "两院的协议已签。"]  # it speaks of signing


def test_the_front_door(run_folder, predictor: Predictor, seeds: list[Article]) -> None:
    extractor = Extractor.load(str(run_folder))
    given = short(seeds[:2], 200)
    found = extractor.extract(given[0].text, published=given[0].published, publisher=given[0].publisher)
    assert found.id == "text" and found.published == given[0].published
    expected = list(replace(load_predictor(run_folder), name=predictor.name).predict(given))
    assert found.entities == expected[0].entities
    assert [article_to_dict(a) for a in extractor.extract_all(given)] == [article_to_dict(a) for a in expected]
    assert extractor.extract("").entities == ()


def test_a_long_article_does_not_become_one_call(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    forward = predictor.model.bert.forward

    def counting(*args: Any, **kwargs: Any) -> Any:
        sizes.append(kwargs["input_ids"].numel())
        return forward(*args, **kwargs)

    monkeypatch.setattr(predictor.model.bert, "forward", counting)
    encoded = predictor.encoder.encode(Article(id="a", text="十" * 40_000))
    with torch.inference_mode():
        states = predictor.model.merged_states(predictor.encoder.batch([encoded]))
    assert len(states) == 40_000
    assert max(sizes) <= 2 * document.BATCH_TOKENS
