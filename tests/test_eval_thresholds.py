"""Thresholds chosen on dev."""

from __future__ import annotations

import numpy as np
import pytest

from data.article import Article, Entity, Event, Relation
from data.schema import Schema
from eval.counts import Counts
from eval.thresholds import best_event_floors, best_floors, best_temperature, best_thresholds, pair_scores, steadiest
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


@pytest.mark.parametrize("sharpness", [0.7, 1.0, 2.5])
def test_the_temperature_is_found_that_the_scores_were_sharpened_by(sharpness: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(-1.0, 2.0, 20000)
    right = rng.random(20000) < 1 / (1 + np.exp(-logits))
    said = 1 / (1 + np.exp(-logits * sharpness))
    assert best_temperature(said, right) == pytest.approx(sharpness, rel=0.1)


def test_scores_that_are_all_right_or_all_wrong_leave_the_temperature_alone() -> None:
    for right in ([True, True], [False, False]):
        assert best_temperature(np.array([0.2, 0.9]), np.array(right)) == 1.0


def test_pair_scores_say_which_relations_are_gold(hospital: Schema) -> None:
    scores, right = pair_scores([article(A, B, C, relations=(WITH,))], [loose(0.9, 0.4, 0.1)], hospital)
    assert scores.tolist() == [0.9, 0.4, 0.1] and right.tolist() == [True, False, False]


@pytest.mark.parametrize(("scores", "expected"), [((0.9, 0.3), 0.35), ((0.3, 0.9), 0.0), ((0.9, None), 0.05)])
def test_the_floor_of_events(scores: tuple[float | None, float | None], expected: float) -> None:
    gold = article(A, B, C, events=(Event(parties=("甲", "乙")),))
    found = article(A, B, C, events=(Event(parties=("乙", "甲"), score=scores[0]), Event(parties=("甲", "丙"), score=scores[1])))
    assert best_event_floors([gold], [found]) == {"event": expected, "lone event": 0.0}
    lone = article(A, B, C, events=(Event(parties=("甲", "乙"), score=0.3), Event(parties=("丙",), score=0.6)))
    assert best_event_floors([gold], [lone]) == {"event": 0.0, "lone event": 0.65}


def test_what_dev_cannot_tell_apart_is_the_neutral_one_and_what_it_can_is_the_best() -> None:
    def table(*hits: int) -> list[Counts]:
        return [Counts(h, 0, 10 - h) for h in hits]

    alike = [table(9, 8, 9, 8), table(8, 9, 9, 9)]  # one hit more, in one article of four
    assert steadiest((0.5, 0.9), alike, neutral=0.5, standard_errors=1.0) == 0.5
    assert steadiest((0.5, 0.9), alike, neutral=0.5, standard_errors=0.0) == 0.9
    apart = [table(5, 4, 5, 4), table(9, 8, 9, 8)]
    assert steadiest((0.5, 0.9), apart, neutral=0.5, standard_errors=1.0) == 0.9
