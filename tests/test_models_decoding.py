"""The decoder never gives an illegal sequence, and gives the best legal one."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from data.schema import Schema, schema_from_dict
from data.tags import legal_transitions, spans_to_tags, tags_to_spans
from models.decoding import ILLEGAL, NO_DOUBT, decode_spans, marginals, tag_probabilities, viterbi

SMALL = schema_from_dict({"labels": ["A", "B"]})
LOGITS = st.integers(0, 12).flatmap(lambda n: hnp.arrays(np.float32, (n, 9), elements=st.floats(-20, 20, width=32)))


def search(scores: np.ndarray, schema: Schema, transitions: np.ndarray | float = 0.0) -> list[int]:
    steps = np.where(legal_transitions(schema), transitions, ILLEGAL)
    return viterbi(scores, steps, np.unique([0, len(scores)])).tolist()


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def is_legal(tags: list[int], schema: Schema) -> bool:
    legal = legal_transitions(schema)
    return all(legal[a, b] for a, b in itertools.pairwise([0, *tags]))


@given(LOGITS)
def test_never_an_illegal_sequence(hospital: Schema, logits: np.ndarray) -> None:
    assert is_legal(search(logits, hospital), hospital)


@given(st.integers(1, 4), st.integers(0, 1000))
def test_a_crf_path_and_its_marginals_equal_brute_force(length: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    logits, transitions = dice.normal(0, 3, (length, 5)), dice.normal(0, 3, (5, 5))
    scores = {tags: sum(row[t] for row, t in zip(logits, tags, strict=True)) + sum(transitions[a, b] for a, b in itertools.pairwise([0, *tags]))
              for tags in itertools.product(range(5), repeat=length) if is_legal(list(tags), SMALL)}
    assert tuple(search(logits, SMALL, transitions)) == max(scores, key=scores.__getitem__)
    expected, weights = np.zeros((length, 5)), np.exp(np.array(list(scores.values())))
    for tags, weight in zip(scores, weights / weights.sum(), strict=True):
        expected[np.arange(length), tags] += weight
    steps = np.where(legal_transitions(SMALL), transitions, ILLEGAL)
    np.testing.assert_allclose(marginals(logits, steps, np.array([0, length])), expected, atol=1e-9)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 1000))
def test_all_sentences_at_once_is_each_for_itself(lengths: list[int], seed: int) -> None:
    dice = np.random.default_rng(seed)
    borders = np.cumsum([0, *lengths])
    scores, transitions = dice.normal(0, 3, (borders[-1], 5)), np.where(legal_transitions(SMALL), dice.normal(0, 3, (5, 5)), ILLEGAL)
    path, chances = viterbi(scores, transitions, borders), marginals(scores, transitions, borders)
    for start, end in itertools.pairwise(borders):
        alone = np.array([0, end - start])
        assert (path[start:end] == viterbi(scores[start:end], transitions, alone)).all()
        np.testing.assert_allclose(chances[start:end], marginals(scores[start:end], transitions, alone), atol=1e-9)


@given(st.integers(0, 1000), st.floats(0, 8))
def test_sentences_that_a_crf_need_not_search_are_outside(seed: int, lead: float) -> None:
    dice = np.random.default_rng(seed)
    logits, transitions = dice.normal(0, 2, (12, 5)), dice.normal(0, 1, (5, 5))
    logits[:, 0] += lead
    cuts = np.arange(12) // 3
    searched = np.concatenate([search(log_softmax(logits[i : i + 3]), SMALL, transitions) for i in range(0, 12, 3)])
    assert [s.key for s in decode_spans(logits, SMALL, cuts, transitions)] == [s.key for s in tags_to_spans(searched)]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 1000), st.floats(0, 30))
def test_probabilities_are_softmax_or_marginals(lengths: list[int], seed: int, lead: float) -> None:
    dice = np.random.default_rng(seed)
    borders, cuts = np.cumsum([0, *lengths]), np.repeat(np.arange(len(lengths)), lengths)
    logits, transitions = dice.normal(0, 3, (borders[-1], 5)), dice.normal(0, 3, (5, 5))
    logits[:, 0] += lead
    np.testing.assert_allclose(tag_probabilities(logits, SMALL, cuts), np.exp(log_softmax(logits)), atol=1e-9)
    expected = marginals(log_softmax(logits), np.where(legal_transitions(SMALL), transitions, ILLEGAL), borders)
    found = tag_probabilities(logits, SMALL, cuts, transitions)
    certain = np.repeat(np.logical_and.reduceat(found[:, 0] == 1, borders[:-1]), lengths)  # sentences far from holding a span
    np.testing.assert_allclose(found[~certain], expected[~certain], atol=1e-9)
    assert (1 - expected[certain, 0] <= 8 * np.exp(-NO_DOUBT)).all()
    assert tag_probabilities(logits[:0], SMALL, cuts[:0], transitions).shape == (0, 5)


def test_a_span_that_cuts_a_word_is_none(hospital: Schema) -> None:
    logits = np.full((5, 9), -9.0)
    logits[np.arange(5), [0, 1, 2, 2, 0]] = 9.0
    nowhere, around = np.zeros(5, dtype=bool), np.array([False, False, True, True, False])
    assert len(decode_spans(logits, hospital, np.zeros(5), joined=nowhere)) == 1
    assert len(decode_spans(logits, hospital, np.zeros(5), joined=around)) == 1
    for edge in (1, 4):
        assert decode_spans(logits, hospital, np.zeros(5), joined=np.arange(5) == edge) == []
    assert len(decode_spans(logits[:4], hospital, np.zeros(4), joined=around[:4])) == 1


def test_transitions_decide_and_the_score_is_a_marginal() -> None:
    logits = np.log(np.array([[0.6, 0.4, 1e-9, 1e-9, 1e-9], [0.9, 1e-9, 0.1, 1e-9, 1e-9]]))
    assert decode_spans(logits, SMALL, np.zeros(2), np.zeros((5, 5))) == decode_spans(logits, SMALL, np.zeros(2)) == []
    transitions = np.zeros((5, 5))
    transitions[1, 2] = 5.0  # B-A is followed by I-A
    [span] = decode_spans(logits, SMALL, np.zeros(2), transitions)
    through = 0.4 * 0.1 * np.exp(5.0)
    alone = 0.4 * 0.9
    total = through + alone + 0.6 * 0.9  # I-A after O is illegal
    assert span.key == (0, 2, 0) and abs(span.score - ((through + alone) / total + through / total) / 2) < 1e-6
    # Each sentence for itself: the tokens can no longer lean on each other.
    assert decode_spans(logits, SMALL, np.array([0, 1]), transitions) == []


@settings(deadline=None)
@given(st.integers(0, 5).flatmap(lambda n: hnp.arrays(np.float64, (n, 5), elements=st.floats(-9, 9, width=32))))
def test_equals_brute_force(logits: np.ndarray) -> None:
    path = search(logits, SMALL)
    if not len(logits):
        assert path == []
        return
    scores = {tags: sum(row[t] for row, t in zip(logits, tags, strict=True))
              for tags in itertools.product(range(5), repeat=len(logits)) if is_legal(list(tags), SMALL)}
    assert tuple(path) in scores
    assert scores[tuple(path)] >= max(scores.values()) - 1e-9


def test_of_equals_the_lower_tag_wins() -> None:
    assert search(np.zeros((3, 5)), SMALL) == [0, 0, 0]


@given(LOGITS, st.data())
def test_spans_are_flat_inside_their_sentence_and_in_order(hospital: Schema, logits: np.ndarray, data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.integers(0, 1), min_size=len(logits), max_size=len(logits)))
    cuts = np.cumsum(steps)
    spans = decode_spans(logits, hospital, cuts)
    assert all(a.token_end <= b.token_start for a, b in itertools.pairwise(spans))
    for span in spans:
        assert 0 <= span.token_start < span.token_end <= len(logits)
        assert len(set(cuts[span.token_start : span.token_end])) == 1
        assert 0 < span.score <= 1.0 + 1e-6


@given(LOGITS)
def test_sentences_are_decoded_each_for_itself(hospital: Schema, logits: np.ndarray) -> None:
    half = len(logits) // 2
    cuts = np.arange(len(logits)) >= half
    parts = [(0, decode_spans(logits[:half], hospital, np.zeros(half))),
             (half, decode_spans(logits[half:], hospital, np.zeros(len(logits) - half)))]
    wanted = [(s.token_start + base, s.token_end + base, s.label) for base, spans in parts for s in spans]
    assert [s.key for s in decode_spans(logits, hospital, cuts.astype(int))] == wanted


def test_an_exact_case_and_its_score(hospital: Schema) -> None:
    # "I-HOSPITAL" is the best tag of the first token, but nothing precedes it: B- must take its place.
    probabilities = np.full((4, 9), 0.01)
    probabilities[0, 2], probabilities[0, 1] = 0.52, 0.41
    probabilities[1, 2] = probabilities[2, 0] = probabilities[3, 3] = 0.92
    span, person = decode_spans(np.log(probabilities), hospital, np.zeros(4, dtype=int))
    assert span.key == (0, 2, 0) and person.key == (3, 4, 1)
    assert abs(span.score - (0.41 + 0.92) / 2) < 1e-6 and abs(person.score - 0.92) < 1e-6


def test_a_span_does_not_cross_a_sentence(hospital: Schema) -> None:
    tags = [1, 2, 2, 2]
    logits = np.full((4, 9), -9.0)
    logits[np.arange(4), tags] = 9.0
    assert [s.key for s in decode_spans(logits, hospital, np.array([0, 0, 0, 0]))] == [(0, 4, 0)]
    keys = [s.key for s in decode_spans(logits, hospital, np.array([0, 0, 1, 1]))]
    assert keys[0] == (0, 2, 0) and all(k[0] >= 2 for k in keys[1:])


def test_certain_tags_come_back_as_they_are(hospital: Schema) -> None:
    rng = np.random.default_rng(0)
    spans = decode_spans(rng.normal(0, 5, (60, 9)), hospital, np.zeros(60))
    tags = spans_to_tags(spans, 60)
    logits = np.full((60, 9), -30.0)
    logits[np.arange(60), tags] = 30.0
    assert [s.key for s in decode_spans(logits, hospital, np.zeros(60))] == [s.key for s in spans]


def test_no_tokens(hospital: Schema) -> None:
    assert decode_spans(np.zeros((0, 9)), hospital, np.zeros(0)) == []


def test_where_the_search_may_not_go_a_span_has_no_share_of_its_probability(hospital: Schema) -> None:
    """Under a CRF: what stands behind a banned token is judged as what it is, the beginning of a span."""
    logits = np.full((3, len(hospital.tags)), -9.0, dtype=np.float32)
    logits[0, 1] = logits[1, 2] = logits[2, 2] = 4.0  # B I I
    logits[2, 1] = 2.0
    bonus = np.zeros_like(logits)
    bonus[1, 1:] = ILLEGAL
    transitions = np.zeros((len(hospital.tags),) * 2, dtype=np.float32)
    first, second = decode_spans(logits, hospital, np.zeros(3, dtype=np.int64), transitions, bonus)
    assert (first.token_end, second.token_start) == (1, 2) and min(first.score, second.score) > 0.99
