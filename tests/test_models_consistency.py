"""A doubtful mention is as good as the best one of its name."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article
from data.tags import TokenSpan
from models.consistency import DOUBTFUL, SEEN, SHORTEST_NAME, SURE, repeated_names, shared_scores, trimmed_names
from models.document import Predictor
from models.inputs import EncodedArticle


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
    floor = (best.score or 0.0) - 1e-4  # it is rounded, maybe up
    [kept] = replace(loose, thresholds=dict.fromkeys(predictor.encoder.schema.labels, floor)).predict([found])
    assert {e.text for e in kept.entities} and {best.text} <= {e.text for e in kept.entities}
    assert {e.char_start for e in kept.entities} >= {e.char_start for e in found.entities if (e.label, e.text) == (best.label, best.text)}


LABELS = ("HOSPITAL", "PERSON", "ROLE")
HOSPITAL, PERSON, ROLE = range(3)


def span_of(article: EncodedArticle, words: str, label: int, score: float = SURE) -> TokenSpan:
    """The first place of the words in a text without blanks, whose tokens are its characters."""
    start = article.clean.text.index(words)
    return TokenSpan(token_start=start, token_end=start + len(words), label=label, score=score)


def places(article: EncodedArticle, spans: list[TokenSpan], probability: float) -> list[tuple[str, int]]:
    support = np.full((len(article.token_ids), len(LABELS)), probability)
    found = repeated_names(article, spans, LABELS, support)
    assert [s.token_start for s in found] == sorted(s.token_start for s in found)
    return [(article.clean_name(s), s.token_start) for s in found]


@pytest.mark.parametrize(("words", "label", "score", "probability", "places_found"), [
    ("华中阜外", HOSPITAL, SURE, SEEN, [0, 8]),
    ("华中阜外", HOSPITAL, SURE, SEEN / 2, [0]),  # the tagger does not see it there
    ("华中阜外", HOSPITAL, SURE - 0.01, 1.0, [0]),  # nor is it sure here
    ("阜外", HOSPITAL, 1.0, 1.0, [2]),  # too short for an institution
    ("张三", PERSON, 1.0, 1.0, [14, 19, 24]),
    ("院长", ROLE, 1.0, 1.0, [17])])  # a post is nobody's name
def test_a_name_is_found_again(predictor: Predictor, words: str, label: int, score: float, probability: float,
                               places_found: list[int]) -> None:
    article = predictor.encoder.encode(Article(id="a", text="华中阜外签约了。华中阜外院。张三。院长张三,院长张三。"))
    assert [at for _, at in places(article, [span_of(article, words, label, score)], probability)] == places_found


def test_the_last_part_of_a_foreign_name_is_found_again(predictor: Predictor) -> None:
    article = predictor.encoder.encode(Article(id="a", text="安德鲁·科莫说。科莫又说。中·科莫。科。"))
    assert places(article, [span_of(article, "安德鲁·科莫", PERSON)], 1.0) == [("安德鲁·科莫", 0), ("科莫", 8), ("科莫", 15)]


@pytest.mark.parametrize(("score", "others", "name"), [
    (DOUBTFUL - 0.05, 2, "袁霞"),
    (DOUBTFUL, 2, "袁霞和"),  # the tagger is sure of it
    (DOUBTFUL - 0.05, 1, "袁霞和"),  # one place does not say which of the two is right
])
def test_a_character_too_many_is_cut_off(predictor: Predictor, score: float, others: int, name: str) -> None:
    article = predictor.encoder.encode(Article(id="a", text="袁霞说。袁霞又说。袁霞和同学。"))
    spans = [TokenSpan(token_start=s, token_end=s + 2, label=PERSON, score=0.99) for s in (0, 4)][:others]
    spans.append(span_of(article, "袁霞和", PERSON, score))
    assert article.clean_name(trimmed_names(article, spans, LABELS)[-1]) == name
    roles = [replace(s, label=ROLE) for s in spans]
    assert trimmed_names(article, roles, LABELS) == roles


def test_a_compound_surname_is_no_shorter_name(predictor: Predictor) -> None:
    article = predictor.encoder.encode(Article(id="a", text="司空说。司空又说。司空岩主任。"))
    spans = [TokenSpan(token_start=s, token_end=s + 2, label=PERSON, score=0.99) for s in (0, 4)]
    spans.append(span_of(article, "司空岩", PERSON, 0.9))
    assert trimmed_names(article, spans, LABELS) == spans


def test_a_place_inside_another_mention_stays_with_it_and_the_longer_name_comes_first(predictor: Predictor) -> None:
    article = predictor.encoder.encode(Article(id="a", text="甲县人民医院。人民医院。甲县人民医院。乙县人民医院。"))
    short = TokenSpan(token_start=7, token_end=11, label=HOSPITAL, score=SURE)
    other = TokenSpan(token_start=19, token_end=25, label=HOSPITAL, score=0.5)
    assert places(article, [span_of(article, "甲县人民医院", HOSPITAL), short, other], 1.0) == [
        ("甲县人民医院", 0), ("人民医院", 7), ("甲县人民医院", 12), ("乙县人民医院", 19)]


def test_no_name_is_found_inside_a_word(predictor: Predictor) -> None:
    article = predictor.encoder.encode(Article(id="a", text="Mayo与Mayonnaise"))
    name = TokenSpan(token_start=0, token_end=next(i for i, e in enumerate(article.token_char_end) if e == 4) + 1, label=HOSPITAL)
    assert places(article, [name], 1.0) == [("Mayo", 0)]


@given(st.data())
def test_what_is_added_is_a_sure_name_and_overlaps_nothing(predictor: Predictor, data: st.DataObject) -> None:
    text = data.draw(st.text("张三院长。", min_size=1, max_size=30))
    article = predictor.encoder.encode(Article(id="a", text=text))
    size = len(article.token_ids)
    edges = sorted(data.draw(st.sets(st.integers(0, size), max_size=8)))
    spans = [TokenSpan(token_start=a, token_end=b, label=data.draw(st.integers(0, 2)), score=data.draw(st.sampled_from([0.5, SURE])))
             for a, b in zip(edges[::2], edges[1::2], strict=False)]
    support = np.full((size, len(LABELS)), 1.0)
    found = repeated_names(article, spans, LABELS, support)
    assert [s for s in found if s in spans] == spans
    assert all(a.token_end <= b.token_start for a, b in itertools.pairwise(found))
    sure = {(s.label, article.clean_name(s)) for s in spans if s.score >= SURE}
    for span in found:
        if span not in spans:
            assert (span.label, article.clean_name(span)) in sure and span.score >= SURE
            assert len(article.clean_name(span)) >= SHORTEST_NAME[LABELS[span.label]]
