"""Suspect labels: what is made wrong on purpose is ranked before what is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.article import Article, Entity, read_jsonl
from data.formats.base import Ledger
from data.formats.label_studio import task_to_article
from data.schema import Schema, restrict
from data.tags import TokenSpan, spans_to_tags
from data.validate import validate_articles
from eval import suspects
from eval.corruption import KINDS, corrupt
from eval.label_doubts import (
    MISSING_RELATION,
    MISSING_SPAN,
    RELATION,
    SPAN,
    Doubt,
    article_doubts,
    span_confidence,
    with_proposals,
)
from eval.suspects_page import pieces, render
from models.document import Predictor


@pytest.fixture(scope="module")
def gold(seeds: list[Article], hospital: Schema) -> list[Article]:
    return [restrict(a, hospital) for a in seeds]


class _Oracle:
    """A stand-in model that knows the true labels: tags and relations as they were before the corruption."""

    def __init__(self, predictor: Predictor, truth: list[Article]) -> None:
        self._encoder = predictor.encoder
        self._truth = {a.id: predictor.encoder.encode(a) for a in truth}
        self._decode, self._probabilities = predictor.model.decode, predictor.model.tag_probabilities

    def joint(self, batch: Any) -> Any:
        import torch

        from models.signing import JointOutput

        tags = np.concatenate([spans_to_tags(self._truth[e.article.id].spans, len(e.token_ids)) for e in batch.articles])
        logits = torch.nn.functional.one_hot(torch.from_numpy(tags), len(self._encoder.schema.tags)).float() * 9
        return JointOutput(tag_logits=logits, states=logits)

    def decode(self, batch: Any, logits: Any) -> Any:
        return self._decode(batch, logits)

    def tag_probabilities(self, batch: Any, logits: Any) -> Any:
        return self._probabilities(batch, logits)

    def score_pairs(self, batch: Any, states: Any, spans: Any, *, temperature: float) -> Any:
        from models.pairs import build_pairs, pair_targets

        pairs = build_pairs(batch.articles, spans, self._encoder.schema)
        truth = [self._truth[e.article.id] for e in batch.articles]
        return pairs, (0.02 + 0.96 * pair_targets(truth, spans, pairs, self._encoder.schema)) * pairs.allowed


def test_a_model_that_knows_better_finds_every_kind_of_corruption(predictor: Predictor, gold: list[Article], hospital: Schema) -> None:
    spoilt, corruptions = corrupt(gold, hospital, share=0.05, seed=5)
    oracle = replace(predictor, model=_Oracle(predictor, gold))  # type: ignore[arg-type]
    doubts = sorted((d for a in spoilt for d in article_doubts(oracle, a)), key=lambda d: -d.doubt)
    counts = suspects.found_again(suspects.first_of(doubts, spoilt), corruptions)
    assert set(counts) == {*KINDS, "all"}
    assert counts["all"][0] >= 0.95 * counts["all"][1]
    assert {d.kind for d in doubts[:20]} <= {SPAN, MISSING_SPAN, RELATION, MISSING_RELATION}


def test_without_corruption_it_doubts_nothing(predictor: Predictor, gold: list[Article]) -> None:
    oracle = replace(predictor, model=_Oracle(predictor, gold))  # type: ignore[arg-type]
    doubts = [d for a in gold for d in article_doubts(oracle, a)]
    assert len([d for d in doubts if d.kind in (SPAN, RELATION)]) >= 0.98 * sum(len(a.entities) + len(a.relations) for a in gold)
    assert max(d.doubt for d in doubts) < 0.1


def test_corruption_keeps_the_contract_and_the_share(gold: list[Article], hospital: Schema) -> None:
    spoilt, corruptions = corrupt(gold, hospital, share=0.05, seed=1)
    assert not validate_articles(spoilt, hospital)
    assert len(corruptions) == round(0.05 * sum(len(a.entities) + len(a.relations) for a in gold))
    assert corrupt(gold, hospital, share=0.05, seed=1) == (spoilt, corruptions)
    assert [a.text for a in spoilt] == [a.text for a in gold]
    before = {(a.id, e.char_start, e.char_end, e.label) for a in gold for e in a.entities}
    after = {(a.id, e.char_start, e.char_end, e.label) for a in spoilt for e in a.entities}
    changed = [c for c in corruptions if not c.ends]
    assert len(before - after) == len(changed)
    assert all(any((c.article_id, c.char_start, c.char_end) == key[:3] for key in before - after) for c in changed)


def test_a_span_is_as_sure_as_its_weakest_decision() -> None:
    probs = np.full((4, 3), 1 / 3)
    probs[1], probs[2], probs[3] = [0.1, 0.9, 0.0], [0.2, 0.1, 0.7], [0.6, 0.0, 0.4]
    assert span_confidence(probs, TokenSpan(token_start=1, token_end=3, label=0)) == pytest.approx(0.6)
    assert span_confidence(probs, TokenSpan(token_start=1, token_end=2, label=0)) == pytest.approx(0.3)
    assert span_confidence(probs, TokenSpan(token_start=1, token_end=4, label=0)) == pytest.approx(0.4)


def test_page_and_tasks_hold_the_list(tmp_path: Path, hospital: Schema) -> None:
    text = "<b>市一院</b>与二院签约，" + "略" * 300 + "落款：三院"
    article = Article(id="<x>", text=text, entities=(
        Entity(id="T1", char_start=3, char_end=6, label="HOSPITAL", text="市一院"),
        Entity(id="T2", char_start=len(text) - 2, char_end=len(text), label="HOSPITAL", text="三院")))
    far = Doubt(article_id="<x>", kind=MISSING_RELATION, label="SIGNED_WITH", char_start=3, char_end=len(text), doubt=0.9,
                said="not related", proposal="SIGNED_WITH 市一院 → 三院", ends=((3, 6), (len(text) - 2, len(text))))
    span = Doubt(article_id="<x>", kind=MISSING_SPAN, label="HOSPITAL", char_start=11, char_end=13, doubt=0.8, said="nothing marked",
                 proposal="HOSPITAL 二院")
    suspects.write_list(tmp_path, [far, span], [article], title="a & b", schema=hospital)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<b>市一院" not in page and "<mark>市一院</mark>" in page and "<mark>二院</mark>" in page and "a &amp; b" in page
    assert "http" not in page.replace("http-equiv", "") and "略" * 200 not in page
    [task] = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert len(task["annotations"][0]["result"]) == 2
    marked = task_to_article({**task, "annotations": []}, Ledger(source="x"))
    assert marked is not None and {e.text for e in marked.entities} == {"市一院", "三院", "二院"}
    assert [(r.type, r.score) for r in marked.relations] == [("SIGNED_WITH", 0.9)]
    assert {i["direction"] for i in task["predictions"][0]["result"] if i["type"] == "relation"} == {"bi"}
    assert task["data"]["published"] == "" and len(task["data"]["text_sha256"]) == 64 and task["data"]["doubts"].startswith("0.90 not related")
    assert read_jsonl(tmp_path / "predictions.jsonl") == [replace(marked, published=None, publisher=None)]
    assert len((tmp_path / "suspects.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert "Nothing to look at" in render([], {}, title="t", total=0)


def test_pieces_mark_both_ends_of_a_relation() -> None:
    doubt = Doubt(article_id="a", kind=RELATION, label="R", char_start=1, char_end=6, doubt=1.0, said="", proposal="", ends=((4, 6), (1, 2)))
    assert pieces("一二三四五六七", doubt) == [("一", False), ("二", True), ("三四", False), ("五六", True), ("七", False)]


def test_with_proposals_marks_a_doubted_span_once() -> None:
    article = Article(id="a", text="市一院签约", entities=(Entity(id="T1", char_start=0, char_end=3, label="HOSPITAL", text="市一院"),))
    doubt = Doubt(article_id="a", kind=SPAN, label="HOSPITAL", char_start=0, char_end=3, doubt=0.7, said="", proposal="")
    marked = with_proposals(article, [doubt, doubt], model="suspects")
    assert [(e.text, e.score) for e in marked.entities] == [("市一院", 0.7)] and marked.model == "suspects"


@pytest.mark.slow
def test_command_trains_folds_once_and_lists(tmp_path: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
                                            gold: list[Article]) -> None:
    """The training itself is a stand-in; what is judged, kept and counted is not."""
    trained: list[str] = []

    def stand_in(config: Path, overrides: Any, train: list[Article], held_out: list[Article], *, name: str, fingerprint: str) -> list[Doubt]:
        assert not {a.id for a in train} & {a.id for a in held_out}
        trained.append(name)
        return [Doubt(article_id=a.id, kind=SPAN, label=e.label, char_start=e.char_start, char_end=e.char_end, doubt=0.5, said="x",
                      proposal="y") for a in held_out for e in a.entities]

    monkeypatch.setattr(suspects, "fold_doubts", stand_in)
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).resolve().parent.parent
    done = call(suspects.main, "--config", root / "configs/ci.yaml", "--data", root / "data/gold/seeds.jsonl", "--folds", "2",
                "--corrupt", "0.05", "--schema", root / "configs/schema/hospital.yaml")
    assert done.code == 0, done.err
    assert trained[:2] == ["suspects/fold-1", "suspects/fold-2"] and "among the first 10%" in done.out
    held = json.loads((tmp_path / "reports/suspects/tasks.json").read_text(encoding="utf-8"))
    assert held and not any("ORG" in i["value"]["labels"] for t in held for i in t["annotations"][0]["result"] if i["type"] == "labels")
    done = call(suspects.main, "--config", root / "configs/ci.yaml", "--data", root / "data/gold/seeds.jsonl", "--folds", "2",
                "--schema", root / "configs/schema/hospital.yaml", "--name", "whole")
    assert done.code == 0, done.err
    held = json.loads((tmp_path / "reports/whole/tasks.json").read_text(encoding="utf-8"))
    assert any("ORG" in i["value"]["labels"] for t in held for i in t["annotations"][0]["result"] if i["type"] == "labels")
    assert all(t["meta"]["events"] for t in held), "what the schema lacks comes back with a corrected task"
    refused = call(suspects.main, "--config", root / "configs/ci.yaml", "--data", "x.jsonl", "--folds", "1")
    assert refused.code == 2 and "folds" in refused.err
