"""Thresholds chosen on dev."""

from __future__ import annotations

import pytest

from data.article import Article, Entity, Relation
from data.schema import Schema
from eval.thresholds import best_floors, best_thresholds
from tests.test_eval_metrics import WITH, A, B, C, P, article


def loose(*scores: float) -> Article:
    """Relations A-B, A-C, B-C with the given scores."""
    pairs = (("T1", "T2"), ("T1", "T6"), ("T2", "T6"))
    return article(A, B, C, relations=tuple(Relation(type="SIGNED_WITH", head=h, tail=t, score=s)
                                            for (h, t), s in zip(pairs, scores, strict=True)))


@pytest.mark.parametrize(("scores", "expected"), [
    ((0.9, 0.1, 0.1), 0.5),  # all in the middle serve: the one nearest to 0.5
    ((0.9, 0.72, 0.1), 0.75),  # the wrong pair must go
    ((0.33, 0.1, 0.1), 0.3),  # the right pair must stay
    ((0.9, 0.95, 0.95), 0.5),  # nothing helps
])
def test_best_thresholds(hospital: Schema, scores: tuple[float, ...], expected: float) -> None:
    gold = article(A, B, C, relations=(WITH,))
    found = best_thresholds([gold], [loose(*scores)], hospital)
    assert found["SIGNED_WITH"] == pytest.approx(expected)
    assert {k: v for k, v in found.items() if k != "SIGNED_WITH"} == dict.fromkeys(["SIGNED_FOR", "HOLDS_ROLE", "WORKS_AT", "SIGNED_ON"], 0.5)


@pytest.mark.parametrize(("score_of_wrong", "expected"), [(0.3, 0.35), (0.52, 0.55), (0.95, 0.0)])
def test_the_floor_drops_what_is_wrong_and_unsure(hospital: Schema, score_of_wrong: float, expected: float) -> None:
    gold = article(A, P)
    found = article(*(Entity(id=e.id, char_start=e.char_start, char_end=e.char_end, label=e.label, text=e.text, score=s)
                      for e, s in ((A, 0.9), (P, 0.6), (C, score_of_wrong))))
    assert best_floors([gold], [found], hospital) == {
        "HOSPITAL": pytest.approx(expected), "PERSON": 0.0, "ROLE": 0.0, "DATE": 0.0}
