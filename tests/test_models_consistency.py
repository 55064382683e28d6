"""A doubtful mention is as good as the best one of its name."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from data.article import Article
from models.consistency import shared_scores
from models.document import Predictor


def test_the_name_itself_and_its_long_endings_vouch() -> None:
    names = ["北京协和医院", "协和医院", "医院", "院", "协和医院", "协和"]
    labels = ["HOSPITAL"] * 4 + ["ORG", "HOSPITAL"]
    assert shared_scores(labels, names, [0.9, 0.4, 0.3, 0.2, 0.5, 0.1]) == [0.9, 0.9, 0.3, 0.2, 0.5, 0.1]


def test_a_short_name_vouches_for_itself_only() -> None:
    assert shared_scores(["ROLE"] * 3, ["院长", "院长", "副院长"], [0.4, 0.8, 0.3]) == [0.8, 0.8, 0.3]


def test_nothing() -> None:
    assert shared_scores([], [], []) == []


@given(st.lists(st.tuples(st.sampled_from("AB"), st.text("医院北", min_size=1, max_size=5), st.floats(0, 1)), max_size=8))
def test_no_mention_loses_and_the_best_is_the_best(mentions: list[tuple[str, str, float]]) -> None:
    labels, names, scores = ([list(column) for column in zip(*mentions, strict=True)] if mentions else [[], [], []])
    shared = shared_scores(labels, names, scores)
    assert all(a >= b for a, b in zip(shared, scores, strict=True))
    assert max(shared, default=0) == max(scores, default=0)
    for (label, name, _), score in zip(mentions, shared, strict=True):
        assert score == max(s for other, n, s in mentions if other == label and (n == name or (n.endswith(name) and len(name) >= 3)))


def test_a_doubtful_mention_is_kept_beside_a_certain_one(predictor: Predictor, seeds: list[Article]) -> None:
    """The same article with floors just above the score of a mention whose name has a better one."""
    loose = replace(predictor, thresholds={})
    [found] = loose.predict([replace(seeds[0], text=seeds[0].text[:400])])
    [kept] = replace(loose, thresholds=dict.fromkeys(predictor.encoder.schema.labels, 2.0)).predict([found])
    assert found.entities and not kept.entities
    best = max(found.entities, key=lambda e: e.score or 0.0)
    [kept] = replace(loose, thresholds=dict.fromkeys(predictor.encoder.schema.labels, best.score or 0.0)).predict([found])
    assert {e.text for e in kept.entities} and {best.text} <= {e.text for e in kept.entities}
    assert {e.char_start for e in kept.entities} >= {e.char_start for e in found.entities if (e.label, e.text) == (best.label, best.text)}
